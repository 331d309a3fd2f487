//! `ctx create`

use clap::Subcommand;

use super::{create_docker, create_ecs};
use crate::cli::environment::Environment;
use crate::error::Result;

/// Create a context: a named target for the other commands
#[derive(Subcommand, Debug)]
pub(in crate::cli) enum Command {
    Ecs(create_ecs::Arguments),
    Docker(create_docker::Arguments),
}

pub(super) fn run(environment: &Environment, command: &Command) -> Result<u8> {
    match command {
        Command::Ecs(arguments) => create_ecs::run(environment, arguments),
        Command::Docker(arguments) => create_docker::run(environment, arguments),
    }
}
