//! `ctx run`

mod arguments;

pub(super) use arguments::Arguments;

use super::environment::Environment;
use crate::backend::Run;
use crate::compose::LoadOptions;
use crate::compose::arguments::attachments;
use crate::context::Target;
use crate::error::{Error, Result};
use crate::ui;
use crate::ui::logs::Look;
use crate::ui::terminal;

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let service = arguments.service();
    if matches!(environment.context()?.target, Target::Ecs(_)) {
        return in_a_task(environment, arguments);
    }
    let mut load = environment.load_options(&[service.to_owned()])?;
    load.no_deps = arguments.no_deps;
    let (mut project, mut report) = environment.load(&load)?;
    if let Some(policy) = arguments.pull {
        project.pull_by(policy.word());
    }
    let mut options = asked(environment, arguments, &load)?;
    options.remove_orphans |= environment.says(&project, "COMPOSE_REMOVE_ORPHANS");
    let tty = options.tty;
    environment.run_shown(arguments.quiet, async |io| {
        let engine = environment.engine("run").await?;
        let backend: &dyn crate::backend::Backend = &engine;
        report.push_all(backend.check(&project).await?, false);
        if report.has_errors() {
            return Err(report.into());
        }
        environment.show(&report);
        let open = || terminal::open(tty, !arguments.is_silent());
        let started = |name: &str| ui::output::document(&format!("{name}\n"), None);
        let ended = Box::pin(engine.run(&project, service, &options, open, started, &io)).await;
        ended.map_err(|error| error.with_sources(&report.sources))
    })
}

/// On ECS, where what is deployed is run, and files are needed only to name their lines.
fn in_a_task(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let mut options = asked(environment, arguments, &environment.load_options(&[])?)?;
    options.unheard = (options.stdin && !options.detach).then(terminal::unheard);
    let name = environment.project_name()?;
    let (files, sources) = environment.files_of(&name).unzip();
    let look = Look {
        no_prefix: true,
        ..Look::default()
    };
    environment.run_with(arguments.quiet, look, async |io| {
        let account = environment.account("run").await?;
        let started = |id: &str| ui::output::document(&format!("{id}\n"), None);
        let project = (name.as_str(), files.as_ref());
        let ended = account.run(project, arguments.service(), &options, started, &io).await;
        if options.unheard.is_some() {
            terminal::forget();
        }
        ended.map_err(|error| error.with_sources(&sources.unwrap_or_default()))
    })
}

fn asked(environment: &Environment, arguments: &Arguments, load: &LoadOptions) -> Result<Run> {
    let (ports, volumes) =
        attachments(&arguments.publish, &arguments.volume, &load.current_dir).map_err(Error::from)?;
    Ok(Run {
        ports,
        volumes,
        ..arguments.options(environment)?
    })
}
