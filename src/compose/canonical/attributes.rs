//! Attributes that Go writes otherwise than their structs have them.

use indexmap::IndexMap;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{marked, sorted, zero};
use crate::compose::project::Extensions;
use crate::compose::{
    Blkio, ByteSize, Deploy, Discrete, Hook, Placement, Resource, RestartPolicy, ServiceModel, ServiceNetwork, Spanned,
    Ulimit, UpdateConfig,
};

/// Booleans that are true by default.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(in crate::compose) fn is_true(value: &bool) -> bool {
    *value
}

/// What a hook runs: null when it says nothing.
pub(in crate::compose) fn hook_command<S: Serializer>(
    command: &Spanned<Vec<String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if command.is_empty() {
        return serializer.serialize_none();
    }
    command.serialize(serializer)
}

/// Go embeds the hook of a watch rule, whose command is written even when there is none.
#[allow(clippy::ref_option, reason = "serde's signature")]
pub(in crate::compose) fn watch_hook<S: Serializer>(hook: &Option<Hook>, serializer: S) -> Result<S::Ok, S::Error> {
    match hook {
        Some(hook) => hook.serialize(serializer),
        None => serializer.collect_map([("command", None::<()>)]),
    }
}

/// A network of which a service says nothing is null.
pub(in crate::compose) fn networks<S: Serializer>(
    networks: &IndexMap<String, ServiceNetwork>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    or_null(networks, |network| !network.unsaid, serializer)
}

/// A model of which a service says nothing is null.
pub(in crate::compose) fn models<S: Serializer>(
    models: &IndexMap<String, ServiceModel>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    or_null(models, |model| !model.unsaid, serializer)
}

fn or_null<T: Serialize, S: Serializer>(
    map: &IndexMap<String, T>,
    said: impl Fn(&T) -> bool,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let entries = map.iter().map(|(name, value)| (name, said(value).then_some(value)));
    marked(entries, serializer)
}

/// `extra_hosts` is a sorted list of `host=address`.
pub(in crate::compose) fn hosts<S: Serializer>(
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
pub(in crate::compose) fn ssh<S: Serializer>(
    keys: &IndexMap<String, Spanned<String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(keys.iter().map(|(id, path)| match path.as_str() {
        "" => id.clone(),
        path => format!("{id}={path}"),
    }))
}

/// Permission bits are text.
#[allow(clippy::ref_option, reason = "serde's signature")]
pub(in crate::compose) fn octal<S: Serializer>(mode: &Option<Spanned<u32>>, serializer: S) -> Result<S::Ok, S::Error> {
    match mode {
        Some(mode) => serializer.collect_str(&format_args!("0{:o}", mode.value)),
        None => serializer.serialize_none(),
    }
}

/// A float with the digits of its own precision.
#[allow(clippy::ref_option, reason = "serde's signature")]
pub(in crate::compose) fn float<S: Serializer>(
    number: &Option<Spanned<f32>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => Float(number.value).serialize(serializer),
        None => serializer.serialize_none(),
    }
}

struct Float(f32);

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Widening the number itself would show digits that nobody wrote.
        let text = self.0.to_string();
        serializer.serialize_f64(text.parse().unwrap_or(f64::from(self.0)))
    }
}

/// A struct that Go embeds: written even when nothing is in it.
#[allow(clippy::ref_option, reason = "serde's signature")]
pub(in crate::compose) fn or_empty<T: Serialize, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value.serialize(serializer),
        None => serializer.serialize_map(Some(0))?.end(),
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
            #[serde(rename = "#extensions", skip_serializing_if = "zero")]
            extensions: &'a Extensions,
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
            update_config: Option<&'a UpdateConfig>,
            #[serde(skip_serializing_if = "Option::is_none")]
            rollback_config: Option<&'a UpdateConfig>,
            resources: Resources<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            restart_policy: Option<&'a RestartPolicy>,
            #[serde(serialize_with = "or_empty")]
            placement: &'a Option<Placement>,
            #[serde(skip_serializing_if = "zero")]
            endpoint_mode: &'a Option<Spanned<String>>,
            #[serde(rename = "#extensions", skip_serializing_if = "zero")]
            extensions: &'a Extensions,
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
                extensions: &self.resources_extensions,
            },
            restart_policy: self.restart_policy.as_ref(),
            placement: &self.placement,
            endpoint_mode: &self.endpoint_mode,
            extensions: &self.extensions,
        }
        .serialize(serializer)
    }
}

/// What a generic resource consists of: written even when nothing is in it.
#[allow(clippy::ref_option, reason = "serde's signature")]
pub(in crate::compose) fn discrete<S: Serializer>(spec: &Option<Discrete>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Shape<'a> {
        kind: &'a str,
        value: i64,
        #[serde(rename = "#extensions", skip_serializing_if = "Option::is_none")]
        extensions: Option<&'a Extensions>,
    }
    let kind = spec.as_ref().and_then(|spec| spec.kind.as_ref());
    let value = spec.as_ref().and_then(|spec| spec.value);
    Shape {
        kind: kind.map_or("", |kind| kind.as_str()),
        value: value.map_or(0, |value| value.value),
        extensions: spec.as_ref().map(|spec| &spec.extensions).filter(|own| !own.is_empty()),
    }
    .serialize(serializer)
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
