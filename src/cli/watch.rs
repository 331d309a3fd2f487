//! `ctx watch`

use clap::Args;

use super::environment::Environment;
use super::up;
use crate::backend::{Backend, UpOptions};
use crate::compose::Project;
use crate::diagnostic::Report;
use crate::error::Result;
use crate::local::Watching;
use crate::local::watch::check;
use crate::ui::logs::Look;

/// Bring the project up, and its containers what is edited, as `develop.watch` says
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Take the containers as they are
    #[arg(long)]
    no_up: bool,
    /// Whether a build removes the images that it replaces
    #[arg(long, default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true)]
    prune: bool,
    /// Tell nothing of how the services are built and made
    #[arg(long)]
    quiet: bool,
    /// Services to watch, with their dependencies [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    environment.context()?;
    let (project, report) = environment.project_and_report(&arguments.services)?;
    let up = UpOptions {
        services: arguments.services.clone(),
        ..UpOptions::default()
    };
    let watching = Watching {
        up: (!arguments.no_up).then_some(up),
        attached: false,
        prune: arguments.prune,
        quiet: arguments.quiet,
    };
    watch(environment, &project, report, &watching, (Look::default(), false))
}

/// `ctx up --watch`
pub(super) fn attached(
    environment: &Environment,
    project: &Project,
    report: Report,
    up: UpOptions,
    arguments: &up::Arguments,
) -> Result<u8> {
    let watching = Watching {
        up: Some(up),
        attached: true,
        prune: true,
        quiet: false,
    };
    watch(
        environment,
        project,
        report,
        &watching,
        (arguments.look(), arguments.strict),
    )
}

fn watch(
    environment: &Environment,
    project: &Project,
    mut report: Report,
    watching: &Watching,
    (look, strict): (Look, bool),
) -> Result<u8> {
    environment.run_logging(look, async |io| {
        let engine = environment.engine("watch").await?;
        report.push_all(engine.check(project).await?, strict);
        report.push_all(check(project), strict);
        if report.has_errors() {
            return Err(report.into());
        }
        environment.show(&report);
        let watched = engine.watch(project, watching, &io).await;
        watched.map_err(|error| error.with_sources(&report.sources))
    })
}
