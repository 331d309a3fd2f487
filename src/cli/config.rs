//! `ctx config`

use clap::Args;

use super::environment::Environment;
use crate::error::Result;

/// Print the project as it is after loading
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Only check the files, print nothing
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let project = environment.project(&[])?;
    if !arguments.quiet {
        crate::ui::output::document(&format!("name: {}\n", project.name), None)?;
    }
    Ok(0)
}
