//! `ctx create ecs`
//!
//! Long because credentials come in three ways, each of which a person at a terminal is asked for.

use std::path::PathBuf;

use clap::Args;

use super::ask::{self, Way};
use crate::cli::environment::Environment;
use crate::context::{AccessKeys, Context, Credentials, EcsEndpoint, Profiles, Target, TlsMaterial, account, region};
use crate::error::{Error, Result};
use crate::ui::{self, prompt};

/// Create a context for Amazon ECS; asks how to reach AWS when no option says so
#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// Name of the context
    name: String,
    /// Use this profile of the AWS configuration files
    #[arg(long, value_name = "NAME", conflicts_with_all = ["access_keys", "from_env"])]
    profile: Option<String>,
    /// Store the access keys of this file (AWSAccessKeyId=…, AWSSecretKey=…) as a profile of the context's name
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from_env", "local_simulation"])]
    access_keys: Option<PathBuf>,
    /// Use what the AWS_… variables (or the machine's role) say when a command runs
    #[arg(long)]
    from_env: bool,
    /// Region to deploy to [default: the profile's or the environment's]
    #[arg(long, value_name = "REGION", value_parser = region)]
    region: Option<String>,
    /// Refuse any other account than this one
    #[arg(long, value_name = "NUMBER", value_parser = account)]
    account: Option<String>,
    /// What the context is for
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// Simulate ECS on the local engine: tasks' credentials, metadata, sizes and rules
    #[arg(long)]
    local_simulation: bool,
    /// Replace the keys of a profile that exists
    #[arg(long)]
    force: bool,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let store = environment.store()?;
    store.check_new(&arguments.name)?;
    let profiles = environment.aws_profiles()?;
    let endpoint = endpoint(arguments, &profiles)?;
    let context = Context {
        name: arguments.name.clone(),
        description: arguments.description.clone(),
        target: if arguments.local_simulation {
            Target::EcsLocal(endpoint)
        } else {
            Target::Ecs(endpoint)
        },
    };
    store.create(&context, &TlsMaterial::default())?;
    ui::output::say(&format!(
        "Successfully created {} context \"{}\"",
        context.target.kind(),
        context.name
    ));
    Ok(0)
}

/// What the options say, or else the person at the terminal.
fn endpoint(arguments: &Arguments, profiles: &Profiles) -> Result<EcsEndpoint> {
    let endpoint = |credentials| EcsEndpoint {
        credentials,
        region: arguments.region.clone(),
        account: arguments.account.clone(),
    };
    if let Some(profile) = &arguments.profile {
        profiles.check(profile)?;
        Ok(endpoint(Credentials::Profile(profile.clone())))
    } else if let Some(file) = &arguments.access_keys {
        store_keys(arguments, profiles, || {
            Ok((AccessKeys::read(file)?, arguments.region.clone()))
        })
    } else if arguments.from_env || arguments.local_simulation {
        Ok(endpoint(Credentials::Environment))
    } else if prompt::is_possible() {
        match ask::for_the_way(profiles)? {
            Way::Profile(profile) => Ok(endpoint(Credentials::Profile(profile))),
            Way::Keys => store_keys(arguments, profiles, || {
                ask::for_keys(arguments.region.as_deref(), profiles)
            }),
            Way::Environment => Ok(endpoint(Credentials::Environment)),
        }
    } else {
        Err(Error::new("cannot ask how to reach AWS: there is no terminal")
            .hint("pass `--profile NAME`, `--access-keys FILE` or `--from-env`"))
    }
}

/// Keys become a profile with the context's name; the context itself holds none.
fn store_keys(
    arguments: &Arguments,
    profiles: &Profiles,
    keys: impl FnOnce() -> Result<(AccessKeys, Option<String>)>,
) -> Result<EcsEndpoint> {
    let name = &arguments.name;
    if !arguments.force {
        profiles.check_new(name)?;
    }
    let (keys, region) = keys()?;
    profiles.add(name, &keys, region.as_deref(), arguments.force)?;
    Ok(EcsEndpoint {
        credentials: Credentials::Profile(name.clone()),
        region,
        account: arguments.account.clone(),
    })
}
