//! `ctx ps`

use clap::Args;

use super::environment::Environment;
use crate::backend::PsOptions;
use crate::error::Result;
use crate::ui;

/// List the project's containers (engine) or tasks (ECS)
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Show stopped ones too
    #[arg(short, long)]
    all: bool,
    /// Print only ids
    #[arg(short, long)]
    quiet: bool,
    /// Format of the list
    #[arg(long, value_enum, default_value_t = ui::replicas::Format::Table)]
    format: ui::replicas::Format,
    /// Services to list [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let (name, _) = environment.project_or_name()?;
    let options = PsOptions {
        services: arguments.services.clone(),
        all: arguments.all,
    };
    environment.run(async |_| {
        let replicas = environment.backend().await?.ps(&name, &options).await?;
        ui::replicas::print(&replicas, arguments.format, arguments.quiet)?;
        Ok(0)
    })
}
