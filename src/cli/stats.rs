//! `ctx stats`

use clap::Args;

use super::environment::Environment;
use crate::error::{Error, Result};
use crate::ui;

/// Show what containers use of the machine, again and again
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Show stopped ones too
    #[arg(short, long)]
    all: bool,
    /// Show it once
    #[arg(long)]
    no_stream: bool,
    /// Print whole ids
    #[arg(long)]
    no_trunc: bool,
    /// `table`, `json`, or a Go template
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ui::Format,
    /// Services to show [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let name = environment.project_name()?;
    environment.run(async |io| {
        let engine = environment.engine("stats").await?;
        loop {
            let usage = engine.usage(&name, &arguments.services, arguments.all);
            let usage = tokio::select! {
                usage = usage => usage?,
                () = io.interrupts.reached(1) => return Err(Error::INTERRUPTED),
            };
            ui::usage::print(&usage, &arguments.format, arguments.no_trunc, !arguments.no_stream)?;
            if arguments.no_stream || usage.is_empty() {
                return Ok(0);
            }
        }
    })
}
