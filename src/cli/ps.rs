//! `ctx ps`

use clap::{ArgAction, Args};

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
    #[arg(long, value_name = "STATE", value_parser = state)]
    status: Vec<String>,
    /// The same as `--status` in another spelling: `status=STATE`
    #[arg(long, value_name = "FILTER", value_parser = status)]
    filter: Vec<String>,
    /// Also those of services that the files do not name
    #[arg(long, default_value_t = true, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    orphans: bool,
    /// Show commands at their full length
    #[arg(long)]
    no_trunc: bool,
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
    let named = if arguments.orphans {
        None
    } else {
        Some(environment.project_and_report(&[])?.0)
    };
    let states: Vec<_> = arguments.status.iter().chain(&arguments.filter).collect();
    let options = PsOptions {
        services: arguments.of.clone(),
        // A state that is asked for is shown, also if it is no running one.
        all: arguments.all || !states.is_empty(),
    };
    environment.run(async |_| {
        let mut replicas = environment.backend().await?.ps(&name, &options).await?;
        for service in &arguments.of {
            if !replicas.iter().any(|replica| replica.service == *service) {
                environment.is_known(service)?;
            }
        }
        let wanted = |replica: &Replica| states.contains(&&replica.state);
        replicas.retain(|replica| states.is_empty() || wanted(replica));
        if let Some(project) = &named {
            replicas.retain(|replica| project.services.contains_key(&replica.service));
        }
        match arguments {
            Arguments { quiet: true, .. } => ui::replicas::print_ids(&replicas)?,
            Arguments { services: true, .. } => ui::replicas::print_services(&replicas)?,
            _ => ui::replicas::print(&replicas, &arguments.format, arguments.no_trunc)?,
        }
        Ok(0)
    })
}

fn status(filter: &str) -> Result<String, String> {
    let status = filter.strip_prefix("status=");
    state(status.ok_or("expected status=STATE")?)
}

fn state(word: &str) -> Result<String, String> {
    let word = word.to_lowercase();
    if Replica::STATES.contains(&word.as_str()) {
        return Ok(word);
    }
    Err(format!("states are {}", Replica::STATES.join(", ")))
}
