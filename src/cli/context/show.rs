//! `ctx show`

use clap::Args;

use crate::cli::environment::Environment;
use crate::error::Result;
use crate::ui;

/// Print the current context's name
#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {}

pub(super) fn run(environment: &Environment, _: &Arguments) -> Result<u8> {
    ui::output::document(&format!("{}\n", environment.context()?.name), None)?;
    Ok(0)
}
