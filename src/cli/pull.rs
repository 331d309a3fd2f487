//! `ctx pull`

use clap::{Args, ValueEnum};

use super::environment::Environment;
use crate::error::Result;
use crate::local::PullOptions;

/// Pull the images of the project's services into the engine
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// What to pull, whatever `pull_policy` says
    #[arg(long, value_name = "POLICY")]
    policy: Option<Policy>,
    /// Pull no image that can be built
    #[arg(long)]
    ignore_buildable: bool,
    /// Go on when an image cannot be pulled
    #[arg(long)]
    ignore_pull_failures: bool,
    /// Also pull what the services depend on
    #[arg(long)]
    include_deps: bool,
    /// Show only mistakes
    #[arg(short, long)]
    quiet: bool,
    /// Services whose images to pull [default: all]
    services: Vec<String>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Debug)]
enum Policy {
    Missing,
    Always,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let (project, report) = environment.project_and_report(&arguments.services)?;
    let options = PullOptions {
        // The project holds the named services and what they depend on.
        services: if arguments.include_deps {
            Vec::new()
        } else {
            arguments.services.clone()
        },
        missing: arguments.policy.map(|policy| policy == Policy::Missing),
        ignore_buildable: arguments.ignore_buildable,
        ignore_failures: arguments.ignore_pull_failures,
    };
    environment.run_shown(arguments.quiet, async |io| {
        let pulled = environment
            .image_engine(&project)
            .await?
            .pull(&project, &options, &io)
            .await;
        pulled.map_err(|error| error.with_sources(&report.sources)).map(|()| 0)
    })
}
