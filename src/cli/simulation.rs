//! The engine of a context of the type ecs-local, with what it has to know to simulate ECS.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::environment::Environment;
use crate::backend::{Simulation, Source, Vault};
use crate::context::{DEFAULT, DockerEndpoint, EcsEndpoint, Profiles, Sessions, Target};
use crate::error::Result;
use crate::{ecs, endpoint, local, ui};

/// Connects to the engine of the `default` context.
pub(super) async fn engine(
    environment: &Environment,
    context: &str,
    endpoint: &EcsEndpoint,
    aws: &Path,
) -> Result<local::Engine> {
    let docker = match environment.store()?.get(DEFAULT, &environment.selection())?.target {
        Target::Docker(docker) => docker,
        _ => DockerEndpoint::default(),
    };
    let profiles = environment.aws_profiles()?;
    let profile = endpoint.credentials.profile();
    let said = |variable: &str| environment.variable(variable).map(str::to_owned);
    let mut variables = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter();
    let mut region = endpoint.region.clone().or_else(|| variables.find_map(said));
    if let (None, Some(profile)) = (&region, profile) {
        region = profiles.region(profile)?;
    }
    let known = Arc::new(Known {
        context: context.to_owned(),
        endpoint: endpoint.clone(),
        profiles: profiles.clone(),
        sessions: Sessions(aws.join("cli/cache")),
        silence: environment.silence()?,
    });
    let source = match profile {
        Some(name) if profiles.are_enough_for(name)? => Source::Profile {
            files: profiles.elsewhere(aws, endpoint::HOME),
            name: name.to_owned(),
        },
        _ => here(Arc::clone(&known)),
    };
    let folder = environment.docker_config();
    let engine = local::Engine::connect(&environment.spoken_to(&docker), folder.as_deref()).await?;
    Ok(engine.simulating(Simulation {
        context: context.to_owned(),
        region,
        account: endpoint.account.clone(),
        source,
        vault: vault(known),
        proxies: environment.proxies(),
        files: environment.load_options(&[])?,
        judge: ecs::judge,
    }))
}

/// Who one is, so that it can be asked for at any time.
struct Known {
    context: String,
    endpoint: EcsEndpoint,
    profiles: Profiles,
    sessions: Sessions,
    silence: Option<Duration>,
}

impl Known {
    fn person(&self) -> ecs::Person<'_> {
        ecs::Person {
            profiles: &self.profiles,
            sessions: &self.sessions,
            ask: &ui::prompt::code,
            silence: self.silence,
        }
    }
}

/// Credentials that only this machine, or its user, can find; asked for when a project is brought up.
fn here(known: Arc<Known>) -> Source {
    Source::Here(Arc::new(move || {
        let known = Arc::clone(&known);
        Box::pin(async move { ecs::keys(&known.context, &known.endpoint, &known.person()).await })
    }))
}

/// The secrets of the account, which is asked for when a project has external ones.
fn vault(known: Arc<Known>) -> Vault {
    Vault(Arc::new(move |names| {
        let known = Arc::clone(&known);
        Box::pin(async move {
            let account = ecs::Account::connect(&known.context, &known.endpoint, &known.person()).await?;
            Ok(join_all(names.iter().map(|name| ecs::reveal(&account, name))).await)
        })
    }))
}
