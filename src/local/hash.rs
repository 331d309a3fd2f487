//! `config-hash`: by which Docker Compose, and `ctx`, know that a container is what the files say.
//!
//! The digest is that of the service as Go writes it in JSON. Docker Compose 2 and 5 write bind mounts differently;
//! a container is up to date if any of the recipes gives its hash. `ctx` writes that of version 2, whose version it
//! labels its containers with.

use std::borrow::Cow;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::dependencies;
use crate::compose::{Network, Service, Volume, canonical};

/// The hashes by which a service's container is known, first the one to write.
#[must_use]
pub fn service_hashes(service: &Service) -> Vec<String> {
    let mut service = service.clone();
    // What decides when and how often a container is made does not change what it is.
    service.build = None;
    service.pull_policy = None;
    service.scale = None;
    service.depends_on.clear();
    service.profiles.clear();
    if let Some(deploy) = &mut service.deploy {
        deploy.replicas = None;
    }
    // `environment` has these variables.
    service.env_file.clear();
    let fifth = canonical::service_json(&service);
    let binds = service.volumes.iter().filter_map(|mount| mount.bind.as_ref());
    let second = as_version_2(&fifth, binds.map(|bind| bind.creates_by_default));
    let mut hashes = vec![digest(&second)];
    if second != fifth {
        hashes.push(digest(&fifth));
    }
    hashes
}

/// Turns the canonical form, which is version 5's, into version 2's: that one writes whether a folder is made for a
/// bind mount when somebody says so, and the other one when it is not. `by_default` tells for each bind mount whether
/// nobody said anything, and has its end where there are no more of them.
fn as_version_2(service: &str, mut by_default: impl Iterator<Item = bool>) -> String {
    const BEGIN: &str = "\"bind\":{";
    let mut parts = service.split(BEGIN);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (bind, rest) = part.split_once('}').unwrap_or((part, ""));
        // Nothing in here is free text but the words of three attributes, none of which has a comma.
        let mut members: Vec<_> = bind.split(',').filter(|member| !member.is_empty()).collect();
        let made = members.len();
        members.retain(|member| *member != "\"create_host_path\":false");
        let unsaid = by_default.next() == Some(true);
        if members.len() == made && !unsaid {
            let place = members
                .iter()
                .position(|member| member.starts_with("\"recursive\""))
                .unwrap_or(made);
            members.insert(place, "\"create_host_path\":true");
        }
        text += BEGIN;
        text += &members.join(",");
        text.push('}');
        text += rest;
    }
    text
}

/// The hashes by which a network is known, first the one to write.
#[must_use]
pub fn network_hashes(network: &Network) -> Vec<String> {
    vec![digest(&canonical::network_json(network))]
}

/// The hashes by which a volume is known, first the one to write.
#[must_use]
pub fn volume_hashes(volume: &Volume) -> Vec<String> {
    let mut volume = volume.clone();
    volume
        .driver
        .get_or_insert_with(|| crate::compose::Spanned::nowhere("local".to_owned()));
    vec![digest(&canonical::volume_json(&volume))]
}

/// A service with the containers that it is bound to in place of the services that the file names.
pub(super) fn resolved(service: &Service, id: impl Fn(&str) -> Option<String>) -> Cow<'_, Service> {
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

fn digest(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::as_version_2;

    #[test]
    fn bind_mounts_of_version_2() {
        let version_2 = |bind: &str| as_version_2(&format!("[{{\"bind\":{{{bind}}}}}]"), [false].into_iter());
        assert_eq!(version_2(""), "[{\"bind\":{\"create_host_path\":true}}]");
        assert_eq!(version_2("\"create_host_path\":false"), "[{\"bind\":{}}]");
        assert_eq!(as_version_2("[{\"bind\":{}}]", [true].into_iter()), "[{\"bind\":{}}]");
        assert_eq!(
            version_2("\"selinux\":\"z\",\"recursive\":\"disabled\""),
            "[{\"bind\":{\"selinux\":\"z\",\"create_host_path\":true,\"recursive\":\"disabled\"}}]"
        );
    }
}
