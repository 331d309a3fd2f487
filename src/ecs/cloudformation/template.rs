//! A template on its way to being printed or deployed.

use indexmap::IndexMap;

use crate::diagnostic::Span;

#[derive(Clone, Default, Debug)]
pub struct Template {
    /// What each Parameter stands for, so that a deployment can supply its value. In the template's order.
    pub parameters: IndexMap<String, Purpose>,
    /// Where each logical id comes from.
    pub origins: IndexMap<String, Origin>,
    // The document itself is the converter's to add.
}

/// What the Compose file does not say and a Parameter asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Purpose {
    Vpc,
    /// The n-th subnet, counted from 0; each in another availability zone.
    Subnet(usize),
    /// The image of a service; `default` is what the Compose file says, none for a service that is only built.
    Image {
        service: String,
        default: Option<String>,
    },
    /// The ARN of the secret that holds a file of the project.
    Secret {
        key: String,
    },
    /// The id of an existing file system to use for a volume; empty: the stack makes one.
    FileSystem {
        volume: String,
    },
    /// The image of the init containers.
    InitImage,
}

/// What in the Compose file a resource comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    pub span: Span,
    pub service: Option<String>,
}

impl Template {
    /// The bytes that `ctx convert` prints and `ctx up` deploys.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        String::new()
    }

    #[must_use]
    pub fn to_json(&self) -> String {
        String::new()
    }
}
