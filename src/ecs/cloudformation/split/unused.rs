//! What the root need not say any more.

use std::collections::HashSet;

use crate::ecs::cloudformation::reference::{self, Reference};
use crate::ecs::cloudformation::template::Document;
use crate::ecs::cloudformation::value::Value;

/// Removes what only nested stacks use.
pub(super) fn drop_unused(root: &mut Document) {
    let mut used: HashSet<String> = HashSet::new();
    let mut mappings_by_function = false;
    let mut values: Vec<&Value> = root.resources.values().chain(root.outputs.values()).collect();
    let owners = root.resources.values().chain(root.outputs.values());
    let mut conditions: Vec<&str> = owners.filter_map(|value| value.get("Condition")?.as_str()).collect();
    values.extend(root.rules.values());
    for value in values {
        collect_conditions(value, &mut conditions);
    }
    while let Some(name) = conditions.pop() {
        if used.insert(name.to_owned())
            && let Some(condition) = root.conditions.get(name)
        {
            collect_conditions(condition, &mut conditions);
        }
    }
    root.conditions.retain(|name, _| used.contains(name));
    let mut mappings: HashSet<String> = HashSet::new();
    let values = root
        .resources
        .values()
        .chain(root.outputs.values())
        .chain(root.conditions.values());
    for value in values {
        reference::visit(value, &mut |reference| match reference {
            Reference::Mapping(Some(name)) => drop(mappings.insert(name.to_owned())),
            Reference::Mapping(None) => mappings_by_function = true,
            _ => {}
        });
    }
    if !mappings_by_function {
        root.mappings.retain(|name, _| mappings.contains(name));
    }
}

/// The conditions that a value names.
pub(super) fn collect_conditions<'a>(value: &'a Value, names: &mut Vec<&'a str>) {
    reference::visit(value, &mut |reference| {
        if let Reference::Condition(name) = reference {
            names.push(name);
        }
    });
}
