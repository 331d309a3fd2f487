//! `ctx stop`

use std::time::Duration;

use clap::Args;

use super::environment::Environment;
use crate::backend::Lifecycle;
use crate::error::Result;

/// Stop containers without removing them
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Seconds that a container may take to stop
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Services to stop [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let timeout = arguments.timeout.map(Duration::from_secs);
    environment.lifecycle(&Lifecycle::Stop, &arguments.services, timeout)
}
