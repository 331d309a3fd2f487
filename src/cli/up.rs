//! `ctx up`

mod arguments;

pub(super) use arguments::{Arguments, PullPolicy};

use super::environment::Environment;
use super::scale::rescale;
use super::{diff, watch};
use crate::compose::{Project, nobody};
use crate::context::Target;
use crate::diagnostic::nearest;
use crate::error::{Error, Result};

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    // Without its context the command has nothing to do, whatever the files say.
    let context = environment.context()?;
    if environment.is_dry_run() && matches!(context.target, Target::Ecs(_)) {
        if !arguments.services.is_empty() {
            return Err(Error::new("on ECS a project is deployed as a whole").hint("leave out the names of services"));
        }
        return diff::dry_run(environment, &arguments.deployment, arguments.strict);
    }
    let mut load = environment.load_options(&arguments.services)?;
    load.no_deps = arguments.no_deps;
    let (mut project, mut report) = environment.load(&load)?;
    if project.services.is_empty() {
        // On ECS a stack may be what an overlay says, and one that has lost its services is still deployed.
        let may_be_meant = matches!(context.target, Target::Ecs(_));
        report.push_all(vec![nobody(&project, may_be_meant)], arguments.strict);
        if report.has_errors() {
            return Err(report.into());
        }
    }
    rescale(&mut project, &arguments.scale)?;
    if let Some(policy) = arguments.pull {
        project.pull_by(policy.word());
    }
    arguments.named().try_for_each(|name| is_there(&project, name))?;
    let absent = |name: &&String| !project.disabled_services.contains_key(*name);
    let mut unwatched = arguments.no_attach.iter().filter(absent);
    unwatched.try_for_each(|name| is_there(&project, name))?;
    let mut options = arguments.options();
    options.remove_orphans |= environment.says(&project, "COMPOSE_REMOVE_ORPHANS");
    options.ignore_orphans = environment.says(&project, "COMPOSE_IGNORE_ORPHANS");
    options.all_resources = environment.all_resources();
    if arguments.watch {
        return watch::attached(environment, &project, report, options, arguments);
    }
    environment.run_logging(arguments.look(), async |io| {
        let backend = environment.backend().await?;
        report.push_all(backend.check(&project).await?, arguments.strict);
        if report.has_errors() {
            return Err(report.into());
        }
        environment.show(&report);
        backend
            .up(&project, &options, &io)
            .await
            .map_err(|error| error.with_sources(&report.sources))
    })
}

/// That an option names a service that takes part.
fn is_there(project: &Project, name: &str) -> Result<()> {
    if project.services.contains_key(name) {
        return Ok(());
    }
    let error = Error::new(format!("there is no service `{name}`"));
    Err(match nearest(name, project.services.keys().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("the services that take part are those that were named and what they depend on"),
    })
}
