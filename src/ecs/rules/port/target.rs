//! A port of a service behind a listener: its target group, how its health is seen, and the way in.

use super::plan::{Place, Publications, Target};
use super::protocol::{Kind, Speaks};
use super::settings::Health;
use super::{callers, fact, let_in, looked_up};
use crate::compose::Service;
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::{LoadBalancerFact, Value, fragment, names};
use crate::ecs::draft::Draft;

/// The logical id of a target's group.
pub(super) fn target_group(target: &Target) -> String {
    format!("{}TargetGroup", target.prefix)
}

pub(super) fn write(service: &Service, target: &Target, plan: &Publications, draft: &mut Draft) {
    let mut holes = vec![
        ("Target", target.port.into()),
        ("Protocol", target.speaks.name().into()),
    ];
    let fragment = match target.speaks.kind() {
        Kind::Application => &fragment::HTTP_TARGET_GROUP,
        Kind::Network => &fragment::TARGET_GROUP,
    };
    let asked = target.settings.health.as_ref().and_then(|health| health.port);
    let checked = asked.or_else(|| (target.speaks == Speaks::Udp).then(|| tcp_port(service, draft)));
    if target.speaks.kind() == Kind::Network {
        let port = checked.map_or("traffic-port".to_owned(), |port| port.to_string());
        holes.push(("HealthCheckPort", port.into()));
    }
    draft.add_of(&service.name, fragment, &target.prefix, holes, target.span);
    let group = target_group(target);
    if let Some(version) = target.speaks.version() {
        draft.properties(&group).set("ProtocolVersion", version);
    }
    if target.speaks == Speaks::Grpc {
        // Any status is an answer.
        let matcher = Value::map([("GrpcCode", Value::from("0-99"))]);
        draft.properties(&group).set("Matcher", matcher);
    }
    stickiness(target, &group, draft);
    if let Some(health) = &target.settings.health {
        check_health(health, target, &group, draft);
    }
    for source in callers_of(target, plan, draft) {
        for transport in target.speaks.transports() {
            let_in(service, draft, transport, (target.port, target.port), source.clone());
        }
        if let Some(port) = checked {
            let_in(service, draft, "tcp", (port, port), source);
        }
    }
    let balancer = Value::map([
        ("ContainerName", names::plain(&service.name).into()),
        ("ContainerPort", target.port.into()),
        ("TargetGroupArn", Value::reference(group)),
    ]);
    let grace = grace_period(service, target);
    let properties = draft.service(service);
    properties.push("LoadBalancers", balancer);
    let before = match properties.get("HealthCheckGracePeriodSeconds") {
        Some(Value::Int(before)) => *before,
        _ => 0,
    };
    properties.set("HealthCheckGracePeriodSeconds", grace.max(before));
}

/// Who calls a target: its load balancer.
fn callers_of(target: &Target, plan: &Publications, draft: &mut Draft) -> Vec<(&'static str, Value)> {
    let group = |group: Value| ("SourceSecurityGroupId", group);
    let kind = match &target.place {
        Place::Made { kind, .. } => *kind,
        Place::Existing(arn) => {
            let balancer = load_balancer_of(arn);
            let value = looked_up(
                &target.place.id(),
                &balancer,
                Kind::Application,
                LoadBalancerFact::Group,
                draft,
            );
            return vec![group(value)];
        }
    };
    if let Some(wishes) = plan.wishes.as_ref().filter(|wishes| wishes.existing.is_some()) {
        if !wishes.said_groups().is_empty() {
            return wishes.said_groups().iter().map(|id| group(id.clone().into())).collect();
        }
        if let Some(cidrs) = &wishes.cidrs {
            return cidrs.iter().map(|cidr| callers(cidr)).collect();
        }
    }
    vec![group(fact(kind, LoadBalancerFact::Group, plan, draft))]
}

/// `…:listener/app/NAME/ID/LISTENER` belongs to `…:loadbalancer/app/NAME/ID`.
fn load_balancer_of(listener: &str) -> String {
    let balancer = listener.rsplit_once('/').map_or(listener, |(balancer, _)| balancer);
    balancer.replace(":listener/", ":loadbalancer/")
}

/// A port at which the load balancer sees by TCP that a task with a UDP port is there: one that the service publishes
/// too, else one that a container beside it opens for the purpose. That one tells that the task runs, and not more.
fn tcp_port(service: &Service, draft: &mut Draft) -> u16 {
    let tcp = service.ports.iter().find(|port| port.protocol.as_str() == "tcp");
    if let Some(port) = tcp {
        return port.target.value;
    }
    let housemates = draft.housemates(service);
    let used = |number: u16| {
        let written = number.to_string();
        housemates.iter().any(|other| {
            other.ports.iter().any(|port| port.target.value == number)
                || other.expose.iter().any(|port| port.split('/').next() == Some(&written))
        })
    };
    let port = (50_000..=u16::MAX).find(|number| !used(*number)).unwrap_or(u16::MAX);
    // `-ll`: for ever, in the small `nc` of busybox as in its large one.
    let container = Value::map([
        ("Name", (names::plain(&draft.home(service).name) + "-health").into()),
        ("Image", Value::reference("InitImage")),
        ("Essential", false.into()),
        ("ReadonlyRootFilesystem", true.into()),
        (
            "Command",
            Value::list(["nc", "-ll", "-p"].map(str::to_owned).into_iter().chain([
                port.to_string(),
                "-e".to_owned(),
                "true".to_owned(),
            ])),
        ),
        (
            "PortMappings",
            Value::list([Value::map([
                ("ContainerPort", Value::from(port)),
                ("Protocol", "tcp".into()),
            ])]),
        ),
    ]);
    draft.task(service).push_once("ContainerDefinitions", container);
    port
}

/// Time for a container to come up before its answers count, in seconds.
fn grace_period(service: &Service, target: &Target) -> i64 {
    let said = target.settings.health.as_ref().and_then(|health| health.grace_period);
    let start = || service.healthcheck.as_ref().and_then(|check| check.start_period);
    let seconds = said.unwrap_or_else(|| start().map_or(60, |period| period.as_secs_rounded_up().clamp(60, 3600)));
    seconds.cast_signed()
}

/// `x-aws-stickiness`: by a cookie, or by the client's address where there are no cookies.
fn stickiness(target: &Target, group: &str, draft: &mut Draft) {
    let Some(stickiness) = target.settings.stickiness else {
        return;
    };
    let mut attributes = vec![("stickiness.enabled", "true".to_owned())];
    match (target.speaks.kind(), stickiness.seconds) {
        (Kind::Application, seconds) => {
            attributes.push(("stickiness.type", "lb_cookie".to_owned()));
            attributes.extend(seconds.map(|seconds| ("stickiness.lb_cookie.duration_seconds", seconds.to_string())));
        }
        (Kind::Network, None) => attributes.push(("stickiness.type", "source_ip".to_owned())),
        (Kind::Network, Some(_)) => {
            let message = "a network load balancer remembers clients by their addresses, for no set time";
            draft.say(Diagnostic::error(stickiness.span, message).hint("say `x-aws-stickiness: true`"));
        }
    }
    for (key, value) in attributes {
        let attribute = Value::map([("Key", Value::from(key)), ("Value", value.into())]);
        draft.properties(group).push("TargetGroupAttributes", attribute);
    }
}

/// `x-aws-health_check`
fn check_health(health: &Health, target: &Target, group: &str, draft: &mut Draft) {
    let application = target.speaks.kind() == Kind::Application;
    let over_http = match health.protocol.as_deref() {
        Some(protocol) => protocol != "TCP",
        None => application || health.path.is_some(),
    };
    let mut refuse = |message: String, hint: &str| {
        draft.say(Diagnostic::error(health.span, message).hint(hint));
    };
    if application && !over_http {
        refuse(
            "an application load balancer checks by HTTP".to_owned(),
            "remove `protocol`",
        );
    }
    if !over_http && (health.path.is_some() || health.matcher.is_some()) {
        refuse(
            "a check by TCP has no path and no answer".to_owned(),
            "say `protocol: http`, or remove them",
        );
    }
    // The default of an interval gives way to a longer timeout, and the other way round.
    let interval = health.interval.or(health
        .timeout
        .filter(|timeout| *timeout >= 10)
        .map(|timeout| timeout + 5));
    let interval = interval.map(|interval| interval.clamp(5, 300));
    let timeout = health.timeout.or(interval.map(|interval| (interval - 1).min(5)));
    if let (Some(interval), Some(timeout)) = (interval, timeout)
        && (timeout > interval || over_http && timeout == interval)
    {
        refuse(
            format!("a check every {interval} seconds cannot wait {timeout} seconds for an answer"),
            "make `interval` longer than `timeout`",
        );
    }
    let properties = draft.properties(group);
    let mut set = |key: &'static str, value: Option<Value>| {
        if let Some(value) = value {
            properties.set(key, value);
        }
    };
    let int = |seconds: u64| Value::Int(seconds.cast_signed());
    set("HealthCheckPath", health.path.clone().map(Value::from));
    set("HealthCheckIntervalSeconds", interval.map(int));
    set("HealthCheckTimeoutSeconds", timeout.map(int));
    set("HealthyThresholdCount", health.healthy.map(Value::Int));
    set("UnhealthyThresholdCount", health.unhealthy.map(Value::Int));
    set("HealthCheckPort", health.port.map(|port| port.to_string().into()));
    let protocol = health
        .protocol
        .clone()
        .or((over_http && !application).then(|| "HTTP".to_owned()));
    set("HealthCheckProtocol", protocol.map(Value::from));
    let code = if target.speaks == Speaks::Grpc {
        "GrpcCode"
    } else {
        "HttpCode"
    };
    let usual = (over_http && !application).then(|| "200-499".to_owned());
    let matcher = health.matcher.clone().or(usual);
    set("Matcher", matcher.map(|codes| Value::map([(code, codes.into())])));
}
