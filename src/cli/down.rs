//! `ctx down`

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::environment::Environment;
use super::stop::grace;
use crate::backend::{DownOptions, RemoveImages};
use crate::error::Result;

/// Stop the project and remove what `up` made
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Remove named volumes and their data too
    #[arg(short, long)]
    volumes: bool,
    /// Do not ask before data of volumes is lost (ECS)
    #[arg(short, long)]
    yes: bool,
    /// Remove containers of services that are no longer in the files
    #[arg(long)]
    remove_orphans: bool,
    /// Remove images too: those without a name of their own, or all (on ECS: the repositories that `up` made)
    #[arg(long, value_name = "WHICH")]
    rmi: Option<Rmi>,
    /// Seconds that a container may take to stop; -1 is for ever
    #[arg(short, long, value_name = "SECONDS", value_parser = grace, allow_negative_numbers = true)]
    timeout: Option<Duration>,
    /// Services to remove, with those that depend on them (engine) [default: the whole project]
    services: Vec<String>,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Rmi {
    Local,
    All,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let (name, project) = environment.project_or_name()?;
    let options = DownOptions {
        services: arguments.services.clone(),
        volumes: arguments.volumes,
        yes: arguments.yes,
        remove_orphans: arguments.remove_orphans || environment.is_on("COMPOSE_REMOVE_ORPHANS"),
        images: arguments.rmi.map(|which| match which {
            Rmi::Local => RemoveImages::Local,
            Rmi::All => RemoveImages::All,
        }),
        timeout: arguments.timeout,
    };
    environment.run(async |io| {
        environment
            .backend()
            .await?
            .down(&name, project.as_ref(), &options, &io)
            .await?;
        Ok(0)
    })
}
