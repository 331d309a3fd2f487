//! `ctx permissions`

use clap::Args;

use super::digests;
use super::environment::Environment;
use crate::context::Target;
use crate::ecs;
use crate::error::Result;
use crate::ui;

/// Print the IAM policy that deploying the project to ECS needs
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Also for `ctx up --with-registry-auth`
    #[arg(long)]
    with_registry_auth: bool,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let (mut project, mut report) = environment.project_and_report(&[])?;
    if arguments.with_registry_auth {
        digests::note_logins(environment, &mut project).map_err(|error| error.with_sources(&report.sources))?;
    }
    let converted = ecs::convert::convert(&project);
    report.diagnostics.extend(converted.diagnostics);
    if report.has_errors() {
        return Err(report.into());
    }
    let region = match environment.context().map(|context| context.target) {
        Ok(Target::Ecs(endpoint) | Target::EcsLocal(endpoint)) => endpoint.region,
        _ => None,
    };
    let found = ecs::permissions::of_project(&converted.template, &project.name, region.as_deref());
    for kind in &found.unknown {
        let what = format!("`{kind}` comes from `x-aws-cloudformation`: what it needs is not in the policy");
        environment.warn(&what, "add the actions that its documentation names");
    }
    let characters = ecs::permissions::size(&found.policy);
    if characters > ecs::permissions::LARGEST {
        let what = format!("the policy has {characters} characters, and a managed policy holds 6144");
        environment.warn(&what, "attach it to a role as an inline policy, which holds 10240");
    }
    ui::output::document(&format!("{:#}\n", found.policy), None)?;
    Ok(0)
}
