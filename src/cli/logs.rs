//! `ctx logs`

use clap::Args;

use super::environment::Environment;
use crate::backend::LogsOptions;
use crate::error::Result;

/// Show the output of the project's containers
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Go on with what they write from now on
    #[arg(short, long)]
    follow: bool,
    /// Lines to show of each container, counted from the end [default: all]
    #[arg(short = 'n', long, value_name = "LINES")]
    tail: Option<u64>,
    /// Services to show [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let (name, _) = environment.project_or_name()?;
    let options = LogsOptions {
        services: arguments.services.clone(),
        follow: arguments.follow,
        tail: arguments.tail,
        ..LogsOptions::default()
    };
    environment.run(async |io| {
        environment.backend().await?.logs(&name, &options, &io).await?;
        Ok(0)
    })
}
