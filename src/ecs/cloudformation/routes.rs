//! The ways on which requests reach a target group, read from the finished template: load balancer, listener, rule.

use super::template::Template;
use super::value::Value;

/// A listener that sends everything to a target group, or a rule of one that sends something.
#[derive(Clone, PartialEq, Debug)]
pub struct Route {
    pub logical_id: String,
    pub is_rule: bool,
    /// As CloudWatch calls it: `app/name/id`, `net/name/id`.
    pub load_balancer: Value,
    /// Of the load balancer.
    pub is_http: bool,
}

/// All ways to a target group.
#[must_use]
pub fn to(template: &Template, target_group: &str) -> Vec<Route> {
    let resources = &template.document.resources;
    let protocol = resources
        .get(target_group)
        .and_then(|it| it.at(&["Properties", "Protocol"]));
    let is_http = protocol
        .and_then(Value::as_str)
        .is_some_and(|protocol| protocol.starts_with("HTTP"));
    let mut found = Vec::new();
    for (id, resource) in resources {
        let Some(properties) = resource.get("Properties") else {
            continue;
        };
        let sends = |key: &str| {
            let mut actions = properties.get(key).map_or(&[][..], Value::as_list).iter();
            actions.any(|action| sends_to(action, target_group))
        };
        let is_rule = sends("Actions");
        if !is_rule && !sends("DefaultActions") {
            continue;
        }
        let listener = if is_rule { properties.get("ListenerArn") } else { None };
        found.push(Route {
            logical_id: id.clone(),
            is_rule,
            load_balancer: match listener {
                Some(listener) => balancer_of(listener, template),
                None => balancer(properties.get("LoadBalancerArn").unwrap_or(&Value::Null), template),
            },
            is_http,
        });
    }
    found
}

fn sends_to(action: &Value, target_group: &str) -> bool {
    let is_it =
        |value: Option<&Value>| value.and_then(|value| value.get("Ref")).and_then(Value::as_str) == Some(target_group);
    let many = action
        .at(&["ForwardConfig", "TargetGroups"])
        .map_or(&[][..], Value::as_list);
    is_it(action.get("TargetGroupArn")) || many.iter().any(|one| is_it(one.get("TargetGroupArn")))
}

/// The load balancer of a listener, which is the template's or an ARN.
fn balancer_of(listener: &Value, template: &Template) -> Value {
    let id = listener.get("Ref").and_then(Value::as_str).unwrap_or_default();
    match template.document.resources.get(id) {
        Some(listener) => {
            let arn = listener.at(&["Properties", "LoadBalancerArn"]);
            balancer(arn.unwrap_or(&Value::Null), template)
        }
        // …:listener/app/name/id/listener
        None if listener.as_str().is_some() => {
            let parts = listener.as_str().unwrap_or_default().split('/').skip(1).take(3);
            parts.collect::<Vec<_>>().join("/").into()
        }
        None => {
            let part = |nth: i64| select(nth, "/", listener.clone());
            let parts = (1..=3).map(part);
            join(parts)
        }
    }
}

fn balancer(arn: &Value, template: &Template) -> Value {
    match arn.get("Ref").and_then(Value::as_str) {
        Some(id) if template.document.resources.contains_key(id) => {
            Value::attribute(id.to_owned(), "LoadBalancerFullName")
        }
        // …:loadbalancer/app/name/id
        _ if arn.as_str().is_some_and(|arn| arn.contains(":loadbalancer/")) => {
            let name = arn.as_str().and_then(|arn| arn.split_once(":loadbalancer/"));
            name.map_or("", |(_, name)| name).to_owned().into()
        }
        _ => select(1, "loadbalancer/", arn.clone()),
    }
}

fn select(nth: i64, separator: &'static str, text: Value) -> Value {
    let split = Value::map([("Fn::Split", Value::List(vec![separator.into(), text]))]);
    Value::map([("Fn::Select", Value::List(vec![nth.into(), split]))])
}

/// Parts of the name of a target, with slashes between them.
pub fn join(parts: impl IntoIterator<Item = Value>) -> Value {
    Value::map([("Fn::Join", Value::List(vec!["/".into(), Value::list(parts)]))])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
Balancer: {Type: T}
Group: {Properties: {Protocol: HTTP}}
Other: {Properties: {Protocol: TCP}}
Listener: {Properties: {LoadBalancerArn: {Ref: Balancer}, DefaultActions: [{Type: forward, TargetGroupArn: {Ref: Other}}]}}
Rule: {Properties: {ListenerArn: {Ref: Listener}, Actions: [{Type: forward, ForwardConfig: {TargetGroups: [{TargetGroupArn: {Ref: Group}}]}}]}}
Elsewhere: {Properties: {ListenerArn: 'arn:l/app/x/1/2', Actions: [{Type: forward, TargetGroupArn: {Ref: Group}}]}}
";

    #[test]
    fn ways_by_rules_and_by_default() {
        let mut template = Template::new(String::new());
        let resources: Value = serde_yaml::from_str(TEXT).unwrap();
        for (id, resource) in resources.as_map() {
            template.document.resources.insert(id.to_string(), resource.clone());
        }
        let ids = |group| {
            let ways = to(&template, group).into_iter();
            ways.map(|it| (it.logical_id, it.is_rule, it.is_http))
                .collect::<Vec<_>>()
        };
        assert_eq!(ids("Other"), [("Listener".to_owned(), false, false)]);
        let expected = [("Rule".to_owned(), true, true), ("Elsewhere".to_owned(), true, true)];
        assert_eq!(ids("Group"), expected);
        let own = Value::attribute("Balancer", "LoadBalancerFullName");
        assert_eq!(to(&template, "Group")[0].load_balancer, own);
    }
}
