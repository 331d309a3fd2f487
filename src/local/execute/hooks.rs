//! Running hooks.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use bollard::body_full;
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::NetworkConnectRequest;
use bollard::query_parameters::{
    CreateContainerOptions, LogsOptions, RemoveContainerOptions, StartContainerOptions, UploadToContainerOptions,
};
use futures_util::{Stream, StreamExt};

use super::super::container::{Instance, container};
use super::super::hooks::{Command, runner};
use super::super::lines::{Line, Lines};
use super::super::observed::Container;
use super::super::{archive, hash, labels};
use super::Execution;
use super::complete::complete;
use crate::backend::LogLine;
use crate::compose::{Hook, Project, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::engine::{Connection, is_conflict, is_missing, message};
use crate::error::{Error, Result};

/// The status of a hook whose own the engine does not tell.
const UNKNOWN: i64 = -1;

/// How many lines of a hook that failed are repeated.
const LAST_LINES: usize = 5;

/// How long the engine may take to know the status of a process whose output has ended.
const PATIENCE: Duration = Duration::from_secs(2);

impl Execution<'_> {
    /// Runs `post_start` hooks, one after the other.
    pub(super) async fn post_start(&self, service: &str, name: &str, hooks: &[Command]) -> Result<()> {
        for hook in hooks {
            self.io
                .progress
                .working(format!("Container {name}"), "Running post_start");
            let ended = self.run_in(service, name, hook).await;
            let (status, said) = ended.map_err(|error| {
                let what = format!("cannot run the `post_start` hook of container {name}");
                self.connection.failed(what, &error)
            })?;
            if status != 0 {
                return Err(self.failed_hook("post_start", name, hook.span, status, &said));
            }
        }
        self.io.progress.done(format!("Container {name}"), "Started");
        Ok(())
    }

    /// Runs the `post_start` hooks of a container that somebody has joined, as long as it runs; what went wrong, if
    /// anything.
    pub(in crate::local) async fn post_start_beside(
        &self,
        service: &str,
        name: &str,
        hooks: &[Command],
    ) -> Option<String> {
        for hook in hooks {
            match self.run_in(service, name, hook).await {
                Ok((0, _)) => {}
                Ok((status, said)) => {
                    return Some(format!(
                        "its `post_start` hook exited with status {status}: {}",
                        or_nothing(&said)
                    ));
                }
                // It has ended.
                Err(error) if is_missing(&error) || is_conflict(&error) => return None,
                Err(error) => return Some(format!("cannot run its `post_start` hook: {}", message(&error))),
            }
        }
        None
    }

    /// Runs `pre_stop` hooks. What goes wrong is told and keeps no container from being stopped.
    pub(super) async fn pre_stop(&self, container: &Container) {
        let object = format!("Container {}", container.name);
        for hook in container.hooks.pre_stop.iter().filter(|_| container.is_running()) {
            self.io.progress.working(&object, "Running pre_stop");
            match self.run_in(&container.service, &container.name, hook).await {
                Ok((0, _)) => {}
                Ok((status, said)) => {
                    let about = format!("its `pre_stop` hook exited with status {status}: {}", or_nothing(&said));
                    self.io.progress.warning(&object, about);
                }
                // It may have ended by itself.
                Err(error) if is_missing(&error) || is_conflict(&error) => {}
                Err(error) => {
                    let about = format!("cannot run its `pre_stop` hook: {}", message(&error));
                    self.io.progress.warning(&object, about);
                }
            }
        }
    }

    /// Runs `pre_start` hooks, each in a container of its own with the networks and the volumes of the one that is to
    /// start.
    pub(in crate::local) async fn pre_start(
        &self,
        project: &Project,
        service: &Service,
        name: &str,
        hooks: &[&Hook],
    ) -> Result<()> {
        let docker = &self.connection.docker;
        for (place, hook) in hooks.iter().enumerate() {
            let own = format!("{name}-pre_start-{place}");
            self.io
                .progress
                .working(format!("Container {name}"), "Running pre_start");
            let ended = Box::pin(self.run_beside(project, service, name, &own, hook)).await;
            let (status, said) = ended.map_err(|error| {
                let what = format!("cannot run the `pre_start` hook of container {name}");
                self.connection.failed(what, &error)
            })?;
            let gone = docker.remove_container(&own, Some(removal())).await;
            gone.map_err(|error| self.connection.failed(format!("cannot remove container {own}"), &error))?;
            if status != 0 {
                return Err(self.failed_hook("pre_start", name, hook.span, status, &said));
            }
        }
        Ok(())
    }

    async fn run_beside(
        &self,
        project: &Project,
        service: &Service,
        name: &str,
        own: &str,
        hook: &Hook,
    ) -> Result<(i64, VecDeque<String>), bollard::errors::Error> {
        let docker = &self.connection.docker;
        // A run that was cut off may have left it.
        match docker.remove_container(own, Some(removal())).await {
            Err(error) if !is_missing(&error) => return Err(error),
            _ => {}
        }
        let runner = runner(service, hook);
        let resolved = hash::resolved(&runner, |name| self.first_id(name));
        let instance = Instance {
            number: 0,
            image_id: "",
            hash: hash::service_hashes(&resolved).swap_remove(0),
            replaces: None,
            renew_volumes: false,
        };
        let mut made = container(project, &resolved, &instance);
        // What is wrong with a profile was told when the service's own container was made.
        let _ = complete(self.connection, project, service, &mut made.body);
        let labels = made.body.labels.get_or_insert_default();
        // So both tools take it away with the project, and neither takes it for the service's own.
        labels.insert(labels::ONE_OFF.to_owned(), "True".to_owned());
        if let Some(host) = &mut made.body.host_config {
            // What is mounted comes from the container that is about to start; what is in memory only does not.
            host.binds = None;
            host.mounts = None;
            host.volumes_from.get_or_insert_default().push(name.to_owned());
        }
        let options = CreateContainerOptions {
            name: Some(own.to_owned()),
            ..CreateContainerOptions::default()
        };
        let id = docker.create_container(Some(options), made.body).await?.id;
        for (network, endpoint) in made.networks {
            let request = NetworkConnectRequest {
                container: id.clone(),
                endpoint_config: Some(endpoint),
            };
            docker.connect_network(&network, request).await?;
        }
        if !made.files.is_empty() {
            let archive = archive::archive(&made.files)?;
            let options = UploadToContainerOptions {
                path: "/".to_owned(),
                ..UploadToContainerOptions::default()
            };
            docker
                .upload_to_container(&id, Some(options), body_full(archive.into()))
                .await?;
        }
        docker.start_container(&id, None::<StartContainerOptions>).await?;
        let options = LogsOptions {
            follow: true,
            stdout: true,
            stderr: true,
            ..LogsOptions::default()
        };
        let said = self
            .repeat(&service.name, name, docker.logs(&id, Some(options)))
            .await?;
        let status = self.connection.status_of(&id).await?;
        Ok((status.unwrap_or(UNKNOWN), said))
    }

    async fn run_in(
        &self,
        service: &str,
        name: &str,
        hook: &Command,
    ) -> Result<(i64, VecDeque<String>), bollard::errors::Error> {
        let docker = &self.connection.docker;
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(hook.command.clone()),
            env: Some(hook.environment.clone()),
            privileged: Some(hook.privileged),
            user: hook.user.clone(),
            working_dir: hook.working_dir.clone(),
            ..CreateExecOptions::default()
        };
        let id = docker.create_exec(name, options).await?.id;
        let said = match docker.start_exec(&id, None::<StartExecOptions>).await? {
            StartExecResults::Attached { output, .. } => self.repeat(service, name, output).await?,
            StartExecResults::Detached => VecDeque::new(),
        };
        Ok((self.connection.exec_status(&id).await?.unwrap_or(UNKNOWN), said))
    }

    /// Passes on what a hook writes where somebody looks at output; the result are its last lines.
    async fn repeat(
        &self,
        service: &str,
        container: &str,
        output: impl Stream<Item = Result<LogOutput, bollard::errors::Error>>,
    ) -> Result<VecDeque<String>, bollard::errors::Error> {
        let mut last = VecDeque::new();
        let mut line = |line: Line| {
            if last.len() == LAST_LINES {
                last.pop_front();
            }
            last.push_back(line.text.clone());
            if self.attachments.is_some() {
                self.io.log.line(LogLine {
                    service: service.to_owned(),
                    replica: replica(service, container),
                    time: None,
                    stderr: line.stderr,
                    text: line.text,
                });
            }
        };
        let mut lines = Lines::default();
        let mut output = pin!(output);
        while let Some(piece) = output.next().await {
            lines.push(&piece?).into_iter().for_each(&mut line);
        }
        lines.rest().into_iter().for_each(&mut line);
        Ok(last)
    }

    fn failed_hook(&self, kind: &str, name: &str, span: Span, status: i64, said: &VecDeque<String>) -> Error {
        self.io
            .progress
            .failed(format!("Container {name}"), format!("{kind} failed"));
        let message = format!("the `{kind}` hook of container {name} exited with status {status}");
        let hint = format!("its last lines: {}", or_nothing(said));
        if span == Span::NOWHERE {
            Error::new(message).hint(hint)
        } else {
            vec![Diagnostic::error(span, message).hint(hint)].into()
        }
    }
}

impl Connection {
    /// The exit status of a process that ran in a container and whose output has ended; none if the engine does not
    /// come to know it.
    pub(in crate::local) async fn exec_status(&self, id: &str) -> Result<Option<i64>, bollard::errors::Error> {
        // The stream may end a moment before the engine knows the status.
        let mut patience = Duration::from_millis(5);
        loop {
            let process = self.docker.inspect_exec(id).await?;
            match process.exit_code {
                Some(code) if process.running != Some(true) => return Ok(Some(code)),
                _ if patience > PATIENCE => return Ok(None),
                _ => tokio::time::sleep(patience).await,
            }
            patience *= 2;
        }
    }
}

/// How a hook's lines are marked: `web-1 ->`.
fn replica(service: &str, container: &str) -> String {
    let own = container.rfind(&format!("-{service}-")).map(|at| &container[at + 1..]);
    format!("{} ->", own.unwrap_or(container))
}

fn or_nothing(said: &VecDeque<String>) -> String {
    if said.is_empty() {
        return "(nothing)".to_owned();
    }
    said.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
}

fn removal() -> RemoveContainerOptions {
    RemoveContainerOptions {
        force: true,
        v: true,
        link: false,
    }
}
