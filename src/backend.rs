//! What both targets, a Docker engine and Amazon ECS, can do with a project, and the nouns for it.
//!
//! Only verbs that both honour stand here; a verb that one target alone can honour is that target's own.

pub(crate) mod archive;
mod changes;
mod console;
mod events;
mod exec;
mod forward;
mod lifecycle;
mod rehearsal;
mod run;
mod seal;
mod simulation;
mod summaries;
mod up;
pub mod verdict;

pub use archive::Copy;
pub use changes::{Action, Change, Holding, Property};
pub use console::{Console, DetachKeys, Stream};
pub use events::{EventsOptions, Happening, Tell};
pub use exec::{Exec, Open};
pub use forward::{Destination, Forward, Forwarding, Ready, Way};
pub use lifecycle::Lifecycle;
pub use rehearsal::{Deed, Deeds, Rehearsal};
pub use run::{Run, Unheard, unrunnable};
pub(crate) use seal::seal;
pub use simulation::{Find, Judged, Keys, Reveal, Simulation, Source, Task, Vault};
pub use summaries::{Image, Measured, OwnVolume, Processes, ProjectSummary, Show, StatsOptions, Usage};
pub use up::{Abort, BuildPolicy, Shown, UpOptions};

use std::collections::BTreeMap;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::compose::Project;
use crate::diagnostic::Diagnostic;
use crate::error::Result;
use crate::progress::Progress;

#[async_trait]
pub trait Backend: Send + Sync {
    /// What this target has to say about a project before anything is done: each attribute that it ignores (a
    /// warning) or refuses (an error), at its place. `up` is called only if no error is among them.
    async fn check(&self, project: &Project) -> Result<Vec<Diagnostic>>;

    /// Brings the project's services to what its files say.
    ///
    /// Attached to an engine this follows the containers' output until they end or are interrupted; on ECS it
    /// follows the deployment to its end. The result is the exit status of the command. What fails because of
    /// something in the files is an error made of [`Diagnostic`]s; the command adds the files' text.
    async fn up(&self, project: &Project, options: &UpOptions, io: &Io) -> Result<u8>;

    /// Removes what `up` made. `project` is `None` when there is no Compose file: the name is enough.
    async fn down(&self, name: &str, project: Option<&Project>, options: &DownOptions, io: &Io) -> Result<()>;

    /// The containers (on ECS: the tasks) that belong to a project, those of the named services or of all.
    async fn ps(&self, name: &str, options: &PsOptions) -> Result<Vec<Replica>>;

    /// Sends the output of a project's containers, oldest first, to `io.log`.
    async fn logs(&self, name: &str, options: &LogsOptions, io: &Io) -> Result<()>;

    /// Starts, stops or signals what the named services have, or all. Of the files, where there are any, no more is
    /// needed than what containers cannot tell.
    async fn apply(
        &self,
        name: &str,
        files: Option<&Project>,
        verb: &Lifecycle,
        services: &[String],
        timeout: Option<Duration>,
        io: &Io,
    ) -> Result<()>;

    /// Gives services other numbers of containers. The project has these numbers already.
    async fn scale(&self, project: &Project, counts: &[(String, i64)], options: &UpOptions, io: &Io) -> Result<u8>;

    /// Runs a command in a container of a service, the one of that number or any; its exit status. The console stays
    /// on the thread that opened it.
    fn exec<'a>(
        &'a self,
        project: (&'a str, Option<&'a Project>),
        service: &'a str,
        index: Option<u32>,
        exec: &'a Exec,
        open: Open<'a>,
        io: &'a Io,
    ) -> LocalBoxFuture<'a, Result<u8>>;

    /// Copies from a service's container to a path, or, without one, as an archive to `write`.
    fn copy_from<'a>(
        &'a self,
        project: (&'a str, Option<&'a Project>),
        copy: &'a Copy,
        to: Option<&'a Path>,
        write: fn(&[u8]) -> std::io::Result<()>,
        io: &'a Io,
    ) -> LocalBoxFuture<'a, Result<()>>;

    /// Copies a path, or, without one, an archive that `read` gives, to the containers of a service.
    fn copy_to<'a>(
        &'a self,
        project: (&'a str, Option<&'a Project>),
        copy: &'a Copy,
        from: Option<&'a Path>,
        read: fn() -> Box<dyn Read + Send>,
        io: &'a Io,
    ) -> LocalBoxFuture<'a, Result<()>>;

    /// Leads connections to ports of a service's container, and of hosts that it sees. Of the files, where there are
    /// any, no more is needed than where the service stands.
    fn forward<'a>(
        &'a self,
        destination: Destination<'a>,
        files: Option<&'a Project>,
        ways: &'a [Way],
        ready: Ready<'a>,
        io: &'a Io,
    ) -> Forwarding<'a>;

    /// Where a port of a service's nth container can be reached: `0.0.0.0:8080`.
    async fn port(&self, name: &str, service: &str, number: u32, target: u16, protocol: &str) -> Result<String>;

    /// The processes of running containers; on ECS, which does not show them, what each task uses.
    async fn top(&self, name: &str, services: &[String]) -> Result<Vec<Processes>>;

    /// Shows what containers use (on ECS: tasks) whenever there is something new to show, until none are left.
    async fn stats(&self, name: &str, options: &StatsOptions, show: &Show, io: &Io) -> Result<()>;

    /// The images of a project's containers, those of the named services or of all.
    async fn images(&self, name: &str, services: &[String]) -> Result<Vec<Image>>;

    /// The projects that the target has, also those of which nothing runs if `all`.
    async fn projects(&self, all: bool) -> Result<Vec<ProjectSummary>>;

    /// Tells what happened to a project, in the order of time.
    async fn events(&self, name: &str, options: &EventsOptions, tell: &Tell, io: &Io) -> Result<()>;
}

/// How a backend talks with the person at the terminal, and how far it may go at a time.
#[derive(Clone, Debug)]
pub struct Io {
    pub progress: Progress,
    pub log: LogSink,
    pub interrupts: Interrupts,
    pub consent: Consent,
    /// How much may be under way at a time, if the user has set a limit.
    pub parallel: Option<NonZeroUsize>,
    /// Set in a dry run.
    pub rehearsal: Option<Rehearsal>,
}

impl Io {
    /// How many images may be pulled or pushed at a time: as many as an engine does by itself, unless the user says
    /// otherwise.
    #[must_use]
    pub fn transfers(&self) -> usize {
        self.parallel.map_or(3, NonZeroUsize::get)
    }
}

/// The way to ask the person at the terminal what to do.
#[derive(Clone)]
pub struct Consent {
    ask: std::sync::Arc<Ask>,
    choose: std::sync::Arc<Choose>,
}

type Ask = dyn Fn(&str) -> Result<Option<bool>> + Send + Sync;
type Choose = dyn Fn(&str, &[&str]) -> Result<Option<usize>> + Send + Sync;

impl Consent {
    #[must_use]
    pub fn new(
        ask: impl Fn(&str) -> Result<Option<bool>> + Send + Sync + 'static,
        choose: impl Fn(&str, &[&str]) -> Result<Option<usize>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            ask: std::sync::Arc::new(ask),
            choose: std::sync::Arc::new(choose),
        }
    }

    /// Yes or no; none where nobody is there to answer.
    pub fn ask(&self, question: &str) -> Result<Option<bool>> {
        (self.ask)(question)
    }

    /// Which of several; none where nobody is there to answer.
    pub fn choose(&self, question: &str, options: &[&str]) -> Result<Option<usize>> {
        (self.choose)(question, options)
    }
}

impl std::fmt::Debug for Consent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Consent")
    }
}

/// Where lines of container output go. Cheap to clone.
#[derive(Clone)]
pub struct LogSink {
    show: std::sync::Arc<dyn Fn(LogLine) + Send + Sync>,
    expect: std::sync::Arc<Expect>,
}

type Expect = dyn Fn(&[String]) + Send + Sync;

impl LogSink {
    #[must_use]
    pub fn new(show: impl Fn(LogLine) + Send + Sync + 'static) -> Self {
        Self {
            show: std::sync::Arc::new(show),
            expect: std::sync::Arc::new(|_| {}),
        }
    }

    /// The same sink, which also wants to know names before their lines come.
    #[must_use]
    pub fn expecting(mut self, expect: impl Fn(&[String]) + Send + Sync + 'static) -> Self {
        self.expect = std::sync::Arc::new(expect);
        self
    }

    pub fn line(&self, line: LogLine) {
        (self.show)(line);
    }

    /// Says which replicas will write, so that their prefixes are aligned from the first line on.
    pub fn expect(&self, replicas: &[String]) {
        (self.expect)(replicas);
    }
}

impl std::fmt::Debug for LogSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogSink")
    }
}

/// How often the user has pressed Ctrl-C (or the process was asked to terminate) so far.
#[derive(Clone, Debug)]
pub struct Interrupts(watch::Receiver<u32>);

impl Interrupts {
    #[must_use]
    pub fn new(count: watch::Receiver<u32>) -> Self {
        Self(count)
    }

    /// Waits until there have been at least `count` interrupts; never ends if nobody can interrupt any more.
    pub async fn reached(&self, count: u32) {
        if self.0.clone().wait_for(|seen| *seen >= count).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Interrupts {
    /// Waits for one more than there have been.
    pub async fn again(&self) {
        let so_far = *self.0.borrow();
        self.reached(so_far + 1).await;
    }
}

#[derive(Clone, Default, Debug)]
pub struct DownOptions {
    /// Only these services, and those that depend on them; empty: the project as a whole.
    pub services: Vec<String>,
    /// Also remove named volumes (on ECS: the retained file systems) and their data.
    pub volumes: bool,
    pub remove_orphans: bool,
    /// Do not ask before data of volumes is lost (on ECS).
    pub yes: bool,
    /// Also remove images (on ECS: the repositories that `up` made).
    pub images: Option<RemoveImages>,
    pub timeout: Option<Duration>,
}

/// Which of a project's images `down` removes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RemoveImages {
    /// Those that were built and that the files give no name.
    Local,
    All,
}

#[derive(Clone, Default, Debug)]
pub struct PsOptions {
    pub services: Vec<String>,
    /// Stopped ones too.
    pub all: bool,
}

#[derive(Clone, Default, Debug)]
pub struct LogsOptions {
    pub services: Vec<String>,
    pub follow: bool,
    /// At most this many lines of each container, counted from the end.
    pub tail: Option<u64>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Of each service only the container with this number.
    pub index: Option<u32>,
}

/// One container of a service (Compose), one task of it (ECS).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replica {
    /// `shop-web-1` on an engine, the task's id on ECS.
    pub name: String,
    /// The container's id, the task's ARN.
    pub id: String,
    pub service: String,
    pub image: String,
    pub command: String,
    /// The target's own word: `running`, `exited`, `PENDING`…, in lower case.
    pub state: String,
    /// The state in a person's words: `Up 5 minutes (healthy)`.
    pub status: String,
    pub health: Option<String>,
    pub exit_code: Option<i64>,
    pub created: Option<Timestamp>,
    pub ports: Vec<Publication>,
    pub fittings: Fittings,
}

impl Replica {
    /// The words of [`Self::state`]: those of engines, which are also ECS's where they mean the same, and ECS's own
    /// (lastStatus of a task).
    pub const STATES: [&str; 16] = [
        "created",
        "running",
        "paused",
        "restarting",
        "removing",
        "exited",
        "dead",
        "provisioning",
        "pending",
        "activating",
        "deactivating",
        "stopping",
        "deprovisioning",
        "stopped",
        "deleted",
        "unknown",
    ];
}

/// What engines alone know of a container.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Fittings {
    pub project: String,
    pub labels: BTreeMap<String, String>,
    /// The names of volumes, and paths of the engine's machine.
    pub mounts: Vec<String>,
    /// How many of them are volumes that the engine keeps itself.
    pub local_volumes: usize,
    pub networks: Vec<String>,
}

/// A port of a replica, and where it can be reached from outside, if it can.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Publication {
    /// The host's address, or the load balancer's name; empty when the port is not published.
    pub host: String,
    pub published: Option<u16>,
    pub target: u16,
    pub protocol: String,
}

/// One line that a container wrote, without its line end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    pub service: String,
    /// Names the replica in the prefix: `web-1`.
    pub replica: String,
    pub time: Option<Timestamp>,
    pub stderr: bool,
    pub text: String,
}
