//! Link-local addresses, which engines give to whoever asks for them, and see to nothing.

use std::net::Ipv4Addr;

use super::container::Container;
use crate::compose::{ServiceNetwork, Text};
use crate::endpoint;

/// Those that a container asks for. On the network that leads to what simulates ECS, a service has a range of them.
pub(super) fn link_local(key: &str, network: &ServiceNetwork, container: &str, number: u32) -> Vec<String> {
    let own = |address: &Text| {
        let range: Option<Ipv4Addr> = address.parse().ok();
        match range.map(|range| range.octets()) {
            Some([_, _, slot, 0]) if key == endpoint::NETWORK => {
                let address = endpoint::address(slot, number).unwrap_or_else(|| endpoint::beside(container));
                address.to_string()
            }
            _ => address.value.clone(),
        }
    };
    network.link_local_ips.iter().map(own).collect()
}

/// Gives a container that runs beside those of its service an address that none of them has.
pub(super) fn beside(made: &mut Container, name: &str) {
    let first = made.body.networking_config.as_mut();
    let first = first.and_then(|config| config.endpoints_config.as_mut());
    let others = made
        .networks
        .iter_mut()
        .map(|(network, endpoint)| (&*network, endpoint));
    for (network, endpoint) in first.into_iter().flatten().chain(others) {
        let ipam = endpoint.ipam_config.as_mut();
        let addresses = ipam.and_then(|ipam| ipam.link_local_ips.as_mut());
        if let Some(addresses) = addresses.filter(|_| network.ends_with(&format!("_{}", endpoint::NETWORK))) {
            *addresses = vec![endpoint::beside(name).to_string()];
        }
    }
}
