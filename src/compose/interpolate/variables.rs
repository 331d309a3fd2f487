//! Which variables a file names.

use std::collections::BTreeMap;

use super::{DEEPEST, Reference, closing_brace, name_at_start};
use crate::compose::{Node, Value};

/// A variable that a file names, and what the file says about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variable {
    pub name: String,
    pub required: bool,
    pub default: Option<String>,
    pub alternate: Option<String>,
}

/// The variables of a tree that was loaded without interpolation, by name.
#[must_use]
pub fn variables(tree: &Node) -> Vec<Variable> {
    let mut found = BTreeMap::new();
    collect(tree, &mut found);
    found.into_values().collect()
}

fn collect(node: &Node, found: &mut BTreeMap<String, Variable>) {
    match &node.value {
        Value::String(text) => collect_text(text, found, 0),
        Value::List(list) => list.iter().for_each(|node| collect(node, found)),
        Value::Map(map) => map.values().for_each(|entry| collect(&entry.node, found)),
        _ => {}
    }
}

fn collect_text(text: &str, found: &mut BTreeMap<String, Variable>, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        let plain = name_at_start(rest);
        let reference = if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            None
        } else if let Some(inner) = rest.strip_prefix('{') {
            let Some(end) = closing_brace(inner) else { return };
            rest = &inner[end + 1..];
            Reference::read(&inner[..end])
        } else {
            Reference::read(plain)
        };
        let Some(Reference {
            name,
            operator,
            argument,
            ..
        }) = reference
        else {
            continue;
        };
        let variable = found.entry(name.to_owned()).or_insert_with(|| Variable {
            name: name.to_owned(),
            required: false,
            default: None,
            alternate: None,
        });
        match operator {
            Some('?') => variable.required = true,
            Some('-') => variable.default = Some(argument.to_owned()),
            Some('+') => variable.alternate = Some(argument.to_owned()),
            _ => {}
        }
        collect_text(argument, found, depth + 1);
    }
}
