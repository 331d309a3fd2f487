//! A local engine that does as ECS would: what has to be known for that, as plain data, so that neither target needs
//! the other.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::compose::{LoadOptions, Project};
use crate::diagnostic::Diagnostic;
use crate::error::Result;

/// A context of the type ecs-local.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// The context's name.
    pub context: String,
    pub region: Option<String>,
    pub account: Option<String>,
    pub source: Source,
    pub vault: Vault,
    /// How the project is loaded, whichever of its services a command is about.
    pub files: LoadOptions,
    /// Variables that say which proxies lead to AWS.
    pub proxies: Vec<(String, String)>,
    /// What ECS would make of a project.
    pub judge: fn(&Project) -> Judged,
}

/// What ECS makes of a project.
#[derive(Clone, Default, Debug)]
pub struct Judged {
    /// All that there is to say about it.
    pub said: Vec<Diagnostic>,
    pub tasks: Vec<Task>,
}

/// What the containers of a task have together.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Task {
    pub family: String,
    /// The services whose containers are in it; the first is the one that it is made for.
    pub services: Vec<String>,
    /// CPU units, of which 1024 are one processor; none where the task runs on an instance of its own.
    pub cpu: Option<u32>,
    /// MiB
    pub memory: Option<u32>,
    /// GiB
    pub disk: u32,
    /// The MiB that a container cannot outgrow, for those that have less than the task.
    pub limits: BTreeMap<String, u32>,
}

/// Where the credentials of tasks come from.
#[derive(Clone)]
pub enum Source {
    /// A profile that its files are enough for, each with the place where it is looked for.
    Profile {
        name: String,
        files: Vec<(PathBuf, String)>,
    },
    /// What this machine alone can find out.
    Here(Arc<Find>),
}

/// Who tells the values of secrets that the files do not have: of each name, in the same order.
#[derive(Clone)]
pub struct Vault(pub Arc<Reveal>);

pub type Reveal = dyn Fn(Vec<String>) -> BoxFuture<'static, Result<Vec<Result<String>>>> + Send + Sync;

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

pub type Find = dyn Fn() -> BoxFuture<'static, Result<Keys>> + Send + Sync;

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile { name, .. } => f.debug_tuple("Profile").field(name).finish(),
            Self::Here(_) => f.write_str("Here"),
        }
    }
}

/// Credentials of AWS, written as ECS gives them to tasks.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Keys {
    pub access_key_id: String,
    pub secret_access_key: String,
    /// None for keys that do not end by themselves.
    #[serde(default)]
    pub token: Option<String>,
    #[serde(default, with = "moment")]
    pub expiration: Option<Timestamp>,
}

/// A moment as text.
mod moment {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "serde's way to call it")]
    pub(super) fn serialize<S: Serializer>(moment: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        moment.map(|moment| moment.to_string()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let moment = text.map(|text| text.parse().map_err(serde::de::Error::custom));
        moment.transpose()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}
