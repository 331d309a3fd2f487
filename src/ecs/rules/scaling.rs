//! Services whose number of tasks follows their load, or the clock.

use crate::compose::{Node, Service};
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::{Value, fragment, routes};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;
use crate::ecs::rules::{rollout, traffic};

const NAME: &str = "x-aws-autoscaling";

/// Seconds between two changes when nothing is said.
const COOLDOWN: i64 = 60;

/// What the number of tasks can follow: the key, what CloudWatch calls it, and what it is called in a logical id.
const TARGETS: [(&str, &str, &str); 3] = [
    ("cpu", "ECSServiceAverageCPUUtilization", "Cpu"),
    ("memory", "ECSServiceAverageMemoryUtilization", "Memory"),
    ("requests", "ALBRequestCountPerTarget", "Requests"),
];

/// `x-aws-autoscaling`: between `min` and `max` tasks, so that each has so much to do; other bounds from given times on.
pub(in crate::ecs) fn autoscaling(node: &Node, service: &Service, draft: &mut Draft) {
    let number = |key: &str| node.get(key).and_then(extensions::integer);
    let schedules = node.get("schedules").and_then(Node::as_list).unwrap_or_default();
    let targets: Vec<_> = TARGETS
        .into_iter()
        .filter_map(|(key, metric, id)| Some((key, metric, id, number(key)?)))
        .collect();
    if targets.is_empty() && schedules.is_empty() {
        let message = format!("`{NAME}` needs something to follow: `cpu`, `memory`, `requests` or `schedules`");
        let hint = "`{max: 10, cpu: 75}` keeps up to ten tasks at 75 % of their CPU";
        draft.say(Diagnostic::error(node.span, message).hint(hint));
        return;
    }
    if rollout::is_global(service) {
        let message = "a service with a task on every instance has as many as there are instances";
        draft.say(Diagnostic::error(node.span, message).hint(format!("remove `{NAME}`")));
        return;
    }
    let bounds = std::iter::once(node).chain(schedules);
    let wrong: Vec<_> = bounds.filter_map(wrong_bounds).collect();
    if !wrong.is_empty() {
        for diagnostic in wrong {
            draft.say(diagnostic);
        }
        return;
    }
    let cluster = match &draft.cluster {
        Value::Text(cluster) => cluster.rsplit('/').next().unwrap_or_default().to_owned().into(),
        cluster => cluster.clone(),
    };
    let target = [
        ("Min", number("min").unwrap_or(1).into()),
        ("Max", number("max").unwrap_or(1).into()),
        ("Cluster", cluster),
        ("EcsService", Value::attribute(draft.id(service, "Service"), "Name")),
    ];
    draft.add_for_service(&fragment::SCALABLE_TARGET, target, service);
    let scalable = draft.id(service, "ScalableTarget");
    for (nth, schedule) in schedules.iter().enumerate() {
        let action = scheduled(schedule, nth);
        draft.properties(&scalable).push("ScheduledActions", action);
    }
    // An update of the stack must not undo what the load has asked for.
    draft.service(service).remove("DesiredCount");
    for (key, metric, id, value) in targets {
        let policy = [
            ("Metric", metric.into()),
            ("Target", value.into()),
            ("ScaleInCooldown", cooldown(node, "in").into()),
            ("ScaleOutCooldown", cooldown(node, "out").into()),
            ("ScalableTarget", Value::reference(scalable.clone())),
            ("PolicyName", format!("{}-{key}", service.name).into()),
        ];
        let prefix = draft.id(service, id);
        draft.add_of(&service.name, &fragment::SCALING_POLICY, &prefix, policy, service.span);
        if key == "requests" {
            let span = node.get(key).map_or(node.span, |node| node.span);
            if let Some(moved) = traffic::is_moved(service) {
                let message = "requests are counted at one target group, and the traffic moves between two";
                let diagnostic = Diagnostic::error(span, message).note(moved.span, "what moves it");
                draft.say(diagnostic.hint("follow `cpu` or `memory`"));
                continue;
            }
            let Some(label) = target_of_requests(service, draft) else {
                let message =
                    "there are no requests to count: no port of the service is behind an application load balancer";
                let hint = "publish a port that speaks HTTP, or follow `cpu`";
                draft.say(Diagnostic::error(span, message).hint(hint));
                continue;
            };
            let configuration = draft
                .properties(&format!("{prefix}ScalingPolicy"))
                .entry("TargetTrackingScalingPolicyConfiguration");
            configuration
                .entry("PredefinedMetricSpecification")
                .set("ResourceLabel", label);
        }
    }
}

/// The target group whose requests count, and its load balancer, as CloudWatch names both.
fn target_of_requests(service: &Service, draft: &mut Draft) -> Option<Value> {
    let balancers = draft.service(service).get("LoadBalancers").cloned()?;
    balancers.as_list().iter().find_map(|balancer| {
        let group = balancer.at(&["TargetGroupArn", "Ref"])?.as_str()?;
        let route = routes::to(&draft.template, group)
            .into_iter()
            .find(|route| route.is_http)?;
        let group = Value::attribute(group.to_owned(), "TargetGroupFullName");
        Some(routes::join([route.load_balancer, group]))
    })
}

/// `min` above `max`.
fn wrong_bounds(node: &Node) -> Option<Diagnostic> {
    let bound = |key: &str| Some((node.get(key)?.span, node.get(key).and_then(extensions::integer)?));
    let ((span, min), (other, max)) = (bound("min")?, bound("max")?);
    let diagnostic = Diagnostic::error(span, "`min` is above `max`").note(other, "`max`");
    (min > max).then(|| diagnostic.hint("let `min` be at most `max`"))
}

/// `cooldown: 90s`, or `{in: 5m, out: 30s}`.
fn cooldown(node: &Node, direction: &str) -> i64 {
    let said = node.get("cooldown");
    let said = said.and_then(|said| said.get(direction).or(said.as_str().map(|_| said)));
    said.and_then(extensions::seconds).map_or(COOLDOWN, u64::cast_signed)
}

fn scheduled(schedule: &Node, nth: usize) -> Value {
    let text = |key: &str| schedule.get(key).and_then(Node::as_str).map(str::to_owned);
    let number = |key: &str| schedule.get(key).and_then(extensions::integer);
    let mut action = Value::map([
        ("ScheduledActionName", Value::from(format!("schedule-{}", nth + 1))),
        ("Schedule", text("at").unwrap_or_default().into()),
    ]);
    if let Some(timezone) = text("timezone") {
        action.set("Timezone", timezone);
    }
    for (key, property) in [("min", "MinCapacity"), ("max", "MaxCapacity")] {
        if let Some(number) = number(key) {
            action.entry("ScalableTargetAction").set(property, number);
        }
    }
    action
}
