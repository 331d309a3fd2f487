//! The entries of `ports`: which are published, through what kind of load balancer, under which number.

use std::collections::{BTreeMap, BTreeSet};

use super::load_balancer::Wishes;
use super::plan::{Open, Place, TARGET_GROUPS, Target};
use super::protocol::{Kind, Speaks, Spoken, spoken};
use super::rule::Conditions;
use super::settings::Settings;
use crate::compose::{Port, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::names;
use crate::ecs::draft::Draft;
use crate::ecs::extensions::boolean;
use crate::ecs::rules::job::Runs;
use crate::ecs::rules::{host, isolation};

/// An entry of `ports` that goes through a load balancer.
struct Wanted<'p> {
    service: &'p Service,
    port: &'p Port,
    settings: Settings,
    spoken: Spoken,
}

/// What goes through load balancers, and what tasks open themselves. `certificate`: whether the project has one for all
/// HTTPS ports.
pub(super) fn ports(wishes: &Wishes, certificate: bool, draft: &mut Draft) -> (Vec<Target>, Vec<Open>) {
    let project = draft.project;
    let mut open = Vec::new();
    let mut wanted = Vec::new();
    let lasting = project
        .services
        .values()
        .filter(|service| draft.runs(service) == Runs::Service);
    for service in lasting.collect::<Vec<_>>() {
        if isolation::is_isolated(service, draft) {
            isolation::unpublished(service, draft);
            continue;
        }
        for port in &service.ports {
            let settings = Settings::read(port);
            if !is_public(port, &settings, draft) {
                continue;
            }
            if !is_balanced(service, port, &settings) {
                if let Some(more) = opened(service, port, &settings, draft) {
                    add(more, &mut open);
                }
            } else if let Some(spoken) = spoken(port, &settings, certificate, draft) {
                wanted.push(Wanted {
                    service,
                    port,
                    settings,
                    spoken,
                });
            }
        }
    }
    reach_themselves(&mut wanted, &mut open, wishes, draft);
    choose_kinds(&mut wanted, wishes, draft);
    (targets(wanted, wishes, draft), open)
}

/// Opens the ports of a task that has more of them than load balancers take, where nothing asks for a load balancer and
/// the task has an address to be reached at: as on an engine, all are found at one address.
fn reach_themselves(wanted: &mut Vec<Wanted>, open: &mut Vec<Open>, wishes: &Wishes, draft: &mut Draft) {
    let mut numbers: BTreeMap<&str, BTreeSet<(u16, Option<&str>)>> = BTreeMap::new();
    for Wanted { service, port, .. } in wanted.iter() {
        let published = port.published.as_ref().map(|text| text.as_str());
        let home = numbers.entry(&draft.home(service).name).or_default();
        home.insert((port.target.value, published));
    }
    let beyond = |service: &Service, draft: &Draft| numbers[draft.home(service).name.as_str()].len() > TARGET_GROUPS;
    let mut bound: BTreeSet<&str> = BTreeSet::new();
    for Wanted {
        service,
        port,
        settings,
        ..
    } in wanted.iter()
    {
        let said = settings.balanced.is_some() || settings.needs_load_balancer().is_some();
        let renumbered = exact(port).is_some_and(|published| published != port.target.value);
        if !beyond(service, draft) || said || renumbered || wishes.is_said() || !has_address(service, draft) {
            bound.insert(&draft.home(service).name);
        }
    }
    let mut warned: BTreeSet<&str> = BTreeSet::new();
    wanted.retain(|wanted| {
        let home = draft.home(wanted.service);
        if bound.contains(home.name.as_str()) {
            return true;
        }
        if warned.insert(&home.name) {
            let message = format!(
                "`{}` publishes more than the {TARGET_GROUPS} ports that ECS puts behind load balancers: each of its tasks is reached at its own address, which changes with the task",
                home.name
            );
            let hint = "say `x-aws-loadbalancer: false` on the service if that is right, or publish fewer ports";
            draft.remark(Diagnostic::warning(wanted.port.span, message).hint(hint));
        }
        if let Some(more) = opened(wanted.service, wanted.port, &wanted.settings, draft) {
            add(more, open);
        }
        false
    });
}

/// Whether clients find a service's tasks at a public address, unless the service says what it wants.
fn has_address(service: &Service, draft: &Draft) -> bool {
    let says = |name: &str| service.extensions.contains_key(name);
    let chosen = says("x-aws-loadbalancer") || says("x-aws-assign_public_ip") || says("x-aws-subnets");
    !chosen && !host::is_on_instances(service, draft) && draft.has_public_ip()
}

/// Whether others than the host itself may reach a port.
fn is_public(port: &Port, settings: &Settings, draft: &mut Draft) -> bool {
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
        Ok(ip) if ip.is_unspecified() || settings.cidrs.is_some() => true,
        _ => {
            let message = format!(
                "a port cannot be published on `{}` alone on ECS: the load balancer has addresses of its own",
                address.value
            );
            let hint = "leave the address out to let everybody in, or say who may come with `x-aws-cidrs`";
            draft.say(Diagnostic::error(address.span, message).hint(hint));
            false
        }
    }
}

/// Whether a port goes through a load balancer: what the port says, else what the service says, else unless the port is
/// the host's own.
fn is_balanced(service: &Service, port: &Port, settings: &Settings) -> bool {
    let of_service = || service.extensions.get("x-aws-loadbalancer").and_then(boolean);
    let said = settings.balanced.or_else(of_service);
    said.unwrap_or(port.mode.as_str() != "host")
}

/// A port without a load balancer.
fn opened(service: &Service, port: &Port, settings: &Settings, draft: &mut Draft) -> Option<Open> {
    let target = port.target.value;
    if let Some((name, span)) = settings.needs_load_balancer() {
        let message = format!("`{name}` needs a load balancer, and this port has none");
        let hint = "remove it, or `mode: host` and `x-aws-loadbalancer: false`";
        draft.say(Diagnostic::error(span, message).hint(hint));
    }
    if exact(port).is_some_and(|published| published != target) {
        let message = format!("without a load balancer, port {target} cannot be published under another number on ECS");
        let hint = format!(
            "publish it as {target}, or through a load balancer: without `mode: host` or `x-aws-loadbalancer: false`"
        );
        draft.say(Diagnostic::error(port.published.as_ref().map_or(port.span, |text| text.span), message).hint(hint));
    }
    let transport = match port.protocol.as_str() {
        "tcp" => "tcp",
        "udp" => "udp",
        other => {
            let message = format!("protocol `{other}` is not possible on ECS: security groups are for TCP and UDP");
            draft.say(Diagnostic::error(port.protocol.span.or(port.span), message).hint("publish a TCP or UDP port"));
            return None;
        }
    };
    Some(Open {
        service: service.name.clone(),
        ports: (target, target),
        transport,
        cidrs: settings.cidrs.clone().unwrap_or_else(everybody),
    })
}

/// Adds a port, to the range that ends before it if there is one.
fn add(more: Open, open: &mut Vec<Open>) {
    let before = open.iter_mut().find(|open| {
        let same = (&open.service, open.transport, &open.cidrs) == (&more.service, more.transport, &more.cidrs);
        same && open.ports.1.checked_add(1) == Some(more.ports.0)
    });
    match before {
        Some(open) => open.ports.1 = more.ports.1,
        None => open.push(more),
    }
}

fn everybody() -> Vec<String> {
    vec!["0.0.0.0/0".to_owned()]
}

/// Gives each port to a kind of load balancer. One is enough when it can be: what is only guessed to be HTTP passes
/// through a network load balancer too.
fn choose_kinds(wanted: &mut [Wanted], wishes: &Wishes, draft: &mut Draft) {
    let of_ours = |wanted: &&mut Wanted| wanted.settings.listener.is_none();
    let all_http = wanted
        .iter()
        .all(|wanted| wanted.spoken.speaks.kind() == Kind::Application);
    // One that is there already is of one kind, which its name does not tell.
    let forced = wishes.kind.or(wishes.existing.as_ref().map(|_| {
        let said_http = |wanted: &Wanted| wanted.spoken.said && wanted.spoken.speaks.kind() == Kind::Application;
        if all_http || wanted.iter().any(said_http) {
            Kind::Application
        } else {
            Kind::Network
        }
    }));
    for Wanted {
        port, spoken, settings, ..
    } in wanted.iter_mut().filter(of_ours)
    {
        let kind = spoken.speaks.kind();
        if let (Some(forced), true) = (forced, spoken.said)
            && forced != kind
        {
            let (one, other) = match forced {
                Kind::Application => ("an application", "it speaks HTTP alone"),
                Kind::Network => ("a network", "it does not understand HTTP"),
            };
            let message = format!("this port cannot go through {one} load balancer: {other}");
            let span = settings.http_feature().map_or(port.span, |(_, span)| span);
            let hint = "remove what says so, or give the port `x-aws-loadbalancer: false`";
            draft.say(
                Diagnostic::error(span, message)
                    .hint(hint)
                    .note(wishes.span, "the load balancer"),
            );
        }
        if !spoken.said {
            spoken.speaks = match forced {
                Some(Kind::Application) => Speaks::Http,
                None if all_http => Speaks::Http,
                Some(Kind::Network) | None => Speaks::Tcp,
            };
        }
    }
    for Wanted { settings, spoken, .. } in wanted {
        if let Some(listener) = &settings.listener {
            if !listener.contains(":listener/app/") || spoken.speaks.kind() == Kind::Network {
                let message = "only the listeners of application load balancers have rules, and these are for HTTP";
                draft.say(
                    Diagnostic::error(listener.span, message)
                        .hint("leave the listener out, and name the load balancer with `x-aws-loadbalancer`"),
                );
            } else if settings.paths.is_empty() && settings.domains.is_empty() {
                let message = "an existing listener has to know which requests are for this port";
                draft.say(
                    Diagnostic::error(listener.span, message)
                        .hint("say it with `x-aws-domain` or `x-aws-path`; `x-aws-path: /` is all of them"),
                );
            }
        }
    }
}

/// Gives every port its listener: first those that name a number, then, from what is left, those that name a range or
/// none (the container's own number is tried first).
fn targets(mut wanted: Vec<Wanted>, wishes: &Wishes, draft: &mut Draft) -> Vec<Target> {
    wanted.sort_by_key(|wanted| exact(wanted.port).is_none());
    let mut targets: Vec<Target> = Vec::new();
    let mut taken: BTreeSet<u16> = BTreeSet::new();
    for Wanted {
        service,
        port,
        settings,
        spoken,
    } in wanted
    {
        let Some(published) = number(port, &taken) else {
            let message = "there is no free port left in this range";
            draft.say(Diagnostic::error(port.span, message).hint("publish a port that no other service publishes"));
            continue;
        };
        let kind = spoken.speaks.kind();
        let place = match &settings.listener {
            Some(arn) => Place::Existing(arn.value.clone()),
            // What is published as 80 is reached there by HTTP, which leads to HTTPS.
            None if kind == Kind::Application && spoken.encrypted && published == 80 => Place::Made { kind, port: 443 },
            None => Place::Made { kind, port: published },
        };
        if settings.listener.is_none() {
            taken.insert(published);
        }
        let conditions = if kind == Kind::Application {
            let paths = settings.paths.iter().map(|path| path.value.clone());
            Conditions::new(settings.domains.iter().map(|domain| domain.value.clone()), paths)
        } else {
            Conditions::default()
        };
        let same =
            |other: &&mut Target| other.place == place && (kind == Kind::Network || other.conditions == conditions);
        if let Some(other) = targets.iter_mut().find(same) {
            if other.service == service.name && other.port == port.target.value {
                other.speaks = other.speaks.and(spoken.speaks);
            } else {
                draft.say(published_twice(published, port.span, kind, &conditions, other));
            }
            continue;
        }
        warn_of_port(published, &place, &settings, spoken.encrypted, draft);
        let prefix = format!("{}Port{published}", names::logical_id(&service.name));
        let prefix = if targets.iter().any(|other| other.prefix == prefix) {
            format!("{prefix}To{}", port.target.value)
        } else {
            prefix
        };
        let ours = settings
            .cidrs
            .clone()
            .or_else(|| wishes.cidrs.clone().filter(|_| wishes.existing.is_none()));
        targets.push(Target {
            prefix,
            service: service.name.clone(),
            port: port.target.value,
            published,
            speaks: spoken.speaks,
            encrypted: spoken.encrypted,
            cidrs: ours.unwrap_or_else(everybody),
            settings,
            span: port.span,
            place,
            conditions,
        });
    }
    targets
}

fn published_twice(published: u16, span: Span, kind: Kind, conditions: &Conditions, other: &Target) -> Diagnostic {
    let (message, hint) = if conditions.is_empty() {
        let hint = match kind {
            Kind::Application => "tell them apart with `x-aws-domain` or `x-aws-path`, or publish each port once",
            Kind::Network => "one load balancer serves all services: publish each port once",
        };
        (format!("port {published} is published twice"), hint)
    } else {
        let hint = "give them different ones, or paths as well";
        (
            "two ports are published for the same domains and paths".to_owned(),
            hint,
        )
    };
    let note = format!("first for service `{}`, here", other.service);
    Diagnostic::error(span, message).hint(hint).note(other.span, note)
}

/// An address with a number at its end is seldom what somebody wants who has a domain.
fn warn_of_port(published: u16, place: &Place, settings: &Settings, encrypted: bool, draft: &mut Draft) {
    let Place::Made {
        kind: Kind::Application,
        port,
    } = place
    else {
        return;
    };
    if let Some(domain) = settings.domains.first().filter(|_| encrypted && *port != 443) {
        let message = format!("`{}` is reached at https://{}:{published}", domain.value, domain.value);
        let hint = "publish the port as 443, or as 80, for an address without a number";
        draft.remark(Diagnostic::warning(domain.span, message).hint(hint));
    }
}

/// The one number that a port is published as, if it says one.
fn exact(port: &Port) -> Option<u16> {
    port.published.as_ref()?.parse().ok().filter(|number| *number > 0)
}

fn number(port: &Port, taken: &BTreeSet<u16>) -> Option<u16> {
    if let Some(exact) = exact(port) {
        return Some(exact);
    }
    let range = port.published.as_ref().and_then(|range| range.split_once('-'));
    let range = range.and_then(|(first, last)| Some(first.parse::<u16>().ok()?..=last.parse().ok()?));
    match range {
        Some(mut range) => range.find(|number| !taken.contains(number)),
        None => std::iter::once(port.target.value)
            .chain(49152..=65535)
            .find(|number| !taken.contains(number)),
    }
}
