//! What the commands that print a project or its template ask registries, and what is stored about them.

use clap::Args;

use super::environment::Environment;
use crate::blocking;
use crate::compose::{Project, images};
use crate::diagnostic::{Diagnostic, Severity};
use crate::ecs;
use crate::error::{Error, Result};
use crate::registry::Client;

/// What `ctx config` does with digests.
#[derive(Args, Debug)]
pub(super) struct Digests {
    /// Pin images to the digests that their registries know now
    #[arg(long)]
    pub(super) resolve_image_digests: bool,
    /// Print an override file that pins the images to digests, and nothing else
    #[arg(long)]
    pub(super) lock_image_digests: bool,
}

impl Digests {
    /// Pins the images if that was asked for; an image without a digest is an error then.
    pub(super) fn apply(&self, environment: &Environment, project: &mut Project) -> Result<Vec<Diagnostic>> {
        if !self.resolve_image_digests && !self.lock_image_digests {
            return Ok(Vec::new());
        }
        let mut diagnostics = pin(environment, project, Severity::Error)?;
        if self.lock_image_digests {
            diagnostics.extend(images::unlockable(project));
        }
        Ok(diagnostics)
    }
}

/// Notes at which registries of the project somebody is logged in.
pub(super) fn note_logins(environment: &Environment, project: &mut Project) -> Result<()> {
    let client = Client::new(environment.docker_config().as_deref());
    blocking::wait(ecs::logins::survey(project, &client))
        .map_err(|error| Error::new("cannot start the runtime").because(&error))?
}

/// Asks the registries, all at once, and pins what they know; the rest is told.
pub(super) fn pin(environment: &Environment, project: &mut Project, severity: Severity) -> Result<Vec<Diagnostic>> {
    let registries = environment.builder()?.registries();
    let digests = blocking::wait(registries.digests(images::unpinned(project)))
        .map_err(|error| Error::new("cannot start the runtime").because(&error))?;
    Ok(images::pin(project, &digests, severity))
}
