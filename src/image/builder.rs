//! Who builds: the plugin `buildx`, which drives any builder that its user has, or else the engine itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::buildkit::BuildKit;
use super::{Bake, BuildOptions, Target, buildx, classic};
use crate::backend::Io;
use crate::context::{DockerEndpoint, plugin};
use crate::engine::Connection;
use crate::error::{Error, Result};
use crate::registry;

/// An engine, and the tools of its user.
#[derive(Clone, Debug)]
pub struct Builder {
    endpoint: DockerEndpoint,
    /// The docker CLI's own folder.
    docker_config: Option<PathBuf>,
}

impl Builder {
    #[must_use]
    pub fn new(endpoint: &DockerEndpoint, docker_config: Option<&Path>) -> Self {
        Self {
            endpoint: endpoint.clone(),
            docker_config: docker_config.map(Path::to_owned),
        }
    }

    /// The engine that gets the images.
    pub(crate) fn engine(&self) -> Result<Connection> {
        Connection::open(&self.endpoint, self.docker_config.as_deref())
    }

    /// Who asks registries in its user's name.
    #[must_use]
    pub fn registries(&self) -> registry::Client {
        registry::Client::new(self.docker_config.as_deref())
    }

    /// Builds all targets; the result is what the builder wrote for people to read, if anything.
    pub async fn build(&self, bake: &Bake, options: &BuildOptions, io: &Io) -> Result<String> {
        if bake.targets.is_empty() {
            return Ok(String::new());
        }
        let building = async {
            if let Some(program) = plugin("buildx", self.docker_config.as_deref()) {
                let plugin = buildx::Plugin {
                    program,
                    endpoint: &self.endpoint,
                    docker_config: self.docker_config.as_deref(),
                };
                plugin.build(bake, options, io).await
            } else {
                self.build_by_engine(bake, options, io).await.map(|()| String::new())
            }
        };
        tokio::select! {
            built = building => built,
            () = io.interrupts.reached(1) => Err(Error::INTERRUPTED),
        }
    }

    async fn build_by_engine(&self, bake: &Bake, options: &BuildOptions, io: &Io) -> Result<()> {
        need_no_plugin(options)?;
        let engine = Arc::new(self.engine()?);
        let buildkit = if bake.without_buildkit {
            None
        } else {
            BuildKit::of(&engine).await?
        };
        match buildkit.map(|buildkit| buildkit.plan(bake).map(|plans| (buildkit, plans))) {
            Some(Ok((buildkit, plans))) => buildkit.build(bake, plans, io).await?,
            // The first builder knows some things that an old BuildKit does not.
            Some(Err(refused)) if classic::check(bake).is_err() => return Err(refused),
            Some(Err(_)) | None => {
                classic::check(bake)?;
                classic::build(&engine, bake, io).await?;
            }
        }
        if options.push {
            for name in bake.targets.iter().flat_map(Target::pushed) {
                self.push_by_name(name, &io.progress).await?;
            }
        }
        Ok(())
    }
}

/// Refuses what only the plugin can do.
fn need_no_plugin(options: &BuildOptions) -> Result<()> {
    for (asked, option) in [(options.builder.is_some(), "--builder"), (options.check, "--check")] {
        if asked {
            return Err(
                Error::new(format!("`{option}` needs the plugin `buildx`, which is not there"))
                    .hint("install the docker CLI's plugin `buildx`, with which `ctx` builds all of this"),
            );
        }
    }
    Ok(())
}
