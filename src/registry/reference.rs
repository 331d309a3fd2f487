//! Names of images, as Docker reads them.

use std::fmt;
use std::str::FromStr;

/// The registry that a name without one means.
const DOCKER_HUB: &str = "docker.io";
const LONGEST_NAME: usize = 255;
const LONGEST_TAG: usize = 128;

/// An image in a registry: `registry/repository`, and a tag or a digest. `nginx` is `docker.io/library/nginx:latest`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reference {
    /// A host, maybe with a port.
    pub registry: String,
    pub repository: String,
    /// None where a digest says exactly which image is meant, even if a tag was written before it.
    pub tag: Option<String>,
    pub digest: Option<String>,
}

/// A text that is no name of an image, and why.
#[derive(Clone, PartialEq, Eq, thiserror::Error, Debug)]
#[error("`{text}` is no name of an image: {why}")]
pub struct InvalidReference {
    pub text: String,
    pub why: &'static str,
}

impl Reference {
    /// What a registry's HTTP API calls the image: its digest or its tag.
    #[must_use]
    pub fn version(&self) -> &str {
        let version = self.digest.as_deref().or(self.tag.as_deref());
        version.unwrap_or("latest")
    }

    #[must_use]
    pub fn with_digest(&self, digest: &str) -> Self {
        Self {
            digest: Some(digest.to_owned()),
            ..self.clone()
        }
    }

    /// Whether the registry is on this machine, where the engine speaks plain HTTP with it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = match self.registry.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.registry.split(':').next().unwrap_or_default(),
        };
        let address = host.parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        let invalid = |why| InvalidReference {
            text: text.to_owned(),
            why,
        };
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) if is_digest(digest) => (named, Some(digest.to_owned())),
            Some(_) => return Err(invalid("what follows `@` must be `sha256:` and 64 hexadecimal digits")),
            None => (text, None),
        };
        // A colon before a slash belongs to a port.
        let (name, tag) = match named.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (named, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(invalid(
                "its tag must be at most 128 letters, digits, `_`, `.` and `-`, and begin with neither `.` nor `-`",
            ));
        }
        if name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid("64 hexadecimal digits are an image's id"));
        }
        let (registry, path) = match name.split_once('/') {
            Some((first, path)) if is_host(first) => (first, path),
            _ => (DOCKER_HUB, name),
        };
        if !is_domain(registry) {
            return Err(invalid("its registry is no host"));
        }
        let registry = if registry == "index.docker.io" {
            DOCKER_HUB
        } else {
            registry
        };
        let repository = if registry == DOCKER_HUB && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        if path.is_empty() || !path.split('/').all(is_component) {
            return Err(invalid(if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
                "it must be in lower case"
            } else {
                "it must be lower-case letters and digits, with single `.`, `_`, `__`, `-` or `/` between them"
            }));
        }
        if registry.len() + 1 + repository.len() > LONGEST_NAME {
            return Err(invalid("it is longer than 255 characters"));
        }
        let tag = match (&digest, tag) {
            (Some(_), _) => None,
            (None, tag) => Some(tag.unwrap_or("latest").to_owned()),
        };
        Ok(Self {
            registry: registry.to_owned(),
            repository,
            tag,
            digest,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// Whether a text is a digest that can be checked.
#[must_use]
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

/// Whether a name's first part is a registry rather than a folder on Docker Hub.
fn is_host(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost" || first.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("", port.strip_prefix(':')),
            _ => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let fits = |part: &str| !part.is_empty() && letters(part) && !part.starts_with('-') && !part.ends_with('-');
    (text.starts_with('[') || host.split('.').all(fits)) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Letters and digits, with one of the separators between them.
fn is_component(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends = bytes.first().copied().is_some_and(plain) && bytes.last().copied().is_some_and(plain);
    let separators = part.split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    let legal = |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    ends && { separators }.all(legal)
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= LONGEST_TAG
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn names_are_completed_as_docker_completes_them() {
        for (written, meant) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("team/app", "docker.io/team/app:latest"),
            ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/app:v1", "localhost:5000/app:v1"),
            ("host:5000/app", "host:5000/app:latest"),
            ("[::1]:5000/a/b:v", "[::1]:5000/a/b:v"),
            ("ghcr.io/a/b__c/d-e--f.g_h", "ghcr.io/a/b__c/d-e--f.g_h:latest"),
        ] {
            assert_eq!(written.parse::<Reference>().unwrap().to_string(), meant, "{written}");
        }
    }

    #[test]
    fn a_digest_makes_the_tag_needless() {
        let reference: Reference = format!("nginx:1@{DIGEST}").parse().unwrap();
        assert_eq!(reference.to_string(), format!("docker.io/library/nginx@{DIGEST}"));
        assert_eq!(reference.version(), DIGEST);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "Nginx",
            "nginx:",
            "nginx:-1",
            "a//b",
            "a/",
            "a..b",
            "a___b",
            "-a",
            "a@sha256:12",
            "a:b:c",
            "https://example.com/a",
            "-host.example/a",
            "host:port/a",
            "[::g]:5000/a",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_asked_in_plain() {
        for (name, expected) in [
            ("localhost:5000/a", true),
            ("127.0.0.1/a", true),
            ("127.8.0.1:5000/a", true),
            ("[::1]:5000/a", true),
            ("128.0.0.1/a", false),
            ("localhost.example/a", false),
            ("127.0.0.1.example/a", false),
            ("a", false),
        ] {
            assert_eq!(name.parse::<Reference>().unwrap().is_loopback(), expected, "{name}");
        }
    }
}
