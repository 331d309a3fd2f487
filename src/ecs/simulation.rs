//! What a local engine that simulates ECS has to know of it: what ECS says about a project, and how large the tasks
//! are. Both are read off the conversion, so that nothing is decided a second time.

use std::collections::BTreeMap;

use super::cloudformation::{Value, names};
use super::convert;
use super::deploy::{check, surveyed};
use crate::backend::{Judged, Task};
use crate::compose::Project;

/// GiB of disk that a task of Fargate has without asking.
const DISK: u32 = 20;

/// What ECS would make of a project: the same as `ctx check --target ecs` says, and the tasks of `ctx convert`.
#[must_use]
pub fn judge(project: &Project) -> Judged {
    let template = convert::convert(&surveyed(project)).template;
    let nested = template.nested.iter().map(|nested| &nested.document);
    let documents = std::iter::once(&template.document).chain(nested);
    let resources = documents.flat_map(|document| document.resources.values());
    let definitions = resources.filter(|resource| {
        let kind = resource.get("Type").and_then(Value::as_str);
        kind.is_some_and(|kind| kind.ends_with("::TaskDefinition"))
    });
    Judged {
        said: check(project),
        tasks: definitions.filter_map(|definition| task(project, definition)).collect(),
    }
}

fn task(project: &Project, definition: &Value) -> Option<Task> {
    let properties = definition.get("Properties")?;
    let number = |name: &str| properties.get(name)?.as_str()?.parse().ok();
    let containers = properties.get("ContainerDefinitions").map_or(&[][..], Value::as_list);
    let (mut services, mut limits) = (Vec::new(), BTreeMap::new());
    for container in containers {
        // The others are those that `ctx` adds to a task.
        let name = container.get("Name").and_then(Value::as_str);
        let Some(service) = project
            .services
            .keys()
            .find(|key| Some(names::plain(key).as_str()) == name)
        else {
            continue;
        };
        if let Some(limit) = container.get("Memory").and_then(integer) {
            limits.insert(service.clone(), limit);
        }
        services.push(service.clone());
    }
    let first = services.first()?;
    Some(Task {
        family: format!("{}-{}", project.name, names::plain(first)),
        cpu: number("Cpu"),
        memory: number("Memory"),
        disk: properties
            .at(&["EphemeralStorage", "SizeInGiB"])
            .and_then(integer)
            .unwrap_or(DISK),
        services,
        limits,
    })
}

fn integer(value: &Value) -> Option<u32> {
    match value {
        Value::Int(number) => u32::try_from(*number).ok(),
        _ => None,
    }
}
