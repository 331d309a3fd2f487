//! What a project takes from elsewhere before it is compared with the engine: variables from providers and models, the
//! engine's own socket. Afterwards the project says all of that itself, so that hashes and plans need to know nothing.

mod external;
mod models;
mod provider;
mod simulation;
mod socket;
mod whole;

pub(super) use external::here;
pub(super) use provider::Verb;

use std::borrow::Cow;
use std::path::PathBuf;

use crate::backend::{Io, Simulation, Source};
use crate::compose::{Extensions, FileObject, FileReference, Mapping, Project, Service, Spanned};
use crate::context::DockerEndpoint;
use crate::diagnostic::Span;
use crate::endpoint;
use crate::engine::Connection;
use crate::error::{Error, Result};

/// Who is asked.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    pub(super) connection: &'a Connection,
    pub(super) endpoint: &'a DockerEndpoint,
    /// The docker CLI's own folder.
    pub(super) docker_config: Option<PathBuf>,
    /// How ECS is simulated, if it is.
    pub(super) simulation: Option<&'a Simulation>,
}

impl Sources<'_> {
    /// Brings up what the project takes from elsewhere, and gives the project with it.
    pub(super) async fn prepared<'p>(&self, project: &'p Project, io: &Io) -> Result<Cow<'p, Project>> {
        let asks =
            |service: &Service| service.provider.is_some() || socket::wanted(service) || !service.models.is_empty();
        if !project.services.values().any(asks) && self.simulation.is_none() {
            return Ok(Cow::Borrowed(project));
        }
        let prepare = async {
            let mut prepared = project.clone();
            self.models(&mut prepared, io).await?;
            self.provide(&mut prepared, io).await?;
            self.share_socket(&mut prepared).await?;
            if let Some(simulation) = self.simulation {
                self.reveal(&mut prepared, simulation).await?;
                for (object, about) in self.simulate(&mut prepared, simulation).await? {
                    io.progress.warning(object, about);
                }
                self.furnish_endpoint(&mut prepared, simulation, io).await?;
            }
            Ok(Cow::Owned(prepared))
        };
        tokio::select! {
            prepared = Box::pin(prepare) => prepared,
            () = io.interrupts.reached(1) => Err(Error::INTERRUPTED),
        }
    }

    /// The project as a preview needs it: nothing is asked of anybody but the engine, and nothing is made.
    pub(super) async fn previewed<'p>(&self, project: &'p Project) -> Result<Cow<'p, Project>> {
        let Some(simulation) = self.simulation else {
            return Ok(Cow::Borrowed(project));
        };
        let mut previewed = project.clone();
        self.simulate(&mut previewed, simulation).await?;
        // Which credentials there are is not asked, only that there are some.
        if matches!(simulation.source, Source::Here(_)) {
            simulation::keep(&mut previewed, String::new());
        }
        // It would be made, which is no failure.
        if let Some(endpoint) = previewed.services.get_mut(endpoint::SERVICE) {
            endpoint.pull_policy = None;
        }
        Ok(Cow::Owned(previewed))
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

/// A secret or config of this content, which no file has.
fn file(key: &str, content: String) -> FileObject {
    FileObject {
        span: Span::NOWHERE,
        name: Spanned::nowhere(key.to_owned()),
        file: None,
        environment: None,
        content: Some(Spanned::nowhere(content)),
        external: false,
        labels: Mapping::default(),
        driver: None,
        driver_opts: Mapping::default(),
        template_driver: None,
        extensions: Extensions::default(),
    }
}

/// A service's use of one.
fn reference(key: &str, target: &str) -> FileReference {
    FileReference {
        span: Span::NOWHERE,
        source: Spanned::nowhere(key.to_owned()),
        target: Some(Spanned::nowhere(target.to_owned())),
        uid: None,
        gid: None,
        mode: None,
        extensions: Extensions::default(),
    }
}

/// The last lines of what a program wrote for people, if anything.
fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
