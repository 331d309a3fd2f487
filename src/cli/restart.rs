//! `ctx restart`

use std::time::Duration;

use clap::Args;

use super::environment::Environment;
use super::stop::grace;
use crate::backend::Lifecycle;
use crate::error::Result;

/// Stop containers and start them again
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Leave alone the services that restart with those that are named
    #[arg(long)]
    no_deps: bool,
    /// Seconds that a container may take to stop; -1 is for ever
    #[arg(short, long, value_name = "SECONDS", value_parser = grace, allow_negative_numbers = true)]
    timeout: Option<Duration>,
    /// Services to restart [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let verb = Lifecycle::Restart {
        alone: arguments.no_deps,
    };
    environment.lifecycle(&verb, &arguments.services, arguments.timeout)
}
