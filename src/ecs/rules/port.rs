//! Published ports: listeners of one load balancer.
//!
//! It is an application load balancer when every published port speaks HTTP, else a network load balancer for all. A
//! port speaks HTTP when `x-aws-protocol` or `app_protocol` says `http`, and, where neither is there, when the
//! container's port is one of those on which web servers and web frameworks listen by convention ([`WEB_PORTS`]).
//! Whatever is wrongly taken for something else still works: HTTP passes through a network load balancer. 443 is passed
//! through, because an HTTPS listener would need a certificate.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::compose::{Port, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Value, fragment, names};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;
use crate::ecs::rules::job::Runs;

const WEB_PORTS: [u16; 5] = [80, 3000, 5000, 8000, 8080];

/// What goes through the load balancer.
#[derive(Default, Debug)]
pub(in crate::ecs) struct Publications {
    /// Whether the load balancer speaks HTTP.
    http: bool,
    by_service: IndexMap<String, Vec<Publication>>,
}

#[derive(Debug)]
struct Publication {
    published: u16,
    target: u16,
    protocol: Protocol,
    span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Protocol {
    Http,
    Tcp,
    Udp,
    TcpUdp,
}

impl Protocol {
    /// As listeners and target groups write it.
    fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::TcpUdp => "TCP_UDP",
        }
    }

    /// The protocols of its packets, as security groups write them.
    fn transports(self) -> &'static [&'static str] {
        match self {
            Self::Http | Self::Tcp => &["tcp"],
            Self::Udp => &["udp"],
            Self::TcpUdp => &["tcp", "udp"],
        }
    }
}

/// Decides which ports are published where, and makes the load balancer if there are any.
pub(in crate::ecs) fn load_balancer(draft: &mut Draft) {
    let publications = allocate(draft);
    let all = || publications.by_service.values().flatten();
    let Some(first) = all().next() else { return };
    let span = first.span;
    draft.add(&fragment::LOAD_BALANCER_GROUP, "", [], span);
    for publication in all() {
        for transport in publication.protocol.transports() {
            let rule = ingress(transport, publication.published, ("CidrIp", "0.0.0.0/0".into()));
            draft.properties("LoadBalancerGroup").push("SecurityGroupIngress", rule);
        }
    }
    let fragment = if publications.http {
        &fragment::APPLICATION_LOAD_BALANCER
    } else {
        &fragment::NETWORK_LOAD_BALANCER
    };
    let holes = [
        ("GroupId", Value::attribute("LoadBalancerGroup", "GroupId")),
        ("Subnets", draft.public_subnets()),
    ];
    draft.add(fragment, "", holes, span);
    draft.publications = publications;
}

/// `ports`: a target group and a listener for each, and the way in for the load balancer alone.
pub(in crate::ecs) fn publish(service: &Service, draft: &mut Draft) {
    for port in &service.ports {
        map_port(service, draft, port.target.value, &port.protocol);
    }
    let http = draft.publications.http;
    for publication in draft
        .publications
        .by_service
        .swap_remove(&service.name)
        .unwrap_or_default()
    {
        let Publication {
            published,
            target,
            protocol,
            span,
        } = publication;
        let prefix = format!("{}Port{published}", names::logical_id(&service.name));
        let mut holes = vec![
            ("Published", published.into()),
            ("Target", target.into()),
            ("LoadBalancerArn", Value::reference("LoadBalancer")),
        ];
        if http {
            draft.add(&fragment::HTTP_PORT, &prefix, holes, span);
        } else {
            let check = if protocol == Protocol::Udp {
                tcp_port(service)
            } else {
                None
            };
            if protocol == Protocol::Udp && check.is_none() {
                let message = "a published UDP port needs a TCP port beside it on ECS, at which the load balancer sees that the container is there";
                draft.say(Diagnostic::error(span, message).hint("list a TCP port of the container under `expose`"));
            }
            let check_port = check.map_or("traffic-port".to_owned(), |port| port.to_string());
            holes.extend([
                ("Protocol", protocol.name().into()),
                ("HealthCheckPort", check_port.into()),
            ]);
            draft.add(&fragment::PORT, &prefix, holes, span);
            if let Some(port) = check {
                let_in(service, draft, "tcp", port);
            }
        }
        for transport in protocol.transports() {
            let_in(service, draft, transport, target);
        }
        let balancer = Value::map([
            ("ContainerName", names::plain(&service.name).into()),
            ("ContainerPort", target.into()),
            ("TargetGroupArn", Value::reference(format!("{prefix}TargetGroup"))),
        ]);
        draft.service(service).push("LoadBalancers", balancer);
        draft
            .service(service)
            .set("HealthCheckGracePeriodSeconds", grace_period(service));
        draft.wait_for(service, format!("{prefix}Listener"));
        let address = match (protocol, published) {
            (Protocol::Http, 80) => "http://${LoadBalancer.DNSName}".to_owned(),
            (Protocol::Http, port) => format!("http://${{LoadBalancer.DNSName}}:{port}"),
            (_, port) => format!("${{LoadBalancer.DNSName}}:{port}"),
        };
        let description = format!("Address of port {target} of service {}", service.name);
        draft.output(prefix, description, Value::substitute(address));
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

/// Lets the load balancer, and nobody else, reach a port of the service.
fn let_in(service: &Service, draft: &mut Draft, transport: &'static str, port: u16) {
    let group = draft.own_group(service);
    let source = (
        "SourceSecurityGroupId",
        Value::attribute("LoadBalancerGroup", "GroupId"),
    );
    draft
        .properties(&group)
        .push_once("SecurityGroupIngress", ingress(transport, port, source));
}

fn ingress(transport: &'static str, port: u16, source: (&'static str, Value)) -> Value {
    Value::map([
        ("IpProtocol", transport.into()),
        ("FromPort", port.into()),
        ("ToPort", port.into()),
        source,
    ])
}

/// Time for a container to come up before its answers count, in seconds.
fn grace_period(service: &Service) -> i64 {
    let period = service.healthcheck.as_ref().and_then(|check| check.start_period);
    period.map_or(60, |period| period.as_secs_rounded_up().clamp(60, 3600).cast_signed())
}

/// A port of the service at which TCP connections are taken.
fn tcp_port(service: &Service) -> Option<u16> {
    let published = service
        .ports
        .iter()
        .find(|port| port.protocol.as_str() == "tcp")
        .map(|port| port.target.value);
    let exposed = || {
        service
            .expose
            .iter()
            .find_map(|port| port.strip_suffix("/tcp").unwrap_or(port.as_str()).parse().ok())
    };
    published.or_else(exposed)
}

/// Gives every published port its number: first those that name one, then, from what is left, those that name a range
/// or none (the container's own number is tried first).
fn allocate(draft: &mut Draft) -> Publications {
    let project = draft.project;
    let mut wanted = Vec::new();
    let lasting = project
        .services
        .values()
        .filter(|service| draft.runs(service) == Runs::Service);
    for service in lasting.collect::<Vec<_>>() {
        wanted.extend(
            service
                .ports
                .iter()
                .filter(|port| is_public(port, draft))
                .map(|port| (service, port)),
        );
    }
    wanted.sort_by_key(|(_, port)| exact(port).is_none());

    let mut taken: BTreeMap<u16, (&str, Publication)> = BTreeMap::new();
    for (service, port) in wanted {
        let Some(protocol) = protocol_of(port, draft) else {
            continue;
        };
        let Some(published) = number(port, &taken) else {
            let message = "there is no free port left in this range";
            draft.say(Diagnostic::error(port.span, message).hint("publish a port that no other service publishes"));
            continue;
        };
        let publication = Publication {
            published,
            target: port.target.value,
            protocol,
            span: port.span,
        };
        let Some((other, before)) = taken.get_mut(&published) else {
            taken.insert(published, (&service.name, publication));
            continue;
        };
        let both = [before.protocol, protocol];
        let mixed = both.contains(&Protocol::Udp) && both != [Protocol::Udp; 2];
        if *other == service.name && before.target == publication.target {
            before.protocol = if mixed { Protocol::TcpUdp } else { before.protocol };
        } else {
            let message = format!("port {published} is published twice");
            let hint = "one load balancer serves all services: publish each port once";
            let note = format!("first for service `{other}`, here");
            let first = before.span;
            draft.say(Diagnostic::error(port.span, message).hint(hint).note(first, note));
        }
    }

    let http = taken
        .values()
        .all(|(_, publication)| publication.protocol == Protocol::Http);
    let mut by_service: IndexMap<String, Vec<Publication>> = IndexMap::new();
    for (service, mut publication) in taken.into_values() {
        if !http && publication.protocol == Protocol::Http {
            publication.protocol = Protocol::Tcp;
        }
        by_service.entry(service.to_owned()).or_default().push(publication);
    }
    Publications { http, by_service }
}

/// Whether others than the host itself may reach a port.
fn is_public(port: &Port, draft: &mut Draft) -> bool {
    let Some(address) = port.host_ip.as_ref().filter(|address| !address.is_empty()) else {
        return true;
    };
    let ip = address.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    match ip {
        Ok(ip) if ip.is_loopback() => {
            let message =
                "a port of the loopback address is not published on ECS: only the project's own services reach it";
            draft.remark(Diagnostic::warning(address.span, message));
            false
        }
        Ok(ip) if ip.is_unspecified() => true,
        _ => {
            let message = format!(
                "a port cannot be published on `{}` alone on ECS: the load balancer has addresses of its own",
                address.value
            );
            draft.say(Diagnostic::error(address.span, message).hint("leave the address out to let everybody in"));
            false
        }
    }
}

fn protocol_of(port: &Port, draft: &mut Draft) -> Option<Protocol> {
    let span = port.protocol.span.or(port.span);
    match port.protocol.as_str() {
        "udp" => return Some(Protocol::Udp),
        "tcp" => {}
        other => {
            let message = format!("protocol `{other}` is not possible on ECS: load balancers speak TCP and UDP");
            draft.say(Diagnostic::error(span, message).hint("publish a TCP or UDP port"));
            return None;
        }
    }
    let spoken = extensions::protocol(port).or(port.app_protocol.as_ref().map(|protocol| protocol.as_str()));
    // TLS, gRPC and all else arrive as the container speaks them.
    Some(match spoken {
        Some("http") => Protocol::Http,
        None if WEB_PORTS.contains(&port.target.value) => Protocol::Http,
        Some(_) | None => Protocol::Tcp,
    })
}

/// The one number that a port is published as, if it says one.
fn exact(port: &Port) -> Option<u16> {
    port.published.as_ref()?.parse().ok().filter(|number| *number > 0)
}

fn number<T>(port: &Port, taken: &BTreeMap<u16, T>) -> Option<u16> {
    if let Some(exact) = exact(port) {
        return Some(exact);
    }
    let range = port.published.as_ref().and_then(|range| range.split_once('-'));
    let range = range.and_then(|(first, last)| Some(first.parse::<u16>().ok()?..=last.parse().ok()?));
    match range {
        Some(mut range) => range.find(|number| !taken.contains_key(number)),
        None => std::iter::once(port.target.value)
            .chain(49152..=65535)
            .find(|number| !taken.contains_key(number)),
    }
}
