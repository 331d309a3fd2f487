//! What a change set would do, told by resource and property. AWS says what is replaced and what is kept; the two
//! templates say what a property is now and what it would be.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{ChangeAction, PolicyAction, Replacement};
use serde_json::{Map, Value};

use super::aws::change_set::Planned;
use super::aws::history::RolledBack;
use super::aws::stack;
use super::follow::Origins;
use crate::backend::{Action, Change, Holding, Property};
use crate::diagnostic::Span;

/// What stands for a value that nobody should see.
const HIDDEN: &str = "(hidden)";

/// The resources of a template, and the values of its Parameters.
#[derive(Default)]
pub(super) struct Side {
    resources: Map<String, Value>,
}

impl Side {
    /// A template whose text cannot be read tells nothing, and is no mistake: it may be from somebody else.
    pub(super) fn new(template: &str, parameters: &BTreeMap<String, String>) -> Self {
        let read: Value = serde_yaml::from_str(template).unwrap_or_default();
        let declared = read.get("Parameters").cloned().unwrap_or_default();
        let value = |name: &str| {
            let hidden = declared.get(name)?.get("NoEcho").is_some_and(is_true);
            let value = parameters.get(name)?;
            Some(if hidden { HIDDEN.to_owned() } else { value.clone() })
        };
        let Some(Value::Object(mut resources)) = read.get("Resources").cloned() else {
            return Self::default();
        };
        resources.values_mut().for_each(|resource| fill(resource, &value));
        let mut conditions = read.get("Conditions").cloned().unwrap_or_default();
        fill(&mut conditions, &value);
        // What its condition leaves out is not there.
        resources.retain(|_, resource| {
            let condition = resource.get("Condition").and_then(Value::as_str);
            let sides = condition.and_then(|name| conditions.get(name)?.get("Fn::Equals")?.as_array());
            sides.is_none_or(|sides| sides.iter().any(|side| !side.is_string()) || sides.first() == sides.last())
        });
        Self { resources }
    }

    fn properties(&self, logical_id: &str) -> Option<&Value> {
        self.resources.get(logical_id)?.get("Properties")
    }

    /// The logical id of the nested stack whose template is in this file.
    pub(super) fn naming(&self, file: &str) -> Option<String> {
        let names = |resource: &Value| {
            let url = resource.get("Properties")?.get("TemplateURL")?;
            Some(url.to_string().contains(file))
        };
        let found = self
            .resources
            .iter()
            .find(|(_, resource)| names(resource) == Some(true));
        found.map(|(id, _)| id.clone())
    }

    /// All of its resources, as what would be added.
    pub(super) fn added(&self, origins: &Origins) -> Vec<Change> {
        let change = |(id, resource): (&String, &Value)| {
            let kind = resource.get("Type").and_then(Value::as_str).unwrap_or_default();
            let kind = stack::kind(kind);
            let origin = origins.get(id);
            Change {
                logical_id: id.clone(),
                physical_id: None,
                holds: holding(&kind),
                kind,
                stack: None,
                action: Action::Add,
                kept: false,
                service: origin.and_then(|origin| origin.service.clone()),
                span: origin.map_or(Span::NOWHERE, |origin| origin.span),
                properties: Vec::new(),
                rolled_back: false,
            }
        };
        self.resources.iter().map(change).collect()
    }
}

/// One change, given what is deployed and what would be, each of the (nested) stack that the resource belongs to.
pub(super) fn change(planned: &Planned, deployed: &Side, ours: &Side, origins: &Origins) -> Change {
    let id = &planned.logical_id;
    let action = match (&planned.action, &planned.replacement) {
        (ChangeAction::Add | ChangeAction::Import, _) => Action::Add,
        (ChangeAction::Remove, _) => Action::Remove,
        (_, Some(Replacement::True)) => Action::Replace,
        (_, Some(Replacement::Conditional)) => Action::MayReplace,
        _ => Action::Modify,
    };
    let mut properties = Vec::new();
    if !matches!(action, Action::Add | Action::Remove) {
        if let (Some(before), Some(after)) = (deployed.properties(id), ours.properties(id)) {
            compare(Some(before), Some(after), "", &mut properties);
        }
        for (name, follows) in &planned.properties {
            let told = |property: &&mut Property| {
                property.path == *name
                    || property
                        .path
                        .strip_prefix(name.as_str())
                        .is_some_and(|rest| rest.starts_with(['.', '[']))
            };
            if properties.iter_mut().find(told).is_none() {
                properties.push(Property {
                    path: name.clone(),
                    before: None,
                    after: None,
                    follows: follows.clone(),
                });
            }
        }
    }
    let origin = origins.get(id);
    Change {
        logical_id: id.clone(),
        physical_id: planned.physical_id.clone(),
        kind: planned.kind.clone(),
        stack: planned.stack.as_ref().map(|(stack, _)| stack.clone()),
        action,
        kept: matches!(
            planned.policy,
            Some(PolicyAction::Retain | PolicyAction::ReplaceAndRetain)
        ),
        // What the function that runs jobs wrote is nobody's data: what jobs write is in the project's log.
        holds: holding(&planned.kind).filter(|_| id != "JobRunnerLogGroup"),
        service: origin.and_then(|origin| origin.service.clone()),
        span: origin.map_or(Span::NOWHERE, |origin| origin.span),
        properties,
        rolled_back: false,
    }
}

/// Tells of a service that has been rolled back: what `up` makes of it, whether its template changes or not.
pub(super) fn bring_forward(changes: &mut Vec<Change>, back: &RolledBack, origins: &Origins) {
    let id = &back.service.logical_id;
    let revision = |arn: &str| Some(Value::from(arn.rsplit('/').next().unwrap_or(arn)));
    if let Some(known) = changes.iter_mut().find(|change| change.logical_id == *id) {
        known.rolled_back = true;
        let mut properties = known.properties.iter_mut();
        if let Some(definition) = properties.find(|property| property.path == "TaskDefinition") {
            definition.before = revision(&back.runs);
        }
        return;
    }
    let origin = origins.get(id);
    changes.push(Change {
        logical_id: id.clone(),
        physical_id: None,
        kind: "ECS::Service".to_owned(),
        stack: back.nested.clone(),
        action: Action::Modify,
        kept: false,
        holds: None,
        service: origin.and_then(|origin| origin.service.clone()),
        span: origin.map_or(Span::NOWHERE, |origin| origin.span),
        properties: vec![Property {
            path: "TaskDefinition".to_owned(),
            before: revision(&back.runs),
            after: revision(&back.deployed),
            follows: None,
        }],
        rolled_back: true,
    });
}

/// What resources of a type hold that no other resource in their place does.
pub(super) fn holding(kind: &str) -> Option<Holding> {
    const DATA: &[&str] = &[
        "Cassandra::",
        "DocDB::DBCluster",
        "DocDB::DBInstance",
        "DynamoDB::",
        "EC2::Volume",
        "EFS::FileSystem",
        "ElastiCache::",
        "FSx::",
        "KMS::Key",
        "Kinesis::Stream",
        "Logs::LogGroup",
        "MSK::Cluster",
        "MemoryDB::Cluster",
        "Neptune::DBCluster",
        "Neptune::DBInstance",
        "OpenSearchService::Domain",
        "RDS::DBCluster",
        "RDS::DBInstance",
        "S3::Bucket",
        "SQS::Queue",
        "SecretsManager::Secret",
    ];
    const ADDRESS: &[&str] = &[
        "ApiGateway::RestApi",
        "ApiGatewayV2::Api",
        "CloudFront::Distribution",
        "EC2::EIP",
        "EC2::NatGateway",
        "ElasticLoadBalancingV2::LoadBalancer",
        "GlobalAccelerator::Accelerator",
        "Route53::HostedZone",
        "ServiceDiscovery::PrivateDnsNamespace",
    ];
    // What belongs to such a resource (its policy, its parameter group) holds nothing.
    let is = |listed: &&str| match listed.strip_suffix("::") {
        Some(_) => kind.starts_with(*listed) && !kind.ends_with("Group"),
        None => kind == *listed,
    };
    if DATA.iter().any(is) {
        Some(Holding::Data)
    } else if ADDRESS.contains(&kind) {
        Some(Holding::Address)
    } else {
        None
    }
}

fn is_true(value: &Value) -> bool {
    value == &Value::Bool(true) || value.as_str() == Some("true")
}

/// Puts the values of Parameters where they are used.
fn fill(value: &mut Value, parameter: &impl Fn(&str) -> Option<String>) {
    match value {
        Value::Object(map) => {
            if let (1, Some(Value::String(name))) = (map.len(), map.get("Ref"))
                && let Some(text) = parameter(name)
            {
                *value = Value::String(text);
                return;
            }
            map.values_mut().for_each(|value| fill(value, parameter));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, parameter)),
        _ => {}
    }
}

fn compare(before: Option<&Value>, after: Option<&Value>, path: &str, found: &mut Vec<Property>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) if !is_function(old) && !is_function(new) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(old.get(key), new.get(key), &path, found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => match (by_name(old), by_name(new)) {
            (Some(old), Some(new)) => {
                let added = new.keys().filter(|name| !old.contains_key(*name));
                for name in old.keys().chain(added) {
                    compare(
                        old.get(name).copied(),
                        new.get(name).copied(),
                        &format!("{path}[{name}]"),
                        found,
                    );
                }
            }
            _ if old.len() == new.len() => {
                for (index, (old, new)) in old.iter().zip(new).enumerate() {
                    compare(Some(old), Some(new), &format!("{path}[{index}]"), found);
                }
            }
            _ => found.push(differ(before, after, path)),
        },
        _ => found.push(differ(before, after, path)),
    }
}

fn differ(before: Option<&Value>, after: Option<&Value>, path: &str) -> Property {
    let hidden = path.split(['.', '[', ']']).any(is_secret);
    let shown = |value: Option<&Value>| value.map(|value| seen(value, hidden));
    Property {
        path: path.to_owned(),
        before: shown(before),
        after: shown(after),
        follows: None,
    }
}

fn is_function(map: &Map<String, Value>) -> bool {
    map.len() == 1 && map.keys().all(|key| key == "Ref" || key.starts_with("Fn::"))
}

/// The items of a list in which each has a name of its own.
fn by_name(items: &[Value]) -> Option<BTreeMap<&str, &Value>> {
    let mut named = BTreeMap::new();
    for item in items {
        let name = item.get("Name").or_else(|| item.get("Key")).and_then(Value::as_str)?;
        if named.insert(name, item).is_some() {
            return None;
        }
    }
    Some(named)
}

/// Whether something of this name is better not shown.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    [
        "PASS",
        "SECRET",
        "TOKEN",
        "CREDENTIAL",
        "PRIVATE",
        "PWD",
        "APIKEY",
        "API_KEY",
        "ACCESS_KEY",
        "ENCRYPTION_KEY",
    ]
    .iter()
    .any(|word| name.contains(word))
        || name.ends_with("_KEY")
        || name.ends_with("_DSN")
}

/// A value as it may be shown. References are no secrets, wherever they stand.
fn seen(value: &Value, hidden: bool) -> Value {
    match value {
        Value::String(text) if hidden || has_password(text) => {
            if text.starts_with("arn:") {
                value.clone()
            } else {
                HIDDEN.into()
            }
        }
        Value::Object(map) if is_function(map) && !map.contains_key("Fn::Sub") => value.clone(),
        Value::Object(map) => {
            let named = ["Name", "Key"].iter().find_map(|key| map.get(*key)?.as_str());
            let of_secret = hidden || named.is_some_and(is_secret);
            let one = |(key, value): (&String, &Value)| {
                let hidden = (of_secret && key == "Value") || (hidden && named.is_none()) || is_secret(key);
                (key.clone(), seen(value, hidden))
            };
            map.iter().map(one).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(|item| seen(item, hidden)).collect(),
        Value::Number(_) if hidden => HIDDEN.into(),
        plain => plain.clone(),
    }
}

/// An address with a password, as in `postgres://me:secret@db/shop`.
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYED: &str = "
Parameters: {WebImage: {Type: String}, Word: {Type: String, NoEcho: true}}
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Cpu: '256'
      Family: shop-web
      ContainerDefinitions:
      - Name: web
        Image: {Ref: WebImage}
        Command: [a, b]
        Environment: [{Name: MODE, Value: slow}, {Name: DB_PASSWORD, Value: old}, {Name: URL, Value: 'pg://me:old@db/x'}]
";

    fn planned(properties: &[(&str, Option<&str>)]) -> Planned {
        Planned::example("Web", "ECS::TaskDefinition", properties)
    }

    fn told(deployed: &str, ours: &str, values: [&str; 2], planned: &Planned) -> Vec<String> {
        let side = |text, image: &str| {
            let values = [("WebImage", image), ("Word", image)];
            Side::new(
                text,
                &values.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            )
        };
        let change = change(
            planned,
            &side(deployed, values[0]),
            &side(ours, values[1]),
            &Origins::new(),
        );
        let value = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
        let line = |property: Property| {
            let Property {
                path,
                before,
                after,
                follows,
            } = property;
            format!(
                "{path}: {} > {} {}",
                value(&before),
                value(&after),
                follows.unwrap_or_default()
            )
        };
        change.properties.into_iter().map(line).collect()
    }

    #[test]
    fn properties_are_told_one_by_one_with_the_values_of_parameters() {
        let ours = DEPLOYED
            .replace("slow", "fast")
            .replace("[a, b]", "[a]")
            .replace("Cpu: '256'", "Memory: '512'");
        assert_eq!(
            told(
                DEPLOYED,
                &ours,
                ["nginx:1", "nginx:2"],
                &planned(&[("ContainerDefinitions", None), ("Role", Some("WebRole"))])
            ),
            [
                "Cpu: \"256\" > - ",
                "ContainerDefinitions[web].Image: \"nginx:1\" > \"nginx:2\" ",
                "ContainerDefinitions[web].Command: [\"a\",\"b\"] > [\"a\"] ",
                "ContainerDefinitions[web].Environment[MODE].Value: \"slow\" > \"fast\" ",
                "Memory: - > \"512\" ",
                "Role: - > - WebRole",
            ]
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let ours = DEPLOYED
            .replace("old", "new")
            .replace("{Name: MODE, Value: slow}, ", "{Name: TOKEN, Value: seen}, ");
        let lines = told(DEPLOYED, &ours, ["x", "x"], &planned(&[])).join("\n");
        assert_eq!(lines.matches(HIDDEN).count(), 5, "{lines}");
        assert!(
            !["old", "new", "seen"].iter().any(|word| lines.contains(word)),
            "{lines}"
        );
        let ours = DEPLOYED.replace("Family: shop-web", "Family: {Ref: Word}");
        let lines = told(DEPLOYED, &ours, ["x", "word"], &planned(&[])).join("\n");
        assert!(lines.contains("Family: \"shop-web\" > \"(hidden)\""), "{lines}");
    }

    #[test]
    fn a_template_that_cannot_be_read_leaves_what_aws_says() {
        let lines = told("not: [a template", DEPLOYED, ["x", "x"], &planned(&[("Cpu", None)]));
        assert_eq!(lines, ["Cpu: - > - "]);
    }

    #[test]
    fn what_would_be_lost_is_said_and_what_stays_is_not() {
        let loss =
            |kind: &str, action: ChangeAction, replacement: Option<Replacement>, policy: Option<PolicyAction>| {
                let planned = Planned {
                    action,
                    replacement,
                    policy,
                    ..Planned::example("X", kind, &[])
                };
                change(&planned, &Side::default(), &Side::default(), &Origins::new()).loss()
            };
        let gone = |kind, policy| loss(kind, ChangeAction::Remove, None, Some(policy));
        let anew = |kind, how, policy| loss(kind, ChangeAction::Modify, Some(how), Some(policy));
        assert_eq!(gone("EFS::FileSystem", PolicyAction::Retain), None);
        assert!(
            gone("EFS::FileSystem", PolicyAction::Delete)
                .unwrap()
                .contains("its data")
        );
        assert!(
            gone("ElasticLoadBalancingV2::LoadBalancer", PolicyAction::Delete)
                .unwrap()
                .contains("its address")
        );
        assert_eq!(gone("ECS::Service", PolicyAction::Delete), None);
        let kept = anew("EFS::FileSystem", Replacement::True, PolicyAction::ReplaceAndRetain).unwrap();
        assert!(kept.contains("by an empty one; id-of-X is kept"), "{kept}");
        let perhaps = anew(
            "RDS::DBInstance",
            Replacement::Conditional,
            PolicyAction::ReplaceAndDelete,
        )
        .unwrap();
        assert!(perhaps.starts_with("may be replaced"), "{perhaps}");
        assert_eq!(anew("EFS::FileSystem", Replacement::False, PolicyAction::Retain), None);
        assert_eq!(gone("ElastiCache::SubnetGroup", PolicyAction::Delete), None);
        assert_eq!(gone("RDS::DBSubnetGroup", PolicyAction::Delete), None);
        let log_of = |id| {
            let planned = Planned {
                action: ChangeAction::Remove,
                ..Planned::example(id, "Logs::LogGroup", &[])
            };
            change(&planned, &Side::default(), &Side::default(), &Origins::new()).loss()
        };
        assert!(log_of("LogGroup").is_some());
        assert_eq!(log_of("JobRunnerLogGroup"), None);
    }
}
