//! Services that share what only the containers of one task can share: network, processes, volumes.
//!
//! `network_mode: service:x`, `pid: service:x` and `volumes_from` put a service's container into the task of the other
//! one, its *home*, as a sidecar. There is one ECS service for all of them: ports, groups, roles, sizes add up.

use std::collections::{HashMap, HashSet};

use crate::compose::{Condition, Project, Service, Text};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Value, names};
use crate::ecs::draft::Draft;
use crate::ecs::rules::alias;
use crate::ecs::rules::restart::{self, Restart};

/// What a service wants to have of another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shared {
    Network,
    Processes,
    Volumes,
}

struct Wish<'p> {
    shared: Shared,
    /// As it is written: `service:x`, `container:y`, and in `volumes_from` also `x:ro`.
    text: &'p Text,
}

/// Finds the home of every service that shares something with another one.
pub(in crate::ecs) fn find_homes(draft: &mut Draft) {
    let project = draft.project;
    let mut tasks = Groups::default();
    let mut networks = Groups::default();
    let mut ties = Vec::new();
    for service in project.services.values() {
        for wish in wishes(service) {
            match wish.whom(project) {
                Some(other) if other.name != service.name => {
                    tasks.join(&service.name, &other.name);
                    if wish.shared == Shared::Network {
                        networks.join(&service.name, &other.name);
                    }
                    ties.push((service, wish.text.span));
                }
                _ => draft.say(nobody(&wish, project)),
            }
        }
    }
    for (service, span) in ties {
        let home = tasks.first(&service.name);
        if let Some(home) = project.services.get(home).filter(|home| home.name != service.name)
            && draft.homes.insert(&service.name, home).is_none()
        {
            check_alike(service, home, span, draft);
        }
    }
    check_ports(&networks, draft);
    check_order(draft);
}

/// Names that lead to the task of a sidecar, and what several services say of one task.
pub(in crate::ecs) fn begin_sidecar(service: &Service, draft: &mut Draft) {
    let home = draft.home(service);
    alias::sidecar(service, draft);
    let apart: Vec<_> = service
        .networks
        .keys()
        .filter(|key| !home.networks.contains_key(*key))
        .collect();
    if let (Some(network), None) = (apart.first(), &home.network_mode) {
        let message = format!(
            "`{}` shares the task of `{}` on ECS, which joins network `{network}` with it",
            service.name, home.name
        );
        let span = wishes(service).next().map_or(service.span, |wish| wish.text.span);
        draft.remark(Diagnostic::warning(span, message));
    }
}

/// Whether the task ends when this container does. Alone in its task, it is what the task is for. With others, it
/// is as on an engine, where one that ends leaves the others alone: what is to be there at any time is essential.
pub(in crate::ecs) fn is_essential(service: &Service, draft: &Draft) -> bool {
    let housemates = draft.housemates(service);
    if housemates.len() < 2 {
        return true;
    }
    let waited_for = |one: &Service| {
        let mut waiting = housemates.iter().filter_map(|other| other.depends_on.get(&one.name));
        waiting.any(|dependency| dependency.condition.value == Condition::CompletedSuccessfully)
    };
    let gives = |one: &Service, what: Shared| {
        let mut wishes = housemates.iter().flat_map(|other| wishes(other));
        wishes.any(|wish| wish.shared == what && wish.whom(draft.project).is_some_and(|whom| whom.name == one.name))
    };
    let restarts = |one: &Service| restart::wanted(one).is_some_and(|(restart, _)| restart != Restart::Never);
    let lasts = |one: &Service| {
        !waited_for(one)
            && (restarts(one) || !one.ports.is_empty() || one.healthcheck.is_some() || gives(one, Shared::Network))
    };
    if housemates.iter().any(|one| lasts(one)) {
        lasts(service)
    } else {
        // A container that only holds volumes for others ends at once.
        !waited_for(service)
            && (!gives(service, Shared::Volumes) || housemates.iter().all(|one| gives(one, Shared::Volumes)))
    }
}

/// `ipc` and `pid`
pub(in crate::ecs) fn namespaces(service: &Service, draft: &mut Draft) {
    for (name, value) in [("ipc", &service.ipc), ("pid", &service.pid)] {
        let Some(value) = value else { continue };
        let shared = is_shared(value);
        match value.as_str() {
            "" | "private" | "shareable" | "none" => {}
            "task" if name == "pid" => draft.task(service).set("PidMode", "task"),
            _ if name == "pid" && shared => draft.task(service).set("PidMode", "task"),
            other => {
                let (why, hint) = if shared {
                    let why = "Fargate gives every container shared memory of its own";
                    (why, "run both programs in one container, or let both mount a volume")
                } else {
                    ("Fargate keeps the host to itself", "remove it")
                };
                let message = format!("`{name}: {other}` is not possible on ECS: {why}");
                draft.say(Diagnostic::error(value.span, message).hint(hint));
            }
        }
    }
}

/// `volumes_from`: everything that the other container mounts, and the volumes of its image.
pub(in crate::ecs) fn volumes_from(service: &Service, draft: &mut Draft) {
    for text in &service.volumes_from {
        let wish = Wish {
            shared: Shared::Volumes,
            text,
        };
        let Some(other) = wish.whom(draft.project) else {
            continue;
        };
        let mut from = Value::map([("SourceContainer", names::plain(&other.name).into())]);
        if text.ends_with(":ro") {
            from.set("ReadOnly", true);
        }
        draft.container(service).push("VolumesFrom", from);
    }
}

/// Whether a namespace is another container's.
pub(in crate::ecs) fn is_shared(mode: &str) -> bool {
    mode.starts_with("service:") || mode.starts_with("container:")
}

/// A port is mapped once in a task: by the first container that names it.
pub(in crate::ecs) fn finish(draft: &mut Draft) {
    let project = draft.project;
    let shared: HashSet<_> = draft.homes.values().map(|home| home.name.as_str()).collect();
    for home in project
        .services
        .values()
        .filter(|service| shared.contains(service.name.as_str()))
    {
        let mut mapped: Vec<(Value, Value)> = Vec::new();
        for container in draft.task(home).entry("ContainerDefinitions").items() {
            let name = container.get("Name").cloned().unwrap_or_default();
            let Some(Value::List(mut mappings)) = container.get("PortMappings").cloned() else {
                continue;
            };
            mappings.retain(|mapping| mapped.iter().all(|(other, _)| other != mapping));
            mapped.extend(mappings.iter().map(|mapping| (mapping.clone(), name.clone())));
            if mappings.is_empty() {
                container.remove("PortMappings");
            } else {
                container.set("PortMappings", mappings);
            }
        }
        if draft.service(home).get("LoadBalancers").is_some() {
            for balancer in draft.service(home).entry("LoadBalancers").items() {
                let port = balancer.get("ContainerPort");
                if let Some((_, name)) = mapped.iter().find(|(mapping, _)| mapping.get("ContainerPort") == port) {
                    balancer.set("ContainerName", name.clone());
                }
            }
        }
    }
}

fn wishes(service: &Service) -> impl Iterator<Item = Wish<'_>> {
    let namespaces = [
        (Shared::Network, &service.network_mode),
        (Shared::Processes, &service.pid),
    ];
    let namespaces = namespaces.into_iter().filter_map(|(shared, mode)| {
        Some(Wish {
            shared,
            text: mode.as_ref()?,
        })
    });
    let namespaces = namespaces.filter(|wish| is_shared(wish.text));
    let volumes = service.volumes_from.iter().map(|text| Wish {
        shared: Shared::Volumes,
        text,
    });
    namespaces.chain(volumes)
}

impl<'p> Wish<'p> {
    /// The service that is meant.
    fn whom(&self, project: &'p Project) -> Option<&'p Service> {
        let text = self.name();
        match text.strip_prefix("container:") {
            Some(container) => {
                let named = |service: &&Service| {
                    service
                        .container_name
                        .as_ref()
                        .is_some_and(|name| name.as_str() == container)
                };
                project.services.values().find(named)
            }
            None => project.services.get(text),
        }
    }

    /// `x` or `container:y`, without what else may stand around it.
    fn name(&self) -> &'p str {
        let text = self.text.as_str();
        let text = text.strip_prefix("service:").unwrap_or(text);
        text.strip_suffix(":ro").or(text.strip_suffix(":rw")).unwrap_or(text)
    }
}

fn nobody(wish: &Wish, project: &Project) -> Diagnostic {
    let (name, span) = (wish.name(), wish.text.span);
    if let Some(container) = name.strip_prefix("container:") {
        let message = format!(
            "container `{container}` is not one of this project's, and on ECS only containers of one task share something"
        );
        return Diagnostic::error(span, message).hint("name a service of the project: `service:NAME`");
    }
    let (message, hint) = if project.disabled_services.contains_key(name) {
        (format!("service `{name}` is not enabled"), "enable its profile")
    } else {
        (
            format!("there is no other service `{name}` to share with"),
            "name a service of the project",
        )
    };
    Diagnostic::error(span, message).hint(hint)
}

/// What one task has once, both must want alike.
fn check_alike(service: &Service, home: &Service, span: Span, draft: &mut Draft) {
    let share = format!("`{}` shares the task of `{}` on ECS", service.name, home.name);
    if service.replicas() != home.replicas() {
        let message = format!(
            "{share}, so it has as many replicas: {}, not {}",
            home.replicas(),
            service.replicas()
        );
        let deployed = service.deploy.as_ref().and_then(|deploy| deploy.replicas);
        let span = service.scale.or(deployed).map_or(span, |replicas| replicas.span);
        draft.say(Diagnostic::error(span, message).hint("give both the same `deploy.replicas`"));
    }
    if let (Some(own), Some(other)) = (&service.platform, &home.platform)
        && own.value != other.value
    {
        let message = format!("{share}, which runs on `{}`", other.value);
        draft.say(
            Diagnostic::error(own.span, message)
                .hint("give both the same `platform`")
                .note(other.span, "the other platform"),
        );
    }
}

/// Containers of a task have one address, where two cannot listen on one port.
fn check_ports(networks: &Groups, draft: &mut Draft) {
    let project = draft.project;
    if draft.homes.is_empty() {
        return;
    }
    let mut listening: HashMap<(&str, u16, &str), (&Service, Span)> = HashMap::new();
    for service in project.services.values() {
        if draft.housemates(service).len() < 2 {
            continue;
        }
        let home = draft.home(service).name.as_str();
        for (port, protocol, span) in ports(service) {
            let (other, first) = *listening.entry((home, port, protocol)).or_insert((service, span));
            if networks.first(&other.name) != networks.first(&service.name) {
                let message = format!(
                    "`{}` and `{}` share a task on ECS, and cannot both listen on port {port} of its one address",
                    other.name, service.name
                );
                draft.say(
                    Diagnostic::error(span, message)
                        .hint("let one of them listen on another port")
                        .note(first, "the other one"),
                );
            }
        }
    }
}

fn ports(service: &Service) -> impl Iterator<Item = (u16, &str, Span)> {
    let published = service
        .ports
        .iter()
        .map(|port| (port.target.value, port.protocol.as_str(), port.span));
    let exposed = service.expose.iter().filter_map(|text| {
        let (port, protocol) = text.split_once('/').unwrap_or((text.as_str(), "tcp"));
        Some((port.parse().ok()?, protocol, text.span))
    });
    published.chain(exposed)
}

/// Containers of a task start together: what waits for one of them cannot be waited for by another one.
fn check_order(draft: &mut Draft) {
    let project = draft.project;
    if draft.homes.is_empty() {
        return;
    }
    let mut waiting = Vec::new();
    for service in project.services.values() {
        for (name, dependency) in &service.depends_on {
            let Some(other) = project.services.get(name) else {
                continue;
            };
            let (from, to) = (&draft.home(service).name, &draft.home(other).name);
            if from != to {
                waiting.push((from, to, service, other, dependency.span));
            }
        }
    }
    // What neither waits nor is waited for is in no circle; what is left when nothing more can go, is in one.
    let mut before = usize::MAX;
    while waiting.len() < before {
        before = waiting.len();
        let (from, to): (HashSet<_>, HashSet<_>) = waiting.iter().map(|(from, to, ..)| (*from, *to)).unzip();
        waiting.retain(|(one, other, ..)| to.contains(one) && from.contains(other));
    }
    if let Some((_, _, service, other, span)) = waiting.first() {
        let message = format!(
            "`{}` cannot wait for `{}` on ECS: another container of a task that starts as one waits for it in turn",
            service.name, other.name
        );
        let hint = "remove one of the dependencies: services that share a task start together";
        draft.say(Diagnostic::error(span.or(service.span), message).hint(hint));
    }
}

/// Services that belong together, by name.
#[derive(Default)]
struct Groups<'p>(HashMap<&'p str, &'p str>);

impl<'p> Groups<'p> {
    /// Puts two groups together; the second one's first stays first.
    fn join(&mut self, one: &'p str, other: &'p str) {
        let (one, other) = (self.first(one), self.first(other));
        if one != other {
            self.0.insert(one, other);
        }
    }

    fn first<'s>(&self, name: &'s str) -> &'s str
    where
        'p: 's,
    {
        let mut name = name;
        while let Some(next) = self.0.get(name) {
            name = next;
        }
        name
    }
}
