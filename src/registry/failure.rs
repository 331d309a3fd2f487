//! Why a registry did not give what it was asked for.

/// A request that failed, in words that fit behind "cannot …:".
#[derive(Clone, PartialEq, Eq, thiserror::Error, Debug)]
pub enum Failure {
    #[error("the registry `{registry}` cannot be reached: {why}")]
    Unreachable { registry: String, why: String },
    /// Also what a registry says of a private repository to those whom it does not know.
    #[error("the registry `{registry}` refuses access to `{repository}`")]
    Denied {
        registry: String,
        repository: String,
        /// Whether credentials for the registry were found.
        known: bool,
    },
    #[error("the registry `{registry}` has no `{name}`")]
    Missing { registry: String, name: String },
    #[error("the registry `{registry}` wants no more requests for now")]
    Busy { registry: String },
    #[error("the registry `{registry}` {why}")]
    Unexpected { registry: String, why: String },
    #[error("the credentials for `{registry}` cannot be read: {why}")]
    Credentials { registry: String, why: String },
    #[error("the credentials for `{registry}` cannot be read: there is no program `docker-credential-{helper}`")]
    NoHelper { registry: String, helper: String },
}

impl Failure {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unreachable { .. } => "is this machine online, and the registry's name right?".to_owned(),
            Self::Denied {
                registry, known: false, ..
            } => format!("check the name, or log in: `docker login{}`", argument(registry)),
            Self::Denied { registry, .. } => format!(
                "check the name, or log in as somebody who may: `docker login{}`",
                argument(registry)
            ),
            Self::Missing { .. } => "check the name and the tag".to_owned(),
            Self::Busy { registry } => {
                format!(
                    "try again later; who has logged in may ask more: `docker login{}`",
                    argument(registry)
                )
            }
            Self::Unexpected { .. } => "try again; if it stays so, ask those who run the registry".to_owned(),
            Self::Credentials { registry, .. } => {
                format!("log in again: `docker login{}`", argument(registry))
            }
            Self::NoHelper { helper, .. } => {
                format!("install it, or take `{helper}` out of `credsStore` and `credHelpers` in Docker's config.json")
            }
        }
    }
}

/// Docker Hub needs no name.
fn argument(registry: &str) -> String {
    if registry == "docker.io" {
        String::new()
    } else {
        format!(" {registry}")
    }
}
