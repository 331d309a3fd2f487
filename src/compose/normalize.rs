//! What a project means although nobody wrote it: the default network, implied dependencies, names.

use super::environment::Environment;
use super::forms::added;
use super::{Entry, Map, Node, Value, long, paths};
use crate::diagnostic::Span;

/// Completes a document in its long form.
pub(super) fn normalize(document: &mut Node, project: &str, environment: &Environment) {
    let Value::Map(root) = &mut document.value else { return };
    let mut uses_default = false;
    if let Some(services) = map_of(root, "services") {
        for entry in services.values_mut() {
            long::default_targets(&mut entry.node);
            if let Value::Map(service) = &mut entry.node.value {
                uses_default |= normalize_service(service, environment);
            }
        }
    }
    if uses_default {
        let networks = root.entry("networks".to_owned()).or_insert_with(|| added(Value::Null));
        if networks.node.value == Value::Null {
            networks.node.value = Value::Map(Map::default());
        }
        if let Value::Map(networks) = &mut networks.node.value {
            networks
                .entry("default".to_owned())
                .or_insert_with(|| added(Value::Null));
        }
    }
    for kind in ["networks", "volumes", "secrets", "configs"] {
        for (key, entry) in map_of(root, kind).into_iter().flatten() {
            if entry.node.value == Value::Null {
                entry.node.value = Value::Map(Map::default());
            }
            let Value::Map(resource) = &mut entry.node.value else {
                continue;
            };
            let external = resource
                .get("external")
                .is_some_and(|external| external.node.value == Value::Bool(true));
            resource.entry("name".to_owned()).or_insert_with(|| {
                added(Value::String(if external {
                    key.clone()
                } else {
                    format!("{project}_{key}")
                }))
            });
        }
    }
}

/// Gives variables without a value the environment's; without one there, they stay without.
pub(super) fn resolve_environment(document: &mut Node, environment: &Environment) {
    let Value::Map(root) = &mut document.value else { return };
    for entry in map_of(root, "services").into_iter().flat_map(Map::values_mut) {
        if let Value::Map(service) = &mut entry.node.value {
            resolve(map_of(service, "environment"), environment);
        }
    }
}

fn resolve(variables: Option<&mut Map>, environment: &Environment) {
    for (name, entry) in variables.into_iter().flatten() {
        if entry.node.value == Value::Null
            && let Some(value) = environment.get(name)
        {
            entry.node.value = Value::String(value.to_owned());
        }
    }
}

/// Completes one service; whether it is attached to the default network.
fn normalize_service(service: &mut Map, environment: &Environment) -> bool {
    if let Some(Entry { node, .. }) = service.get_mut("pull_policy")
        && node.as_str() == Some("if_not_present")
    {
        node.value = Value::String("missing".to_owned());
    }
    if let Some(build) = map_of(service, "build") {
        if !build.contains_key("dockerfile_inline") {
            build
                .entry("dockerfile".to_owned())
                .or_insert_with(|| added(Value::String("Dockerfile".to_owned())));
        }
        if let Some(arguments) = map_of(build, "args") {
            resolve(Some(arguments), environment);
            arguments.retain(|_, entry| entry.node.value != Value::Null);
        } else if let Some(Entry { node, .. }) = build.get_mut("args")
            && let Value::List(arguments) = &mut node.value
        {
            // A list is one only where variables were not filled in.
            arguments.retain(|argument| argument.as_str().is_some_and(|text| text.contains('=')));
            if arguments.is_empty() {
                node.value = Value::Null;
            }
        }
    }
    if let Some(Entry { node, .. }) = service.get_mut("volumes")
        && let Value::List(mounts) = &mut node.value
    {
        for mount in mounts {
            if let Value::Map(mount) = &mut mount.value
                && let Some(Entry { node, .. }) = mount.get_mut("target")
                && let Value::String(target) = &mut node.value
                && (target.starts_with('/') || paths::is_windows_path(target))
            {
                *target = paths::clean(target);
            }
        }
    }
    default_hook_images(service);
    imply_dependencies(service);
    let named = service.get("networks").map(|entry| &entry.node);
    let has_networks = named.is_some_and(|node| node.as_map().is_some_and(|map| !map.is_empty()));
    if !has_networks && !service.contains_key("network_mode") && !service.contains_key("provider") {
        let default = Map::from_iter([("default".to_owned(), added(Value::Null))]);
        service.insert("networks".to_owned(), added(Value::Map(default)));
    }
    map_of(service, "networks").is_some_and(|networks| networks.contains_key("default"))
}

/// A `pre_start` container without an image has the service's own.
fn default_hook_images(service: &mut Map) {
    let image = service.get("image").map(|entry| entry.node.value.clone());
    if let Some(image) = image
        && let Some(Entry { node, .. }) = service.get_mut("pre_start")
        && let Value::List(hooks) = &mut node.value
    {
        for hook in hooks {
            if let Value::Map(hook) = &mut hook.value {
                hook.entry("image".to_owned()).or_insert_with(|| added(image.clone()));
            }
        }
    }
}

/// A service that shares something of another one starts after it.
fn imply_dependencies(service: &mut Map) {
    let mut implied: Vec<(String, bool, Span)> = Vec::new();
    let list = |name: &str| {
        service
            .get(name)
            .and_then(|entry| entry.node.as_list())
            .unwrap_or_default()
    };
    for link in list("links") {
        let text = link.as_str().unwrap_or_default();
        implied.push((text.split(':').next().unwrap_or(text).to_owned(), true, link.span));
    }
    for namespace in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        let node = service.get(namespace).map(|entry| &entry.node);
        if let Some(node) = node
            && let Some(name) = node.as_str().and_then(|text| text.strip_prefix("service:"))
        {
            implied.push((name.to_owned(), true, node.span));
        }
    }
    for source in list("volumes_from") {
        let text = source.as_str().unwrap_or_default();
        if !text.starts_with("container:") {
            implied.push((text.split(':').next().unwrap_or(text).to_owned(), false, source.span));
        }
    }
    if implied.is_empty() {
        return;
    }
    let entry = service
        .entry("depends_on".to_owned())
        .or_insert_with(|| added(Value::Map(Map::default())));
    let Value::Map(dependencies) = &mut entry.node.value else {
        return;
    };
    for (name, restart, span) in implied {
        dependencies.entry(name).or_insert_with(|| {
            let condition = added(Value::String("service_started".to_owned()));
            let mut map = Map::from_iter([("condition".to_owned(), condition)]);
            if restart {
                map.insert("restart".to_owned(), added(Value::Bool(true)));
            }
            map.insert("required".to_owned(), added(Value::Bool(true)));
            // Nobody wrote the dependency, but an unknown service is reported where it is named.
            Entry {
                key: span,
                node: Node::new(Value::Map(map), Span::NOWHERE),
            }
        });
    }
}

fn map_of<'a>(map: &'a mut Map, name: &str) -> Option<&'a mut Map> {
    match &mut map.get_mut(name)?.node.value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}
