//! `ctx stats`

use clap::Args;

use super::environment::Environment;
use crate::backend::StatsOptions;
use crate::error::Result;
use crate::ui;

/// Show what containers use of the machine, again and again; on ECS what tasks use, where Container Insights is on
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Show stopped ones too
    #[arg(short, long)]
    all: bool,
    /// Show it once
    #[arg(long)]
    no_stream: bool,
    /// Print whole ids
    #[arg(long)]
    no_trunc: bool,
    /// `table`, `json`, or a Go template
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ui::Format,
    /// Services to show [default: all]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let name = environment.project_name()?;
    let options = StatsOptions {
        services: arguments.services.clone(),
        all: arguments.all,
        once: arguments.no_stream,
    };
    let (format, whole_ids, again) = (arguments.format.clone(), arguments.no_trunc, !arguments.no_stream);
    environment.run(async |io| {
        let backend = environment.backend().await?;
        let show = move |usages: &[_]| ui::usage::print(usages, &format, whole_ids, again);
        backend.stats(&name, &options, &show, &io).await?;
        Ok(0)
    })
}
