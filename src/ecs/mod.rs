//! Amazon ECS as a target: [`convert`](convert::convert) turns a project into a CloudFormation template,
//! purely; [`aws`] deploys it.

mod adopt;
mod attempts;
pub mod aws;
mod changes;
pub mod cloudformation;
pub mod convert;
mod deploy;
mod diagnosis;
mod draft;
mod explain;
pub mod extensions;
mod files;
mod follow;
mod images;
mod interrupt;
pub mod logins;
mod lookup;
mod pack;
mod parameters;
pub mod permissions;
mod pins;
mod preview;
mod remove;
mod rollback;
mod rules;
mod run;
mod settle;
mod simulation;
pub mod support;
mod up_options;
mod upload;

pub use aws::{Account, Person, keys, reveal};
pub use simulation::judge;

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;

use crate::backend::{
    Backend, Change, Copy, Destination, DownOptions, EventsOptions, Exec, Forwarding, Image, Io, Lifecycle,
    LogsOptions, Open, Processes, ProjectSummary, PsOptions, Ready, Replica, Run, Show, StatsOptions, Tell, UpOptions,
    Way,
};
use crate::compose::{Project, Service};
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::image::Builder;

/// An account as a target, and who builds for it.
#[derive(Debug)]
pub struct Ecs {
    pub account: Account,
    pub builder: Builder,
}

/// What is wrong with a project that has nothing to do with the account.
#[must_use]
pub fn check(project: &Project) -> Vec<Diagnostic> {
    deploy::check(project)
}

/// Whether images of a project are in registries of AWS, where an account says who one is.
#[must_use]
pub fn uses_aws_registries(project: &Project) -> bool {
    images::uses_aws_registries(project)
}

impl Account {
    /// What [`up`](Backend::up) would change; leaves nothing behind.
    pub async fn diff(
        &self,
        builder: &Builder,
        project: &Project,
        options: &UpOptions,
        io: &Io,
    ) -> Result<Vec<Change>> {
        let builder = builder.clone().issued_by(self.issuer());
        Box::pin(preview::diff(self, &builder, project, options, io)).await
    }
}

impl Account {
    /// Takes services back to what they ran before: the named ones, or those that the last deployment has changed.
    pub async fn rollback(
        &self,
        project: (&str, Option<&Project>),
        services: &[String],
        yes: bool,
        io: &Io,
    ) -> Result<()> {
        Box::pin(rollback::rollback(self, project, services, yes, io)).await
    }

    /// Runs a command in a task of its own, made as a deployed service's; its exit status. `started` is told the task's
    /// id if the command does not stay. Of the project itself, where there are files, only lines are needed.
    pub async fn run(
        &self,
        project: (&str, Option<&Project>),
        service: &str,
        run: &Run,
        started: impl FnOnce(&str) -> Result<()>,
        io: &Io,
    ) -> Result<u8> {
        Box::pin(run::run(self, project, service, run, started, io)).await
    }
}

impl Account {
    /// What is wrong with a project, or what failed in its last deployment; nothing when all is well. Of the project
    /// itself, where there are files, only lines are needed.
    pub async fn explain(&self, name: &str, project: Option<&Project>, services: &[String]) -> Result<Vec<Diagnostic>> {
        Box::pin(explain::explain(self, name, project, services)).await
    }
}

#[async_trait]
impl Backend for Ecs {
    async fn check(&self, project: &Project) -> Result<Vec<Diagnostic>> {
        Ok(deploy::check(project))
    }

    async fn up(&self, project: &Project, options: &UpOptions, io: &Io) -> Result<u8> {
        Box::pin(deploy::up(&self.account, &self.builder, project, options, io)).await
    }

    async fn down(&self, name: &str, project: Option<&Project>, options: &DownOptions, io: &Io) -> Result<()> {
        if let Some(foreign) = project.and_then(|project| deploy::foreign(&self.account, project)) {
            return Err(vec![foreign].into());
        }
        if !options.services.is_empty() {
            return Err(Error::new("on ECS a project is removed as a whole")
                .hint("take a service out of the file and run `ctx up`, or stop it with `ctx stop SERVICE`"));
        }
        remove::down(&self.account, name, project, options, io).await
    }

    async fn ps(&self, name: &str, options: &PsOptions) -> Result<Vec<Replica>> {
        aws::replicas::of_project(&self.account, name, options, Timestamp::now()).await
    }

    async fn port(&self, name: &str, service: &str, number: u32, target: u16, protocol: &str) -> Result<String> {
        aws::replicas::port(&self.account, name, service, number, target, protocol).await
    }

    async fn top(&self, name: &str, services: &[String]) -> Result<Vec<Processes>> {
        aws::usage::of_project(&self.account, name, services, Timestamp::now()).await
    }

    async fn stats(&self, name: &str, options: &StatsOptions, show: &Show, io: &Io) -> Result<()> {
        tokio::select! {
            result = aws::usage::show(&self.account, name, options, Timestamp::now, show) => result,
            () = io.interrupts.reached(1) => Err(Error::INTERRUPTED),
        }
    }

    async fn images(&self, name: &str, services: &[String]) -> Result<Vec<Image>> {
        aws::images::of_project(&self.account, name, services).await
    }

    async fn projects(&self, all: bool) -> Result<Vec<ProjectSummary>> {
        aws::projects::all(&self.account, all).await
    }

    async fn events(&self, name: &str, options: &EventsOptions, tell: &Tell, io: &Io) -> Result<()> {
        tokio::select! {
            result = aws::happenings::tell(&self.account, name, options, tell) => result,
            () = io.interrupts.reached(1) => Err(Error::INTERRUPTED),
        }
    }

    async fn logs(&self, name: &str, options: &LogsOptions, io: &Io) -> Result<()> {
        // Nothing that is written from now on can be older than `until`.
        let follow = options.follow && options.until.is_none_or(|until| until > Timestamp::now());
        let options = LogsOptions {
            follow,
            ..options.clone()
        };
        tokio::select! {
            result = aws::logs::show(&self.account, name, &options, &io.log) => result,
            () = io.interrupts.reached(1) => Err(Error::INTERRUPTED),
        }
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
        if timeout.is_some() {
            return Err(
                Error::new("how long a task may take to stop is part of its definition on ECS")
                    .hint("`stop_grace_period` and `ctx up` change it"),
            );
        }
        let replicas = |service: &str| {
            let service = files.and_then(|files| files.services.get(service));
            service.map_or(1, Service::replicas)
        };
        let applied = aws::lifecycle::apply(&self.account, name, replicas, verb, services, io);
        match Box::pin(applied).await? {
            Some(unstable) => Err(diagnosis::unstable(&unstable, files)),
            None => Ok(()),
        }
    }

    async fn scale(&self, project: &Project, counts: &[(String, i64)], _: &UpOptions, io: &Io) -> Result<u8> {
        match Box::pin(aws::lifecycle::scale(&self.account, &project.name, counts, io)).await? {
            Some(unstable) => Err(diagnosis::unstable(&unstable, Some(project))),
            None => Ok(0),
        }
    }

    fn exec<'a>(
        &'a self,
        (name, files): (&'a str, Option<&'a Project>),
        service: &'a str,
        index: Option<u32>,
        exec: &'a Exec,
        open: Open<'a>,
        io: &'a Io,
    ) -> LocalBoxFuture<'a, Result<u8>> {
        let shut = move || diagnosis::shut(service, files).into();
        Box::pin(async move { aws::exec::run(&self.account, (name, service, index), exec, open, &shut, io).await })
    }

    fn copy_from<'a>(
        &'a self,
        (name, files): (&'a str, Option<&'a Project>),
        copy: &'a Copy,
        to: Option<&'a Path>,
        write: fn(&[u8]) -> std::io::Result<()>,
        io: &'a Io,
    ) -> LocalBoxFuture<'a, Result<()>> {
        let shut = move || diagnosis::shut(&copy.service, files).into();
        Box::pin(async move { aws::copy::out(&self.account, name, copy, to, write, &shut, io).await })
    }

    fn copy_to<'a>(
        &'a self,
        (name, files): (&'a str, Option<&'a Project>),
        copy: &'a Copy,
        from: Option<&'a Path>,
        read: fn() -> Box<dyn Read + Send>,
        io: &'a Io,
    ) -> LocalBoxFuture<'a, Result<()>> {
        let shut = move || diagnosis::shut(&copy.service, files).into();
        Box::pin(async move { aws::copy::into(&self.account, name, copy, from, read, &shut, io).await })
    }

    fn forward<'a>(
        &'a self,
        destination: Destination<'a>,
        files: Option<&'a Project>,
        ways: &'a [Way],
        ready: Ready<'a>,
        io: &'a Io,
    ) -> Forwarding<'a> {
        let shut = move || diagnosis::shut(destination.service, files).into();
        Box::pin(async move { aws::forward::run(&self.account, destination, ways, &shut, ready, io).await })
    }
}
