//! `ctx prune`: what `docker compose rm` does; `ctx rm` removes contexts.

use clap::Args;

use super::environment::Environment;
use crate::error::{Error, Result};
use crate::local::Verb;
use crate::ui;

/// Remove stopped containers
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Do not ask
    #[arg(short, long)]
    force: bool,
    /// Stop them first
    #[arg(short, long)]
    stop: bool,
    /// Remove their nameless volumes too
    #[arg(short, long)]
    volumes: bool,
    /// Services whose containers to remove [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let Arguments {
        services,
        volumes,
        stop,
        ..
    } = arguments;
    let (volumes, stop) = (*volumes, *stop);
    let name = environment.project_name()?;
    environment.run(async |io| {
        let engine = environment.engine("prune").await?;
        let containers = engine.removable(&name, services, stop).await?;
        if containers.is_empty() {
            ui::output::say("No stopped containers");
            return Ok(0);
        }
        if !arguments.force && !environment.is_dry_run() {
            if !ui::prompt::is_possible() {
                return Err(Error::new("nobody is there to ask").hint("`--force` removes without asking"));
            }
            if !ui::prompt::confirm(&format!("Remove {}?", containers.join(", ")))? {
                return Ok(0);
            }
        }
        let remove = Verb::Remove { volumes, stop };
        engine.carry_out(&name, None, &remove, services, None, &io).await?;
        Ok(0)
    })
}
