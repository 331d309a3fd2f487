//! `ctx scale`

use clap::Args;

use super::environment::Environment;
use crate::backend::UpOptions;
use crate::compose::Project;
use crate::diagnostic::nearest;
use crate::error::{Error, Result};

/// Give services other numbers of containers
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Leave out what the services depend on
    #[arg(long)]
    no_deps: bool,
    /// The numbers
    #[arg(required = true, value_name = "SERVICE=N", value_parser = scale)]
    scale: Vec<(String, i64)>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let services: Vec<_> = arguments.scale.iter().map(|(service, _)| service.clone()).collect();
    let mut load = environment.load_options(&services)?;
    load.no_deps = arguments.no_deps;
    let (mut project, mut report) = environment.load(&load)?;
    rescale(&mut project, &arguments.scale)?;
    let options = UpOptions {
        services,
        detach: true,
        no_recreate: true,
        ignore_orphans: true,
        ..UpOptions::default()
    };
    environment.run(async |io| {
        let backend = environment.backend().await?;
        report.push_all(backend.check(&project).await?, false);
        if report.has_errors() {
            return Err(report.into());
        }
        environment.show(&report);
        let scaled = backend.scale(&project, &arguments.scale, &options, &io).await;
        scaled.map_err(|error| error.with_sources(&report.sources))
    })
}

/// Sets the numbers that the command line gives.
pub(super) fn rescale(project: &mut Project, scale: &[(String, i64)]) -> Result<()> {
    for (service, replicas) in scale {
        if !project.scale(service, *replicas) {
            let error = Error::new(format!("there is no service `{service}` to scale"));
            return Err(match nearest(service, project.services.keys().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error,
            });
        }
    }
    Ok(())
}

/// `web=3`
pub(super) fn scale(argument: &str) -> Result<(String, i64), String> {
    let number = |text: &str| text.parse().ok().filter(|number| *number >= 0);
    let pair = argument.split_once('=');
    pair.and_then(|(service, replicas)| Some((service.to_owned(), number(replicas)?)))
        .ok_or_else(|| "expected SERVICE=N with N a number of containers".to_owned())
}
