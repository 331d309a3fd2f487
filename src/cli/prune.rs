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
    let Arguments { services, volumes, .. } = arguments;
    let remove = Verb::Remove { volumes: *volumes };
    if environment.is_dry_run() {
        return environment.apply(&remove, services, None);
    }
    let name = environment.project_name()?;
    environment.run(async |io| {
        let engine = environment.engine("prune").await?;
        if arguments.stop {
            engine.carry_out(&name, None, &Verb::Stop, services, None, &io).await?;
        }
        let containers = engine.removable(&name, services).await?;
        if containers.is_empty() {
            ui::output::say("No stopped containers");
            return Ok(0);
        }
        if !arguments.force {
            if !ui::prompt::is_possible() {
                return Err(Error::new("nobody is there to ask").hint("`--force` removes without asking"));
            }
            if !ui::prompt::confirm(&format!("Remove {}?", containers.join(", ")))? {
                return Ok(0);
            }
        }
        engine.carry_out(&name, None, &remove, services, None, &io).await?;
        Ok(0)
    })
}
