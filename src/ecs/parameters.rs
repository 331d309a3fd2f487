//! The values of a template's Parameters. Decided here, found by those who ask AWS.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::cloudformation::{Purpose, Template};
use crate::error::{Error, Result};

/// The image of the init containers is no service's.
const INIT_IMAGE: &str = "InitImage";

/// What was found out about the account and the project's files.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Found {
    pub(super) vpc: Option<String>,
    /// Service → its image by digest, of those that were built.
    pub(super) images: IndexMap<String, String>,
    /// In the order of the Parameters that ask for them.
    pub(super) subnets: Vec<String>,
    pub(super) public_subnets: Vec<String>,
    /// Key → ARN.
    pub(super) secrets: IndexMap<String, String>,
    /// Volume → the id of a file system that the stack does not own.
    pub(super) file_systems: IndexMap<String, String>,
    /// Where the templates of nested stacks are.
    pub(super) templates_url: Option<String>,
    /// By Parameter: what was found out about existing load balancers, hosted zones and networks.
    pub(super) others: IndexMap<String, String>,
}

/// Refuses names that the template does not have.
pub(super) fn check_names(template: &Template, given: &[(String, String)]) -> Result<()> {
    let known = |name: &str| template.parameter_names().any(|known| known == name);
    let Some((name, _)) = given.iter().find(|(name, _)| !known(name)) else {
        return Ok(());
    };
    let names: Vec<&str> = template.parameter_names().collect();
    Err(Error::new(format!("the project's template has no parameter `{name}`"))
        .hint(format!("it has {}", names.join(", "))))
}

/// The value that the user gave a Parameter; the last one counts.
pub(super) fn given_value<'a>(given: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let last = given.iter().rev().find(|(given, _)| given == name);
    last.map(|(_, value)| value.as_str())
}

/// Whether a stack with these values of Parameters is another project's: no service of it is one of the template's, or
/// there are several and none has its image from where the template's has it.
pub(super) fn are_of_another(
    deployed: &BTreeMap<String, String>,
    template: &Template,
    given: &[(String, String)],
) -> bool {
    let is_image = |name: &str| name.ends_with("Image") && name != INIT_IMAGE;
    let images: Vec<_> = deployed.iter().filter(|(name, _)| is_image(name)).collect();
    let mut common = 0;
    let mut same = 0;
    for (name, image) in &images {
        let Some(Purpose::Image { default, built, .. }) = template.parameters.get(*name) else {
            continue;
        };
        common += 1;
        // What is built is not where the file's name for it says.
        let ours = given_value(given, name).or(default.as_deref().filter(|_| !built));
        same += usize::from(ours.is_none_or(|ours| repository(ours) == repository(image)));
    }
    !images.is_empty() && (common == 0 || (common > 1 && same == 0))
}

/// An image without its tag and its digest.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or_default();
    let name = image.rfind('/').map_or(0, |slash| slash + 1);
    image[name..].find(':').map_or(image, |colon| &image[..name + colon])
}

/// A value for each Parameter: the user's, else what was found, else the template's default.
pub(super) fn values(template: &Template, given: &[(String, String)], found: &Found) -> Result<Vec<(String, String)>> {
    let mut values = Vec::new();
    for name in template.parameter_names() {
        let own = match template.parameters.get(name) {
            Some(Purpose::Vpc) => found.vpc.clone(),
            Some(Purpose::Subnet(index)) => found.subnets.get(*index).cloned(),
            Some(Purpose::PublicSubnet(index)) => found.public_subnets.get(*index).cloned(),
            Some(Purpose::Image { service, default, .. }) => found.images.get(service).or(default.as_ref()).cloned(),
            Some(Purpose::Secret { key } | Purpose::Files { key, .. } | Purpose::RegistryLogin { key, .. }) => {
                found.secrets.get(key).cloned()
            }
            Some(Purpose::FileSystem { volume }) => found.file_systems.get(volume).cloned(),
            Some(Purpose::TemplatesUrl) => found.templates_url.clone(),
            Some(
                Purpose::LoadBalancer { .. }
                | Purpose::HostedZone { .. }
                | Purpose::Network { .. }
                | Purpose::ExternalFileSystem { .. }
                | Purpose::ExternalSecret { .. },
            ) => found.others.get(name).cloned(),
            Some(Purpose::InitImage) | None => None,
        };
        let said = given_value(given, name).map(str::to_owned);
        match said.or(own).or_else(|| template.parameter_default(name)) {
            Some(value) => values.push((name.to_owned(), value)),
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
    use crate::ecs::cloudformation::Value;

    fn template() -> Template {
        let image = |default: Option<&str>| Purpose::Image {
            service: "web".into(),
            default: default.map(str::to_owned),
            built: default.is_none(),
        };
        let mut template = Template::default();
        let mut parameter = |name: &str, purpose: Option<Purpose>, default: Option<&'static str>| {
            let default = default.map(|default| ("Default", default.into()));
            let declaration = Value::map([("Type", "String".into())].into_iter().chain(default));
            template.document.parameters.insert(name.to_owned(), declaration);
            template
                .parameters
                .extend(purpose.map(|purpose| (name.to_owned(), purpose)));
        };
        parameter("VpcId", Some(Purpose::Vpc), None);
        parameter("Subnet1", Some(Purpose::Subnet(0)), None);
        parameter("WebImage", Some(image(Some("nginx"))), Some("nginx"));
        parameter("BuiltImage", Some(image(None)), None);
        parameter("DbPassword", Some(Purpose::Secret { key: "db".into() }), None);
        parameter(
            "DataFileSystem",
            Some(Purpose::FileSystem { volume: "data".into() }),
            Some(""),
        );
        parameter("InitImage", Some(Purpose::InitImage), Some("busybox"));
        parameter("FromOverlay", None, Some("x"));
        template
    }

    fn found() -> Found {
        Found {
            vpc: Some("vpc-1".into()),
            images: IndexMap::new(),
            subnets: vec!["subnet-1".into()],
            public_subnets: Vec::new(),
            secrets: IndexMap::from([("db".to_owned(), "arn:db".to_owned())]),
            file_systems: IndexMap::new(),
            templates_url: None,
            others: IndexMap::new(),
        }
    }

    fn given(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn each_parameter_gets_what_was_found_for_its_purpose() {
        let values = values(&template(), &given(&[("BuiltImage", "me/built:1")]), &found()).unwrap();
        let expected = [
            ("VpcId", "vpc-1"),
            ("Subnet1", "subnet-1"),
            ("WebImage", "nginx"),
            ("BuiltImage", "me/built:1"),
            ("DbPassword", "arn:db"),
            ("DataFileSystem", ""),
            ("InitImage", "busybox"),
            ("FromOverlay", "x"),
        ];
        assert_eq!(values, given(&expected));
    }

    #[test]
    fn what_the_user_says_counts_and_the_last_word_most() {
        let all = [
            ("BuiltImage", "a"),
            ("BuiltImage", "b"),
            ("WebImage", "c"),
            ("InitImage", "d"),
            ("FromOverlay", "e"),
        ];
        let values = values(&template(), &given(&all), &found()).unwrap();
        for pair in given(&all[1..]) {
            assert!(values.contains(&pair), "{pair:?}");
        }
    }

    #[test]
    fn a_parameter_without_a_value_is_named() {
        let error = values(&template(), &[], &found()).unwrap_err();
        assert_eq!(error.to_string(), "nothing gives parameter `BuiltImage` a value");
    }

    #[test]
    fn a_stack_without_a_service_or_an_image_in_common_is_anothers() {
        let mut template = template();
        let purpose = Purpose::Image {
            service: "db".into(),
            default: Some("postgres:17".into()),
            built: false,
        };
        template.parameters.insert("DbImage".into(), purpose);
        let another = |values: &[(&str, &str)], given: &[(String, String)]| {
            let values = values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            are_of_another(&values.collect(), &template, given)
        };
        assert!(!another(&[], &[]), "Docker's integration used no parameters");
        assert!(!another(&[("InitImage", "busybox"), ("VpcId", "vpc-1")], &[]));
        assert!(!another(&[("WebImage", "nginx:1@sha256:0"), ("DbImage", "mysql")], &[]));
        assert!(!another(&[("WebImage", "caddy")], &[]), "one image may well be changed");
        assert!(another(&[("BlogImage", "ghost")], &[]));
        assert!(another(
            &[("WebImage", "localhost:5000/nginx"), ("DbImage", "mysql:8")],
            &[]
        ));
        let given = given(&[("WebImage", "localhost:5000/nginx:2")]);
        assert!(!another(
            &[("WebImage", "localhost:5000/nginx"), ("DbImage", "mysql:8")],
            &given
        ));
        // One that is built has no image before it is pushed.
        assert!(!another(&[("BuiltImage", "me/built"), ("DbImage", "mysql:8")], &[]));
    }

    #[test]
    fn an_unknown_name_is_refused() {
        let names = given(&[("FromOverlay", "x"), ("WepImage", "x")]);
        let error = check_names(&template(), &names).unwrap_err();
        assert_eq!(error.to_string(), "the project's template has no parameter `WepImage`");
    }
}
