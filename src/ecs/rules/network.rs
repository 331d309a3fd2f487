//! Networks: a security group each.

use std::fmt::Write;

use crate::compose::{Network, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::fragment::{self, Fragment};
use crate::ecs::cloudformation::{Purpose, Value, names};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;
use crate::ecs::rules::{isolation, task};

/// The name of the network that a service is in when it says nothing.
const DEFAULT: &str = "default";

/// What these do for containers, the VPC does for tasks.
const USUAL_DRIVERS: [&str; 4] = ["", "bridge", "default", "overlay"];

/// A security group for each network that the project makes itself.
pub(in crate::ecs) fn groups(draft: &mut Draft) {
    for (key, network) in &draft.project.networks {
        if let Some(driver) = network
            .driver
            .as_ref()
            .filter(|driver| !USUAL_DRIVERS.contains(&driver.as_str()))
        {
            let message = format!(
                "network driver `{}` has no effect on ECS: a network is a security group in the VPC",
                driver.value
            );
            draft.remark(Diagnostic::warning(driver.span, message));
        }
        if extensions::security_group(&network.extensions).is_some() {
            // An older way to name an existing group.
        } else if !network.external {
            let fragment = if isolation::is_internal(network) {
                &fragment::INTERNAL_NETWORK
            } else {
                &fragment::NETWORK
            };
            group(fragment, key, &network.name, network.span, draft);
        } else if !network.name.starts_with("sg-") {
            external(key, network, draft);
        }
    }
}

/// A network that the project does not make is the group of another project's network, or any other in the VPC.
fn external(key: &str, network: &Network, draft: &mut Draft) {
    let span = network.name.span.or(network.span);
    if draft.makes_vpc() {
        let message = format!("external network `{key}` cannot be in a VPC that the stack makes");
        draft.say(Diagnostic::error(span, message).hint("name the VPC that it is in with `x-aws-vpc`"));
        return;
    }
    let name = network.name.value.clone();
    let mut declaration = fragment::STACK.parameter("NetworkId");
    declaration.set("Description", format!("Security group of the external network {name}"));
    draft.parameter(external_id(key), Purpose::Network { name }, declaration);
    let message = "services of other projects in an external network have no short names on ECS";
    let hint = "call them `SERVICE.PROJECT.local`";
    draft.remark(Diagnostic::warning(span, message).hint(hint));
}

fn external_id(key: &str) -> String {
    names::logical_id(key) + "NetworkId"
}

fn group(fragment: &Fragment, key: &str, name: &str, span: Span, draft: &mut Draft) {
    let holes = [
        ("NetworkName", key.to_owned().into()),
        ("Title", name.to_owned().into()),
    ];
    draft.add(fragment, &names::logical_id(key), holes, span);
}

/// Puts a service into the groups of its networks.
pub(in crate::ecs) fn join(service: &Service, draft: &mut Draft) {
    for key in service.networks.keys() {
        let group = match draft.project.networks.get(key) {
            Some(network) => match extensions::security_group(&network.extensions) {
                Some(group) => group.to_owned().into(),
                None if network.external && network.name.starts_with("sg-") => network.name.value.clone().into(),
                None if network.external => Value::reference(external_id(key)),
                None => group_id(key),
            },
            None => group_id(key),
        };
        draft.join(service, group);
    }
}

/// `network_mode`
pub(in crate::ecs) fn mode(service: &Service, draft: &mut Draft) {
    let Some(mode) = &service.network_mode else { return };
    let refusal = match mode.as_str() {
        // The engine's default network: what such services reach by address, they reach by name here.
        "bridge" | "default" => {
            let group = names::logical_id(DEFAULT) + "Network";
            if !draft.template.document.resources.contains_key(&group) {
                let name = format!("{}_{DEFAULT}", draft.project.name);
                self::group(&fragment::NETWORK, DEFAULT, &name, mode.span, draft);
            }
            draft.join(service, group_id(DEFAULT));
            return;
        }
        "host" => {
            let message = "`network_mode: host` is not possible on ECS: Fargate keeps the host to itself";
            Diagnostic::error(mode.span, message).hint("remove it, and list the ports under `ports`")
        }
        // A group of its own, which lets nobody in.
        "none" => {
            draft.own_group(service);
            return;
        }
        // The task is the other service's.
        shared if task::is_shared(shared) => return,
        other => {
            let message = format!("`network_mode: {other}` is not possible on ECS: it is a network of the engine");
            Diagnostic::error(mode.span, message).hint("put the service into a network of the project with `networks`")
        }
    };
    draft.say(refusal);
}

/// Public resolvers, which know the names that the VPC's own name server finds, too.
const PUBLIC_RESOLVERS: [&str; 12] = [
    "1.0.0.1",
    "1.1.1.1",
    "149.112.112.112",
    "2001:4860:4860::8844",
    "2001:4860:4860::8888",
    "208.67.220.220",
    "208.67.222.222",
    "2606:4700:4700::1001",
    "2606:4700:4700::1111",
    "8.8.4.4",
    "8.8.8.8",
    "9.9.9.9",
];

/// `dns`: the containers of a task ask the VPC's name server, which finds the project's services and all public names.
pub(in crate::ecs) fn name_servers(service: &Service, draft: &mut Draft) {
    for server in &service.dns {
        if PUBLIC_RESOLVERS.contains(&server.as_str()) {
            let message = "a public name server is not asked on ECS: the VPC's own finds the same names";
            draft.remark(Diagnostic::warning(server.span, message));
        } else {
            let message = format!(
                "name server `{}` is not asked on ECS: containers of Fargate use the VPC's own",
                server.value
            );
            let hint = "forward its domain to it by a rule of Route 53 Resolver, and remove it here";
            draft.say(Diagnostic::error(server.span, message).hint(hint));
        }
    }
}

/// `dns_search`: the init container puts these behind the project's own domain.
pub(in crate::ecs) fn search_domains(service: &Service, draft: &mut Draft) {
    let domains = service
        .dns_search
        .iter()
        .map(|domain| domain.value.as_str())
        .filter(|domain| *domain != ".");
    let more: String = domains.flat_map(|domain| [" ", domain]).collect();
    let variables = draft.init_container(service).entry("Environment").items();
    if let Some(Value::Text(own)) = variables.first_mut().map(|variable| variable.entry("Value")) {
        own.to_mut().push_str(&more);
    }
}

/// `extra_hosts`: the containers of a task share /etc/hosts as they share /etc/resolv.conf, so that the init container
/// can write it for all.
pub(in crate::ecs) fn extra_hosts(service: &Service, draft: &mut Draft) {
    let mut lines = String::new();
    for (name, addresses) in &service.extra_hosts {
        for address in addresses {
            if address.as_str() == "host-gateway" {
                let message =
                    format!("`{name}` leads nowhere on ECS: a task has no host whose programs it could reach");
                draft.remark(Diagnostic::warning(address.span, message));
                continue;
            }
            let ip = address.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            match ip {
                Ok(ip) if name.chars().all(is_name) => {
                    let _ = writeln!(lines, "echo '{ip} {name}' >> /etc/hosts");
                }
                Ok(_) => {
                    let diagnostic = Diagnostic::error(address.span, format!("`{name}` is no name of a host"));
                    draft.say(diagnostic.hint("a name has letters, digits, hyphens and dots"));
                }
                Err(_) => {
                    let diagnostic = Diagnostic::error(address.span, format!("`{}` is no address", address.value));
                    draft.say(diagnostic.hint(format!("the form is `{name}:203.0.113.7`")));
                }
            }
        }
    }
    let words = draft.init_container(service).entry("Command").items();
    if let Some(Value::Text(script)) = words.last_mut() {
        script.to_mut().push_str(&lines);
    }
}

fn group_id(key: &str) -> Value {
    Value::attribute(names::logical_id(key) + "Network", "GroupId")
}
