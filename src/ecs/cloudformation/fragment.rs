//! The templates of `templates/`, and how one is filled.
//!
//! Each is a legal CloudFormation template whose Parameters are holes. Filling replaces every `Ref` and `Fn::Sub` of a
//! hole by a value and puts a prefix before the logical ids, so that one file can stand for many networks or services.
//! A hole that nobody fills (`VpcId`) stays a Parameter of the stack.

use std::borrow::Cow;
use std::sync::LazyLock;

use indexmap::IndexMap;

use super::value::{Text, Value};

#[derive(Debug)]
pub struct Fragment {
    parameters: Value,
    conditions: Value,
    resources: Value,
    outputs: Value,
}

/// What a filled fragment adds to a template.
#[derive(Default, Debug)]
pub struct Filled {
    pub conditions: IndexMap<String, Value>,
    pub resources: IndexMap<String, Value>,
    pub outputs: IndexMap<String, Value>,
}

macro_rules! fragments {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        $($(#[$doc])* pub static $name: LazyLock<Fragment> =
            LazyLock::new(|| Fragment::parse(include_str!(concat!("../../../templates/", $file))));)*

        /// Every embedded template by the name of its file.
        pub const ALL: &[(&str, &LazyLock<Fragment>)] = &[$(($file, &$name)),*];
    };
}

fragments! {
    ACCESS_POINT = "access-point.yaml";
    ALIAS = "alias.yaml";
    ALIAS_TARGET = "alias-target.yaml";
    APPLICATION_LOAD_BALANCER = "application-load-balancer.yaml";
    CAPACITY_PROVIDERS = "capacity-providers.yaml";
    CERTIFICATE = "certificate.yaml";
    CLUSTER = "cluster.yaml";
    CONNECT = "connect.yaml";
    DASHBOARD = "dashboard.yaml";
    EBS_ROLE = "ebs-role.yaml";
    ENDPOINT = "endpoint.yaml";
    ENDPOINT_GROUP = "endpoint-group.yaml";
    EXECUTION_ROLE = "execution-role.yaml";
    HTTP_TARGET_GROUP = "http-target-group.yaml";
    INSTANCES = "instances.yaml";
    INSTANCE_ROLE = "instance-role.yaml";
    GROUP_EGRESS = "group-egress.yaml";
    INTERNAL_NETWORK = "internal-network.yaml";
    INTERNET = "internet.yaml";
    JOB = "job.yaml";
    JOB_RUNNER = "job-runner.yaml";
    LISTENER = "listener.yaml";
    LISTENER_CERTIFICATE = "listener-certificate.yaml";
    LISTENER_RULE = "listener-rule.yaml";
    LOAD_BALANCER_GROUP = "load-balancer-group.yaml";
    MOUNT_GROUP = "mount-group.yaml";
    MOUNT_TARGET = "mount-target.yaml";
    NAT_GATEWAY = "nat-gateway.yaml";
    NAT_ROUTE = "nat-route.yaml";
    NESTED_STACK = "nested-stack.yaml";
    NETWORK = "network.yaml";
    NETWORK_LOAD_BALANCER = "network-load-balancer.yaml";
    PRIVATE_SUBNET = "private-subnet.yaml";
    PUBLIC_SUBNET = "public-subnet.yaml";
    RECORD = "record.yaml";
    REDIRECT_LISTENER = "redirect-listener.yaml";
    SCALABLE_TARGET = "scalable-target.yaml";
    SCALING_POLICY = "scaling-policy.yaml";
    SCHEDULE = "schedule.yaml";
    SECRETS = "secrets.yaml";
    SEED = "seed.yaml";
    SERVICE = "service.yaml";
    SERVICE_GROUP = "service-group.yaml";
    STACK = "stack.yaml";
    STORAGE_ENDPOINT = "storage-endpoint.yaml";
    TARGET_GROUP = "target-group.yaml";
    TASK_ROLE = "task-role.yaml";
    TLS_LISTENER = "tls-listener.yaml";
    TRAFFIC_ROLE = "traffic-role.yaml";
    VOLUME = "volume.yaml";
    VPC = "vpc.yaml";
}

impl Fragment {
    fn parse(text: &'static str) -> Self {
        let document: Value =
            serde_yaml::from_str(text).expect("the embedded templates are YAML: a test reads them all");
        let section = |name: &str| document.get(name).cloned().unwrap_or_default();
        Self {
            parameters: section("Parameters"),
            conditions: section("Conditions"),
            resources: section("Resources"),
            outputs: section("Outputs"),
        }
    }

    /// The declaration of a hole that is to stay a Parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Value {
        self.parameters.get(name).cloned().unwrap_or_default()
    }

    /// A copy with values in the holes and `prefix` before the logical ids.
    #[must_use]
    pub fn fill(&self, prefix: &str, holes: &[(&str, Value)]) -> Filled {
        let filling = Filling {
            fragment: self,
            prefix,
            holes,
        };
        let section = |section: &Value| {
            let entries = section.as_map().iter();
            entries
                .map(|(id, value)| (format!("{prefix}{id}"), filling.resource(value)))
                .collect()
        };
        Filled {
            conditions: section(&self.conditions),
            resources: section(&self.resources),
            outputs: section(&self.outputs),
        }
    }
}

struct Filling<'a> {
    fragment: &'a Fragment,
    prefix: &'a str,
    holes: &'a [(&'a str, Value)],
}

impl Filling<'_> {
    /// A resource, an output or a condition: the places where a bare name may be a logical id.
    fn resource(&self, value: &Value) -> Value {
        let Value::Map(entries) = value else {
            return self.value(value);
        };
        if entries.len() == 1 {
            return self.value(value);
        }
        let entries = entries.iter().map(|(key, value)| {
            let value = match (key.as_ref(), value) {
                ("DependsOn", Value::List(ids)) => Value::List(ids.iter().map(|id| self.id(id)).collect()),
                ("DependsOn" | "Condition", Value::Text(_)) => self.id(value),
                _ => self.value(value),
            };
            (key.clone(), value)
        });
        Value::Map(entries.collect())
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::List(items) => Value::List(items.iter().map(|item| self.value(item)).collect()),
            Value::Map(entries) => {
                if let [(function, argument)] = entries.as_slice()
                    && let Some(value) = self.function(function, argument)
                {
                    return value;
                }
                Value::Map(
                    entries
                        .iter()
                        .map(|(key, value)| (key.clone(), self.value(value)))
                        .collect(),
                )
            }
            _ => value.clone(),
        }
    }

    fn function(&self, function: &Text, argument: &Value) -> Option<Value> {
        match (function.as_ref(), argument) {
            ("Ref", Value::Text(name)) => Some(match self.hole(name) {
                Some(value) => value.clone(),
                None => Value::reference(self.renamed(name)),
            }),
            ("Fn::Sub", Value::Text(text)) => Some(self.substitute(text)),
            ("Fn::GetAtt", Value::List(path)) => {
                let path = path
                    .iter()
                    .enumerate()
                    .map(|(at, part)| if at == 0 { self.id(part) } else { part.clone() });
                Some(Value::Map(vec![(function.clone(), Value::List(path.collect()))]))
            }
            ("Fn::If", Value::List(parts)) => {
                let parts = parts.iter().enumerate();
                let parts = parts.map(|(at, part)| if at == 0 { self.id(part) } else { self.value(part) });
                Some(Value::Map(vec![(function.clone(), Value::List(parts.collect()))]))
            }
            _ => None,
        }
    }

    /// Puts what the holes hold into the text; what is left without any `${…}` is plain text.
    fn substitute(&self, text: &str) -> Value {
        let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let (name, tail) = after.split_once('}').unwrap_or((after, ""));
            match self.hole(name) {
                Some(value) => filled.push_str(&value.in_sub().unwrap_or_default()),
                None if name.starts_with('!') => filled.extend(["${", name, "}"]),
                None => {
                    let (id, attribute) = name.split_at(name.find('.').unwrap_or(name.len()));
                    filled.extend(["${", &self.renamed(&id.to_owned().into()), attribute, "}"]);
                }
            }
            rest = tail;
        }
        filled.push_str(rest);
        if filled.replace("${!", "").contains("${") {
            Value::substitute(filled)
        } else {
            Value::from(filled.replace("${!", "${"))
        }
    }

    fn hole(&self, name: &str) -> Option<&Value> {
        self.holes
            .iter()
            .find(|(hole, _)| *hole == name)
            .map(|(_, value)| value)
    }

    fn id(&self, id: &Value) -> Value {
        match id {
            Value::Text(name) => Value::Text(self.renamed(name)),
            _ => id.clone(),
        }
    }

    fn renamed(&self, name: &Text) -> Text {
        if self.fragment.resources.get(name).is_some() || self.fragment.conditions.get(name).is_some() {
            Cow::Owned(format!("{}{name}", self.prefix))
        } else {
            name.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
Parameters: {Name: {Type: String}, Arn: {Type: String}, VpcId: {Type: String}}
Conditions: {Absent: {Fn::Equals: [{Ref: Arn}, ""]}}
Resources:
  Group:
    Type: T
    Condition: Absent
    DependsOn: Other
    Properties:
      Plain: {Fn::Sub: "the ${Name} group"}
      Mixed: {Fn::Sub: "${Name} in ${VpcId} by ${Group.Id}, not ${!Name}"}
      Arn: {Ref: Arn}
      Vpc: {Ref: VpcId}
      Self: {Fn::GetAtt: [Group, Id]}
      Either: {Fn::If: [Absent, {Ref: Other}, {Ref: Arn}]}
  Other: {Type: T}
"#;

    #[test]
    fn filling_replaces_holes_and_prefixes_ids() {
        let arn = Value::attribute("Elsewhere", "Arn");
        let filled = Fragment::parse(TEXT).fill("Web", &[("Name", "a ${b}".to_owned().into()), ("Arn", arn)]);
        let expected: Value = serde_yaml::from_str(
            r#"
Type: T
Condition: WebAbsent
DependsOn: WebOther
Properties:
  Plain: "the a ${b} group"
  Mixed: {Fn::Sub: "a ${!b} in ${VpcId} by ${WebGroup.Id}, not ${!Name}"}
  Arn: {Fn::GetAtt: [Elsewhere, Arn]}
  Vpc: {Ref: VpcId}
  Self: {Fn::GetAtt: [WebGroup, Id]}
  Either: {Fn::If: [WebAbsent, {Ref: WebOther}, {Fn::GetAtt: [Elsewhere, Arn]}]}
"#,
        )
        .unwrap();
        assert_eq!(filled.resources["WebGroup"], expected);
        assert_eq!(filled.resources.keys().collect::<Vec<_>>(), ["WebGroup", "WebOther"]);
        assert_eq!(filled.conditions.keys().collect::<Vec<_>>(), ["WebAbsent"]);
    }

    #[test]
    fn every_embedded_template_has_resources() {
        for (file, fragment) in ALL {
            assert!(!fragment.fill("X", &[]).resources.is_empty(), "{file}");
        }
    }
}
