//! Ports: which a container listens on, and where the engine publishes them.

use std::collections::HashMap;

use bollard::models::PortBinding;

use crate::compose::Service;

/// `80/tcp` → where it can be reached on the engine's machine.
pub(super) fn bindings(service: &Service) -> HashMap<String, Option<Vec<PortBinding>>> {
    let mut bindings: HashMap<_, Option<Vec<_>>> = HashMap::new();
    for port in &service.ports {
        let binding = PortBinding {
            host_ip: super::container::string(port.host_ip.as_ref()),
            // None: the engine chooses a free one.
            host_port: Some(
                port.published
                    .as_ref()
                    .map_or_else(String::new, |published| published.value.clone()),
            ),
        };
        let key = format!("{}/{}", port.target.value, port.protocol.value);
        bindings.entry(key).or_default().get_or_insert_default().push(binding);
    }
    bindings
}

/// What `expose` and `ports` name; `expose` may name ranges.
pub(super) fn exposed(service: &Service) -> Vec<String> {
    let mut exposed: Vec<_> = service
        .ports
        .iter()
        .map(|port| format!("{}/{}", port.target.value, port.protocol.value))
        .collect();
    for entry in &service.expose {
        let (ports, protocol) = entry.split_once('/').unwrap_or((entry, "tcp"));
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        if let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) {
            exposed.extend((first..=last).map(|port| format!("{port}/{protocol}")));
        }
    }
    exposed.sort();
    exposed.dedup();
    exposed
}
