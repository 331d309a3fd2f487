//! Other names by which services find a service: records in the project's namespace that lead to its own name.
//!
//! They hold in the whole project, not in one network or for one service alone; who may connect is up to the
//! networks' groups.

use crate::compose::{Service, Text};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Value, fragment, names};
use crate::ecs::draft::Draft;
use crate::ecs::rules::job::Runs;

/// `networks.*.aliases`
pub(in crate::ecs) fn network_aliases(service: &Service, draft: &mut Draft) {
    for alias in service.networks.values().flat_map(|network| &network.aliases) {
        add(alias, alias.span, service, draft);
    }
}

/// `container_name`, by which Docker's name server knows a container
pub(in crate::ecs) fn container_name(service: &Service, draft: &mut Draft) {
    if let Some(name) = &service.container_name {
        add_if_possible(name, service, draft);
    }
}

/// `hostname`: the task's own host name is its address, but others may know it by this.
pub(in crate::ecs) fn hostname(service: &Service, draft: &mut Draft) {
    if let Some(name) = &service.hostname {
        add_if_possible(name, service, draft);
    }
}

/// `links`: the loader has made dependencies of them; what is left is the other name, if there is one.
pub(in crate::ecs) fn links(service: &Service, draft: &mut Draft) {
    for link in &service.links {
        let Some((name, alias)) = link.split_once(':') else {
            continue;
        };
        let Some(other) = draft.project.services.get(name) else {
            continue;
        };
        let id = names::logical_id(alias) + "Alias";
        let target = id.clone() + &names::logical_id(name) + "Target";
        let resources = &draft.template.document.resources;
        if resources.contains_key(&id) && !resources.contains_key(&target) {
            let message = format!(
                "`{alias}` is the name of another service already, and on ECS a name holds in the whole project"
            );
            draft.say(Diagnostic::error(link.span, message).hint(format!("call the service `{name}`")));
        } else {
            add(alias, link.span, other, draft);
        }
    }
}

/// The name of a sidecar: an ECS service registers its tasks under one name only, its home's. Service Connect has a name
/// for each port.
pub(in crate::ecs) fn sidecar(service: &Service, draft: &mut Draft) {
    if draft.service_connect {
        return;
    }
    lead(&service.name, service.span, service, draft);
}

/// Names that are there for other reasons, too: where they cannot be had, it is enough to say so.
fn add_if_possible(name: &Text, service: &Service, draft: &mut Draft) {
    if name.eq_ignore_ascii_case(&service.name) {
        return;
    }
    if draft.service_connect
        || name.contains('.')
        || (draft.project.services.contains_key(&name.value) && name.value != service.name)
    {
        let message = format!(
            "other services do not find `{}` by the name `{}` on ECS",
            service.name, name.value
        );
        draft.remark(Diagnostic::warning(name.span, message));
    } else {
        add(name, name.span, service, draft);
    }
}

fn add(alias: &str, span: Span, service: &Service, draft: &mut Draft) {
    if alias.eq_ignore_ascii_case(&service.name) {
        return;
    }
    let refusal = if draft.service_connect {
        Some(format!(
            "`{alias}` cannot be another name of `{}`: with `x-aws-service_connect` a service has one name",
            service.name
        ))
    } else if alias.contains('.') {
        Some(format!(
            "`{alias}` cannot be the name of a service on ECS: names with dots are not looked up in the project"
        ))
    } else if draft.project.services.contains_key(alias) {
        Some(format!(
            "`{alias}` cannot be another name of `{}`: it is a service of its own",
            service.name
        ))
    } else {
        None
    };
    if let Some(message) = refusal {
        draft.say(Diagnostic::error(span, message).hint(format!("call the service `{}`", service.name)));
        return;
    }
    lead(alias, span, service, draft);
}

/// Makes a name lead to the task of a service.
fn lead(alias: &str, span: Span, service: &Service, draft: &mut Draft) {
    let service = draft.home(service);
    if draft.runs(service) != Runs::Service {
        // It is not there to be found.
        return;
    }
    let id = names::logical_id(alias) + "Alias";
    if !draft.template.document.resources.contains_key(&id) {
        let namespace = ("NamespaceId", Value::attribute("Namespace", "Id"));
        draft.add(
            &fragment::ALIAS,
            &names::logical_id(alias),
            [("AliasName", alias.to_owned().into()), namespace],
            span,
        );
    }
    let prefix = id.clone() + &names::logical_id(&service.name);
    let target = prefix.clone() + "Target";
    if !draft.template.document.resources.contains_key(&target) {
        let holes = [
            ("ServiceName", service.name.clone().into()),
            ("AliasId", Value::attribute(id, "Id")),
        ];
        draft.add_of(&service.name, &fragment::ALIAS_TARGET, &prefix, holes, span);
        draft.wait_for(service, target);
    }
}
