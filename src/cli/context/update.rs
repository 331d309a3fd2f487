//! `ctx update`

use clap::{ArgGroup, Args};

use super::docker_endpoint::DockerOption;
use crate::cli::environment::Environment;
use crate::context::{Change, Credentials, EcsEndpoint, Selection, Target, account, region};
use crate::error::{Error, Result};
use crate::ui;

/// Change a context
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("change").required(true).multiple(true)
    .args(["description", "docker", "profile", "from_env", "region", "account"])))]
pub(in crate::cli) struct Arguments {
    /// Name of the context
    name: String,
    /// What the context is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How to reach the engine: `host=URL[,ca=FILE][,cert=FILE,key=FILE][,skip-tls-verify=true]`
    #[arg(long, value_name = "KEY=VALUE,…", conflicts_with_all = ["profile", "from_env", "region", "account"])]
    docker: Option<DockerOption>,
    /// Use this profile of the AWS configuration files
    #[arg(long, value_name = "NAME", conflicts_with = "from_env")]
    profile: Option<String>,
    /// Use what the AWS_… variables (or the machine's role) say when a command runs
    #[arg(long)]
    from_env: bool,
    /// Region to deploy to
    #[arg(long, value_name = "REGION", value_parser = region)]
    region: Option<String>,
    /// Refuse any other account than this one
    #[arg(long, value_name = "NUMBER", value_parser = account)]
    account: Option<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let store = environment.store()?;
    let name = &arguments.name;
    let target = store.get(name, &Selection::default())?.target;
    let wants_ecs = arguments.profile.is_some() || arguments.from_env || arguments.region.is_some();
    let wants_ecs = wants_ecs || arguments.account.is_some();
    let mut change = Change {
        description: arguments.description.clone(),
        ..Change::default()
    };
    match target {
        Target::Docker(_) if !wants_ecs => {
            if let Some(docker) = &arguments.docker {
                change.target = Some(Target::Docker(docker.endpoint()));
                change.tls = Some(docker.tls_material()?);
            }
        }
        Target::Ecs(endpoint) if arguments.docker.is_none() => {
            change.target = Some(Target::Ecs(changed(endpoint, environment, arguments)?));
        }
        Target::EcsLocal(endpoint) if arguments.docker.is_none() => {
            change.target = Some(Target::EcsLocal(changed(endpoint, environment, arguments)?));
        }
        Target::Other(_) if arguments.docker.is_none() && !wants_ecs => {}
        target => {
            let options = if wants_ecs {
                "`--profile`, `--from-env`, `--region` and `--account` are for contexts of the type ecs"
            } else {
                "`--docker` is for contexts of the type moby"
            };
            return Err(Error::new(format!("context \"{name}\" is of the type {}", target.kind())).hint(options));
        }
    }
    store.update(name, &change)?;
    ui::output::say(&format!("Successfully updated context \"{name}\""));
    Ok(0)
}

fn changed(mut endpoint: EcsEndpoint, environment: &Environment, arguments: &Arguments) -> Result<EcsEndpoint> {
    if let Some(profile) = &arguments.profile {
        environment.aws_profiles()?.check(profile)?;
        endpoint.credentials = Credentials::Profile(profile.clone());
    } else if arguments.from_env {
        endpoint.credentials = Credentials::Environment;
    }
    endpoint.region = arguments.region.clone().or(endpoint.region);
    endpoint.account = arguments.account.clone().or(endpoint.account);
    Ok(endpoint)
}
