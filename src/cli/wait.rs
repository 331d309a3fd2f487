//! `ctx wait`

use clap::Args;

use super::environment::Environment;
use crate::backend::DownOptions;
use crate::error::Result;
use crate::ui;

/// Wait until the containers of services end; the exit status is the last one's
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Remove the project when the first of them has ended
    #[arg(long)]
    down_project: bool,
    /// Services to wait for
    #[arg(required = true)]
    services: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let name = environment.project_name()?;
    environment.run(async |io| {
        let engine = environment.engine("wait").await?;
        let ended = |container: &str, status: i64| {
            let line = format!("container \"{container}\" exited with status code {status}\n");
            ui::output::document(&line, None).ok();
        };
        let first = arguments.down_project;
        let status = tokio::select! {
            status = engine.wait(&name, &arguments.services, first, ended, &io) => status?,
            () = io.interrupts.reached(1) => return Err(crate::error::Error::INTERRUPTED),
        };
        if arguments.down_project {
            environment
                .backend()
                .await?
                .down(&name, None, &DownOptions::default(), &io)
                .await?;
        }
        Ok(u8::try_from(status).unwrap_or(1))
    })
}
