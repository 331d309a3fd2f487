//! `ctx push`

use clap::Args;

use super::environment::Environment;
use crate::error::Result;

/// Push the images that were built for the project's services and that the files give a name
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Go on when an image cannot be pushed
    #[arg(long)]
    ignore_push_failures: bool,
    /// Also push what the services depend on
    #[arg(long)]
    include_deps: bool,
    /// Show only mistakes
    #[arg(short, long)]
    quiet: bool,
    /// Services whose images to push [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let (project, report) = environment.project_and_report(&arguments.services)?;
    // The project holds the named services and what they depend on.
    let services: &[String] = if arguments.include_deps {
        &[]
    } else {
        &arguments.services
    };
    environment.run_shown(arguments.quiet, async |io| {
        let engine = environment.image_engine(&project).await?;
        let pushed = engine
            .push(&project, services, arguments.ignore_push_failures, &io)
            .await;
        pushed.map_err(|error| error.with_sources(&report.sources)).map(|()| 0)
    })
}
