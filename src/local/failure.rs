//! What an engine's refusals mean in terms of the Compose file.

use std::collections::HashMap;

use bollard::query_parameters::ListContainersOptions;

use super::{labels, observed};
use crate::compose::{Port, Project, Service, Text};
use crate::diagnostic::{Diagnostic, Span};
use crate::engine::{Connection, message};
use crate::error::Error;

/// Why a container could not be made.
pub(super) fn create(
    connection: &Connection,
    project: &Project,
    service: &Service,
    name: &str,
    error: &bollard::errors::Error,
) -> Error {
    let text = message(error);
    if let Some((_, path)) = text.split_once("bind source path does not exist: ") {
        let message = format!("there is no `{path}` on the engine's machine");
        let span = source(project, service, path).unwrap_or(service.span);
        return vec![Diagnostic::error(span, message).hint("make the file or folder, or correct its path")].into();
    }
    if text.contains("is already in use by container") {
        let span = service.container_name.as_ref().map_or(service.span, |name| name.span);
        let message = format!("there is a container `{name}` already, and it is not this project's");
        return vec![
            Diagnostic::error(span, message).hint(format!("remove it (`docker rm {name}`), or choose another name")),
        ]
        .into();
    }
    connection.failed(format!("cannot create container {name}"), error)
}

/// Where a path of the engine's machine was written that a container mounts.
fn source(project: &Project, service: &Service, path: &str) -> Option<Span> {
    let is_it = |text: &&Text| text.value == path;
    let volume = service
        .volumes
        .iter()
        .find_map(|mount| mount.source.as_ref().filter(is_it));
    let file = || {
        let secrets = service
            .secrets
            .iter()
            .filter_map(|reference| project.secrets.get(&reference.source.value));
        let configs = service
            .configs
            .iter()
            .filter_map(|reference| project.configs.get(&reference.source.value));
        secrets
            .chain(configs)
            .find_map(|object| object.file.as_ref().filter(is_it))
    };
    volume.or_else(file).map(|text| text.span)
}

/// Why a container did not start.
pub(super) async fn start(
    connection: &Connection,
    service: &Service,
    name: &str,
    error: &bollard::errors::Error,
) -> Error {
    let text = message(error);
    let Some(port) = occupied(&text) else {
        return connection.failed(format!("cannot start container {name}"), error);
    };
    let published = |entry: &&Port| {
        entry
            .published
            .as_ref()
            .is_some_and(|published| published.value == port)
    };
    let span = service
        .ports
        .iter()
        .find(published)
        .map_or(service.span, |port| port.span);
    let diagnostic = match owner(connection, port, name).await {
        Some(owner) => Diagnostic::error(span, format!("port {port} is already taken by {owner}"))
            .hint("stop that container, or publish another port"),
        None => Diagnostic::error(
            span,
            format!("port {port} is already taken by another program on the engine's machine"),
        )
        .hint(format!(
            "`ss -ltnp 'sport = :{port}'` there says by which; stop it, or publish another port"
        )),
    };
    vec![diagnostic].into()
}

/// Why a container did not start of which only its labels are known.
pub(super) async fn start_again(connection: &Connection, name: &str, error: &bollard::errors::Error) -> Error {
    let failed = connection.failed(format!("cannot start container {name}"), error);
    let text = message(error);
    match occupied(&text) {
        Some(port) => match owner(connection, port, name).await {
            Some(owner) => failed.hint(format!("port {port} is taken by {owner}: stop it first")),
            None => failed.hint(format!(
                "port {port} is taken by another program on the engine's machine"
            )),
        },
        None => failed,
    }
}

/// The port in `Bind for 0.0.0.0:8080 failed: port is already allocated` and
/// `listen tcp4 0.0.0.0:8080: bind: address already in use`.
fn occupied(text: &str) -> Option<&str> {
    let before = [" failed: port is already allocated", ": bind: address already in use"]
        .iter()
        .find_map(|end| text.find(end).map(|at| &text[..at]))?;
    let port = before.rsplit(':').next()?;
    port.parse::<u16>().is_ok().then_some(port)
}

/// The running container that publishes a port, in words.
async fn owner(connection: &Connection, port: &str, except: &str) -> Option<String> {
    let options = ListContainersOptions {
        filters: Some(HashMap::from([("publish".to_owned(), vec![port.to_owned()])])),
        ..ListContainersOptions::default()
    };
    let containers = connection.docker.list_containers(Some(options)).await.ok()?;
    let (container, name) = containers
        .iter()
        .map(|container| (container, observed::name(container)))
        .find(|(_, name)| name != except)?;
    let project = container.labels.as_ref().and_then(|labels| labels.get(labels::PROJECT));
    Some(match project {
        Some(project) => format!("container {name} of project {project}"),
        None => format!("container {name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::occupied;

    #[test]
    fn ports_in_messages() {
        let allocated = "driver failed programming external connectivity on endpoint x (0a1b): Bind for 0.0.0.0:8080 failed: port is already allocated";
        assert_eq!(occupied(allocated), Some("8080"));
        let listening = "Error starting userland proxy: listen tcp4 0.0.0.0:53: bind: address already in use";
        assert_eq!(occupied(listening), Some("53"));
        assert_eq!(occupied("no such image"), None);
    }
}
