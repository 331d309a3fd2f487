//! `ctx images`

use clap::Args;

use super::environment::Environment;
use crate::error::Result;
use crate::ui;

/// List the images of the project's containers
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Print only ids
    #[arg(short, long)]
    quiet: bool,
    /// `table`, `json`, or a Go template
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ui::Format,
    /// Services whose images to list [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let name = environment.project_name()?;
    environment.run(async |_| {
        let backend = environment.backend().await?;
        let found = backend.images(&name, &arguments.services).await?;
        ui::project::print_images(&found, &arguments.format, arguments.quiet)?;
        Ok(0)
    })
}
