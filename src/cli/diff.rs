//! `ctx diff`

use clap::{Args, ValueEnum};

use super::deployment::Deployment;
use super::environment::Environment;
use crate::error::Result;
use crate::ui;

/// Show what `ctx up` would change on ECS; the status is 0 if nothing, 2 if something
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// How to show it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    deployment: Deployment,
    /// Refuse what would be ignored or warned about
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, ValueEnum, Debug)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let Arguments {
        format,
        deployment,
        strict,
    } = arguments;
    show(environment, "diff", deployment, *strict, *format).map(|changes| if changes { 2 } else { 0 })
}

/// `ctx up --dry-run`
pub(super) fn dry_run(environment: &Environment, deployment: &Deployment, strict: bool) -> Result<u8> {
    show(environment, "up --dry-run", deployment, strict, Format::Text).map(|_| 0)
}

/// Whether there are changes.
fn show(
    environment: &Environment,
    command: &str,
    deployment: &Deployment,
    strict: bool,
    format: Format,
) -> Result<bool> {
    // Without its context the command has nothing to do, whatever the files say.
    environment.context()?;
    let (project, mut report) = environment.project_and_report(&[])?;
    let options = deployment.options();
    let mut changes = Vec::new();
    environment.run(async |io| {
        let account = environment.account(command).await?;
        report.push_all(crate::ecs::check(&project), strict);
        if report.has_errors() {
            return Err(report.into());
        }
        environment.show(&report);
        let found = account.diff(&environment.builder()?, &project, &options, &io).await;
        changes = found.map_err(|error| error.with_sources(&report.sources))?;
        let print = match format {
            Format::Text => ui::changes::print,
            Format::Json => ui::changes::print_json,
        };
        print(&changes, &project.name, &report.sources)?;
        Ok(0)
    })?;
    Ok(!changes.is_empty())
}
