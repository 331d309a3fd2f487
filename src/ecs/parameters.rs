//! The values of a template's Parameters. Decided here, found by those who ask AWS.

use indexmap::IndexMap;

use super::cloudformation::Purpose;
use crate::error::{Error, Result};

/// What was found out about the account and the project's files.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Found {
    pub(super) vpc: Option<String>,
    /// In the order of the Parameters that ask for them.
    pub(super) subnets: Vec<String>,
    /// Key → ARN.
    pub(super) secrets: IndexMap<String, String>,
    /// Volume → the id of a file system that the stack does not own.
    pub(super) file_systems: IndexMap<String, String>,
}

/// Refuses names that the template does not have.
pub(super) fn check_names(asked: &IndexMap<String, Purpose>, given: &[(String, String)]) -> Result<()> {
    let Some((name, _)) = given.iter().find(|(name, _)| !asked.contains_key(name)) else {
        return Ok(());
    };
    let names: Vec<&str> = asked.keys().map(String::as_str).collect();
    Err(Error::new(format!("the project's template has no parameter `{name}`"))
        .hint(format!("it has {}", names.join(", "))))
}

/// The value that the user gave a Parameter; the last one counts.
pub(super) fn given_value<'a>(given: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let last = given.iter().rev().find(|(given, _)| given == name);
    last.map(|(_, value)| value.as_str())
}

/// A value for each Parameter: the user's, else what was found. Those that have neither keep the template's default.
pub(super) fn values(
    asked: &IndexMap<String, Purpose>,
    given: &[(String, String)],
    found: &Found,
) -> Result<Vec<(String, String)>> {
    let mut values = Vec::new();
    for (name, purpose) in asked {
        let own = match purpose {
            Purpose::Vpc => found.vpc.clone(),
            Purpose::Subnet(index) => found.subnets.get(*index).cloned(),
            Purpose::Image { default, .. } => default.clone(),
            Purpose::Secret { key } => found.secrets.get(key).cloned(),
            Purpose::FileSystem { volume } => Some(found.file_systems.get(volume).cloned().unwrap_or_default()),
            Purpose::InitImage => None,
        };
        match given_value(given, name).map(str::to_owned).or(own) {
            Some(value) => values.push((name.clone(), value)),
            None if *purpose == Purpose::InitImage => {}
            None => {
                return Err(Error::new(format!("nothing gives parameter `{name}` a value"))
                    .hint(format!("pass `--parameter {name}=VALUE`")));
            }
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> IndexMap<String, Purpose> {
        let image = |default: Option<&str>| Purpose::Image {
            service: "web".into(),
            default: default.map(str::to_owned),
        };
        IndexMap::from([
            ("VpcId".to_owned(), Purpose::Vpc),
            ("Subnet1".to_owned(), Purpose::Subnet(0)),
            ("WebImage".to_owned(), image(Some("nginx"))),
            ("BuiltImage".to_owned(), image(None)),
            ("DbPassword".to_owned(), Purpose::Secret { key: "db".into() }),
            (
                "DataFileSystem".to_owned(),
                Purpose::FileSystem { volume: "data".into() },
            ),
            ("InitImage".to_owned(), Purpose::InitImage),
        ])
    }

    fn found() -> Found {
        Found {
            vpc: Some("vpc-1".into()),
            subnets: vec!["subnet-1".into()],
            secrets: IndexMap::from([("db".to_owned(), "arn:db".to_owned())]),
            file_systems: IndexMap::new(),
        }
    }

    fn given(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn each_parameter_gets_what_was_found_for_its_purpose() {
        let values = values(&asked(), &given(&[("BuiltImage", "me/built:1")]), &found()).unwrap();
        let expected = [
            ("VpcId", "vpc-1"),
            ("Subnet1", "subnet-1"),
            ("WebImage", "nginx"),
            ("BuiltImage", "me/built:1"),
            ("DbPassword", "arn:db"),
            ("DataFileSystem", ""),
        ];
        assert_eq!(values, given(&expected));
    }

    #[test]
    fn what_the_user_says_counts_and_the_last_word_most() {
        let given = given(&[
            ("BuiltImage", "a"),
            ("BuiltImage", "b"),
            ("WebImage", "c"),
            ("InitImage", "d"),
        ]);
        let values = values(&asked(), &given, &found()).unwrap();
        assert!(values.contains(&("BuiltImage".into(), "b".into())));
        assert!(values.contains(&("WebImage".into(), "c".into())));
        assert!(values.contains(&("InitImage".into(), "d".into())));
    }

    #[test]
    fn a_parameter_without_a_value_is_named() {
        let error = values(&asked(), &[], &found()).unwrap_err();
        assert_eq!(error.to_string(), "nothing gives parameter `BuiltImage` a value");
    }

    #[test]
    fn an_unknown_name_is_refused() {
        let error = check_names(&asked(), &given(&[("WebImage", "x"), ("WepImage", "x")])).unwrap_err();
        assert_eq!(error.to_string(), "the project's template has no parameter `WepImage`");
    }
}
