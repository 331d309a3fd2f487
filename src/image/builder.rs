//! Who builds: the plugin `buildx`, which drives any builder that its user has, or else the engine itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::buildkit::BuildKit;
use super::{Bake, BuildOptions, Registries, buildx, classic, sources};
use crate::backend::Io;
use crate::context::{DockerEndpoint, plugin};
use crate::diagnostic::{Diagnostic, Span};
use crate::engine::Connection;
use crate::error::{Error, Result};
use crate::registry::{Client, Issuer};

/// An engine, and the tools of its user.
#[derive(Clone, Debug)]
pub struct Builder {
    endpoint: DockerEndpoint,
    /// The docker CLI's own folder.
    docker_config: Option<PathBuf>,
    issuer: Option<Arc<dyn Issuer>>,
}

impl Builder {
    #[must_use]
    pub fn new(endpoint: &DockerEndpoint, docker_config: Option<&Path>) -> Self {
        Self {
            endpoint: endpoint.clone(),
            docker_config: docker_config.map(Path::to_owned),
            issuer: None,
        }
    }

    /// Asks somebody who one is at registries before what `docker login` stored.
    #[must_use]
    pub fn issued_by(self, issuer: Arc<dyn Issuer>) -> Self {
        Self {
            issuer: Some(issuer),
            ..self
        }
    }

    /// The engine that gets the images.
    pub(crate) fn engine(&self) -> Result<Connection> {
        let engine = Connection::open(&self.endpoint, self.docker_config.as_deref())?;
        Ok(engine.issued_by(self.issuer.clone()))
    }

    /// Who asks registries in its user's name, through the engine where nothing else helps.
    #[must_use]
    pub fn registries(&self) -> Registries {
        let client = Client::new(self.docker_config.as_deref());
        Registries::new(client.issued_by(self.issuer.clone()), self.clone())
    }

    /// Builds all targets; the result is what the builder wrote for people to read, if anything.
    pub async fn build(&self, bake: &Bake, options: &BuildOptions, io: &Io) -> Result<String> {
        if bake.targets.is_empty() {
            return Ok(String::new());
        }
        let bake = sources::found(bake.clone())?;
        if io.only_tells(bake.deeds())? {
            return Ok(String::new());
        }
        sources::tell_unset(&bake, &io.progress);
        let bake = &bake.with_arguments(&self.engine()?.proxies()?);
        let building = async {
            // Who forbids BuildKit has only what the plugin is named for left to ask of it.
            let may_use_plugin = !bake.without_buildkit || options.builder.is_some() || options.check;
            let plugin = plugin("buildx", self.docker_config.as_deref()).filter(|_| may_use_plugin);
            let Some(program) = plugin else {
                self.build_by_engine(bake, options, io).await?;
                self.push_all(bake, bake.pushed(), io).await?;
                return Ok(String::new());
            };
            let plugin = buildx::Plugin {
                program,
                endpoint: &self.endpoint,
                docker_config: self.docker_config.as_deref(),
            };
            forgo_memory(options, io);
            if self.issuer.is_none() {
                return plugin.build(bake, options, io).await;
            }
            // The plugin knows no logins but those that are stored.
            let (local, names) = bake.clone().without_pushes();
            let built = plugin.build(&local, options, io).await?;
            self.push_all(bake, names.iter().map(String::as_str), io).await?;
            Ok(built)
        };
        tokio::select! {
            built = building => built,
            () = io.interrupts.reached(1) => Err(Error::INTERRUPTED),
        }
    }

    async fn push_all(&self, bake: &Bake, names: impl Iterator<Item = &str>, io: &Io) -> Result<()> {
        all_of(self.push_each(names, io).await, |name| bake.place_of(name))
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
            Some(Ok((buildkit, plans))) => {
                forgo_memory(options, io);
                buildkit.build(bake, plans, io).await?;
            }
            // The first builder knows some things that an old BuildKit does not.
            Some(Err(refused)) if classic::check(bake).is_err() => return Err(refused),
            Some(Err(_)) | None => {
                classic::check(bake)?;
                classic::build(&engine, bake, options, io).await?;
            }
        }
        Ok(())
    }
}

/// Says that a limit has no effect.
fn forgo_memory(options: &BuildOptions, io: &Io) {
    if options.memory.is_some() {
        let text = "`--memory` has no effect: BuildKit does not limit it (the engine's first builder does, with DOCKER_BUILDKIT=0)";
        io.progress.warning("Build", text);
    }
}

/// One error of all that could not be pushed or pulled, each at the place of its name unless it has one.
pub(crate) fn all_of<'a>(failures: Vec<(&'a str, Error)>, place: impl Fn(&'a str) -> Span) -> Result<()> {
    if failures.is_empty() {
        return Ok(());
    }
    let mut diagnostics = Vec::new();
    for (name, error) in failures {
        match error {
            Error::Message(message) => {
                let said = [vec![message.what], message.because].concat().join(": ");
                let mut diagnostic = Diagnostic::error(place(name), said);
                diagnostic.hint = message.hint;
                diagnostics.push(diagnostic);
            }
            Error::Report(report) => diagnostics.extend(report.diagnostics),
            Error::Exit(code) => return Err(Error::Exit(code)),
        }
    }
    Err(diagnostics.into())
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
