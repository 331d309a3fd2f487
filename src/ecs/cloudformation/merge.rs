//! How one part of a template changes another: mappings by key, lists by the identity of their items where they have
//! one, everything else is replaced; null takes away.

use super::value::Value;

/// The lists whose items have an identity, and the properties that make it.
const IDENTITIES: &[(&str, &[&str])] = &[
    ("CapacityProviderStrategy", &["CapacityProvider"]),
    ("ContainerDefinitions", &["Name"]),
    ("DependsOn", &["ContainerName"]),
    ("Environment", &["Name"]),
    ("ExtraHosts", &["Hostname"]),
    ("LoadBalancerAttributes", &["Key"]),
    ("LoadBalancers", &["ContainerName", "ContainerPort"]),
    ("MountPoints", &["ContainerPath"]),
    ("Policies", &["PolicyName"]),
    ("PortMappings", &["ContainerPort", "Protocol"]),
    ("Secrets", &["Name"]),
    ("Services", &["PortName"]),
    ("Statement", &["Sid"]),
    ("SystemControls", &["Namespace"]),
    ("Tags", &["Key"]),
    ("TargetGroupAttributes", &["Key"]),
    ("Ulimits", &["Name"]),
    ("Volumes", &["Name"]),
];

/// Merges what stands under `key` into what the template has there.
pub fn merge(target: &mut Value, over: Value, key: &str) {
    match over {
        Value::Map(entries) if !is_function(&entries) && !is_function(target.as_map()) => {
            // An empty mapping is one, too.
            if !matches!(target, Value::Map(_)) {
                *target = Value::Map(Vec::new());
            }
            for (key, value) in entries {
                if value == Value::Null {
                    target.remove(&key);
                } else {
                    let name = key.to_string();
                    merge(target.entry(key), value, &name);
                }
            }
        }
        // What else a resource waits for.
        Value::Text(_) | Value::List(_) if key == "DependsOn" && !has_mappings(&over) => {
            let mut ids = listed(std::mem::take(target));
            ids.extend(listed(over));
            let mut distinct: Vec<Value> = Vec::with_capacity(ids.len());
            for id in ids {
                if !distinct.contains(&id) {
                    distinct.push(id);
                }
            }
            *target = Value::List(distinct);
        }
        Value::List(items) => match IDENTITIES.iter().find(|(name, _)| *name == key) {
            Some((_, identity)) if has_mappings(target) || has_mappings_only(&items) => {
                merge_items(target, items, identity);
            }
            _ => *target = Value::List(items.into_iter().map(complete).collect()),
        },
        other => *target = other,
    }
}

fn merge_items(target: &mut Value, items: Vec<Value>, identity: &[&str]) {
    let found = target.items();
    for item in items {
        let same = found.iter_mut().position(|other| {
            identity.iter().any(|key| item.get(key).is_some()) && identity.iter().all(|key| is_same(key, other, &item))
        });
        let Some(at) = same else {
            found.push(complete(item));
            continue;
        };
        let takes_away = item.as_map().iter().any(|(_, value)| *value == Value::Null);
        merge(&mut found[at], item, "");
        // What has nothing but its identity left is gone.
        let left = found[at].as_map().iter();
        if takes_away && left.clone().all(|(key, _)| identity.contains(&key.as_ref())) {
            found.remove(at);
        }
    }
}

/// A port mapping without a protocol is one of TCP.
fn is_same(key: &str, one: &Value, other: &Value) -> bool {
    let part = |value: &Value| match value.get(key) {
        None if key == "Protocol" => Value::from("tcp"),
        None => Value::Null,
        Some(value) => value.clone(),
    };
    part(one) == part(other)
}

/// A value of its own, without what would be taken away.
fn complete(value: Value) -> Value {
    match value {
        Value::Map(entries) if !is_function(&entries) => {
            let mut complete = Value::Map(Vec::new());
            merge(&mut complete, Value::Map(entries), "");
            complete
        }
        other => other,
    }
}

fn listed(value: Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::List(items) => items,
        one => vec![one],
    }
}

fn has_mappings(value: &Value) -> bool {
    value.as_list().iter().any(|item| matches!(item, Value::Map(_)))
}

fn has_mappings_only(items: &[Value]) -> bool {
    items.iter().all(|item| matches!(item, Value::Map(_)))
}

/// A mapping with one intrinsic function is a value, not something to merge into.
fn is_function(entries: &[(super::value::Text, Value)]) -> bool {
    matches!(entries, [(name, _)] if name == "Ref" || name == "Condition" || name.starts_with("Fn::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(base: &str, over: &str) -> Value {
        let mut base: Value = serde_yaml::from_str(base).unwrap();
        merge(&mut base, serde_yaml::from_str(over).unwrap(), "");
        base
    }

    fn assert_merged(base: &str, over: &str, expected: &str) {
        let expected: Value = serde_yaml::from_str(expected).unwrap();
        assert_eq!(merged(base, over), expected);
    }

    #[test]
    fn mappings_merge_and_null_takes_away() {
        assert_merged(
            "{a: 1, b: {c: 2, d: 3}}",
            "{b: {c: null, e: 4}, f: 5}",
            "{a: 1, b: {d: 3, e: 4}, f: 5}",
        );
        assert_merged("{a: [1, 2]}", "{a: [3]}", "{a: [3]}");
        assert_merged("{}", "{a: {}}", "{a: {}}");
    }

    #[test]
    fn functions_are_values() {
        assert_merged("{a: {Ref: X}}", "{a: {Fn::Sub: y}}", "{a: {Fn::Sub: y}}");
        assert_merged("{a: {b: 1}}", "{a: {Ref: X}}", "{a: {Ref: X}}");
        assert_merged("{a: {Ref: X}}", "{a: {b: 1}}", "{a: {b: 1}}");
        assert_merged(
            "{Tags: [{Key: a, Value: 1}]}",
            "{Tags: {Fn::If: [A, B, C]}}",
            "{Tags: {Fn::If: [A, B, C]}}",
        );
    }

    #[test]
    fn items_with_an_identity_merge() {
        assert_merged(
            "{ContainerDefinitions: [{Name: web, Image: a, Environment: [{Name: A, Value: 1}, {Name: B, Value: 2}]}]}",
            "{ContainerDefinitions: [{Name: side, Image: s, Cpu: null}, {Name: web, Environment: [{Name: B, Value: 3}, {Name: C, Value: 4}]}]}",
            "{ContainerDefinitions: [{Name: web, Image: a, Environment: [{Name: A, Value: 1}, {Name: B, Value: 3}, {Name: C, Value: 4}]}, {Name: side, Image: s}]}",
        );
        assert_merged(
            "{PortMappings: [{ContainerPort: 53, Protocol: udp}, {ContainerPort: 53}]}",
            "{PortMappings: [{ContainerPort: 53, Protocol: tcp, Name: dns}]}",
            "{PortMappings: [{ContainerPort: 53, Protocol: udp}, {ContainerPort: 53, Protocol: tcp, Name: dns}]}",
        );
        assert_merged(
            "{Statement: [{Sid: A, Action: x}]}",
            "{Statement: [{Action: y}, {Sid: A, Action: z}]}",
            "{Statement: [{Sid: A, Action: z}, {Action: y}]}",
        );
    }

    #[test]
    fn an_item_of_which_only_its_identity_is_left_is_gone() {
        assert_merged(
            "{Environment: [{Name: A, Value: 1}, {Name: B, Value: 2}]}",
            "{Environment: [{Name: A, Value: null}]}",
            "{Environment: [{Name: B, Value: 2}]}",
        );
    }

    #[test]
    fn resources_wait_for_more() {
        assert_merged("{DependsOn: A}", "{DependsOn: [B, A]}", "{DependsOn: [A, B]}");
        assert_merged("{}", "{DependsOn: B}", "{DependsOn: [B]}");
        assert_merged(
            "{DependsOn: [{ContainerName: a, Condition: START}]}",
            "{DependsOn: [{ContainerName: a, Condition: HEALTHY}]}",
            "{DependsOn: [{ContainerName: a, Condition: HEALTHY}]}",
        );
    }
}
