//! Logical ids and other names that AWS is stricter about than Compose.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// What the logical ids of a service, network, volume… begin with: its name in camel case.
///
/// The rule looks at the one name alone, so that a resource keeps its id (and so stays what it is) whatever else is
/// added to the project. Words of lower-case letters and digits, joined by single hyphens, each beginning with a
/// letter, are read back from their camel case; any other name, `foo_bar` or `Foo`, carries a digest, because its
/// camel case could be another name's.
#[must_use]
pub fn logical_id(name: &str) -> String {
    let mut id = String::with_capacity(name.len() + 6);
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut letters = word.chars();
        id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        id.push_str(letters.as_str());
    }
    let plain = name.split('-').all(|word| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    });
    if !plain {
        id.push_str(&digest(name));
    }
    id
}

/// Six digits that tell a name from those that look like it.
#[must_use]
pub fn digest(name: &str) -> String {
    let mut digits = String::with_capacity(6);
    for byte in &Sha256::digest(name)[..3] {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// A name of letters, digits, hyphens and underscores: what containers, volumes and families of task definitions allow.
#[must_use]
pub fn plain(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_have_different_ids() {
        let names = [
            "foo-bar", "foobar", "foo_bar", "foo.bar", "fooBar", "Foo-bar", "foo--bar", "foo-bar-", "foo-1", "foo1",
            "1foo", "FOO_BAR",
        ];
        let ids: std::collections::BTreeSet<_> = names.iter().map(|name| logical_id(name)).collect();
        assert_eq!(ids.len(), names.len(), "{ids:?}");
        assert!(
            ids.iter().all(|id| id.chars().all(|c| c.is_ascii_alphanumeric())),
            "{ids:?}"
        );
    }

    #[test]
    fn ordinary_names_stay_readable() {
        assert_eq!(logical_id("azure-vote-front"), "AzureVoteFront");
        assert_eq!(logical_id("web2"), "Web2");
    }
}
