//! `ctx run`

mod arguments;

pub(super) use arguments::Arguments;

use super::environment::Environment;
use crate::compose::arguments::attachments;
use crate::error::{Error, Result};
use crate::ui;
use crate::ui::terminal;

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let service = &arguments.service;
    let mut load = environment.load_options(std::slice::from_ref(service))?;
    load.no_deps = arguments.no_deps;
    let (mut project, mut report) = environment.load(&load)?;
    if let Some(policy) = arguments.pull {
        project.pull_by(policy.word());
    }
    let (ports, volumes) =
        attachments(&arguments.publish, &arguments.volume, &load.current_dir).map_err(Error::from)?;
    let mut options = arguments.options(environment)?;
    (options.ports, options.volumes) = (ports, volumes);
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
