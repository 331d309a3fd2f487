//! `x-aws-service_connect: true`: services find each other by ECS Service Connect instead of DNS. A proxy beside each
//! task knows the others' names, on the ports that they list.

use crate::compose::{Node, Port, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Value, fragment, names};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;
use crate::ecs::rules::job::Runs;

const NAME: &str = "x-aws-service_connect";

pub(in crate::ecs) fn begin(node: &Node, draft: &mut Draft) {
    draft.service_connect = extensions::boolean(node).unwrap_or_default();
}

/// Turns the finished services from DNS to Service Connect.
pub(in crate::ecs) fn finish(draft: &mut Draft) {
    if !draft.service_connect {
        return;
    }
    let span = draft
        .project
        .extensions
        .get(NAME)
        .map_or(Span::NOWHERE, |node| node.span);
    remove("Namespace", draft);
    draft.add(&fragment::CONNECT, "", [], span);
    let services: Vec<&Service> = draft.project.services.values().collect();
    for service in services {
        let offered = offers(service, draft);
        if draft.runs(service) != Runs::Service {
            let message = format!("`{}` is no ECS service, and finds no other by `{NAME}`", service.name);
            let diagnostic = Diagnostic::error(service.span, message);
            draft.say(diagnostic.hint(format!("leave `{NAME}` out: by DNS all tasks find the services")));
            continue;
        }
        if offered.is_empty() {
            let message = format!("a service without a TCP port is not found by others with `{NAME}`");
            let hint = "list the ports at which it is called under `expose`";
            draft.remark(Diagnostic::warning(service.span, message).hint(hint));
        }
        let discovery = draft.id(service, "Discovery");
        remove(&discovery, draft);
        let properties = draft.service(service);
        properties.remove("ServiceRegistries");
        let connect = properties.entry("ServiceConnectConfiguration");
        connect.set("Enabled", true);
        connect.set("Namespace", Value::attribute("ConnectNamespace", "Arn"));
        for offer in offered {
            connect.push("Services", offer);
        }
        if !draft.is_sidecar(service) {
            forget_search_domain(service, draft);
        }
    }
    let images = draft.template.document.resources.values();
    if !images.into_iter().any(|resource| refers_to(resource, "InitImage")) {
        draft.template.parameters.shift_remove("InitImage");
        draft.template.document.parameters.shift_remove("InitImage");
    }
}

/// Names the service's TCP ports, and says under which name others call them.
fn offers(service: &Service, draft: &mut Draft) -> Vec<Value> {
    let mut offers = Vec::new();
    for mapping in draft.container(service).entry("PortMappings").items() {
        let number = match mapping.get("ContainerPort") {
            Some(Value::Int(number)) if mapping.get("Protocol").and_then(Value::as_str) == Some("tcp") => *number,
            _ => continue,
        };
        let mut name = names::plain(&service.name).to_ascii_lowercase();
        name.truncate(58);
        let name = format!("{name}-{number}");
        mapping.set("Name", name.clone());
        if let Some(protocol) = protocol(service, number) {
            mapping.set("AppProtocol", protocol);
        }
        let alias = Value::map([("DnsName", service.name.clone().into()), ("Port", number.into())]);
        offers.push(Value::map([
            ("PortName", name.into()),
            ("ClientAliases", Value::list([alias])),
        ]));
    }
    if draft.container(service).get("PortMappings") == Some(&Value::List(Vec::new())) {
        draft.container(service).remove("PortMappings");
    }
    offers
}

/// What the proxy understands of what is spoken; where nothing is said, it hands on bytes.
fn protocol(service: &Service, port: i64) -> Option<&'static str> {
    let is_it = |candidate: &&Port| i64::from(candidate.target.value) == port;
    let port = service.ports.iter().find(is_it)?;
    let extension = port.extensions.get("x-aws-protocol").and_then(Node::as_str);
    let spoken = extension.or(port.app_protocol.as_ref().map(|protocol| protocol.as_str()))?;
    ["http", "http2", "grpc"]
        .into_iter()
        .find(|known| spoken.eq_ignore_ascii_case(known))
}

/// Nothing is looked up in the project's domain. An init container that had nothing else to do is not there.
fn forget_search_domain(service: &Service, draft: &mut Draft) {
    let own = format!("{}.local", draft.project.name);
    let init = draft.init_container(service);
    let mut idle = init.get("MountPoints").is_none() && init.get("Secrets").is_none();
    for variable in init.entry("Environment").items() {
        if variable.get("Name").and_then(Value::as_str) == Some("SEARCH_DOMAIN") {
            let domains = variable.get("Value").and_then(Value::as_str).unwrap_or_default();
            let others = domains.strip_prefix(&own).unwrap_or(domains).trim().to_owned();
            idle &= others.is_empty();
            variable.set("Value", others);
        } else {
            idle = false;
        }
    }
    if !idle {
        return;
    }
    let name = init.get("Name").cloned();
    let containers = draft.task(service).entry("ContainerDefinitions").items();
    containers.retain(|container| container.get("Name") != name.as_ref());
    for container in containers {
        let dependencies = container.entry("DependsOn").items();
        dependencies.retain(|dependency| dependency.get("ContainerName") != name.as_ref());
        if dependencies.is_empty() {
            container.remove("DependsOn");
        }
    }
}

fn remove(id: &str, draft: &mut Draft) {
    draft.template.document.resources.shift_remove(id);
    draft.template.origins.shift_remove(id);
}

fn refers_to(value: &Value, id: &str) -> bool {
    match value {
        Value::Map(entries) => entries
            .iter()
            .any(|(key, value)| (key == "Ref" && value.as_str() == Some(id)) || refers_to(value, id)),
        Value::List(items) => items.iter().any(|item| refers_to(item, id)),
        _ => false,
    }
}
