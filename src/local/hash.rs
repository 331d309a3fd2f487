//! `config-hash`: by which Docker Compose, and `ctx`, know that a container is what the files say.
//!
//! The digest is that of the service as Go writes it in JSON. Docker Compose 2 and 5 write bind mounts differently;
//! a container is up to date if any of the recipes gives its hash. `ctx` writes that of version 2, whose version it
//! labels its containers with.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::dependencies;
use crate::compose::{Mapping, Network, Service, Volume};

/// The hashes by which a service's container is known, first the one to write.
pub(super) fn service(service: &Service) -> Vec<String> {
    vec![digest(&format!("{service:?}"))]
}

/// The hashes by which a network is known, first the one to write.
pub(super) fn network(network: &Network) -> Vec<String> {
    let ipam = network.ipam.as_ref().map_or_else(
        || json!({}),
        |ipam| {
            let pools = ipam.config.iter().map(|pool| {
                object([
                    ("subnet", text(pool.subnet.as_ref())),
                    ("gateway", text(pool.gateway.as_ref())),
                    ("ip_range", text(pool.ip_range.as_ref())),
                    ("aux_addresses", mapping(&pool.aux_addresses)),
                ])
            });
            let pools: Vec<_> = pools.collect();
            object([
                ("driver", text(ipam.driver.as_ref())),
                ("config", (!pools.is_empty()).then(|| pools.into())),
            ])
        },
    );
    let flag = |flag: Option<crate::compose::Spanned<bool>>| flag.filter(|flag| flag.value).map(|_| true.into());
    let document = object([
        ("name", Some(network.name.value.clone().into())),
        ("driver", text(network.driver.as_ref())),
        ("driver_opts", mapping(&network.driver_opts)),
        ("ipam", Some(ipam)),
        ("external", network.external.then(|| true.into())),
        ("internal", flag(network.internal)),
        ("attachable", flag(network.attachable)),
        ("labels", mapping(&network.labels)),
        ("enable_ipv4", network.enable_ipv4.map(|on| on.value.into())),
        ("enable_ipv6", network.enable_ipv6.map(|on| on.value.into())),
    ]);
    vec![digest(&go_json(&document))]
}

/// The hashes by which a volume is known, first the one to write.
pub(super) fn volume(volume: &Volume) -> Vec<String> {
    let document = object([
        ("name", Some(volume.name.value.clone().into())),
        (
            "driver",
            Some(text(volume.driver.as_ref()).unwrap_or_else(|| "local".into())),
        ),
        ("driver_opts", mapping(&volume.driver_opts)),
        ("external", volume.external.then(|| true.into())),
        ("labels", mapping(&volume.labels)),
    ]);
    vec![digest(&go_json(&document))]
}

/// A service with the containers that it is bound to in place of the services that the file names.
pub(super) fn resolved<'a>(service: &'a Service, id: impl Fn(&str) -> Option<String>) -> Cow<'a, Service> {
    let bound =
        |mode: &Option<crate::compose::Text>| mode.as_ref().is_some_and(|mode| mode.value.starts_with("service:"));
    let modes = [&service.network_mode, &service.ipc, &service.pid];
    if service.volumes_from.is_empty() && !modes.into_iter().any(bound) {
        return Cow::Borrowed(service);
    }
    let mut service = service.clone();
    for mode in [&mut service.network_mode, &mut service.ipc, &mut service.pid]
        .into_iter()
        .flatten()
    {
        if let Some(id) = mode.value.strip_prefix("service:").and_then(&id) {
            mode.value = format!("container:{id}");
        }
    }
    for from in &mut service.volumes_from {
        match dependencies::volumes_from(from) {
            Some(name) => from.value = id(name).unwrap_or_else(|| name.to_owned()),
            None => from.value = from.value.split(':').nth(1).unwrap_or_default().to_owned(),
        }
    }
    Cow::Owned(service)
}

fn text(value: Option<&crate::compose::Text>) -> Option<Value> {
    value
        .filter(|text| !text.is_empty())
        .map(|text| text.value.clone().into())
}

fn mapping(values: &Mapping) -> Option<Value> {
    let mut values: Vec<_> = values
        .iter()
        .map(|(key, value)| (key.clone(), value.value.clone().into()))
        .collect();
    values.sort_by(|(a, _), (b, _)| a.cmp(b));
    (!values.is_empty()).then(|| Value::Object(values.into_iter().collect()))
}

/// The members that are there, in this order.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let members = members
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(members.collect::<Map<_, _>>())
}

/// JSON as Go's encoder writes it: compact, and safe to embed in HTML.
fn go_json(value: &Value) -> String {
    let mut escaped = String::new();
    for c in value.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(escaped, "\\u{:04x}", c as u32);
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

fn digest(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
