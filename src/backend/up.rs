//! What `up` can be asked for besides what the files say.

use std::time::Duration;

#[derive(Clone, Default, Debug)]
pub struct UpOptions {
    /// The services that were named; the project holds these and what they depend on. Empty: all.
    pub services: Vec<String>,
    /// A service whose containers are left alone, though all that it needs is brought up.
    pub beside: Option<String>,
    /// Values for a template's Parameters, which only ECS has.
    pub parameters: Vec<(String, String)>,
    /// Which images to build.
    pub build: BuildPolicy,
    /// Tell of pulls only that they begin and end.
    pub quiet_pull: bool,
    /// Tell nothing of builds.
    pub quiet_build: bool,
    /// Also make networks and volumes that no service uses.
    pub all_resources: bool,
    /// Run jobs again that have done their work.
    pub rerun: bool,
    /// Return when the project runs (engine) or the deployment was submitted (ECS).
    pub detach: bool,
    /// Return when the services are up and, where they have health checks, healthy.
    pub wait: bool,
    /// How long to wait for that.
    pub wait_timeout: Option<Duration>,
    /// Recreate containers that are up to date; on ECS a new deployment of every service.
    pub force_recreate: bool,
    /// The same, with new nameless volumes instead of the old ones.
    pub renew_volumes: bool,
    /// As `force_recreate` for those that the named services depend on.
    pub recreate_dependencies: bool,
    /// Leave containers that exist as they are.
    pub no_recreate: bool,
    /// Make containers and start none.
    pub no_start: bool,
    /// Remove containers of services that the files no longer name.
    pub remove_orphans: bool,
    /// Say nothing of containers of services that the files do not name.
    pub ignore_orphans: bool,
    /// How long a container may take to stop before it is killed.
    pub timeout: Option<Duration>,
    /// Whose output is shown.
    pub shown: Shown,
    /// What ends an `up` that shows output.
    pub abort: Abort,
    /// The service whose exit status becomes the command's.
    pub exit_code_from: Option<String>,
    /// Do not ask before something is lost that cannot be brought back.
    pub yes: bool,
    /// Deploy images by the tags that the files name, and ask no registry what they mean; on ECS.
    pub keep_tags: bool,
    /// Let the tasks pull with what `docker login` stored here; on ECS.
    pub with_registry_auth: bool,
}

/// What ends an `up` that shows output, besides the end of all containers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Abort {
    #[default]
    Never,
    OnExit,
    OnFailure,
}

/// Whose output `up` shows.
#[derive(Clone, Default, Debug)]
pub struct Shown {
    /// These services' and no others'; empty: what the other two say.
    pub only: Vec<String>,
    pub except: Vec<String>,
    /// That of services too that the named ones depend on.
    pub dependencies: bool,
}

/// Which of the images that the files say how to build are built by `up`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum BuildPolicy {
    /// Those that are not there, and those whose `pull_policy` is `build`.
    #[default]
    Missing,
    /// All of them.
    Always,
    /// None, not even missing ones.
    Never,
}
