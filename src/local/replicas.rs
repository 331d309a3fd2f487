//! Containers as `ps` lists them.

use std::collections::HashMap;

use bollard::models::{ContainerSummary, MountPoint};
use jiff::Timestamp;

use super::labels;
use super::observed::{self, Status};
use crate::backend::{Fittings, Publication, Replica};

pub(super) fn replica(summary: &ContainerSummary) -> Replica {
    let label = |key: &str| {
        let labels = summary.labels.as_ref();
        labels.and_then(|labels| labels.get(key)).cloned().unwrap_or_default()
    };
    let status = summary.status.clone().unwrap_or_default();
    let Status { health, exit_code } = Status::read(&status);
    let mut ports: Vec<_> = summary
        .ports
        .iter()
        .flatten()
        .map(|port| Publication {
            host: port
                .ip
                .clone()
                .filter(|_| port.public_port.is_some())
                .unwrap_or_default(),
            published: port.public_port,
            target: port.private_port,
            protocol: port.typ.map(|protocol| protocol.to_string()).unwrap_or_default(),
        })
        .collect();
    ports.sort();
    let mounts = || summary.mounts.iter().flatten();
    let networks = summary
        .network_settings
        .as_ref()
        .and_then(|settings| settings.networks.as_ref());
    let mut networks: Vec<_> = networks.into_iter().flat_map(HashMap::keys).cloned().collect();
    networks.sort();
    let mount = |mount: &MountPoint| {
        let name = mount.name.clone().filter(|name| !name.is_empty());
        name.or_else(|| mount.source.clone()).unwrap_or_default()
    };
    let fittings = Fittings {
        project: label(labels::PROJECT),
        labels: summary.labels.clone().unwrap_or_default().into_iter().collect(),
        mounts: mounts().map(mount).collect(),
        local_volumes: mounts()
            .filter(|mount| mount.driver.as_deref() == Some("local"))
            .count(),
        networks,
    };
    Replica {
        name: observed::name(summary),
        id: summary.id.clone().unwrap_or_default(),
        service: label(labels::SERVICE),
        image: summary.image.clone().unwrap_or_default(),
        command: summary.command.clone().unwrap_or_default(),
        state: summary.state.map(|state| state.to_string()).unwrap_or_default(),
        status,
        health,
        exit_code,
        created: summary.created.and_then(|seconds| Timestamp::from_second(seconds).ok()),
        ports,
        fittings,
    }
}
