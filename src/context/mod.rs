//! Contexts: named targets, in Docker's own store on disk.
//!
//! The docker CLI lists and uses the contexts made here, and `ctx` uses those that the docker CLI made.

mod access_keys;
mod account;
mod config_file;
mod disk;
mod ini;
mod metadata;
mod plugins;
mod portable;
mod profiles;
mod region;
mod role;
mod sessions;
mod store;
mod tls;

use std::path::PathBuf;

pub use access_keys::AccessKeys;
pub use account::account;
pub use config_file::proxies;
pub use plugins::{is_program, plugin};
pub use profiles::Profiles;
pub use region::region;
pub use role::MfaRole;
pub use sessions::Sessions;
pub use store::{Change, ChosenBy, DEFAULT, Store};
pub use tls::TlsMaterial;

/// A named target. `default` is the local engine and stands in no file.
#[derive(Clone, PartialEq, Debug)]
pub struct Context {
    pub name: String,
    pub description: String,
    pub target: Target,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Target {
    /// A Docker engine.
    Docker(DockerEndpoint),
    /// An AWS account and region.
    Ecs(EcsEndpoint),
    /// The local engine, made to look like ECS to the containers.
    EcsLocal(EcsEndpoint),
    /// A type that only another tool knows, such as `aci`.
    Other(String),
}

impl Target {
    /// The context's type, in the words of the store.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Docker(_) => "moby",
            Self::Ecs(_) => "ecs",
            Self::EcsLocal(_) => "ecs-local",
            Self::Other(kind) => kind,
        }
    }
}

#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct DockerEndpoint {
    /// `unix:///…`, `tcp://…`, `ssh://…`; the platform's own default when absent.
    pub host: Option<String>,
    pub skip_tls_verify: bool,
    /// The folder with `ca.pem`, `cert.pem` and `key.pem`, when there is TLS material.
    pub tls: Option<PathBuf>,
    /// The only version of its API that is to be spoken; the engine's newest when absent.
    pub api: Option<String>,
}

impl DockerEndpoint {
    /// Where the docker CLI finds the engine when nothing says otherwise.
    pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EcsEndpoint {
    pub credentials: Credentials,
    /// Overrides what the environment or the profile says.
    pub region: Option<String>,
    /// The only account that may be used, if one is named.
    pub account: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Credentials {
    /// A profile of the AWS configuration files.
    Profile(String),
    /// Whatever the AWS SDK's default chain finds when a command runs.
    Environment,
}

impl Credentials {
    /// The profile that they are of.
    #[must_use]
    pub fn profile(&self) -> Option<&str> {
        match self {
            Self::Profile(name) => Some(name),
            Self::Environment => None,
        }
    }
}

/// What decides which context is current, before the store's own setting: the first of these that is set.
///
/// The order is the docker CLI's own.
#[derive(Clone, Default, Debug)]
pub struct Selection {
    /// `--context`
    pub context: Option<String>,
    /// `--host`: then the context is `default`, with this engine.
    pub host: Option<String>,
    /// `DOCKER_HOST`: as `host`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`
    pub docker_context: Option<String>,
    /// `DOCKER_TLS_VERIFY` is set: `default` is reached with TLS.
    pub docker_tls_verify: bool,
    /// `DOCKER_CERT_PATH`: the folder of `default`'s TLS material.
    pub docker_cert_path: Option<PathBuf>,
}
