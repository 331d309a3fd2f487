//! `ctx kill`

use clap::Args;

use super::environment::Environment;
use crate::backend::Lifecycle;
use crate::error::Result;

/// Send a signal to running containers
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Signal to send [default: SIGKILL]
    #[arg(short, long, value_name = "SIGNAL")]
    signal: Option<String>,
    /// Remove containers of services that are no longer in the files
    #[arg(long)]
    remove_orphans: bool,
    /// Services whose containers get it [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let kill = Lifecycle::Kill(arguments.signal.clone());
    if !arguments.remove_orphans && !environment.is_on("COMPOSE_REMOVE_ORPHANS") {
        return environment.lifecycle(&kill, &arguments.services, None);
    }
    let (project, _) = environment.project_and_report(&[])?;
    environment.run(async |io| {
        let engine = environment.engine("kill --remove-orphans").await?;
        engine.remove_orphans(&project, &io).await.map(|()| 0)
    })?;
    environment.lifecycle(&kill, &arguments.services, None)
}
