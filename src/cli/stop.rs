//! `ctx stop`

use std::time::Duration;

use clap::Args;

use super::environment::Environment;
use crate::backend::Lifecycle;
use crate::error::Result;

/// Stop containers without removing them
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Seconds that a container may take to stop; -1 is for ever
    #[arg(short, long, value_name = "SECONDS", value_parser = grace, allow_negative_numbers = true)]
    timeout: Option<Duration>,
    /// Services to stop [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    environment.lifecycle(&Lifecycle::Stop, &arguments.services, arguments.timeout)
}

/// How long a container may take to stop; for ever is [`Duration::MAX`].
pub(super) fn grace(text: &str) -> Result<Duration, String> {
    if text == "-1" {
        return Ok(Duration::MAX);
    }
    let seconds = text.parse().map_err(|_| "it is a number of seconds, or -1")?;
    Ok(Duration::from_secs(seconds))
}
