//! From what an engine has of a project to the steps that take it away: pure, and from labels alone, so that it works
//! without a Compose file.

use std::collections::BTreeMap;

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

/// Plans the removal of everything: a service's containers after those that depend on it, all at once otherwise; then
/// networks and volumes.
#[must_use]
pub fn teardown(remains: &Remains, nameless_volumes: bool) -> Plan<'_> {
    let mut plan = Plan::default();
    let mut gone = Vec::new();
    for_each_service(&remains.containers, &mut |container, dependents: &[usize]| {
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
        vec![step]
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

/// Plans a stop of all that runs, those that depend on others first.
#[must_use]
pub(super) fn stop(containers: &[Container]) -> Plan<'_> {
    let mut plan = Plan::default();
    for_each_service(containers, &mut |container, dependents| {
        if needs_stop(container) {
            vec![plan.push(Operation::Stop { container }, dependents.to_vec())]
        } else {
            // Nothing to do: the services below wait for what this one would have waited for.
            dependents.to_vec()
        }
    });
    plan
}

/// Visits each service's containers after those of the services that depend on it. The visitor gets the steps that
/// those took and gives its own.
fn for_each_service<'a>(containers: &'a [Container], visit: &mut dyn FnMut(&'a Container, &[usize]) -> Vec<usize>) {
    let mut services: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
    for container in containers {
        services.entry(&container.service).or_default().push(container);
    }
    let mut steps: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    // In rounds: those on whom nobody that is left depends. Labels may lie; a cycle is broken at its first service.
    let mut left: Vec<&str> = services.keys().copied().collect();
    while !left.is_empty() {
        let depended_on = |name: &str| {
            let depends = |other: &&str| {
                *other != name
                    && services[*other]
                        .iter()
                        .any(|container| container.depends_on.iter().any(|on| on == name))
            };
            left.iter().any(depends)
        };
        let free: Vec<_> = left.iter().copied().filter(|name| !depended_on(name)).collect();
        let round = if free.is_empty() { vec![left[0]] } else { free };
        for name in &round {
            let dependents: Vec<usize> = services
                .iter()
                .filter(|(_, containers)| {
                    containers
                        .iter()
                        .any(|container| container.depends_on.iter().any(|on| on == name))
                })
                .flat_map(|(other, _)| steps.get(other).into_iter().flatten().copied())
                .collect();
            let taken = services[name]
                .iter()
                .flat_map(|container| visit(container, &dependents))
                .collect();
            steps.insert(name, taken);
        }
        left.retain(|name| !round.contains(name));
    }
}
