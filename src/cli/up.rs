//! `ctx up`

use std::time::Duration;

use clap::Args;

use super::deployment::Deployment;
use super::diff;
use super::environment::Environment;
use crate::backend::{BuildPolicy, UpOptions};
use crate::error::Result;

/// Create or update the project's services on the current context
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Return when the containers run (engine) or the deployment was submitted (ECS)
    #[arg(short, long)]
    detach: bool,
    /// Build images before the containers start, also those that are there
    #[arg(long, conflicts_with = "no_build")]
    build: bool,
    /// Build no image, even if it is missing
    #[arg(long)]
    no_build: bool,
    /// Recreate containers even if nothing changed
    #[arg(long, conflicts_with = "no_recreate")]
    force_recreate: bool,
    /// Leave containers that exist as they are
    #[arg(long)]
    no_recreate: bool,
    /// Remove containers of services that are no longer in the files
    #[arg(long)]
    remove_orphans: bool,
    /// Seconds that a container may take to stop
    #[arg(short, long, value_name = "SECONDS")]
    timeout: Option<u64>,
    #[command(flatten)]
    deployment: Deployment,
    /// Show what would change, as `ctx diff` does, and change nothing (ECS)
    #[arg(long, conflicts_with = "services")]
    dry_run: bool,
    /// Do not ask before data or an address would be lost (ECS)
    #[arg(short, long)]
    yes: bool,
    /// Refuse what would be ignored or warned about
    #[arg(long)]
    strict: bool,
    /// Services to bring up, with their dependencies [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    if arguments.dry_run {
        return diff::dry_run(environment, &arguments.deployment, arguments.strict);
    }
    // Without its context the command has nothing to do, whatever the files say.
    environment.context()?;
    let (project, mut report) = environment.project_and_report(&arguments.services)?;
    let options = UpOptions {
        services: arguments.services.clone(),
        build: match (arguments.build, arguments.no_build) {
            (true, _) => BuildPolicy::Always,
            (_, true) => BuildPolicy::Never,
            _ => BuildPolicy::Missing,
        },
        detach: arguments.detach,
        force_recreate: arguments.force_recreate,
        no_recreate: arguments.no_recreate,
        remove_orphans: arguments.remove_orphans,
        timeout: arguments.timeout.map(Duration::from_secs),
        yes: arguments.yes,
        ..arguments.deployment.options()
    };
    environment.run(async |io| {
        let backend = environment.backend().await?;
        report.push_all(backend.check(&project).await?, arguments.strict);
        if report.has_errors() {
            return Err(report.into());
        }
        environment.show(&report);
        backend
            .up(&project, &options, &io)
            .await
            .map_err(|error| error.with_sources(&report.sources))
    })
}
