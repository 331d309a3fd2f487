//! `ctx pause`

use clap::Args;

use super::environment::Environment;
use crate::error::Result;
use crate::local::Verb;

/// Freeze the processes of running containers
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Services to pause [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    environment.apply(&Verb::Pause, &arguments.services, None)
}
