//! From what an engine has of a project to the steps that take it away: pure, and from labels alone, so that it works
//! without a Compose file.

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
