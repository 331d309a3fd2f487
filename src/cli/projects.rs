//! `ctx projects`: what `docker compose ls` shows; `ctx ls` lists contexts.

use clap::Args;

use super::environment::Environment;
use crate::error::Result;
use crate::ui;

/// List the projects that have containers
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Show stopped ones too
    #[arg(short, long)]
    all: bool,
    /// Only those whose name contains this: `name=PART`
    #[arg(long, value_name = "FILTER", value_parser = part)]
    filter: Vec<String>,
    /// Print only names
    #[arg(short, long)]
    quiet: bool,
    /// `table`, `json`, or a Go template
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ui::Format,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    environment.run(async |_| {
        let backend = environment.backend().await?;
        let mut projects = backend.projects(arguments.all).await?;
        projects.retain(|project| arguments.filter.iter().all(|part| project.name.contains(part)));
        ui::project::print_projects(&projects, &arguments.format, arguments.quiet)?;
        Ok(0)
    })
}

fn part(filter: &str) -> Result<String, String> {
    let part = filter.strip_prefix("name=");
    part.map(str::to_owned).ok_or_else(|| "expected name=PART".to_owned())
}
