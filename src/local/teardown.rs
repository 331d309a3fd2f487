//! From what an engine has of a project to the steps that take it away: pure, and from labels alone, so that it works
//! without a Compose file.

use std::collections::BTreeSet;

use super::lifecycle::by_dependents;
use super::mounts::is_nameless;
use super::observed::Container;
use super::plan::{Operation, Plan};
use super::reconcile::needs_stop;

/// What there is of a project that can be removed.
#[derive(Clone, Default, Debug)]
pub struct Remains {
    pub containers: Vec<Container>,
    /// (id, name)
    pub networks: Vec<(String, String)>,
    pub volumes: Vec<String>,
}

impl Remains {
    /// Whether there is nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.networks.is_empty() && self.volumes.is_empty()
    }

    /// What there is of some services and of those that depend on them, with the networks and volumes that only they
    /// use. No service stands for all.
    #[must_use]
    pub fn of(mut self, services: &[String]) -> Self {
        if services.is_empty() {
            return self;
        }
        let mut chosen: BTreeSet<String> = services.iter().cloned().collect();
        loop {
            let depends = |container: &&Container| {
                let mut on = container.depends_on.iter();
                !chosen.contains(&container.service) && on.any(|on| chosen.contains(&on.service))
            };
            let more: Vec<_> = self
                .containers
                .iter()
                .filter(depends)
                .map(|container| container.service.clone())
                .collect();
            if more.is_empty() {
                break;
            }
            chosen.extend(more);
        }
        let (gone, kept): (Vec<_>, Vec<_>) = self
            .containers
            .into_iter()
            .partition(|container| chosen.contains(&container.service));
        let used = |by: &[Container], id: &str, name: &str| by.iter().any(|container| container.is_on(id, name));
        let mounted = |by: &[Container], volume: &str| {
            let mut mounts = by.iter().flat_map(|container| &container.mounts);
            mounts.any(|mounted| mounted.name == volume)
        };
        self.networks
            .retain(|(id, name)| used(&gone, id, name) && !used(&kept, id, name));
        self.volumes
            .retain(|name| mounted(&gone, name) && !mounted(&kept, name));
        self.containers = gone;
        self
    }
}

/// Plans the removal of everything: a service's containers after those that depend on it, all at once otherwise; then
/// networks and volumes.
#[must_use]
pub fn teardown(remains: &Remains, nameless_volumes: bool) -> Plan<'_> {
    let mut plan = Plan::default();
    let mut gone = Vec::new();
    let containers: Vec<_> = remains.containers.iter().collect();
    by_dependents(&containers, &mut |container, dependents| {
        let mut after = dependents.to_vec();
        if needs_stop(container) {
            after = vec![plan.push(Operation::Stop { container }, after)];
        }
        let remove = Operation::Remove {
            container,
            volumes: nameless_volumes,
        };
        let step = plan.push(remove, after);
        gone.push(step);
        Some(step)
    });
    for (id, name) in &remains.networks {
        let (id, name) = (id.clone(), name.clone());
        plan.push(Operation::RemoveNetwork { id, name }, gone.clone());
    }
    let mut volumes = remains.volumes.clone();
    if nameless_volumes {
        // Those that were handed on from one container to the next have a name for the engine, which keeps them then.
        let mounts = remains.containers.iter().flat_map(|container| &container.mounts);
        volumes.extend(
            mounts
                .filter(|mounted| is_nameless(mounted))
                .map(|mounted| mounted.name.clone()),
        );
        volumes.sort();
        volumes.dedup();
    }
    for name in volumes {
        plan.push(Operation::RemoveVolume { name }, gone.clone());
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::super::observed::{Mounted, On};
    use super::*;
    use crate::compose::Condition;

    fn container(service: &str, on: Option<&str>, network: &str, volume: &str) -> Container {
        let on = on.map(|service| On {
            service: service.to_owned(),
            condition: Condition::Started,
            restart: false,
        });
        Container {
            service: service.to_owned(),
            networks: vec![network.to_owned()],
            mounts: vec![Mounted {
                name: volume.to_owned(),
                ..Mounted::default()
            }],
            depends_on: on.into_iter().collect(),
            ..Container::default()
        }
    }

    #[test]
    fn a_service_goes_with_its_dependents_and_what_only_they_use() {
        let pair = |name: &str| (name.to_owned(), name.to_owned());
        let remains = Remains {
            containers: vec![
                container("web", Some("api"), "front", "static"),
                container("api", Some("db"), "back", "cache"),
                container("db", None, "back", "data"),
            ],
            networks: vec![pair("front"), pair("back"), pair("unused")],
            volumes: ["static", "cache", "data", "unused"].map(str::to_owned).to_vec(),
        };
        let gone = remains.clone().of(&["api".to_owned()]);
        let services: Vec<_> = gone
            .containers
            .iter()
            .map(|container| container.service.as_str())
            .collect();
        assert_eq!(services, ["web", "api"]);
        assert_eq!(gone.networks, [pair("front")], "`db` is still on the other one");
        assert_eq!(gone.volumes, ["static", "cache"]);
        assert_eq!(remains.clone().of(&[]).volumes, remains.volumes, "all of it");
    }
}
