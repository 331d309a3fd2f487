//! The labels by which Docker Compose, and `ctx` like it, knows what belongs to a project.

use std::collections::HashMap;

use super::hooks::Hooks;
use super::names;
use crate::compose::{Project, Service};
use crate::image::labels::{COMPOSE_VERSION, VERSION};
pub(super) use crate::image::labels::{PROJECT, SERVICE};

pub(super) const NUMBER: &str = "com.docker.compose.container-number";
pub(super) const ONE_OFF: &str = "com.docker.compose.oneoff";
pub(super) const SLUG: &str = "com.docker.compose.slug";
pub(super) const CONFIG_HASH: &str = "com.docker.compose.config-hash";
pub(super) const IMAGE: &str = "com.docker.compose.image";
pub(super) const DEPENDS_ON: &str = "com.docker.compose.depends_on";
pub(super) const NETWORK: &str = "com.docker.compose.network";
pub(super) const VOLUME: &str = "com.docker.compose.volume";
/// What runs in the container around its life; Docker Compose does not know it.
pub(super) const HOOKS: &str = "ctx.hooks";
/// By what the files that were copied in are known again ([`super::mounts::seal`]); Docker Compose does not know it.
pub(super) const FILES: &str = "ctx.files";
const REPLACE: &str = "com.docker.compose.replace";
const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
pub(super) const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
const ENVIRONMENT_FILE: &str = "com.docker.compose.project.environment_file";

/// The labels of a service's container, the user's own among them.
pub(super) fn container(
    project: &Project,
    service: &Service,
    number: u32,
    hash: String,
    image_id: &str,
    replaces: Option<&str>,
) -> HashMap<String, String> {
    let paths = |paths: &[std::path::PathBuf]| {
        let texts: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        texts.join(",")
    };
    let depends_on: Vec<_> = service
        .depends_on
        .iter()
        // What the service can do without, and no active profile has, is none that Docker Compose could find.
        .filter(|(name, on)| on.required || project.services.contains_key(*name))
        .map(|(name, on)| format!("{name}:{}:{}", on.condition.as_str(), on.restart))
        .collect();
    let mut labels: HashMap<_, _> = service
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), value.value.clone()))
        .collect();
    labels.extend(
        [
            (PROJECT, project.name.clone()),
            (SERVICE, service.name.clone()),
            (NUMBER, number.to_string()),
            (ONE_OFF, "False".to_owned()),
            (CONFIG_HASH, hash),
            (IMAGE, image_id.to_owned()),
            (DEPENDS_ON, depends_on.join(",")),
            (VERSION, COMPOSE_VERSION.to_owned()),
            (WORKING_DIR, project.working_dir.display().to_string()),
            (CONFIG_FILES, paths(&project.files)),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    if !project.env_files.is_empty() {
        labels.insert(ENVIRONMENT_FILE.to_owned(), paths(&project.env_files));
    }
    if let Some(hooks) = Hooks::of(service).label() {
        labels.insert(HOOKS.to_owned(), hooks);
    }
    if let Some(name) = replaces {
        labels.insert(REPLACE.to_owned(), names::replica(&project.name, name));
    }
    labels
}

/// The labels of a network ([`NETWORK`]) or volume ([`VOLUME`]), the user's own among them.
pub(super) fn shared(
    project: &Project,
    kind: &str,
    key: &str,
    hash: String,
    own: &crate::compose::Mapping,
) -> HashMap<String, String> {
    let mut labels: HashMap<_, _> = own
        .iter()
        .map(|(key, value)| (key.clone(), value.value.clone()))
        .collect();
    labels.extend(
        [
            (kind, key.to_owned()),
            (PROJECT, project.name.clone()),
            (CONFIG_HASH, hash),
            (VERSION, COMPOSE_VERSION.to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    labels
}
