//! Which services must be there before which.

use crate::compose::{Condition, Project, Service};

/// What one service asks of another.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Needs<'a> {
    pub(super) service: &'a str,
    pub(super) condition: Condition,
    /// Start again when the other one was made anew.
    pub(super) restart: bool,
    pub(super) required: bool,
    /// Uses the other container's id: a shared namespace or its volumes.
    pub(super) shares: bool,
}

/// `depends_on`, and what `links`, `volumes_from` and the `service:` modes mean besides.
pub(super) fn needs<'a>(project: &Project, service: &'a Service) -> Vec<Needs<'a>> {
    let bound = |mode: &'a Option<crate::compose::Text>| mode.as_ref()?.value.strip_prefix("service:");
    let mut shares: Vec<&str> = [&service.network_mode, &service.ipc, &service.pid]
        .into_iter()
        .filter_map(bound)
        .collect();
    shares.extend(service.volumes_from.iter().filter_map(|from| volumes_from(from)));
    let mut needs: Vec<_> = service
        .depends_on
        .iter()
        .map(|(name, on)| Needs {
            service: name,
            condition: on.condition.value,
            restart: on.restart,
            required: on.required,
            shares: shares.contains(&name.as_str()),
        })
        .collect();
    let links = service.links.iter().filter_map(|link| link.split(':').next());
    for (name, shares) in shares
        .into_iter()
        .map(|name| (name, true))
        .chain(links.map(|name| (name, false)))
    {
        if !needs.iter().any(|needed| needed.service == name) {
            let condition = Condition::Started;
            needs.push(Needs {
                service: name,
                condition,
                restart: false,
                required: true,
                shares,
            });
        }
    }
    needs.retain(|needed| project.services.contains_key(needed.service));
    needs
}

/// The service that an entry of `volumes_from` names, unless it names a container.
pub(super) fn volumes_from(entry: &str) -> Option<&str> {
    let mut parts = entry.split(':');
    parts.next().filter(|name| *name != "container")
}

/// The services, each after those that it needs; otherwise in the order of the files.
pub(super) fn in_order(project: &Project) -> Vec<&Service> {
    fn visit<'a>(project: &'a Project, service: &'a Service, seen: &mut Vec<&'a str>, order: &mut Vec<&'a Service>) {
        if seen.contains(&service.name.as_str()) {
            return;
        }
        seen.push(&service.name);
        for needed in needs(project, service) {
            visit(project, &project.services[needed.service], seen, order);
        }
        order.push(service);
    }
    let mut order = Vec::with_capacity(project.services.len());
    let mut seen = Vec::with_capacity(project.services.len());
    for service in project.services.values() {
        visit(project, service, &mut seen, &mut order);
    }
    order
}
