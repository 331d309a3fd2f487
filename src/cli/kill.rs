//! `ctx kill`

use clap::Args;

use super::environment::Environment;
use crate::error::Result;
use crate::local::Verb;

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
    environment.apply(&Verb::Kill(arguments.signal.clone()), &arguments.services, None)
}
