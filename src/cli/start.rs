//! `ctx start`

use clap::Args;

use super::environment::Environment;
use crate::backend::Lifecycle;
use crate::error::Result;

/// Start the containers that a project has
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Services to start [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    environment.lifecycle(&Lifecycle::Start, &arguments.services, None)
}
