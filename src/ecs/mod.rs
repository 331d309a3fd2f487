//! Amazon ECS as a target: [`convert`](convert::convert) turns a project into a CloudFormation template,
//! purely; [`aws`] deploys it.

mod adopt;
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
mod rules;
mod settle;
pub mod support;
mod up_options;
mod upload;

pub use aws::{Account, Person};

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;

use crate::backend::{
    Backend, Change, DownOptions, EventsOptions, Exec, Image, Io, Lifecycle, LogsOptions, Open, Processes,
    ProjectSummary, PsOptions, Replica, Tell, UpOptions,
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

impl Account {
    /// What [`up`](Backend::up) would change; leaves nothing behind.
    pub async fn diff(
        &self,
        builder: &Builder,
        project: &Project,
        options: &UpOptions,
        io: &Io,
    ) -> Result<Vec<Change>> {
        Box::pin(preview::diff(self, builder, project, options, io)).await
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
        Box::pin(aws::lifecycle::apply(&self.account, name, replicas, verb, services, io)).await
    }

    async fn scale(&self, project: &Project, counts: &[(String, i64)], _: &UpOptions, io: &Io) -> Result<u8> {
        Box::pin(aws::lifecycle::scale(&self.account, &project.name, counts, io))
            .await
            .map(|()| 0)
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
        Box::pin(aws::exec::run(&self.account, name, service, index, exec, open, io))
    }
}
