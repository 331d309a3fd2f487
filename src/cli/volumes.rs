//! `ctx volumes`

use clap::Args;

use super::environment::Environment;
use crate::error::Result;
use crate::ui;

/// List the volumes of the project
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Print only names
    #[arg(short, long)]
    quiet: bool,
    /// `table`, `json`, or a Go template
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ui::Format,
    /// Services whose volumes to list [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let name = environment.project_name()?;
    environment.run(async |_| {
        let engine = environment.engine("volumes").await?;
        let found = engine.volumes(&name, &arguments.services).await?;
        ui::project::print_volumes(&found, &arguments.format, arguments.quiet)?;
        Ok(0)
    })
}
