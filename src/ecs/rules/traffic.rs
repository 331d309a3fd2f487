//! `x-aws-rollout`: new tasks stand beside the old ones, and the load balancer moves the traffic, at once, in steps, or
//! after a first share. ECS does that itself; it needs a second target group for each port and a rule to change.

use crate::compose::{Node, Service, Spanned};
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::routes::{self, Route};
use crate::ecs::cloudformation::{Value, fragment};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;
use crate::ecs::rules::rollout;

const NAME: &str = "x-aws-rollout";

/// Whether a service's traffic is moved from the old tasks to the new ones, and where the file says so.
pub(in crate::ecs) fn is_moved(service: &Service) -> Option<Spanned<&'static str>> {
    let node = service.extensions.get(NAME)?;
    let node = node.get("strategy").unwrap_or(node);
    let strategy = match node.as_str()? {
        "blue-green" => "BLUE_GREEN",
        "linear" => "LINEAR",
        "canary" => "CANARY",
        _ => return None,
    };
    Some(Spanned::new(strategy, node.span))
}

/// `x-aws-rollout`, once the service's target groups are there.
pub(in crate::ecs) fn rollout(node: &Node, service: &Service, draft: &mut Draft) {
    let alarms = node.get("alarms").and_then(Node::as_list).unwrap_or_default();
    let alarms = alarms.iter().filter_map(Node::as_str).map(str::to_owned);
    let alarms: Vec<_> = alarms.map(Value::from).collect();
    let deployment = draft.service(service).entry("DeploymentConfiguration");
    if !alarms.is_empty() {
        let alarms = [
            ("AlarmNames", Value::List(alarms)),
            ("Enable", true.into()),
            ("Rollback", true.into()),
        ];
        deployment.set("Alarms", Value::map(alarms));
    }
    match is_moved(service) {
        Some(strategy) => moved(node, strategy, service, draft),
        None => {
            for key in ["bake_time", "step_percent", "step_time"] {
                if let Some(said) = node.get(key) {
                    let message = format!("`{NAME}.{key}` means nothing without a `strategy` that moves the traffic");
                    let hint = "there are `blue-green`, `linear` and `canary`";
                    draft.say(Diagnostic::error(said.span, message).hint(hint));
                }
            }
        }
    }
}

fn moved(node: &Node, strategy: Spanned<&'static str>, service: &Service, draft: &mut Draft) {
    let refuse = |draft: &mut Draft, message: &str, hint: &str| {
        draft.say(Diagnostic::error(strategy.span, message.to_owned()).hint(hint));
    };
    if rollout::is_global(service) {
        return refuse(
            draft,
            "a service with a task on every instance has no room for new tasks beside the old ones",
            "leave it out",
        );
    }
    let balancers = draft.service(service).get("LoadBalancers").cloned().unwrap_or_default();
    if balancers.as_list().is_empty() {
        let message = "there is no traffic to move: no port of the service is behind a load balancer";
        return refuse(
            draft,
            message,
            "publish a port, or leave it out: new tasks replace old ones step by step",
        );
    }
    if !steps(node, strategy, draft) {
        return;
    }
    let deployment = draft.service(service).entry("DeploymentConfiguration");
    deployment.set("Strategy", strategy.value);
    if let Some(minutes) = minutes(node, "bake_time").or_else(|| rollout::monitor(service)) {
        deployment.set("BakeTimeInMinutes", minutes);
    }
    let numbers = [
        minutes(node, "step_time"),
        node.get("step_percent").and_then(extensions::integer),
    ];
    let (group, keys) = match strategy.value {
        "LINEAR" => ("LinearConfiguration", ["StepBakeTimeInMinutes", "StepPercent"]),
        _ => ("CanaryConfiguration", ["CanaryBakeTimeInMinutes", "CanaryPercent"]),
    };
    for (key, number) in keys.into_iter().zip(numbers) {
        if let Some(number) = number {
            deployment.entry(group).set(key, number);
        }
    }
    if !draft.template.document.resources.contains_key("TrafficRole") {
        draft.add(&fragment::TRAFFIC_ROLE, "", [], strategy.span);
    }
    let mut changed = Vec::new();
    for mut balancer in balancers.as_list().iter().cloned() {
        let group = balancer.at(&["TargetGroupArn", "Ref"]).and_then(Value::as_str);
        let Some(group) = group.map(str::to_owned) else {
            continue;
        };
        let routes = routes::to(&draft.template, &group);
        let [route] = routes.as_slice() else {
            let message = "several rules lead to a port of the service, and ECS moves the traffic of one";
            return refuse(draft, message, "give the port one host or path, or leave it out");
        };
        let alternate = alternate(&group, draft);
        let rule = weighted(route, &group, &alternate, draft);
        let advanced = [
            ("AlternateTargetGroupArn", Value::reference(alternate)),
            ("ProductionListenerRule", Value::reference(rule.clone())),
            ("RoleArn", Value::attribute("TrafficRole", "Arn")),
        ];
        balancer.set("AdvancedConfiguration", Value::map(advanced));
        // The reference makes the service wait for it.
        draft.do_not_wait_for(service, &rule);
        changed.push(balancer);
    }
    draft.service(service).set("LoadBalancers", changed);
}

/// Whether what is said of steps goes with the strategy.
fn steps(node: &Node, strategy: Spanned<&'static str>, draft: &mut Draft) -> bool {
    let before = draft.diagnostics.len();
    for key in ["step_percent", "step_time"] {
        if let (Some(said), "BLUE_GREEN") = (node.get(key), strategy.value) {
            let message = format!("`{NAME}.{key}` means nothing for `blue-green`: it moves all traffic at once");
            draft.say(Diagnostic::error(said.span, message).hint("`linear` and `canary` have steps"));
        }
    }
    if let (Some(said), "LINEAR") = (node.get("step_percent"), strategy.value)
        && extensions::integer(said).is_some_and(|percent| percent < 3)
    {
        let message = "a step of `linear` moves at least 3 % of the traffic";
        draft.say(Diagnostic::error(said.span, message).hint("`canary` begins with less"));
    }
    draft.diagnostics.len() == before
}

fn minutes(node: &Node, key: &str) -> Option<i64> {
    let seconds = node.get(key).and_then(extensions::seconds)?;
    Some(seconds.div_ceil(60).cast_signed())
}

/// The second target group, like the first.
fn alternate(group: &str, draft: &mut Draft) -> String {
    let id = group.trim_end_matches("TargetGroup").to_owned() + "AlternateTargetGroup";
    let copy = draft.resource(group).clone();
    let origin = draft.template.origins.get(group).cloned();
    draft.template.document.resources.insert(id.clone(), copy);
    draft.template.origins.extend(origin.map(|origin| (id.clone(), origin)));
    id
}

/// What ECS changes to move the traffic: a network load balancer's listener, or a rule with both target groups.
fn weighted(route: &Route, group: &str, alternate: &str, draft: &mut Draft) -> String {
    let rule = route.logical_id.clone();
    let target = |id: &str, weight: i64| {
        Value::map([
            ("TargetGroupArn", Value::reference(id.to_owned())),
            ("Weight", weight.into()),
        ])
    };
    if !route.is_rule {
        return rule;
    }
    let both = Value::list([target(group, 1), target(alternate, 0)]);
    for action in draft.properties(&rule).entry("Actions").items() {
        if action.get("Type").and_then(Value::as_str) == Some("forward") {
            action.remove("TargetGroupArn");
            action.entry("ForwardConfig").set("TargetGroups", both.clone());
        }
    }
    rule
}
