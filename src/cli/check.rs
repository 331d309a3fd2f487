//! `ctx check`

use clap::Args;

use super::environment::Environment;
use crate::backend::verdict::Outcome;
use crate::error::Result;
use crate::ui::verdicts::{self, Format, Target};
use crate::{context, ecs, local};

/// Say what becomes of each attribute of the project on a target; fails if any is refused
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Where the project shall run [default: what the current context names]
    #[arg(long, value_enum)]
    target: Option<Target>,
    /// Format of the list
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Fail also if any is ignored or differs
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let target = match arguments.target {
        Some(target) => target,
        None => match environment.context()?.target {
            context::Target::Ecs(_) | context::Target::EcsLocal(_) => Target::Ecs,
            _ => Target::Engine,
        },
    };
    let (project, report) = environment.project_and_report(&[])?;
    environment.show(&report);
    let findings = match target {
        Target::Ecs => ecs::support::findings(&project),
        Target::Engine => local::support::findings(&project),
    };
    verdicts::print(target, &findings, &report.sources, arguments.format)?;
    let tolerated = if arguments.strict {
        Outcome::Spent
    } else {
        Outcome::Ignored
    };
    Ok(u8::from(findings.iter().any(|finding| finding.outcome < tolerated)))
}
