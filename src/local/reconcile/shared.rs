//! What becomes of networks and volumes.

use super::super::hash;
use super::super::plan::Operation;
use super::super::shared::{network_request, volume_request};
use super::{Planner, needs_stop};
use crate::compose::{Mount, Service};
use crate::diagnostic::Diagnostic;

impl Planner<'_> {
    pub(super) fn networks(&mut self) {
        for (key, network) in &self.project.networks {
            let used = |service: &Service| service.network_mode.is_none() && service.networks.contains_key(key);
            if !self.options.all_resources && !self.project.services.values().any(used) {
                continue;
            }
            let name = network.name.value.clone();
            let create = || Operation::CreateNetwork(Box::new(network_request(self.project, key, network)));
            match self.observed.networks.get(&name) {
                None if network.external => self.plan.errors.push(
                    Diagnostic::error(
                        network.name.span.or(network.span),
                        format!("the engine has no network `{name}`"),
                    )
                    .hint(format!("it is external: `docker network create {name}` makes it")),
                ),
                None => drop(self.networks.insert(key, self.plan.push(create(), vec![]))),
                Some(_) if network.external => {}
                Some(found) if found.project != self.project.name => self.plan.warnings.push((
                    format!("Network {name}"),
                    "was not made for this project; `external: true` says that this is meant".to_owned(),
                )),
                // Nobody may be made anew, as those would be who are attached.
                Some(_) if self.options.no_recreate => {}
                Some(found) if hash::network_hashes(network).contains(&found.hash) => {}
                Some(found) => {
                    // A network cannot be changed, nor removed while it has containers.
                    let mut gone = Vec::new();
                    let id = &found.id;
                    for container in self
                        .observed
                        .containers
                        .iter()
                        .filter(|container| container.is_on(id, &name))
                    {
                        let mut after = vec![];
                        if needs_stop(container) {
                            after.push(self.plan.push(Operation::Stop { container }, vec![]));
                        }
                        let disconnect = Operation::Disconnect {
                            network: name.clone(),
                            container,
                        };
                        gone.push(self.plan.push(disconnect, after));
                    }
                    let remove = Operation::RemoveNetwork { id: id.clone(), name };
                    let removed = self.plan.push(remove, gone);
                    self.networks.insert(key, self.plan.push(create(), vec![removed]));
                }
            }
        }
    }

    pub(super) fn volumes(&mut self) {
        for (key, volume) in &self.project.volumes {
            let used = |service: &Service| service.volumes.iter().any(|mount| named_volume(mount) == Some(key));
            if !self.options.all_resources && !self.project.services.values().any(used) {
                continue;
            }
            let name = volume.name.value.clone();
            let warning = match self.observed.volumes.get(&name) {
                None if volume.external => {
                    let message = format!("the engine has no volume `{name}`");
                    let error = Diagnostic::error(volume.name.span.or(volume.span), message)
                        .hint(format!("it is external: `docker volume create {name}` makes it"));
                    self.plan.errors.push(error);
                    continue;
                }
                None => {
                    let create = Operation::CreateVolume(Box::new(volume_request(self.project, key, volume)));
                    self.volumes.insert(key, self.plan.push(create, vec![]));
                    continue;
                }
                Some(_) if volume.external => continue,
                Some(found) if found.project != self.project.name => {
                    "was not made for this project; `external: true` says that this is meant"
                }
                Some(found) if found.hash.is_empty() || hash::volume_hashes(volume).contains(&found.hash) => continue,
                Some(_) => {
                    "has other settings than the files say, and keeps them with its data; `down -v` removes both"
                }
            };
            self.plan.warnings.push((format!("Volume {name}"), warning.to_owned()));
        }
    }
}

/// The key of the top-level volume that a mount names.
pub(super) fn named_volume(mount: &Mount) -> Option<&str> {
    if mount.mount_type.value != "volume" {
        return None;
    }
    mount.source.as_ref().map(|source| source.value.as_str())
}
