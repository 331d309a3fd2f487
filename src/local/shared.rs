//! Networks and volumes, as the engine is asked to make them.

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, VolumeCreateRequest};

use super::container::{pairs, some, string};
use super::{hash, labels};
use crate::compose::{Network, Project, Volume};

pub(super) fn network_request(project: &Project, key: &str, network: &Network) -> NetworkCreateRequest {
    let hash = hash::network_hashes(network).swap_remove(0);
    let ipam = network.ipam.as_ref().map(|ipam| {
        let pools = ipam.config.iter().map(|pool| IpamConfig {
            subnet: string(pool.subnet.as_ref()),
            ip_range: string(pool.ip_range.as_ref()),
            gateway: string(pool.gateway.as_ref()),
            auxiliary_addresses: pairs(&pool.aux_addresses),
        });
        Ipam {
            driver: string(ipam.driver.as_ref()),
            config: some(pools.collect()),
            options: pairs(&ipam.options),
        }
    });
    NetworkCreateRequest {
        name: network.name.value.clone(),
        driver: string(network.driver.as_ref()),
        options: pairs(&network.driver_opts),
        ipam,
        internal: network.internal.map(|internal| internal.value),
        attachable: network.attachable.map(|attachable| attachable.value),
        enable_ipv4: network.enable_ipv4.map(|on| on.value),
        enable_ipv6: network.enable_ipv6.map(|on| on.value),
        labels: Some(labels::shared(project, labels::NETWORK, key, hash, &network.labels)),
        ..NetworkCreateRequest::default()
    }
}

pub(super) fn volume_request(project: &Project, key: &str, volume: &Volume) -> VolumeCreateRequest {
    let hash = hash::volume_hashes(volume).swap_remove(0);
    VolumeCreateRequest {
        name: Some(volume.name.value.clone()),
        driver: string(volume.driver.as_ref()),
        driver_opts: pairs(&volume.driver_opts),
        labels: Some(labels::shared(project, labels::VOLUME, key, hash, &volume.labels)),
        ..VolumeCreateRequest::default()
    }
}
