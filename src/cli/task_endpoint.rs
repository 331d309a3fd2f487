//! `ctx task-endpoint`, which `ctx up` runs in a container where it simulates ECS.

use clap::Args;

use super::environment::Environment;
use crate::error::{Error, Result};
use crate::{endpoint, ui};

/// Answer the containers of a project that simulates ECS; `ctx up` starts it
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Return as soon as another one answers
    #[arg(long)]
    ready: bool,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    if arguments.ready {
        return environment.run_shown(true, async |_| endpoint::ready().await.map(|()| 0));
    }
    let settings = environment.variable(endpoint::SETTINGS);
    let settings = settings.and_then(|text| serde_json::from_str(text).ok());
    let settings: endpoint::Settings = settings.ok_or_else(|| {
        Error::new("this command is for the container that `ctx up` makes in a context of the type ecs-local")
            .hint("`ctx create ecs NAME --local-simulation` makes such a context")
    })?;
    environment.run_shown(true, async |io| {
        tokio::select! {
            served = Box::pin(endpoint::serve(settings, ui::output::say)) => served.map(|()| 0),
            () = io.interrupts.reached(1) => Ok(0),
        }
    })
}
