//! Which resource goes into which stack.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use crate::ecs::cloudformation::reference::{self, Reference};
use crate::ecs::cloudformation::template::{Document, Origin};
use crate::ecs::cloudformation::value::Value;

/// Which service's stack each resource stands in; those of the root are left out.
pub(super) fn owners<'a>(whole: &'a Document, origins: &'a IndexMap<String, Origin>) -> HashMap<&'a str, &'a str> {
    let of_service = |id: &'a String| Some((id.as_str(), origins.get(id)?.service.as_deref()?));
    let mut owners: HashMap<&str, &str> = whole.resources.keys().filter_map(of_service).collect();
    while let Some(closing) = closes_a_circle(whole, &owners) {
        owners.remove(closing);
    }
    owners
}

/// A resource of a service on which something depends that the service's stack in turn depends on.
fn closes_a_circle<'a>(whole: &'a Document, owners: &HashMap<&'a str, &'a str>) -> Option<&'a str> {
    // A service's stack is one thing, each resource of the root is one.
    let unit = |id: &'a str| owners.get(id).map_or((id, false), |service| (*service, true));
    let mut edges = Vec::new();
    for (id, resource) in &whole.resources {
        for other in dependencies(resource) {
            if let Some((other, _)) = whole.resources.get_key_value(other)
                && unit(id) != unit(other)
            {
                edges.push((id.as_str(), other.as_str()));
            }
        }
    }
    // Whatever depends on nothing that is left, or has nothing left that depends on it, is in no circle.
    loop {
        let sources: HashSet<_> = edges.iter().map(|(from, _)| unit(from)).collect();
        let targets: HashSet<_> = edges.iter().map(|(_, to)| unit(to)).collect();
        let before = edges.len();
        edges.retain(|(from, to)| sources.contains(&unit(to)) && targets.contains(&unit(from)));
        if edges.len() == before {
            break;
        }
    }
    // What something shared needs goes first: that a service needs another is how they were written.
    let shared = |(from, _): &&(&str, &str)| !owners.contains_key(from);
    let into_stack = |(_, to): &&(&'a str, &'a str)| owners.contains_key(to);
    let mut candidates = edges.iter().filter(into_stack);
    let first = candidates.clone().find(shared).or_else(|| candidates.next());
    first.map(|(_, to)| *to)
}

/// Everything in the template that a resource needs, and what it waits for.
fn dependencies(resource: &Value) -> Vec<&str> {
    let mut found = waits_for(resource);
    reference::visit(resource, &mut |reference| {
        if let Reference::Whole(name) | Reference::Attribute(name, _) = reference {
            found.push(name);
        }
    });
    found
}

pub(super) fn waits_for(resource: &Value) -> Vec<&str> {
    match resource.get("DependsOn") {
        Some(Value::Text(id)) => vec![id],
        Some(Value::List(ids)) => ids.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
