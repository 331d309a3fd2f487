//! What the engine's objects of a project are called, as Docker Compose calls them.

use crate::compose::{Project, Service};
pub(super) use crate::image::name as image;

/// `shop-web-1`, or what `container_name` says.
pub(super) fn container(project: &Project, service: &Service, number: u32) -> String {
    let between = project.separator();
    match &service.container_name {
        Some(name) => name.value.clone(),
        None => format!("{}{between}{}{between}{number}", project.name, service.name),
    }
}

/// The name of a container until the one that it replaces is gone.
pub(super) fn temporary(old_id: &str, name: &str) -> String {
    format!("{}_{name}", old_id.get(..12).unwrap_or(old_id))
}

/// How a container is called in the output of its project: `web-1`.
pub(super) fn replica(project: &str, container: &str) -> String {
    container
        .strip_prefix(project)
        .and_then(|rest| rest.strip_prefix(['-', '_']))
        .unwrap_or(container)
        .to_owned()
}
