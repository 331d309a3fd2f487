//! `ctx kill`

use clap::Args;

use super::environment::Environment;
use crate::backend::Lifecycle;
use crate::error::Result;

/// Send a signal to running containers
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Signal to send [default: SIGKILL]
    #[arg(short, long, value_name = "SIGNAL")]
    signal: Option<String>,
    /// Services whose containers get it [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    environment.lifecycle(&Lifecycle::Kill(arguments.signal.clone()), &arguments.services, None)
}
