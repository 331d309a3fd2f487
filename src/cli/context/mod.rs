//! The commands of the context store. None of them starts the runtime or loads AWS configuration.

mod ask;
mod create;
mod create_docker;
mod create_ecs;
mod docker_endpoint;
mod inspect;
mod list;
mod remove;
mod select;
mod show;
mod update;

use clap::Subcommand;

use super::environment::Environment;
use crate::error::Result;

#[derive(Subcommand, Debug)]
pub(super) enum Command {
    #[command(subcommand)]
    Create(create::Command),
    #[command(visible_alias = "list")]
    Ls(list::Arguments),
    Use(select::Arguments),
    Show(show::Arguments),
    Inspect(inspect::Arguments),
    Update(update::Arguments),
    #[command(visible_alias = "remove")]
    Rm(remove::Arguments),
}

pub(super) fn run(environment: &Environment, command: &Command) -> Result<u8> {
    match command {
        Command::Create(command) => create::run(environment, command),
        Command::Ls(arguments) => list::run(environment, arguments),
        Command::Use(arguments) => select::run(environment, arguments),
        Command::Show(arguments) => show::run(environment, arguments),
        Command::Inspect(arguments) => inspect::run(environment, arguments),
        Command::Update(arguments) => update::run(environment, arguments),
        Command::Rm(arguments) => remove::run(environment, arguments),
    }
}
