//! A Docker engine as a target, through its HTTP API.
//!
//! `up` takes one snapshot ([`Observed`]), decides in a pure function what to do ([`reconcile`]), and does it: every
//! step as soon as those before it are done, waiting on the engine's events where the files say so. Names, labels and
//! hashes are those of Docker Compose, so that both tools see each other's projects.

mod addresses;
mod archive;
mod attach;
mod container;
mod copy;
mod dependencies;
mod down;
mod events;
mod execute;
mod failure;
mod forward;
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
mod orphans;
mod plan;
mod policy;
mod ports;
mod prepare;
mod provide;
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
mod waits;
pub mod watch;

pub use hash::{network_hashes, service_hashes, volume_hashes};
pub use hooks::{Command, Hooks};
pub use join::Attach;
pub use lifecycle::{Verb, plan};
pub use observed::{Container, Mounted, Network, Observed, On, Status, Volume};
pub use plan::{Creation, Goal, Operation, Plan, Step};
pub use policy::PullOptions;
pub use reconcile::reconcile;
pub use teardown::{Remains, teardown};
pub use watch::Watching;

use std::borrow::Cow;
use std::io::Read;
use std::path::{Path, PathBuf};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;

use crate::backend::{
    Backend, Copy, Destination, DownOptions, EventsOptions, Exec, Forwarding, Image, Io, Lifecycle, LogsOptions, Open,
    Processes, ProjectSummary, PsOptions, Ready, Replica, Show, Simulation, StatsOptions, Tell, UpOptions, Way,
};
use crate::compose::Project;
use crate::context::DockerEndpoint;
use crate::diagnostic::Diagnostic;
use crate::engine::Connection;
use crate::error::{Error, Result};
use crate::image::Builder;
use crate::registry::Issuer;
use prepare::Sources;

/// An engine.
#[derive(Debug)]
pub struct Engine {
    connection: Connection,
    builder: Builder,
    endpoint: DockerEndpoint,
    /// The docker CLI's own folder.
    docker_config: Option<PathBuf>,
    /// How it simulates ECS, if it does.
    simulation: Option<Simulation>,
}

impl Engine {
    #[allow(clippy::unused_async, reason = "as the other target's, which asks who is calling")]
    pub async fn connect(endpoint: &DockerEndpoint, docker_config: Option<&Path>) -> Result<Self> {
        Ok(Self {
            connection: Connection::open(endpoint, docker_config)?,
            builder: Builder::new(endpoint, docker_config),
            endpoint: endpoint.clone(),
            docker_config: docker_config.map(Path::to_owned),
            simulation: None,
        })
    }

    /// The engine as one that does as ECS would.
    #[must_use]
    pub fn simulating(self, simulation: Simulation) -> Self {
        Self {
            simulation: Some(simulation),
            ..self
        }
    }
}

impl Engine {
    /// Asks somebody who one is at registries before what `docker login` stored.
    #[must_use]
    pub fn issued_by(self, issuer: Arc<dyn Issuer>) -> Self {
        Self {
            connection: self.connection.issued_by(Some(Arc::clone(&issuer))),
            builder: self.builder.issued_by(issuer),
            ..self
        }
    }

    fn sources(&self) -> Sources<'_> {
        Sources {
            connection: &self.connection,
            endpoint: &self.endpoint,
            docker_config: self.docker_config.clone(),
            simulation: self.simulation.as_ref(),
        }
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
            made = self.provide(project, &wanted, options, io) => made?,
            () = io.interrupts.reached(1) => return Err(Error::INTERRUPTED),
        };
        observed.images.extend(made);
        Ok(observed)
    }

    /// What `up` would do, a line a step. Providers are not asked: what they would say is not known.
    async fn preview_up(&self, project: &Project, options: &UpOptions) -> Result<String> {
        let previewed = self.sources().previewed(project).await?;
        let project = previewed.as_ref();
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
}

#[async_trait]
impl Backend for Engine {
    async fn check(&self, project: &Project) -> Result<Vec<Diagnostic>> {
        let here = match &self.simulation {
            Some(_) => prepare::here(project),
            None => Cow::Borrowed(project),
        };
        let mut said = self.connection.judge(&here).await?;
        if let Some(simulation) = &self.simulation {
            let ecs = (simulation.judge)(project).said;
            let new = ecs.into_iter().filter(|diagnostic| !said.contains(diagnostic));
            let new: Vec<_> = new.collect();
            said.extend(new);
        }
        Ok(said)
    }

    async fn up(&self, project: &Project, options: &UpOptions, io: &Io) -> Result<u8> {
        if let Some((name, _)) = options.parameters.first() {
            return Err(Error::new(format!("a Docker engine knows no parameter `{name}`"))
                .hint("`--parameter` is for contexts of type ecs; `ctx use NAME` chooses one"));
        }
        if io.rehearsal.is_some() {
            io.only_tells(self.preview_up(project, options).await?)?;
            return Ok(0);
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
        self.take_down(name, project, options, io).await
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

    async fn stats(&self, name: &str, options: &StatsOptions, show: &Show, io: &Io) -> Result<()> {
        self.show_usage(name, options, show, io).await
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
        (name, _): (&'a str, Option<&'a Project>),
        service: &'a str,
        index: Option<u32>,
        exec: &'a Exec,
        open: Open<'a>,
        io: &'a Io,
    ) -> LocalBoxFuture<'a, Result<u8>> {
        Box::pin(self.run_process(name, service, index, exec, open, io))
    }

    fn copy_from<'a>(
        &'a self,
        (name, _): (&'a str, Option<&'a Project>),
        copy: &'a Copy,
        to: Option<&'a Path>,
        write: fn(&[u8]) -> std::io::Result<()>,
        io: &'a Io,
    ) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(self.copy_out(name, copy, to, write, io))
    }

    fn copy_to<'a>(
        &'a self,
        (name, _): (&'a str, Option<&'a Project>),
        copy: &'a Copy,
        from: Option<&'a Path>,
        read: fn() -> Box<dyn Read + Send>,
        io: &'a Io,
    ) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(self.copy_in(name, copy, from, read, io))
    }

    fn forward<'a>(
        &'a self,
        destination: Destination<'a>,
        _: Option<&'a Project>,
        ways: &'a [Way],
        ready: Ready<'a>,
        io: &'a Io,
    ) -> Forwarding<'a> {
        Box::pin(self.forward_ports(destination, ways, ready, io))
    }
}
