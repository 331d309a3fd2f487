//! What an engine's refusals mean in terms of the Compose file.

use bollard::models::ContainerSummary;
use bollard::query_parameters::ListContainersOptions;

use super::{labels, observed};
use crate::compose::{Port, Project, Service, Text};
use crate::diagnostic::{Diagnostic, Span};
use crate::engine::{Connection, message};
use crate::error::Error;

/// Why a container could not be made.
pub(super) async fn create(
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
        let there = connection.docker.inspect_container(name, None).await.ok();
        let labels = there.and_then(|there| there.config?.labels);
        let owner = labels.and_then(|labels| labels.get(labels::PROJECT).cloned());
        let (whose, hint) = if owner.as_ref() == Some(&project.name) {
            let hint = "choose another name; or, if another `ctx` was at work on the project, run the command again";
            ("which is this project's, too", hint.to_owned())
        } else {
            let hint = format!("remove it (`docker rm {name}`), or choose another name");
            ("and it is not this project's", hint)
        };
        let message = format!("there is a container `{name}` already, {whose}");
        return vec![Diagnostic::error(span, message).hint(hint)].into();
    }
    refused(connection, service, format!("cannot create container {name}"), error)
}

/// What an engine does not do for a service, at the service's place, or at that of what it does not like.
fn refused(connection: &Connection, service: &Service, what: String, error: &bollard::errors::Error) -> Error {
    let text = message(error);
    if is_full(&text) {
        return connection.failed(what, error).hint(FULL);
    }
    if !matches!(error, bollard::errors::Error::DockerResponseServerError { .. }) {
        return connection.failed(what, error);
    }
    let program = service.entrypoint.as_ref().or(service.command.as_ref());
    let (span, hint) = if text.contains("executable file not found") {
        let hint = "the image has no such program: check `command` and `entrypoint`";
        (program.map(|program| program.span), Some(hint))
    } else if text.contains("unable to find user") {
        let hint = "the image has no such user: a number needs none";
        (service.user.as_ref().map(|user| user.span), Some(hint))
    } else {
        (None, None)
    };
    let mut diagnostic = Diagnostic::error(span.unwrap_or(service.span), format!("{what}: {text}"));
    diagnostic.hint = hint.map(str::to_owned);
    vec![diagnostic].into()
}

/// What to do about an engine whose disk is full.
pub(super) const FULL: &str =
    "`docker system df` shows what fills the engine's disk, `docker system prune` takes away what nobody uses";

pub(super) fn is_full(text: &str) -> bool {
    let text = text.to_lowercase();
    ["no space left on device", "disk quota exceeded"]
        .iter()
        .any(|why| text.contains(why))
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
    match taken(connection, service, name, error).await {
        Some(taken) => taken,
        None => refused(connection, service, format!("cannot start container {name}"), error),
    }
}

/// Why the container of one command did not start, which the command line may have said and no file.
pub(super) async fn run(
    connection: &Connection,
    service: &Service,
    name: &str,
    error: &bollard::errors::Error,
) -> Error {
    if let Some(taken) = taken(connection, service, name, error).await {
        return taken;
    }
    let failed = connection.failed(format!("cannot start container {name}"), error);
    if is_full(&message(error)) {
        failed.hint(FULL)
    } else {
        failed
    }
}

/// That a port is taken, and by whom, if it is that.
async fn taken(
    connection: &Connection,
    service: &Service,
    name: &str,
    error: &bollard::errors::Error,
) -> Option<Error> {
    let text = message(error);
    let port = occupied(&text)?;
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
        None if among_containers(&text) => {
            Diagnostic::error(span, format!("port {port} is already taken by {ANOTHER}"))
                .hint("`docker ps -a` there lists them; stop it, or publish another port")
        }
        None => Diagnostic::error(
            span,
            format!("port {port} is already taken by another program on the engine's machine"),
        )
        .hint(format!(
            "`ss -ltnp 'sport = :{port}'` there says by which; stop it, or publish another port"
        )),
    };
    Some(vec![diagnostic].into())
}

/// Why a container did not start of which only its labels are known.
pub(super) async fn start_again(connection: &Connection, name: &str, error: &bollard::errors::Error) -> Error {
    let failed = connection.failed(format!("cannot start container {name}"), error);
    let text = message(error);
    match occupied(&text) {
        Some(port) => match owner(connection, port, name).await {
            Some(owner) => failed.hint(format!("port {port} is taken by {owner}: stop it first")),
            None if among_containers(&text) => failed.hint(format!("port {port} is taken by {ANOTHER}")),
            None => failed.hint(format!(
                "port {port} is taken by another program on the engine's machine"
            )),
        },
        None => failed,
    }
}

/// Who has a port that the engine itself has given away.
const ANOTHER: &str = "another container of this engine, which has only just started or still stops";

/// Whether the engine refuses a port by its own books, and not because the machine refuses it.
fn among_containers(text: &str) -> bool {
    text.contains(" failed: port is already allocated")
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
    // Not every engine can be asked for those that publish a port.
    let options = None::<ListContainersOptions>;
    let containers = connection.docker.list_containers(options).await.ok()?;
    let port = port.parse().ok();
    let publishes = |container: &&ContainerSummary| {
        let mut ports = container.ports.iter().flatten();
        ports.any(|one| one.public_port == port)
    };
    let (container, name) = containers
        .iter()
        .filter(publishes)
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
    use super::{among_containers, occupied};

    #[test]
    fn ports_in_messages() {
        let allocated = "driver failed programming external connectivity on endpoint x (0a1b): Bind for 0.0.0.0:8080 failed: port is already allocated";
        assert_eq!((occupied(allocated), among_containers(allocated)), (Some("8080"), true));
        let listening = "Error starting userland proxy: listen tcp4 0.0.0.0:53: bind: address already in use";
        assert_eq!((occupied(listening), among_containers(listening)), (Some("53"), false));
        assert_eq!(occupied("no such image"), None);
    }
}
