//! `ctx top`

use clap::Args;

use super::environment::Environment;
use crate::error::Result;
use crate::ui;

/// List the processes of running containers; on ECS what each task uses, where Container Insights is on
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Services whose processes to list [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let name = environment.project_name()?;
    environment.run(async |_| {
        let backend = environment.backend().await?;
        ui::project::print_processes(&backend.top(&name, &arguments.services).await?)?;
        Ok(0)
    })
}
