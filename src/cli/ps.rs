//! `ctx ps`

use clap::Args;

use super::environment::Environment;
use crate::backend::{PsOptions, Replica};
use crate::error::Result;
use crate::ui;

/// List the project's containers (engine) or tasks (ECS)
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Show stopped ones too
    #[arg(short, long)]
    all: bool,
    /// Only those in this state; may be repeated
    #[arg(long, value_name = "STATE")]
    status: Vec<String>,
    /// The same as `--status` in another spelling: `status=STATE`
    #[arg(long, value_name = "FILTER", value_parser = status)]
    filter: Vec<String>,
    /// Print only ids
    #[arg(short, long)]
    quiet: bool,
    /// Print only the names of services
    #[arg(long, conflicts_with = "quiet")]
    services: bool,
    /// `table`, `json`, or a Go template
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ui::Format,
    /// Services to list [default: all]
    #[arg(value_name = "SERVICE")]
    of: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let name = environment.project_name()?;
    let states: Vec<_> = arguments.status.iter().chain(&arguments.filter).collect();
    let options = PsOptions {
        services: arguments.of.clone(),
        // A state that is asked for is shown, also if it is no running one.
        all: arguments.all || !states.is_empty(),
    };
    environment.run(async |_| {
        let mut replicas = environment.backend().await?.ps(&name, &options).await?;
        let wanted = |replica: &Replica| states.iter().any(|state| state.eq_ignore_ascii_case(&replica.state));
        replicas.retain(|replica| states.is_empty() || wanted(replica));
        match arguments {
            Arguments { quiet: true, .. } => ui::replicas::print_ids(&replicas)?,
            Arguments { services: true, .. } => ui::replicas::print_services(&replicas)?,
            _ => ui::replicas::print(&replicas, &arguments.format)?,
        }
        Ok(0)
    })
}

fn status(filter: &str) -> Result<String, String> {
    let status = filter.strip_prefix("status=");
    status
        .map(str::to_owned)
        .ok_or_else(|| "expected status=STATE".to_owned())
}
