//! `ctx events`

use clap::Args;
use jiff::Timestamp;

use super::environment::Environment;
use super::moment::moment;
use crate::backend::EventsOptions;
use crate::error::Result;
use crate::ui;

/// Show what happened to the project: containers (engine), the stack, services and tasks (ECS)
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Go on with what happens from now on
    #[arg(short, long)]
    follow: bool,
    /// Only what happened since then: `10m`, `2026-01-02T03:04:05Z` [default on ECS: the last deployment]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only what happened before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// A JSON object for each
    #[arg(long)]
    json: bool,
    /// Services to show [default: all, and what is about no service]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let name = environment.project_name()?;
    let options = EventsOptions {
        services: arguments.services.clone(),
        follow: arguments.follow,
        since: arguments.since,
        until: arguments.until,
    };
    let as_json = arguments.json;
    environment.run(async |io| {
        let tell = move |happening| ui::events::print(&happening, as_json);
        environment.backend().await?.events(&name, &options, &tell, &io).await?;
        Ok(0)
    })
}
