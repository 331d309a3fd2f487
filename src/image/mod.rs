//! Images: what `build` in a Compose file becomes, wherever the project goes.
//!
//! [`bake`] says in one file what is to be built, purely; [`Builder`] has it built: by the plugin `buildx` where there
//! is one, by the engine's own BuildKit otherwise, and where it has none by its first builder.

mod bake;
mod builder;
mod buildkit;
mod buildx;
mod classic;
mod context;
mod definition;
mod fields;
mod ignore;
pub mod labels;
mod progress;
mod push;
mod registries;
mod sources;

pub use bake::{Bake, BuildOptions, Target, bake};
pub use builder::Builder;
pub(crate) use builder::all_of;
pub(crate) use context::dockerignore;
pub use ignore::Ignore;
pub use push::{Local, Pushing};
pub use registries::Registries;

use crate::compose::{Project, Service};

/// The image that a service's containers are made from: its own, or the one that its build is tagged with.
#[must_use]
pub fn name(project: &Project, service: &Service) -> String {
    match &service.image {
        Some(image) => image.value.clone(),
        None => format!("{}{}{}", project.name, project.separator(), service.name),
    }
}
