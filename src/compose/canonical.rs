//! The model as Docker Compose writes it: for `ctx config`, and, byte for byte, for the `config-hash` label.
//!
//! The structs' fields stand in Go's order and leave out what Go leaves out ([`zero`]). [`document`]s are made of JSON
//! values, in which the structs put their extensions under [`EXTENSIONS`] and mappings whose keys users choose begin
//! with [`KEYS`]. The dialects make of that what Go makes of it: *compact* (what is hashed), *JSON* and *YAML* (what
//! `config` prints). Only YAML shows extensions of inner attributes, and each sorts keys its own way.

mod attributes;
mod json;
mod yaml;
mod zero;

use indexmap::IndexMap;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::{Network, Node, Project, Service, Value, Volume};

pub(super) use attributes::{
    discrete, float, hook_command, hosts, is_true, models, networks, octal, or_empty, ssh, watch_hook,
};
pub(super) use zero::zero;

/// The key under which a struct writes its extensions. No attribute begins with `#`.
const EXTENSIONS: &str = "#extensions";
/// The first key of a mapping whose keys are not attributes: they are sorted. No key that means anything has a NUL.
const KEYS: &str = "\0keys";

/// A service in the compact dialect.
#[must_use]
pub fn service_json(service: &Service) -> String {
    compact(service)
}

/// A top-level network in the compact dialect.
#[must_use]
pub fn network_json(network: &Network) -> String {
    compact(network)
}

/// A top-level volume in the compact dialect.
#[must_use]
pub fn volume_json(volume: &Volume) -> String {
    compact(volume)
}

fn compact(value: &impl Serialize) -> String {
    let mut value = document(value);
    json::finish(&mut value);
    json::compact(&value)
}

/// A project as `config --format json` prints it.
#[must_use]
pub fn project_json(project: &Project) -> String {
    let mut root = serde_json::Map::new();
    root.insert("name".to_owned(), Json::String(project.name.clone()));
    root.insert("services".to_owned(), sorted_document(&project.services));
    for (section, value) in sections(project) {
        root.insert(section.to_owned(), value);
    }
    for (name, node) in &project.extensions {
        root.insert(name.clone(), document(node));
    }
    root.sort_keys();
    let mut document = Json::Object(root);
    json::finish(&mut document);
    escape_dollars(&mut document);
    json::pretty(&document)
}

/// A project as `config` prints it.
#[must_use]
pub fn project_yaml(project: &Project) -> String {
    let mut root = serde_json::Map::new();
    root.insert("name".to_owned(), Json::String(project.name.clone()));
    let mut services = sorted_document(&project.services);
    members(&mut services).for_each(service_for_yaml);
    root.insert("services".to_owned(), services);
    for (section, mut value) in sections(project) {
        if section == "networks" {
            members(&mut value).for_each(|network| drop_if(network, "ipam", is_empty));
        }
        root.insert(section.to_owned(), value);
    }
    if !project.models.is_empty() {
        root.insert("models".to_owned(), sorted_document(&project.models));
    }
    root.insert(EXTENSIONS.to_owned(), sorted_document(&project.extensions));
    let mut document = Json::Object(root);
    yaml::finish(&mut document);
    escape_dollars(&mut document);
    yaml::text(&document)
}

/// A tree as `config --no-interpolate --format json` prints it.
#[must_use]
pub fn tree_json(node: &Node) -> String {
    let mut document = document(node);
    json::finish(&mut document);
    json::pretty(&document)
}

/// A tree as `config --no-interpolate` prints it.
#[must_use]
pub fn tree_yaml(node: &Node) -> String {
    let mut document = document(node);
    yaml::finish(&mut document);
    yaml::text(&document)
}

fn sections(project: &Project) -> impl Iterator<Item = (&'static str, Json)> {
    let mut secrets = project.secrets.clone();
    // What a secret holds is printed nowhere.
    secrets.values_mut().for_each(|secret| secret.content = None);
    let mut configs = project.configs.clone();
    for config in configs.values_mut().filter(|config| config.environment.is_some()) {
        config.content = None;
    }
    let sections = [
        ("networks", sorted_document(&project.networks)),
        ("volumes", sorted_document(&project.volumes)),
        ("secrets", sorted_document(&secrets)),
        ("configs", sorted_document(&configs)),
    ];
    sections.into_iter().filter(|(_, value)| !is_empty(value))
}

fn document(value: &(impl Serialize + ?Sized)) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

fn sorted_document<T: Serialize>(map: &IndexMap<String, T>) -> Json {
    document(&SortedMap(map))
}

fn members(value: &mut Json) -> impl Iterator<Item = &mut Json> {
    value.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut)
}

fn is_empty(value: &Json) -> bool {
    value.as_object().is_some_and(|map| map.keys().all(|key| key == KEYS))
}

fn drop_if(value: &mut Json, name: &str, condition: impl Fn(&Json) -> bool) {
    if let Json::Object(map) = value
        && map.get(name).is_some_and(condition)
    {
        map.shift_remove(name);
    }
}

/// YAML leaves out more than JSON, and has names of its own for devices' limits.
fn service_for_yaml(service: &mut Json) {
    drop_if(service, "command", Json::is_null);
    drop_if(service, "entrypoint", Json::is_null);
    if let Some(deploy) = service.get_mut("deploy") {
        drop_if(deploy, "resources", is_empty);
        drop_if(deploy, "placement", is_empty);
    }
    for limits in ["/ulimits", "/build/ulimits"] {
        for limit in service.pointer_mut(limits).into_iter().flat_map(members) {
            if let Json::Object(limit) = limit {
                for name in ["soft", "hard"] {
                    limit.entry(name).or_insert(Json::from(0));
                }
            }
        }
    }
    let watch = service.pointer_mut("/develop/watch").and_then(Json::as_array_mut);
    for rule in watch.into_iter().flatten() {
        drop_if(rule, "exec", |exec| {
            exec.as_object().is_some_and(|exec| exec.values().all(Json::is_null))
        });
    }
    let limits = service.get_mut("blkio_config").into_iter().flat_map(members);
    for device in limits.filter_map(Json::as_array_mut).flatten() {
        if let Json::Object(map) = device {
            *map = std::mem::take(map)
                .into_iter()
                .map(|(name, value)| (name.to_lowercase(), value))
                .collect();
        }
    }
}

/// A dollar sign of the model is written as `$$`, so that the document can be loaded again.
fn escape_dollars(value: &mut Json) {
    match value {
        Json::String(text) if text.contains('$') => *text = text.replace('$', "$$"),
        Json::Object(map) => {
            if map.keys().any(|key| key.contains('$')) {
                let entries = std::mem::take(map).into_iter();
                *map = entries.map(|(key, value)| (key.replace('$', "$$"), value)).collect();
            }
            map.values_mut().for_each(escape_dollars);
        }
        Json::Array(list) => list.iter_mut().for_each(escape_dollars),
        _ => {}
    }
}

/// Whether the keys of an object are sorted; the mark that says so is taken away.
fn take_mark(map: &mut serde_json::Map<String, Json>) -> bool {
    let marked = map.keys().next().is_some_and(|first| first == KEYS);
    if marked {
        map.shift_remove(KEYS);
    }
    marked
}

/// A mapping whose keys are not attributes.
struct SortedMap<'a, V>(&'a IndexMap<String, V>);

impl<V: Serialize> Serialize for SortedMap<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        marked(self.0, serializer)
    }
}

fn marked<'a, S: Serializer>(
    entries: impl IntoIterator<Item = (&'a String, impl Serialize)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry(KEYS, &())?;
    for (key, value) in entries {
        map.serialize_entry(key, &value)?;
    }
    map.end()
}

pub(super) fn sorted<V: Serialize, S: Serializer>(map: &IndexMap<String, V>, serializer: S) -> Result<S::Ok, S::Error> {
    SortedMap(map).serialize(serializer)
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::String(text) => serializer.serialize_str(text),
            Value::List(list) => serializer.collect_seq(list),
            Value::Map(map) => marked(map.iter().map(|(key, entry)| (key, &entry.node)), serializer),
        }
    }
}
