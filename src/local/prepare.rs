//! What a project takes from elsewhere before it is compared with the engine: variables from providers and models, the
//! engine's own socket. Afterwards the project says all of that itself, so that hashes and plans need to know nothing.

mod models;
mod provider;
mod socket;

pub(super) use provider::Verb;

use std::borrow::Cow;
use std::path::PathBuf;

use crate::backend::Io;
use crate::compose::{Project, Service, Spanned};
use crate::context::DockerEndpoint;
use crate::engine::Connection;
use crate::error::{Error, Result};

/// Who is asked.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    pub(super) connection: &'a Connection,
    pub(super) endpoint: &'a DockerEndpoint,
    /// The docker CLI's own folder.
    pub(super) docker_config: Option<PathBuf>,
}

impl Sources<'_> {
    /// Brings up what the project takes from elsewhere, and gives the project with it.
    pub(super) async fn prepared<'p>(&self, project: &'p Project, io: &Io) -> Result<Cow<'p, Project>> {
        let asks =
            |service: &Service| service.provider.is_some() || socket::wanted(service) || !service.models.is_empty();
        if !project.services.values().any(asks) {
            return Ok(Cow::Borrowed(project));
        }
        let prepare = async {
            let mut prepared = project.clone();
            self.models(&mut prepared, io).await?;
            self.provide(&mut prepared, io).await?;
            self.share_socket(&mut prepared).await?;
            Ok(Cow::Owned(prepared))
        };
        tokio::select! {
            prepared = Box::pin(prepare) => prepared,
            () = io.interrupts.reached(1) => Err(Error::INTERRUPTED),
        }
    }

    /// A program of the user's machine, with the environment that it has from the docker CLI.
    fn command(&self, program: &std::path::Path, project: &Project) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(program);
        command
            .envs(&project.environment)
            .current_dir(&project.working_dir)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .kill_on_drop(true);
        if let Some(folder) = &self.docker_config {
            command.env("DOCKER_CONFIG", folder);
        }
        if let Some(host) = &self.endpoint.host {
            command.env("DOCKER_HOST", host).env_remove("DOCKER_CONTEXT");
        }
        command
    }
}

/// Sets a variable that the files do not write.
fn set(service: &mut Service, name: String, value: &str) {
    service
        .environment
        .insert(name, Spanned::nowhere(Some(value.to_owned())));
}

/// The last lines of what a program wrote for people, if anything.
fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
