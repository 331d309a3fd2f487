//! When a container is not what the files say.

use super::super::dependencies::Needs;
use super::super::observed::Container;
use super::super::{hash, mounts, names};
use super::Planner;
use super::shared::named_volume;
use crate::compose::Service;
use crate::endpoint;

impl Planner<'_> {
    /// Why a container is not what the files say, if it is not.
    pub(super) fn obsolete(&self, service: &Service, needs: &[Needs<'_>], container: &Container) -> Option<String> {
        let asked_for = self.options.services.is_empty() || self.options.services.contains(&service.name);
        let forced = if asked_for {
            self.options.force_recreate || self.options.renew_volumes
        } else {
            self.options.recreate_dependencies
        };
        if forced {
            return Some("forced".to_owned());
        }
        for needed in needs.iter().filter(|needed| needed.shares) {
            if self
                .services
                .get(needed.service)
                .is_some_and(|parent| parent.kept.is_empty())
            {
                return Some(format!("`{}`, which it is bound to, is made anew", needed.service));
            }
        }
        let ids = |name: &str| match self.services.get(name) {
            Some(parent) => parent.kept.first().cloned(),
            // It takes no part.
            None => self.observed.of(name).next().map(|container| container.id.clone()),
        };
        if !hash::service_hashes(&hash::resolved(service, ids)).contains(&container.hash) {
            return Some("its configuration changed".to_owned());
        }
        let seal = mounts::seal(self.project, service);
        if !container.files.is_empty() && seal.is_some_and(|seal| seal != container.files) {
            return Some("a config or secret of it changed".to_owned());
        }
        let image = names::image(self.project, service);
        if self
            .observed
            .images
            .get(&image)
            // Two that made the endpoint's image at once made the same: its name says what is in it.
            .is_some_and(|id| *id != container.image_id && !endpoint::image::is_own(&image))
        {
            return Some("its image changed".to_owned());
        }
        if service.network_mode.is_none() {
            for key in service.networks.keys() {
                let Some(network) = self.project.networks.get(key) else {
                    continue;
                };
                let attached = || {
                    let name = &network.name.value;
                    let found = self.observed.networks.get(name);
                    found.is_some_and(|found| container.is_on(&found.id, name))
                };
                if self.networks.contains_key(key.as_str()) || !attached() {
                    return Some(format!("it is not attached to network {}", network.name.value));
                }
            }
        }
        for mount in &service.volumes {
            let Some(volume) = named_volume(mount).and_then(|key| self.project.volumes.get(key)) else {
                continue;
            };
            let name = &volume.name.value;
            if !container
                .mounts
                .iter()
                .any(|mounted| mounted.kind == "volume" && mounted.name == *name)
            {
                return Some(format!("it does not mount volume {name}"));
            }
        }
        None
    }
}
