//! The commands of the context store.

use clap::Subcommand;

use super::environment::Environment;
use crate::error::Result;
use crate::ui;

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Print the current context's name
    Show,
}

pub(super) fn run(environment: &Environment, command: Command) -> Result<u8> {
    match command {
        Command::Show => ui::output::document(&format!("{}\n", environment.context()?.name), None)?,
    }
    Ok(0)
}
