//! A Docker engine as a target, through its HTTP API.
//!
//! `up` takes one snapshot ([`Observed`]), decides in a pure function what to do ([`reconcile`]), and does it: every
//! step as soon as those before it are done, waiting on the engine's events where the files say so. Names, labels and
//! hashes are those of Docker Compose, so that both tools see each other's projects.

mod archive;
mod attach;
mod container;
mod copy;
mod dependencies;
mod events;
mod execute;
mod failure;
mod happenings;
mod hash;
mod hooks;
mod images;
mod join;
mod labels;
mod lifecycle;
mod lines;
mod logs;
mod look;
mod mounts;
mod names;
mod observed;
mod plan;
mod policy;
mod ports;
mod prepare;
mod reconcile;
mod removal;
mod replicas;
mod resources;
mod run;
mod session;
mod shared;
mod stats;
pub mod support;
mod teardown;
pub mod watch;

pub use copy::Copy;
pub use hash::{network_hashes, service_hashes, volume_hashes};
pub use hooks::{Command, Hooks};
pub use join::Attach;
pub use lifecycle::{Verb, plan};
pub use observed::{Container, Mounted, Network, Observed, On, Status, Volume};
pub use plan::{Creation, Goal, Operation, Plan, Step};
pub use policy::PullOptions;
pub use reconcile::reconcile;
pub use run::Run;
pub use teardown::{Remains, teardown};
pub use watch::Watching;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;

use crate::backend::{
    Backend, DownOptions, EventsOptions, Exec, Image, Io, Lifecycle, LogsOptions, Open, Processes, ProjectSummary,
    PsOptions, Replica, Tell, UpOptions,
};
use crate::compose::Project;
use crate::context::DockerEndpoint;
use crate::diagnostic::Diagnostic;
use crate::engine::Connection;
use crate::error::{Error, Result};
use crate::image::{BuildOptions, Builder, bake};
use events::Events;
use execute::Execution;
use prepare::{Sources, Verb as ProviderVerb};

/// An engine.
#[derive(Debug)]
pub struct Engine {
    connection: Connection,
    builder: Builder,
    endpoint: DockerEndpoint,
    /// The docker CLI's own folder.
    docker_config: Option<PathBuf>,
}

impl Engine {
    #[allow(clippy::unused_async, reason = "as the other target's, which asks who is calling")]
    pub async fn connect(endpoint: &DockerEndpoint, docker_config: Option<&Path>) -> Result<Self> {
        let connection = Connection::open(endpoint, docker_config)?;
        let builder = Builder::new(endpoint, docker_config);
        Ok(Self {
            connection,
            builder,
            endpoint: endpoint.clone(),
            docker_config: docker_config.map(Path::to_owned),
        })
    }
}

impl Engine {
    fn sources(&self) -> Sources<'_> {
        Sources {
            connection: &self.connection,
            endpoint: &self.endpoint,
            docker_config: self.docker_config.clone(),
        }
    }

    /// Pulls and builds at the same time; the result are the images' ids by name.
    async fn provide(
        &self,
        project: &Project,
        wanted: &images::Wanted<'_>,
        quiet_pull: bool,
        io: &Io,
    ) -> Result<BTreeMap<String, String>> {
        let options = BuildOptions {
            to_run: true,
            ..BuildOptions::default()
        };
        let bake = bake(project, wanted.builds.iter().copied(), &options)?;
        let mut pulling = io.clone();
        if quiet_pull {
            pulling.progress = io.progress.without_details();
        }
        let (mut made, _) = tokio::try_join!(
            self.connection.pull(&wanted.pulls, &pulling),
            self.builder.build(&bake, &options, io)
        )?;
        let built: Vec<_> = bake.targets.iter().map(|target| target.image.clone()).collect();
        made.extend(self.connection.images_named(&built).await?);
        Ok(made)
    }
}

impl Engine {
    /// What the engine has of a project, once it has all images too.
    async fn furnish(&self, project: &Project, options: &UpOptions, io: &Io) -> Result<Observed> {
        let mut observed = self.connection.observe(project, &images::names(project)).await?;
        hooks::adopt(&mut observed.containers, project);
        let stale = self.connection.stale(project, &observed.images).await?;
        let wanted = images::wanted(project, &observed.images, &stale, options.build)?;
        let made = tokio::select! {
            made = self.provide(project, &wanted, options.quiet_pull, io) => made?,
            () = io.interrupts.reached(1) => return Err(Error::INTERRUPTED),
        };
        observed.images.extend(made);
        Ok(observed)
    }

    /// What `up` would do, a line a step. Providers are not asked: what they would say is not known.
    pub async fn preview_up(&self, project: &Project, options: &UpOptions) -> Result<String> {
        let mut observed = self.connection.observe(project, &images::names(project)).await?;
        hooks::adopt(&mut observed.containers, project);
        let stale = self.connection.stale(project, &observed.images).await?;
        let wanted = images::wanted(project, &observed.images, &stale, options.build)?;
        let plan = reconcile(project, &observed, options);
        if !plan.errors.is_empty() {
            return Err(plan.errors.into());
        }
        Ok(format!("{wanted}{plan}"))
    }

    /// What `down` would do, a line a step.
    pub async fn preview_down(&self, name: &str, project: Option<&Project>, options: &DownOptions) -> Result<String> {
        let remains = self.remains(name, project, options).await?;
        Ok(teardown(&remains, options.volumes).to_string())
    }

    /// What there is for `down` to remove.
    async fn remains(&self, name: &str, project: Option<&Project>, options: &DownOptions) -> Result<Remains> {
        let volumes = async {
            if options.volumes {
                self.connection.project_volumes(name).await
            } else {
                Ok(Vec::new())
            }
        };
        let (containers, networks, volumes) = tokio::try_join!(
            self.connection.project_containers(name),
            self.connection.project_networks(name),
            volumes,
        )?;
        let mut found = Observed {
            containers: containers.iter().map(Container::read).collect(),
            ..Observed::default()
        };
        if let Some(project) = project {
            hooks::adopt(&mut found.containers, project);
        }
        if let Some(project) = project.filter(|_| !options.remove_orphans) {
            let orphans: Vec<_> = found.orphans(project).map(|container| container.id.clone()).collect();
            found.containers.retain(|container| !orphans.contains(&container.id));
        }
        Ok(Remains {
            containers: found.containers,
            networks: networks
                .into_iter()
                .map(|network| (network.id.unwrap_or_default(), network.name.unwrap_or_default()))
                .collect(),
            volumes,
        })
    }
}

#[async_trait]
impl Backend for Engine {
    async fn check(&self, project: &Project) -> Result<Vec<Diagnostic>> {
        self.connection.judge(project).await
    }

    async fn up(&self, project: &Project, options: &UpOptions, io: &Io) -> Result<u8> {
        if let Some((name, _)) = options.parameters.first() {
            return Err(Error::new(format!("a Docker engine knows no parameter `{name}`"))
                .hint("`--parameter` is for contexts of type ecs; `ctx use NAME` chooses one"));
        }
        let prepared = self.sources().prepared(project, io).await?;
        let project = prepared.as_ref();
        let observed = self.furnish(project, options, io).await?;
        let plan = reconcile(project, &observed, options);
        if !plan.errors.is_empty() {
            return Err(plan.errors.into());
        }
        let session = session::Session {
            connection: &self.connection,
            project,
            options,
            io,
        };
        if options.detach || options.wait || options.no_start {
            session.detached(&plan, &observed).await.map(|()| 0)
        } else {
            session.attached(&plan, &observed).await
        }
    }

    async fn down(&self, name: &str, project: Option<&Project>, options: &DownOptions, io: &Io) -> Result<()> {
        let remains = self.remains(name, project, options).await?;
        let plan = teardown(&remains, options.volumes);
        let events = Events::new();
        let execution = Execution::new(&self.connection, io, &events).timeout(options.timeout);
        execution.run_interruptibly(&plan, &Observed::default()).await?;
        if let Some(project) = project {
            self.sources().tell(project, ProviderVerb::Down, io).await?;
        }
        match options.images {
            Some(which) => self.connection.remove_images(name, project, which, io).await,
            None => Ok(()),
        }
    }

    async fn ps(&self, name: &str, options: &PsOptions) -> Result<Vec<Replica>> {
        let containers = self.connection.project_containers(name).await?;
        let mut replicas: Vec<_> = containers.iter().map(replicas::replica).collect();
        // Docker Compose, too, counts what may come back by itself as running.
        let runs = |replica: &Replica| matches!(replica.state.as_str(), "running" | "paused" | "restarting");
        replicas.retain(|replica| options.all || runs(replica));
        replicas.retain(|replica| options.services.is_empty() || options.services.contains(&replica.service));
        replicas.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(replicas)
    }

    async fn port(&self, name: &str, service: &str, number: u32, target: u16, protocol: &str) -> Result<String> {
        self.find_port(name, service, number, target, protocol).await
    }

    async fn top(&self, name: &str, services: &[String]) -> Result<Vec<Processes>> {
        self.list_processes(name, services).await
    }

    async fn images(&self, name: &str, services: &[String]) -> Result<Vec<Image>> {
        self.list_images(name, services).await
    }

    async fn projects(&self, all: bool) -> Result<Vec<ProjectSummary>> {
        self.list_projects(all).await
    }

    async fn events(&self, name: &str, options: &EventsOptions, tell: &Tell, io: &Io) -> Result<()> {
        tokio::select! {
            result = self.connection.tell_events(name, options, Timestamp::now(), tell) => result,
            () = io.interrupts.reached(1) => Err(Error::INTERRUPTED),
        }
    }

    async fn logs(&self, name: &str, options: &LogsOptions, io: &Io) -> Result<()> {
        self.connection.show_logs(name, options, io).await
    }

    async fn apply(
        &self,
        name: &str,
        files: Option<&Project>,
        verb: &Lifecycle,
        services: &[String],
        timeout: Option<Duration>,
        io: &Io,
    ) -> Result<()> {
        self.carry_out(name, files, &verb.clone().into(), services, timeout, io)
            .await
    }

    async fn scale(&self, project: &Project, _: &[(String, i64)], options: &UpOptions, io: &Io) -> Result<u8> {
        Backend::up(self, project, options, io).await
    }

    fn exec<'a>(
        &'a self,
        name: &'a str,
        service: &'a str,
        index: Option<u32>,
        exec: &'a Exec,
        open: Open<'a>,
        io: &'a Io,
    ) -> LocalBoxFuture<'a, Result<u8>> {
        Box::pin(self.run_process(name, service, index, exec, open, io))
    }
}
