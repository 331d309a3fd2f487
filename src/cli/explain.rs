//! `ctx explain`

use clap::Args;

use super::environment::Environment;
use crate::error::Result;
use crate::ui;

/// Say what is wrong with a project on ECS now, or why its last deployment failed; the status is 0 if nothing is
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Services to explain [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let name = environment.project_name()?;
    // The files say at which lines, and are not needed for more.
    let loaded = environment.project_and_report(&[]).ok();
    let (project, report) = loaded.filter(|(project, _)| project.name == name).unzip();
    environment.run(async |_| {
        let account = environment.account("explain").await?;
        let found = account.explain(&name, project.as_ref(), &arguments.services).await?;
        let mut report = report.unwrap_or_default();
        report.diagnostics = found;
        if report.diagnostics.is_empty() {
            ui::output::document(&format!("nothing is wrong with project `{name}`\n"), None)?;
            return Ok(0);
        }
        Err(report.into())
    })
}
