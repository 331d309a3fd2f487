//! What CloudFormation and ECS refuse, found before anything is deployed.

use std::collections::HashSet;

use super::fargate;
use super::reference::{self, Reference};
use super::template::{Document, Template};
use super::value::Value;

/// What a network interface can be in, and so a task.
const SECURITY_GROUPS: usize = 5;
/// What one ECS service can be behind.
const TARGET_GROUPS: usize = 5;

/// What CloudFormation takes in one template.
const RESOURCES: usize = 500;
const PARAMETERS: usize = 200;
const OUTPUTS: usize = 200;
const MAPPINGS: usize = 200;
const BYTES: usize = 1_000_000;

/// What ECS takes in one task definition.
const CONTAINERS: usize = 10;
const TASK_BYTES: usize = 64 * 1024;

/// What of a document is more than CloudFormation takes: `501 resources, and 500 is the most`.
#[must_use]
pub(in crate::ecs) fn excess(document: &Document) -> Vec<String> {
    let counts = [
        ("resources", document.resources.len(), RESOURCES),
        ("parameters", document.parameters.len(), PARAMETERS),
        ("outputs", document.outputs.len(), OUTPUTS),
        ("mappings", document.mappings.len(), MAPPINGS),
        ("bytes", bytes(document), BYTES),
    ];
    let over = counts.into_iter().filter(|(_, count, most)| count > most);
    over.map(|(what, count, most)| format!("{count} {what}, and {most} is the most"))
        .collect()
}

/// The size of the template, exactly only where it may matter.
fn bytes(document: &Document) -> usize {
    let text: usize = document.resources.values().map(weight).sum();
    // Indentation and quotes make two of one.
    if text < BYTES / 4 {
        text
    } else {
        document.to_yaml().len()
    }
}

fn weight(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() + 8,
        Value::List(items) => items.iter().map(|item| weight(item) + 8).sum(),
        Value::Map(entries) => entries.iter().map(|(key, value)| key.len() + weight(value) + 12).sum(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => 12,
    }
}

/// A mistake in one resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    pub logical_id: String,
    pub message: String,
}

/// Everything about the resources that AWS would refuse.
#[must_use]
pub fn mistakes(template: &Template) -> Vec<Mistake> {
    let document = &template.document;
    let mut found = Vec::new();
    let known = |id: &str| {
        document.resources.contains_key(id) || document.parameters.contains_key(id) || id.starts_with("AWS::")
    };
    for (id, resource) in &document.resources {
        let mut mistake = |message: String| {
            found.push(Mistake {
                logical_id: id.clone(),
                message,
            });
        };
        for dependency in texts(resource.get("DependsOn")) {
            if !document.resources.contains_key(dependency) {
                mistake(format!(
                    "depends on `{dependency}`, which is no resource of the template"
                ));
            }
        }
        let condition = resource.get("Condition").and_then(Value::as_str);
        let mut check = |reference| match reference {
            Reference::Whole(name) | Reference::Attribute(name, _) if !known(name) => {
                mistake(format!("refers to `{name}`, which the template does not have"));
            }
            Reference::Condition(name) if !document.conditions.contains_key(name) => {
                mistake(format!(
                    "depends on condition `{name}`, which the template does not have"
                ));
            }
            Reference::Mapping(Some(name)) if !document.mappings.contains_key(name) => {
                mistake(format!("looks into mapping `{name}`, which the template does not have"));
            }
            _ => {}
        };
        condition.map(Reference::Condition).into_iter().for_each(&mut check);
        reference::visit(resource, &mut check);
        let empty = Value::Null;
        let properties = resource.get("Properties").unwrap_or(&empty);
        if properties.get("ContainerDefinitions").is_some() {
            task_definition(properties, &mut mistake);
        }
        if let Some(task) = properties.at(&["TaskDefinition", "Ref"]).and_then(Value::as_str) {
            let task = document.resources.get(task).and_then(|task| task.get("Properties"));
            service(properties, task.unwrap_or(&empty), &mut mistake);
        }
    }
    found
}

fn task_definition(properties: &Value, mistake: &mut impl FnMut(String)) {
    let list = |key: &str| properties.get(key).map_or(&[][..], Value::as_list);
    let size = |key: &str| {
        properties
            .get(key)
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok())
    };
    let on_fargate = !texts(properties.get("RequiresCompatibilities")).contains(&"EC2");
    if let (true, Some(cpu), Some(memory)) = (on_fargate, size("Cpu"), size("Memory"))
        && !fargate::has(cpu, memory)
    {
        mistake(format!(
            "asks for {cpu} CPU units and {memory} MiB, which is no size of Fargate"
        ));
    }
    if properties.get("ExecutionRoleArn").is_none() {
        mistake("has no execution role".to_owned());
    }
    let storage = properties.at(&["EphemeralStorage", "SizeInGiB"]);
    if let Some(Value::Int(size)) = storage
        && !(21..=200).contains(size)
    {
        mistake(format!(
            "asks for {size} GiB of ephemeral storage, and Fargate gives 21 to 200"
        ));
    }
    let containers = list("ContainerDefinitions");
    if containers.len() > CONTAINERS {
        let count = containers.len();
        mistake(format!(
            "has {count} containers, and ECS starts at most {CONTAINERS} in one task"
        ));
    }
    let size = weight(properties);
    if size > TASK_BYTES {
        mistake(format!(
            "has about {size} bytes, and ECS takes {TASK_BYTES} for a task definition"
        ));
    }
    let volumes: HashSet<_> = names(list("Volumes"), "Name").collect();
    for container in containers {
        let of = |key: &str| container.get(key).map_or(&[][..], Value::as_list);
        for mount in names(of("MountPoints"), "SourceVolume") {
            if !volumes.contains(mount) {
                mistake(format!("mounts `{mount}`, which is none of its volumes"));
            }
        }
        for dependency in of("DependsOn") {
            let name = dependency
                .get("ContainerName")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let other = containers
                .iter()
                .find(|other| other.get("Name").and_then(Value::as_str) == Some(name));
            let healthy = dependency.get("Condition").and_then(Value::as_str) == Some("HEALTHY");
            match other {
                None => mistake(format!("waits for `{name}`, which is none of its containers")),
                Some(other) if healthy && other.get("HealthCheck").is_none() => {
                    mistake(format!("waits for `{name}` to be healthy, which has no health check"));
                }
                Some(_) => {}
            }
        }
        if on_fargate && container.get("Privileged") == Some(&Value::Bool(true)) {
            mistake("is privileged, which Fargate refuses".to_owned());
        }
    }
}

fn service(properties: &Value, task: &Value, mistake: &mut impl FnMut(String)) {
    let containers = task.get("ContainerDefinitions").map_or(&[][..], Value::as_list);
    let balancers = properties.get("LoadBalancers").map_or(&[][..], Value::as_list);
    if balancers.len() > TARGET_GROUPS {
        let count = balancers.len();
        mistake(format!(
            "publishes {count} ports, and ECS puts at most {TARGET_GROUPS} behind a load balancer"
        ));
    }
    for balancer in balancers {
        let name = balancer
            .get("ContainerName")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let container = containers
            .iter()
            .find(|c| c.get("Name").and_then(Value::as_str) == Some(name));
        let mappings = container
            .and_then(|c| c.get("PortMappings"))
            .map_or(&[][..], Value::as_list);
        if !mappings
            .iter()
            .any(|mapping| mapping.get("ContainerPort") == balancer.get("ContainerPort"))
        {
            mistake(format!("is reached on a port that container `{name}` does not map"));
        }
    }
    if properties.get("LaunchType").is_some() && properties.get("CapacityProviderStrategy").is_some() {
        mistake("has both a launch type and a capacity provider strategy".to_owned());
    }
    let groups = properties.at(&["NetworkConfiguration", "AwsvpcConfiguration", "SecurityGroups"]);
    let count = groups.map_or(0, |groups| groups.as_list().len());
    if count > SECURITY_GROUPS {
        mistake(format!(
            "is in {count} security groups (one a network, one for its ports and volumes), and a task can be in {SECURITY_GROUPS}"
        ));
    }
}

fn names<'a>(items: &'a [Value], key: &'a str) -> impl Iterator<Item = &'a str> {
    items.iter().filter_map(move |item| item.get(key)?.as_str())
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::Text(text)) => vec![text],
        Some(Value::List(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(resources: &str) -> Vec<String> {
        let mut template = Template::new(String::new());
        let resources: Value = serde_yaml::from_str(resources).unwrap();
        for (id, resource) in resources.as_map() {
            template.document.resources.insert(id.to_string(), resource.clone());
        }
        mistakes(&template)
            .into_iter()
            .map(|mistake| format!("{} {}", mistake.logical_id, mistake.message))
            .collect()
    }

    const TASK: &str = "
Task:
  Properties:
    Cpu: '256'
    Memory: '512'
    ExecutionRoleArn: arn
    Volumes: [{Name: data}]
    ContainerDefinitions:
      - {Name: web, PortMappings: [{ContainerPort: 80}], MountPoints: [{SourceVolume: data}]}
";

    #[test]
    fn a_good_task_and_its_service() {
        let service = "
Service:
  DependsOn: [Task]
  Properties:
    TaskDefinition: {Ref: Task}
    LoadBalancers: [{ContainerName: web, ContainerPort: 80}]
    Region: {Fn::Sub: '${AWS::Region} ${Task.Arn} ${!Literal}'}
";
        assert_eq!(found(&format!("{TASK}{service}")), [""; 0]);
    }

    #[test]
    fn what_is_not_there() {
        let service = "
Service:
  DependsOn: Nothing
  Properties:
    Role: {Fn::GetAtt: [Nobody, Arn]}
    Name: {Fn::Sub: 'a ${Nowhere.Name}'}
    TaskDefinition: {Ref: Task}
    LoadBalancers: [{ContainerName: web, ContainerPort: 81}]
";
        assert_eq!(
            found(&format!("{TASK}{service}")),
            [
                "Service depends on `Nothing`, which is no resource of the template",
                "Service refers to `Nobody`, which the template does not have",
                "Service refers to `Nowhere`, which the template does not have",
                "Service is reached on a port that container `web` does not map",
            ]
        );
    }

    #[test]
    fn tasks_that_ecs_refuses() {
        let task = "
Task:
  Properties:
    Cpu: '256'
    Memory: '4096'
    EphemeralStorage: {SizeInGiB: 20}
    ContainerDefinitions:
      - Name: web
        Privileged: true
        MountPoints: [{SourceVolume: data}]
        DependsOn: [{ContainerName: init, Condition: SUCCESS}, {ContainerName: web, Condition: HEALTHY}]
";
        assert_eq!(
            found(task),
            [
                "Task asks for 256 CPU units and 4096 MiB, which is no size of Fargate",
                "Task has no execution role",
                "Task asks for 20 GiB of ephemeral storage, and Fargate gives 21 to 200",
                "Task mounts `data`, which is none of its volumes",
                "Task waits for `init`, which is none of its containers",
                "Task waits for `web` to be healthy, which has no health check",
                "Task is privileged, which Fargate refuses",
            ]
        );
    }

    #[test]
    fn services_with_too_much() {
        let balancers = "{ContainerName: web, ContainerPort: 80}, ".repeat(6);
        let service = format!(
            "
Service:
  Properties:
    TaskDefinition: {{Ref: Task}}
    LaunchType: FARGATE
    CapacityProviderStrategy: []
    LoadBalancers: [{balancers}]
    NetworkConfiguration: {{AwsvpcConfiguration: {{SecurityGroups: [a, b, c, d, e, f]}}}}
"
        );
        let found = found(&format!("{TASK}{service}"));
        assert_eq!(found.len(), 3, "{found:?}");
    }
}
