//! `ctx rollback`

use clap::Args;

use super::environment::Environment;
use crate::error::Result;

/// Go back to what services ran before, on ECS
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Services to roll back [default: those that the last deployment has changed]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let name = environment.project_name()?;
    let (files, sources) = environment.files_of(&name).unzip();
    environment.run(async |io| {
        let account = environment.account("rollback").await?;
        let project = (name.as_str(), files.as_ref());
        let done = account.rollback(project, &arguments.services, arguments.yes, &io).await;
        done.map_err(|error| error.with_sources(&sources.unwrap_or_default()))
            .map(|()| 0)
    })
}
