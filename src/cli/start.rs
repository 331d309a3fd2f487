//! `ctx start`

use std::time::Duration;

use clap::Args;

use super::environment::Environment;
use crate::backend::Lifecycle;
use crate::context::Target;
use crate::error::Result;

/// Start the containers that a project has
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Return when they run and, where they have health checks, are healthy; on ECS it always does
    #[arg(long)]
    wait: bool,
    /// Seconds that they may take [default: any]
    #[arg(long, value_name = "SECONDS", requires = "wait")]
    wait_timeout: Option<u64>,
    /// Services to start [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let services = &arguments.services;
    let started = environment.lifecycle(&Lifecycle::Start, services, None)?;
    let on_engine = matches!(environment.context()?.target, Target::Docker(_));
    if !arguments.wait || !on_engine || environment.is_dry_run() {
        return Ok(started);
    }
    let name = environment.project_name()?;
    let limit = arguments.wait_timeout.map(Duration::from_secs);
    environment.run(async |io| {
        let engine = environment.engine("start --wait").await?;
        engine.wait_until_up(&name, services, limit, &io).await.map(|()| 0)
    })
}
