//! Contexts: named targets, in Docker's own store on disk.
//!
//! The docker CLI lists and uses the contexts made here, and `ctx` uses those that the docker CLI made.

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
}

#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct DockerEndpoint {
    /// `unix:///…`, `tcp://…`, `ssh://…`; the platform's own default when absent.
    pub host: Option<String>,
    pub skip_tls_verify: bool,
    /// The folder with `ca.pem`, `cert.pem` and `key.pem`, when there is TLS material.
    pub tls: Option<std::path::PathBuf>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EcsEndpoint {
    pub credentials: Credentials,
    /// Overrides what the environment or the profile says.
    pub region: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Credentials {
    /// A profile of the AWS configuration files.
    Profile(String),
    /// Whatever the AWS SDK's default chain finds when a command runs.
    Environment,
}

/// What decides which context is current, before the store's own setting: the first of these that is set.
#[derive(Clone, Default, Debug)]
pub struct Selection {
    /// `--host`: then the context is `default`, with this engine.
    pub host: Option<String>,
    /// `--context`
    pub context: Option<String>,
    /// `DOCKER_HOST`: as `host`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`
    pub docker_context: Option<String>,
}

/// The store: a folder as the docker CLI keeps it.
#[derive(Clone, Debug)]
pub struct Store {
    root: std::path::PathBuf,
}

impl Store {
    /// The store in a folder, which need not exist yet.
    #[must_use]
    pub fn open(root: std::path::PathBuf) -> Self {
        Self { root }
    }

    /// The context that commands use.
    pub fn current(&self, selection: &Selection) -> crate::error::Result<Context> {
        let host = selection.host.clone().or_else(|| selection.docker_host.clone());
        let _ = &self.root;
        let endpoint = DockerEndpoint {
            host,
            ..DockerEndpoint::default()
        };
        Ok(Context {
            name: "default".into(),
            description: String::new(),
            target: Target::Docker(endpoint),
        })
    }
}
