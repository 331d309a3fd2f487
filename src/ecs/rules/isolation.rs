//! Services without a way out: those whose networks are all `internal`, and those with `network_mode: none`.

use crate::compose::{Network, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Value, fragment, names};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;

/// Whether the project makes a network that has no way out.
pub(in crate::ecs) fn is_internal(network: &Network) -> bool {
    let ours = !network.external && extensions::security_group(&network.extensions).is_none();
    ours && network.internal.is_some_and(|internal| internal.value)
}

/// Whether a service has no way out, and nobody outside a way in: a port that it publishes stays closed, as on an
/// engine.
pub(in crate::ecs) fn is_isolated(service: &Service, draft: &Draft) -> bool {
    let home = draft.home(service);
    let networks = &draft.project.networks;
    let mut keys = home.networks.keys().peekable();
    if keys.peek().is_none() {
        return home.network_mode.as_ref().is_some_and(|mode| mode.as_str() == "none");
    }
    keys.all(|key| networks.get(key).is_some_and(is_internal))
}

/// Says that ports of an isolated service are not published.
pub(in crate::ecs) fn unpublished(service: &Service, draft: &mut Draft) {
    for port in &service.ports {
        let message = "a port is not published when its service is in internal networks alone";
        let hint = "put the service into a network that is not internal, too";
        draft.remark(Diagnostic::warning(port.span, message).hint(hint));
    }
}

/// Closes the ways out of isolated services' own groups, but for what they mount, and says what stays open.
pub(in crate::ecs) fn finish(draft: &mut Draft) {
    let services = draft.project.services.values();
    let services: Vec<_> = services.filter(|service| !draft.is_sidecar(service)).collect();
    for service in services {
        if !is_isolated(service, draft) {
            continue;
        }
        if !draft.is_closed() {
            remark(service, draft);
        }
        let mounts: Vec<_> = draft
            .housemates(service)
            .into_iter()
            .flat_map(|mate| &mate.volumes)
            .collect();
        let sources = mounts
            .iter()
            .filter_map(|mount| draft.project.volumes.get(mount.source.as_deref()?));
        let elsewhere = sources.into_iter().any(|volume| volume.external);
        let id = draft.id(service, "Group");
        if elsewhere {
            draft.own_group(service);
        } else if !draft.template.document.resources.contains_key(&id) {
            continue;
        }
        let mut open = vec![(443_u16, "To start the tasks")];
        // Whoever made the file system knows its group.
        open.extend(elsewhere.then_some((2049, "File systems")));
        let rules = open.into_iter().map(|(port, description)| {
            Value::map([
                ("IpProtocol", "tcp".into()),
                ("FromPort", port.into()),
                ("ToPort", port.into()),
                ("CidrIp", "0.0.0.0/0".into()),
                ("Description", description.into()),
            ])
        });
        let rules: Vec<_> = rules.collect();
        draft.properties(&id).set("SecurityGroupEgress", rules);
        for (other, port) in let_in_by(&id, draft) {
            let holes = [
                ("GroupId", Value::attribute(id.clone(), "GroupId")),
                ("OtherGroupId", Value::attribute(other.clone(), "GroupId")),
                ("Port", port),
            ];
            let prefix = names::logical_id(&service.name) + &other;
            draft.add(&fragment::GROUP_EGRESS, &prefix, holes, service.span);
            draft.wait_for(service, prefix + "Egress");
        }
    }
}

/// The groups that let a group in, and on which port.
fn let_in_by(group: &str, draft: &Draft) -> Vec<(String, Value)> {
    let source = Value::attribute(group.to_owned(), "GroupId");
    let mut found = Vec::new();
    for (id, resource) in &draft.template.document.resources {
        let rules = resource
            .at(&["Properties", "SecurityGroupIngress"])
            .map_or(&[][..], Value::as_list);
        let rules = rules
            .iter()
            .filter(|rule| rule.get("SourceSecurityGroupId") == Some(&source));
        found.extend(rules.filter_map(|rule| Some((id.clone(), rule.get("FromPort")?.clone()))));
    }
    found
}

fn remark(service: &Service, draft: &mut Draft) {
    let networks = service
        .networks
        .keys()
        .filter_map(|key| draft.project.networks.get(key));
    let internal = networks
        .filter_map(|network| network.internal.as_ref())
        .map(|internal| internal.span)
        .next();
    let mode = service.network_mode.as_ref().map(|mode| mode.span);
    let message =
        "a service without a way out still reaches port 443 of the internet on ECS: through it its tasks are started";
    let hint = "`x-aws-vpc: {new: endpoints}` makes a VPC that has no way out at all";
    draft.remark(Diagnostic::warning(internal.or(mode).unwrap_or(Span::NOWHERE), message).hint(hint));
}
