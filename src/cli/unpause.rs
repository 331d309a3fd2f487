//! `ctx unpause`

use clap::Args;

use super::environment::Environment;
use crate::error::Result;
use crate::local::Verb;

/// Let frozen processes go on
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Services to unpause [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    environment.apply(&Verb::Unpause, &arguments.services, None)
}
