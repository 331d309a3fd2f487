//! `ctx forward`

use clap::Args;

use super::environment::Environment;
use crate::backend::{Destination, Forward, Way};
use crate::error::Result;
use crate::ui;

/// Lead ports of this machine to a service's container, until Ctrl-C
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Number of the service's container [default: the first that runs]
    #[arg(long)]
    index: Option<u32>,
    service: String,
    /// `80`, `8080:80`, or `5432:db:5432` for a host that the container sees; a port here that is 0, or left out, is the
    /// same one, or a free one if that is taken
    #[arg(required = true, value_name = "[LOCAL:][HOST:]PORT")]
    ports: Vec<Forward>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let name = environment.project_name()?;
    // The files say where the service stands, and are not needed for more.
    let (project, sources) = environment.files_of(&name).unzip();
    environment.run(async |io| {
        let backend = environment.backend().await?;
        let mut ways = Vec::new();
        for forward in &arguments.ports {
            ways.push(Way::open(forward.clone()).await?);
        }
        let destination = Destination {
            project: &name,
            service: &arguments.service,
            index: arguments.index,
        };
        let ready = |way: &Way| {
            let line = format!(
                "Forwarding 127.0.0.1:{} -> {}\n",
                way.local,
                way.target(&arguments.service)
            );
            ui::output::document(&line, None)?;
            let wanted = way.forward.local.unwrap_or(way.forward.port);
            if way.local != wanted {
                ui::output::say(&format!("Port {wanted} cannot be taken here; {} is free", way.local));
            }
            Ok(())
        };
        let forwarding = backend.forward(destination, project.as_ref(), &ways, &ready, &io).await;
        forwarding
            .map_err(|error| error.with_sources(&sources.unwrap_or_default()))
            .map(|()| 0)
    })
}
