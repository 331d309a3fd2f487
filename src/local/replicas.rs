//! Containers as `ps` lists them.

use bollard::models::ContainerSummary;
use jiff::Timestamp;

use super::labels;
use super::observed::{self, Status};
use crate::backend::{Publication, Replica};

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
    }
}
