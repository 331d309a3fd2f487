//! The model as Docker Compose writes it: for `ctx config`, and, byte for byte, for the `config-hash` label.
//!
//! The structs' fields stand in Go's order and leave out what Go leaves out (`omitempty`). Documents are made of JSON
//! values in three dialects: *compact* (what is hashed), *JSON* and *YAML* (what `config` prints). Only YAML shows
//! extensions of inner attributes; the structs therefore write them under [`EXTENSIONS`], and each dialect moves or
//! drops them.
//!
//! Long because it writes every attribute that a project can have.

use indexmap::IndexMap;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::{
    Blkio, ByteSize, Deploy, Duration, GenericResource, Hook, Network, Node, Placement, Project, Resource,
    RestartPolicy, Service, ServiceNetwork, Spanned, Ulimit, Value, Volume,
};

/// The key under which a struct writes its extensions. No attribute begins with `#`.
const EXTENSIONS: &str = "#extensions";

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
    drop_extensions(&mut value);
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, GoFormatter);
    // Writing values into memory does not fail, and JSON is UTF-8.
    let written = value.serialize(&mut serializer);
    debug_assert!(written.is_ok());
    String::from_utf8(bytes).unwrap_or_default()
}

/// A project as `config --format json` prints it.
#[must_use]
pub fn project_json(project: &Project) -> Json {
    let mut root = serde_json::Map::new();
    root.insert("name".to_owned(), Json::String(project.name.clone()));
    root.insert("services".to_owned(), sorted_document(&project.services));
    for (section, value) in resources(project) {
        root.insert(section.to_owned(), value);
    }
    let mut json = Json::Object(root);
    drop_extensions(&mut json);
    if let Json::Object(root) = &mut json {
        for (name, node) in &project.extensions {
            root.insert(name.clone(), document(node));
        }
        root.sort_keys();
    }
    escape_dollars(&mut json);
    json
}

/// A project as `config` prints it: what becomes YAML.
#[must_use]
pub fn project_yaml(project: &Project) -> Json {
    let mut root = serde_json::Map::new();
    root.insert("name".to_owned(), Json::String(project.name.clone()));
    let mut services = sorted_document(&project.services);
    for service in services
        .as_object_mut()
        .into_iter()
        .flat_map(serde_json::Map::values_mut)
    {
        service_for_yaml(service);
    }
    root.insert("services".to_owned(), services);
    for (section, mut value) in resources(project) {
        if section == "networks" {
            for network in value.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
                drop_if(network, "ipam", is_empty);
            }
        }
        root.insert(section.to_owned(), value);
    }
    if !project.models.is_empty() {
        root.insert("models".to_owned(), sorted_document(&project.models));
    }
    root.insert(EXTENSIONS.to_owned(), document(&SortedMap(&project.extensions)));
    let mut json = Json::Object(root);
    escape_dollars(&mut json);
    inline_extensions(&mut json);
    json
}

/// A tree as it is, with its keys sorted: what `config --no-interpolate` prints.
#[must_use]
pub fn tree(node: &Node) -> Json {
    let mut json = document(node);
    json.sort_all_objects();
    json
}

/// JSON as Go indents it.
#[must_use]
pub fn to_json(value: &Json) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// YAML in which text is quoted wherever an older reader would take it for something else.
#[must_use]
pub fn to_yaml(value: &Json) -> String {
    let options = serde_saphyr::ser_options! {
        compact_list_indent: false,
        folded_wrap_chars: usize::MAX,
    };
    let mut text = String::new();
    // Writing text, numbers, lists and mappings into memory does not fail.
    let written = serde_saphyr::to_fmt_writer_with_options(&mut text, value, options);
    debug_assert!(written.is_ok());
    text
}

fn resources(project: &Project) -> impl Iterator<Item = (&'static str, Json)> {
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

fn is_empty(value: &Json) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
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
        let limits = service.pointer_mut(limits).and_then(Json::as_object_mut);
        for limit in limits.into_iter().flat_map(serde_json::Map::values_mut) {
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
    let limits = service.get_mut("blkio_config").and_then(Json::as_object_mut);
    let limits = limits.into_iter().flat_map(serde_json::Map::values_mut);
    for device in limits.filter_map(Json::as_array_mut).flatten() {
        if let Json::Object(map) = device {
            *map = std::mem::take(map)
                .into_iter()
                .map(|(name, value)| (name.to_lowercase(), value))
                .collect();
        }
    }
}

fn drop_extensions(value: &mut Json) {
    match value {
        Json::Object(map) => {
            map.shift_remove(EXTENSIONS);
            map.values_mut().for_each(drop_extensions);
        }
        Json::Array(list) => list.iter_mut().for_each(drop_extensions),
        _ => {}
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

/// Extensions follow the attributes of what they extend.
fn inline_extensions(value: &mut Json) {
    match value {
        Json::Object(map) => {
            let own = map.shift_remove(EXTENSIONS);
            map.values_mut().for_each(inline_extensions);
            if let Some(Json::Object(own)) = own {
                map.extend(own);
            }
        }
        Json::Array(list) => list.iter_mut().for_each(inline_extensions),
        _ => {}
    }
}

/// Compact JSON with the escapes of Go, which keeps text harmless inside of HTML.
struct GoFormatter;

impl serde_json::ser::Formatter for GoFormatter {
    fn write_string_fragment<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> std::io::Result<()> {
        let special = ['<', '>', '&', '\u{2028}', '\u{2029}'];
        let mut rest = fragment;
        while let Some(at) = rest.find(special) {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = tail.chars();
            let character = characters.next().unwrap_or_default();
            write!(writer, "\\u{:04x}", u32::from(character))?;
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Whether a value is what Go's `omitempty` leaves out.
pub(super) fn zero(value: &impl Zero) -> bool {
    value.is_zero()
}

pub(super) trait Zero {
    fn is_zero(&self) -> bool;
}

impl<T: Zero> Zero for Option<T> {
    fn is_zero(&self) -> bool {
        self.as_ref().is_none_or(Zero::is_zero)
    }
}

impl<T: Zero> Zero for Spanned<T> {
    fn is_zero(&self) -> bool {
        self.value.is_zero()
    }
}

impl<T> Zero for Vec<T> {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Zero for IndexMap<K, V> {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl Zero for String {
    fn is_zero(&self) -> bool {
        self.is_empty()
    }
}

impl Zero for bool {
    fn is_zero(&self) -> bool {
        !self
    }
}

impl Zero for i64 {
    fn is_zero(&self) -> bool {
        *self == 0
    }
}

impl Zero for u32 {
    fn is_zero(&self) -> bool {
        *self == 0
    }
}

impl Zero for u16 {
    fn is_zero(&self) -> bool {
        *self == 0
    }
}

impl Zero for f32 {
    fn is_zero(&self) -> bool {
        *self == 0.0
    }
}

impl Zero for ByteSize {
    fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

impl Zero for Duration {
    fn is_zero(&self) -> bool {
        self.0.is_zero()
    }
}

/// Booleans that are true by default.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(super) fn is_true(value: &bool) -> bool {
    *value
}

/// A mapping with its keys in the order of their bytes, as Go writes it.
struct SortedMap<'a, V>(&'a IndexMap<String, V>);

impl<V: Serialize> Serialize for SortedMap<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_key(|(name, _)| *name);
        serializer.collect_map(entries)
    }
}

pub(super) fn sorted<V: Serialize, S: Serializer>(map: &IndexMap<String, V>, serializer: S) -> Result<S::Ok, S::Error> {
    SortedMap(map).serialize(serializer)
}

/// What a hook runs: null when it says nothing.
pub(super) fn hook_command<S: Serializer>(command: &Spanned<Vec<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    if command.is_empty() {
        return serializer.serialize_none();
    }
    command.serialize(serializer)
}

/// Go embeds the hook of a watch rule, whose command is written even when there is none.
#[allow(clippy::ref_option, reason = "serde's signature")]
pub(super) fn watch_hook<S: Serializer>(hook: &Option<Hook>, serializer: S) -> Result<S::Ok, S::Error> {
    match hook {
        Some(hook) => hook.serialize(serializer),
        None => serializer.collect_map([("command", None::<()>)]),
    }
}

/// A network of which a service says nothing is null.
pub(super) fn networks<S: Serializer>(
    networks: &IndexMap<String, ServiceNetwork>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let networks = networks
        .iter()
        .map(|(name, network)| (name.clone(), (!network.unsaid).then_some(network)));
    SortedMap(&networks.collect()).serialize(serializer)
}

/// `extra_hosts` is a sorted list of `host=address`.
pub(super) fn hosts<S: Serializer>(
    hosts: &IndexMap<String, Vec<Spanned<String>>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let pairs = hosts
        .iter()
        .flat_map(|(host, addresses)| addresses.iter().map(move |address| format!("{host}={}", address.value)));
    let mut list: Vec<_> = pairs.collect();
    list.sort();
    serializer.collect_seq(list)
}

/// `build.ssh` is a list of ids, each with its path if it has one.
pub(super) fn ssh<S: Serializer>(keys: &IndexMap<String, Spanned<String>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(keys.iter().map(|(id, path)| match path.as_str() {
        "" => id.clone(),
        path => format!("{id}={path}"),
    }))
}

/// Permission bits are text.
#[allow(clippy::ref_option, reason = "serde's signature")]
pub(super) fn octal<S: Serializer>(mode: &Option<Spanned<u32>>, serializer: S) -> Result<S::Ok, S::Error> {
    match mode {
        Some(mode) => serializer.collect_str(&format_args!("0{:o}", mode.value)),
        None => serializer.serialize_none(),
    }
}

/// A float with the digits of its own precision; a whole one without a point.
#[allow(clippy::ref_option, reason = "serde's signature")]
pub(super) fn float<S: Serializer>(number: &Option<Spanned<f32>>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => Float(number.value).serialize(serializer),
        None => serializer.serialize_none(),
    }
}

struct Float(f32);

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[allow(clippy::cast_possible_truncation, reason = "whole and below a million")]
        if self.0.fract() == 0.0 && self.0.abs() < 1e6 {
            return serializer.serialize_i64(self.0 as i64);
        }
        // Widening the number itself would show digits that nobody wrote.
        let text = self.0.to_string();
        serializer.serialize_f64(text.parse().unwrap_or(f64::from(self.0)))
    }
}

/// A struct that Go embeds: written even when nothing is in it.
#[allow(clippy::ref_option, reason = "serde's signature")]
pub(super) fn or_empty<T: Serialize, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value.serialize(serializer),
        None => serializer.serialize_map(Some(0))?.end(),
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(number) => serializer.serialize_i64(*number),
            #[allow(clippy::cast_possible_truncation, reason = "whole and below a thousand billion")]
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e12 => {
                serializer.serialize_i64(*number as i64)
            }
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::String(text) => serializer.serialize_str(text),
            Value::List(list) => serializer.collect_seq(list),
            Value::Map(map) => serializer.collect_map(map.iter().map(|(key, entry)| (key, &entry.node))),
        }
    }
}

impl Serialize for Deploy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Resources<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            limits: Option<&'a Resource>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reservations: Option<&'a Resource>,
        }
        #[derive(Serialize)]
        struct Shape<'a> {
            #[serde(skip_serializing_if = "zero")]
            mode: &'a Option<Spanned<String>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            replicas: Option<i64>,
            #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
            labels: &'a IndexMap<String, Spanned<String>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            update_config: Option<&'a super::UpdateConfig>,
            #[serde(skip_serializing_if = "Option::is_none")]
            rollback_config: Option<&'a super::UpdateConfig>,
            resources: Resources<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            restart_policy: Option<&'a RestartPolicy>,
            #[serde(serialize_with = "or_empty")]
            placement: &'a Option<Placement>,
            #[serde(skip_serializing_if = "zero")]
            endpoint_mode: &'a Option<Spanned<String>>,
            #[serde(rename = "#extensions", skip_serializing_if = "zero")]
            extensions: &'a IndexMap<String, Node>,
        }
        Shape {
            mode: &self.mode,
            replicas: self.replicas.map(|replicas| replicas.value),
            labels: &self.labels,
            update_config: self.update_config.as_ref(),
            rollback_config: self.rollback_config.as_ref(),
            resources: Resources {
                limits: self.limits.as_ref(),
                reservations: self.reservations.as_ref(),
            },
            restart_policy: self.restart_policy.as_ref(),
            placement: &self.placement,
            endpoint_mode: &self.endpoint_mode,
            extensions: &self.extensions,
        }
        .serialize(serializer)
    }
}

impl<T: Zero + ?Sized> Zero for &T {
    fn is_zero(&self) -> bool {
        (**self).is_zero()
    }
}

/// `placement.preferences`: what each spreads over.
pub(super) fn preferences<S: Serializer>(list: &[Spanned<String>], serializer: S) -> Result<S::Ok, S::Error> {
    let mut sequence = serializer.serialize_seq(Some(list.len()))?;
    for preference in list {
        sequence.serialize_element(&IndexMap::from([("spread", preference)]))?;
    }
    sequence.end()
}

impl Serialize for GenericResource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let spec = serde_json::json!({
            "kind": self.kind.as_ref().map_or("", |kind| kind.as_str()),
            "value": self.value.map_or(0, |value| value.value),
        });
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("discrete_resource_spec", &spec)?;
        map.end()
    }
}

impl Serialize for Ulimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Go cannot tell a zero from nothing.
        if let Some(single) = self.single.filter(|single| *single != 0) {
            return serializer.serialize_i64(single);
        }
        let mut map = serializer.serialize_map(None)?;
        for (name, limit) in [("soft", self.soft), ("hard", self.hard)] {
            if let Some(limit) = limit.filter(|limit| *limit != 0) {
                map.serialize_entry(name, &limit)?;
            }
        }
        map.end()
    }
}

impl Serialize for Blkio {
    /// Docker Compose writes the names of devices' limits as Go spells its fields.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Weight<'a> {
            path: &'a str,
            weight: i64,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Throttle<'a> {
            path: &'a str,
            rate: ByteSize,
        }
        let mut map = serializer.serialize_map(None)?;
        if let Some(weight) = self.weight.filter(|weight| weight.value != 0) {
            map.serialize_entry("weight", &weight)?;
        }
        if !self.weight_device.is_empty() {
            let devices = self.weight_device.iter().map(|(path, weight)| Weight {
                path,
                weight: weight.value,
            });
            map.serialize_entry("weight_device", &devices.collect::<Vec<_>>())?;
        }
        for (name, devices) in [
            ("device_read_bps", &self.device_read_bps),
            ("device_read_iops", &self.device_read_iops),
            ("device_write_bps", &self.device_write_bps),
            ("device_write_iops", &self.device_write_iops),
        ] {
            if !devices.is_empty() {
                let devices = devices.iter().map(|(path, rate)| Throttle { path, rate: rate.value });
                map.serialize_entry(name, &devices.collect::<Vec<_>>())?;
            }
        }
        map.end()
    }
}
