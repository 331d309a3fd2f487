//! The options of `ctx run`.
//!
//! Long because Docker Compose has that many.

use std::path::PathBuf;

use clap::Args;

use super::super::environment::Environment;
use super::super::streams::Streams;
use super::super::up::PullPolicy;
use crate::backend::{BuildPolicy, Run};
use crate::error::{Error, Result};

/// Run one command in a container of its own, made as a service's
// One argument for both: all behind the service is the command's, whatever it looks like.
#[derive(Args, Debug)]
#[command(override_usage = "ctx run [OPTIONS] <SERVICE> [COMMAND]...")]
pub(in crate::cli) struct Arguments {
    /// Return at once and print the container's name, on ECS the task's id
    #[arg(short, long)]
    detach: bool,
    /// Remove the container when it has ended
    #[arg(long)]
    rm: bool,
    /// Leave out what the service depends on
    #[arg(long)]
    pub(super) no_deps: bool,
    /// Variable for the command; without a value, `ctx`'s own; may be repeated
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// File with variables for the command; may be repeated
    #[arg(long, value_name = "FILE")]
    env_from_file: Vec<PathBuf>,
    /// Entry point instead of the service's
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// User to run as: `name`, `uid`, `uid:gid`
    #[arg(short, long)]
    user: Option<String>,
    /// Folder to run in
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Volume to mount: `[source:]target[:options]`; may be repeated
    #[arg(short, long, value_name = "VOLUME")]
    pub(super) volume: Vec<String>,
    /// Port to publish: `[ip:][host:]container[/protocol]`; may be repeated
    #[arg(short, long, value_name = "PORT", conflicts_with = "service_ports")]
    pub(super) publish: Vec<String>,
    /// Publish the service's ports, which other containers of it may hold
    #[arg(short = 'P', long)]
    service_ports: bool,
    /// Let the service's names on its networks mean this container too
    #[arg(long)]
    use_aliases: bool,
    /// Name for the container
    #[arg(long)]
    name: Option<String>,
    /// Label for the container; may be repeated
    #[arg(short, long, value_name = "NAME=VALUE")]
    label: Vec<String>,
    /// Capability to add; may be repeated
    #[arg(long, value_name = "CAPABILITY")]
    cap_add: Vec<String>,
    /// Capability to drop; may be repeated
    #[arg(long, value_name = "CAPABILITY")]
    cap_drop: Vec<String>,
    #[command(flatten)]
    streams: Streams,
    /// Build the image before the container starts, also if it is there
    #[arg(long)]
    build: bool,
    /// When to pull images, whatever `pull_policy` says
    #[arg(long, value_name = "POLICY")]
    pub(super) pull: Option<PullPolicy>,
    /// Tell of pulls only that they begin and end
    #[arg(long)]
    quiet_pull: bool,
    /// Tell nothing of builds
    #[arg(long)]
    quiet_build: bool,
    /// Show only what the command writes
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Remove containers of services that are no longer in the files
    #[arg(long)]
    remove_orphans: bool,
    /// Service, and a command instead of its own
    #[arg(required = true, trailing_var_arg = true, value_names = ["SERVICE", "COMMAND"])]
    words: Vec<String>,
}

impl Arguments {
    pub(super) fn service(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    fn command(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    /// Whether nothing is passed on to the command.
    pub(super) fn is_silent(&self) -> bool {
        !self.streams.interactive
    }

    /// All but ports and volumes.
    pub(super) fn options(&self, environment: &Environment) -> Result<Run> {
        let mut variables = Vec::new();
        for path in &self.env_from_file {
            variables.extend(environment.variables_in(path)?);
        }
        variables.extend(environment.assignments(&self.env));
        let words = |text: &String| {
            shell_words::split(text)
                .map_err(|error| Error::new(format!("`{text}` is no entry point: {error}")).hint("check its quotes"))
        };
        Ok(Run {
            command: self.command().to_vec(),
            entrypoint: self.entrypoint.as_ref().map(words).transpose()?,
            environment: variables,
            labels: self.label.clone(),
            name: self.name.clone(),
            user: self.user.clone(),
            workdir: self.workdir.clone(),
            cap_add: self.cap_add.clone(),
            cap_drop: self.cap_drop.clone(),
            service_ports: self.service_ports,
            aliases: self.use_aliases,
            tty: !self.detach && self.streams.has_terminal(),
            stdin: self.streams.interactive,
            detach: self.detach,
            remove: self.rm,
            build: if self.build {
                BuildPolicy::Always
            } else {
                BuildPolicy::Missing
            },
            pull: self.pull.is_some(),
            quiet_pull: self.quiet_pull,
            quiet_build: self.quiet_build,
            remove_orphans: self.remove_orphans,
            ..Run::default()
        })
    }
}
