//! `ctx create docker`

use clap::Args;

use super::docker_endpoint::DockerOption;
use crate::cli::environment::Environment;
use crate::context::{Context, Target};
use crate::error::Result;
use crate::ui;

/// Create a context for a Docker engine
#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// Name of the context
    name: String,
    /// How to reach the engine: `host=URL[,ca=FILE][,cert=FILE,key=FILE][,skip-tls-verify=true]`
    #[arg(long, value_name = "KEY=VALUE,…")]
    docker: DockerOption,
    /// What the context is for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let store = environment.store()?;
    store.check_new(&arguments.name)?;
    let context = Context {
        name: arguments.name.clone(),
        description: arguments.description.clone(),
        target: Target::Docker(arguments.docker.endpoint()),
    };
    store.create(&context, &arguments.docker.tls_material()?)?;
    ui::output::say(&format!("Successfully created docker context \"{}\"", context.name));
    Ok(0)
}
