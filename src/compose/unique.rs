//! Lists in which a later entry takes the place of an earlier one with the same key.
//!
//! The entry stays where the first stood. Equal entries of other lists are mistakes, which validation reports.

use indexmap::IndexMap;

use super::{Map, Node, Value, mount, port};

/// Makes the lists of every service, network and volume unique.
pub(super) fn unique(document: &mut Node) {
    each(document, "services", unique_service);
    each(document, "networks", |network| list(network, "labels", pair_key));
    each(document, "volumes", |volume| list(volume, "labels", pair_key));
}

pub(super) fn unique_service(service: &mut Node) {
    for name in ["annotations", "environment", "labels", "sysctls"] {
        list(service, name, pair_key);
    }
    for name in [
        "cap_add",
        "cap_drop",
        "dns",
        "dns_opt",
        "dns_search",
        "expose",
        "links",
        "profiles",
        "tmpfs",
    ] {
        list(service, name, |node| pair_key(node).or_else(|| scalar_key(node)));
    }
    list(service, "ports", port::key);
    list(service, "volumes", mount::key);
    list(service, "devices", device_key);
    list(service, "secrets", |node| reference_key(node, "/run/secrets/"));
    list(service, "configs", |node| reference_key(node, "/"));
    list(service, "env_file", |node| {
        node.get("path").map_or_else(|| scalar_key(node), scalar_key)
    });
    list(service, "label_file", scalar_key);
    if let Some(build) = child(service, "build") {
        for name in ["args", "labels", "additional_contexts"] {
            list(build, name, pair_key);
        }
        list(build, "tags", scalar_key);
        list(build, "platforms", scalar_key);
    }
    if let Some(deploy) = child(service, "deploy") {
        list(deploy, "labels", pair_key);
    }
    each(service, "networks", |network| {
        list(network, "aliases", scalar_key);
        list(network, "link_local_ips", scalar_key);
    });
}

fn child<'a>(node: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    map_mut(node)?.get_mut(name).map(|entry| &mut entry.node)
}

fn each(node: &mut Node, name: &str, mut change: impl FnMut(&mut Node)) {
    let map = child(node, name).and_then(map_mut);
    map.into_iter().flatten().for_each(|(_, entry)| change(&mut entry.node));
}

fn map_mut(node: &mut Node) -> Option<&mut Map> {
    if let Value::Map(map) = &mut node.value {
        Some(map)
    } else {
        None
    }
}

fn list(node: &mut Node, name: &str, key: impl Fn(&Node) -> Option<String>) {
    let Some(Node {
        value: Value::List(list),
        ..
    }) = child(node, name)
    else {
        return;
    };
    if list.len() < 2 {
        return;
    }
    let mut unique: IndexMap<String, Node> = IndexMap::with_capacity(list.len());
    for (index, entry) in std::mem::take(list).into_iter().enumerate() {
        // What has no key is no duplicate of anything. A NUL cannot begin a key.
        let key = key(&entry).unwrap_or_else(|| format!("\0{index}"));
        unique.insert(key, entry);
    }
    list.extend(unique.into_values());
}

fn pair_key(node: &Node) -> Option<String> {
    let text = node.as_str()?;
    Some(text.split_once('=').map_or(text, |(name, _)| name).to_owned())
}

fn scalar_key(node: &Node) -> Option<String> {
    super::forms::text_of(&node.value)
}

fn device_key(node: &Node) -> Option<String> {
    if let Some(text) = node.as_str() {
        let mut parts = text.split(':');
        let source = parts.next()?;
        return Some(parts.next().unwrap_or(source).to_owned());
    }
    let target = node.get("target").or_else(|| node.get("source"));
    target.and_then(scalar_key)
}

fn reference_key(node: &Node, folder: &str) -> Option<String> {
    if let Some(source) = node.as_str() {
        return Some(format!("{folder}{source}"));
    }
    match node.get("target").and_then(Node::as_str) {
        Some(target) if target.starts_with('/') => Some(target.to_owned()),
        Some(target) => Some(format!("{folder}{target}")),
        None => Some(format!("{folder}{}", node.get("source")?.as_str()?)),
    }
}
