//! Published ports: listeners of load balancers, or ports of the tasks themselves.
//!
//! One load balancer is enough when it can be: for applications when every port speaks HTTP, else a network one for
//! all, through which HTTP passes too. Both are made only where some ports ask for what HTTP alone has (a domain, a
//! path…) and others speak something else. [`plan`] decides, the others write.

mod balanced;
mod domain;
mod load_balancer;
mod plan;
mod ports;
mod protocol;
mod rule;
mod settings;
mod target;

use std::rc::Rc;

use crate::compose::Service;
use crate::diagnostic::Span;
use crate::ecs::cloudformation::{LoadBalancerFact, Purpose, Value, fragment, value::literal};
use crate::ecs::draft::Draft;

#[allow(unused_imports, reason = "as in there")]
pub(in crate::ecs) use balanced::{Balanced, balanced};
use load_balancer::Wishes;
pub(in crate::ecs) use plan::Publications;
use plan::{Listener, Otherwise, Place, Target};
use protocol::{Kind, Speaks};
use target::target_group;

/// Decides which ports are published where, and makes the load balancers and their listeners if there are any.
pub(in crate::ecs) fn load_balancer(draft: &mut Draft) {
    let plan = Rc::new(Publications::decide(draft));
    draft.publications = Rc::clone(&plan);
    let Some(wishes) = &plan.wishes else { return };
    if wishes.existing.is_none() {
        for kind in plan.kinds() {
            make(kind, &plan, wishes, draft);
        }
    }
    for listener in &plan.listeners {
        if let Place::Made { kind, port } = listener.place {
            listen(listener, kind, port, &plan, draft);
        }
        rules(listener, &plan, draft);
    }
    domain::records(&plan, draft);
}

/// `ports`: a target group for each that is balanced, and the way in for the load balancer alone.
pub(in crate::ecs) fn publish(service: &Service, draft: &mut Draft) {
    for port in &service.ports {
        map_port(service, draft, port.target.value, &port.protocol);
    }
    let plan = Rc::clone(&draft.publications);
    for (at, target) in plan.of_service(&service.name) {
        target::write(service, target, &plan, draft);
        for (logical_id, _) in ways_to(at, target, &plan) {
            draft.wait_for(service, logical_id);
        }
        if let Some(address) = address(target, &plan, draft) {
            let description = format!("Address of port {} of service {}", target.port, service.name);
            draft.output(target.prefix.clone(), description, address);
        }
    }
    for open in plan.open.iter().filter(|open| open.service == service.name) {
        for cidr in &open.cidrs {
            let_in(service, draft, open.transport, open.ports, callers(cidr));
        }
    }
}

/// `expose`: the ports that the networks' members reach, which they do as it is.
pub(in crate::ecs) fn expose(service: &Service, draft: &mut Draft) {
    for port in &service.expose {
        let (range, protocol) = port.split_once('/').unwrap_or((port.as_str(), "tcp"));
        // A range opens nothing that is closed otherwise: there is nothing to say about it.
        if let Ok(port) = range.parse() {
            map_port(service, draft, port, protocol);
        }
    }
}

fn map_port(service: &Service, draft: &mut Draft, port: u16, protocol: &str) {
    let mapping = Value::map([("ContainerPort", port.into()), ("Protocol", protocol.to_owned().into())]);
    draft.container(service).push_once("PortMappings", mapping);
}

/// Lets somebody, and nobody else, reach a port of the service.
fn let_in(
    service: &Service,
    draft: &mut Draft,
    transport: &'static str,
    ports: (u16, u16),
    source: (&'static str, Value),
) {
    let group = draft.own_group(service);
    draft
        .properties(&group)
        .push_once("SecurityGroupIngress", ingress(transport, ports, source));
}

fn ingress(transport: &'static str, ports: (u16, u16), source: (&'static str, Value)) -> Value {
    let who = match source.0 {
        "SourceSecurityGroupId" => "Load balancer",
        _ => "Clients",
    };
    Value::map([
        ("IpProtocol", transport.into()),
        ("FromPort", ports.0.into()),
        ("ToPort", ports.1.into()),
        source,
        ("Description", who.into()),
    ])
}

/// The addresses of a range, as a rule of a security group has them.
fn callers(cidr: &str) -> (&'static str, Value) {
    let property = if cidr.contains(':') { "CidrIpv6" } else { "CidrIp" };
    (property, cidr.to_owned().into())
}

/// A load balancer and the group in which it is, open on the ports of its listeners.
fn make(kind: Kind, plan: &Publications, wishes: &Wishes, draft: &mut Draft) {
    let listeners = || {
        plan.listeners
            .iter()
            .filter(|listener| listener.place.kind() == Some(kind))
    };
    let span = listeners().next().map_or(Span::NOWHERE, |listener| listener.span);
    let prefix = prefix(kind);
    let group = format!("{prefix}LoadBalancerGroup");
    draft.add(&fragment::LOAD_BALANCER_GROUP, prefix, [], span);
    for listener in listeners() {
        let Place::Made { port, .. } = listener.place else {
            continue;
        };
        for transport in speaks(listener, plan).transports() {
            for cidr in &listener.cidrs {
                let rule = ingress(transport, (port, port), callers(cidr));
                draft.properties(&group).push("SecurityGroupIngress", rule);
            }
        }
    }
    let fragment = match kind {
        Kind::Application => &fragment::APPLICATION_LOAD_BALANCER,
        Kind::Network => &fragment::NETWORK_LOAD_BALANCER,
    };
    let groups = wishes.groups(Value::attribute(group, "GroupId"));
    let subnets = match wishes.subnets() {
        Some(subnets) => subnets,
        None if wishes.internal => draft.subnets().into(),
        None => draft.public_subnets(),
    };
    draft.add(fragment, prefix, [("Groups", groups), ("Subnets", subnets)], span);
    let project = &draft.project.name;
    wishes.apply(kind, project, draft.properties(&format!("{prefix}LoadBalancer")));
}

fn prefix(kind: Kind) -> &'static str {
    match kind {
        Kind::Application => "",
        Kind::Network => "Network",
    }
}

/// What comes to a listener: what goes to all of its targets.
fn speaks(listener: &Listener, plan: &Publications) -> Speaks {
    match listener.otherwise {
        Otherwise::Target(at) => plan.targets[at].speaks,
        _ => Speaks::Http,
    }
}

/// A listener of the stack's own.
fn listen(listener: &Listener, kind: Kind, port: u16, plan: &Publications, draft: &mut Draft) {
    let id = listener.place.id();
    let mut holes = vec![
        ("LoadBalancerArn", fact(kind, LoadBalancerFact::Arn, plan, draft)),
        ("Port", port.into()),
    ];
    if listener.otherwise == Otherwise::Redirect {
        draft.add(&fragment::REDIRECT_LISTENER, &id, holes, listener.span);
        return;
    }
    let speaks = speaks(listener, plan);
    holes.push(("Protocol", speaks.listener(listener.encrypted).into()));
    if let Otherwise::Target(at) = listener.otherwise {
        holes.push(("TargetGroupArn", Value::reference(target_group(&plan.targets[at]))));
    }
    let certificates = domain::certificates(listener, draft);
    let mut certificates = certificates.into_iter();
    let fragment = match certificates.next() {
        Some((_, first)) => {
            holes.push(("CertificateArn", first));
            &fragment::TLS_LISTENER
        }
        None => &fragment::LISTENER,
    };
    match listener.otherwise {
        // Nothing but this target can ever be behind it. Any service may put a rule on one that speaks HTTP.
        Otherwise::Target(at) if kind == Kind::Network => {
            draft.add_of(&plan.targets[at].service, fragment, &id, holes, listener.span);
        }
        _ => draft.add(fragment, &id, holes, listener.span),
    }
    let listener_id = format!("{id}Listener");
    if listener.otherwise == Otherwise::NotFound {
        let answer = [
            ("StatusCode", "404".into()),
            ("ContentType", "text/plain".into()),
            ("MessageBody", "not found".into()),
        ];
        let action = [
            ("Type", "fixed-response".into()),
            ("FixedResponseConfig", Value::map(answer)),
        ];
        draft
            .properties(&listener_id)
            .set("DefaultActions", Value::list([Value::map(action)]));
    }
    if speaks == Speaks::Tcp
        && let Some(attributes) = plan.wishes.as_ref().and_then(|wishes| wishes.tcp_idle_timeout(draft))
    {
        draft.properties(&listener_id).set("ListenerAttributes", attributes);
    }
    for (key, certificate) in certificates {
        let holes = [
            ("ListenerArn", Value::reference(listener_id.clone())),
            ("CertificateArn", certificate),
        ];
        draft.add(
            &fragment::LISTENER_CERTIFICATE,
            &format!("{id}With{key}"),
            holes,
            listener.span,
        );
    }
}

fn rules(listener: &Listener, plan: &Publications, draft: &mut Draft) {
    let arn = listener_arn(&listener.place);
    for rule in &listener.rules {
        let target = rule
            .target
            .map(|at| ("TargetGroupArn", Value::reference(target_group(&plan.targets[at]))));
        let holes = [("ListenerArn", arn.clone()), ("Priority", rule.priority.into())];
        let holes = holes.into_iter().chain(target);
        match rule.target.map(|at| &plan.targets[at]) {
            Some(target) => draft.add_of(
                &target.service,
                &fragment::LISTENER_RULE,
                &rule.prefix,
                holes,
                target.span,
            ),
            None => draft.add(&fragment::LISTENER_RULE, &rule.prefix, holes, listener.span),
        }
        let properties = draft.properties(&rule.id());
        let mut condition = |field: &'static str, config: &'static str, values: Vec<String>| {
            if !values.is_empty() {
                let values = Value::map([("Values", Value::list(values))]);
                properties.push("Conditions", Value::map([("Field", field.into()), (config, values)]));
            }
        };
        condition("host-header", "HostHeaderConfig", rule.matching.hosts.clone());
        condition("path-pattern", "PathPatternConfig", rule.matching.patterns());
        if rule.target.is_none() {
            let redirect = fragment::REDIRECT_LISTENER.fill("", &[]).resources;
            let action = redirect["Listener"].at(&["Properties", "DefaultActions"]).cloned();
            draft.properties(&rule.id()).set("Actions", action.unwrap_or_default());
        }
    }
}

/// The resources without which a target gets no requests: their logical ids, and whether each is a rule.
fn ways_to(at: usize, target: &Target, plan: &Publications) -> Vec<(String, bool)> {
    let Some(listener) = plan.listener(&target.place) else {
        return Vec::new();
    };
    let default =
        (listener.otherwise == Otherwise::Target(at)).then(|| (format!("{}Listener", listener.place.id()), false));
    let rules = listener.rules.iter().filter(|rule| rule.target == Some(at));
    default.into_iter().chain(rules.map(|rule| (rule.id(), true))).collect()
}

fn listener_arn(place: &Place) -> Value {
    match place {
        Place::Made { .. } => Value::reference(format!("{}Listener", place.id())),
        Place::Existing(arn) => arn.clone().into(),
    }
}

/// Something about the load balancer of a kind: the stack's own, or one that is there already.
fn fact(kind: Kind, fact: LoadBalancerFact, plan: &Publications, draft: &mut Draft) -> Value {
    let existing = plan.wishes.as_ref().and_then(|wishes| wishes.existing.as_ref());
    if let Some(existing) = existing {
        if fact == LoadBalancerFact::Arn && existing.starts_with("arn:") {
            return existing.value.clone().into();
        }
        return looked_up("LoadBalancer", &existing.value, kind, fact, draft);
    }
    let id = format!("{}LoadBalancer", prefix(kind));
    match fact {
        LoadBalancerFact::Arn => Value::reference(id),
        LoadBalancerFact::Group => Value::attribute(format!("{id}Group"), "GroupId"),
        LoadBalancerFact::DnsName => Value::attribute(id, "DNSName"),
        LoadBalancerFact::Zone => Value::attribute(id, "CanonicalHostedZoneID"),
    }
}

/// A Parameter for what only AWS knows about a load balancer.
fn looked_up(id: &str, which: &str, kind: Kind, fact: LoadBalancerFact, draft: &mut Draft) -> Value {
    let (end, mut declaration, what) = match fact {
        LoadBalancerFact::Arn => ("Arn", fragment::LISTENER.parameter("LoadBalancerArn"), "ARN"),
        LoadBalancerFact::Group => (
            "GroupId",
            fragment::MOUNT_TARGET.parameter("GroupId"),
            "A security group",
        ),
        LoadBalancerFact::DnsName => ("DnsName", fragment::RECORD.parameter("DnsName"), "DNS name"),
        LoadBalancerFact::Zone => (
            "ZoneId",
            fragment::RECORD.parameter("AliasZoneId"),
            "Hosted zone of the name",
        ),
    };
    declaration.set("Description", format!("{what} of load balancer {which}"));
    let purpose = Purpose::LoadBalancer {
        which: which.to_owned(),
        kind: match kind {
            Kind::Application => "application",
            Kind::Network => "network",
        },
        fact,
    };
    draft.parameter(format!("{id}{end}"), purpose, declaration)
}

/// Where a target is reached.
fn address(target: &Target, plan: &Publications, draft: &mut Draft) -> Option<Value> {
    let domain = target.settings.domains.iter().find(|domain| !domain.starts_with('*'));
    let path = match target.conditions.paths.first() {
        Some(path) => path.trim_end_matches(['*', '/']),
        None => "",
    };
    let (kind, port) = match target.place {
        Place::Made { kind, port } => (kind, port),
        // What is spoken there, its owner knows.
        Place::Existing(_) => return Some(format!("{}{path}", domain?.value).into()),
    };
    let (scheme, usual) = match (kind, target.encrypted) {
        (Kind::Application, true) => ("https://", Some(443)),
        (Kind::Application, false) => ("http://", Some(80)),
        (Kind::Network, _) => ("", None),
    };
    let port = if usual == Some(port) {
        String::new()
    } else {
        format!(":{port}")
    };
    if let Some(domain) = domain {
        return Some(format!("{scheme}{}{port}{path}", domain.value).into());
    }
    let name = if plan.wishes.as_ref().is_some_and(|wishes| wishes.existing.is_some()) {
        fact(kind, LoadBalancerFact::DnsName, plan, draft);
        "LoadBalancerDnsName".to_owned()
    } else {
        format!("{}LoadBalancer.DNSName", prefix(kind))
    };
    Some(Value::substitute(format!("{scheme}${{{name}}}{port}{}", literal(path))))
}
