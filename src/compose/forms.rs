//! Short forms as long ones, where one value becomes one value. Every function leaves what it does not know as it is;
//! validation has reported it, or will.

use super::{Entry, Map, Node, Value};
use crate::diagnostic::Span;

/// An entry of a mapping that nobody wrote.
pub(super) fn added(value: Value) -> Entry {
    Entry {
        key: Span::NOWHERE,
        node: Node::new(value, Span::NOWHERE),
    }
}

/// A value that a short form says: it stands where the short form stands.
pub(super) fn said(value: Value, span: Span) -> Entry {
    Entry {
        key: span,
        node: Node::new(value, span),
    }
}

/// A string is a list of one.
pub(super) fn listed(node: Node) -> Node {
    if matches!(node.value, Value::String(_)) {
        let span = node.span;
        return Node::new(Value::List(vec![node]), span);
    }
    node
}

/// A string is the build's context.
pub(super) fn build(node: Node) -> Node {
    keyed(node, "context")
}

/// A string is the value of one key.
pub(super) fn keyed(node: Node, key: &str) -> Node {
    if matches!(node.value, Value::String(_)) {
        let span = node.span;
        let map = Map::from_iter([(key.to_owned(), Entry { key: span, node })]);
        return Node::new(Value::Map(map), span);
    }
    node
}

/// `all` is a list of one request for all.
pub(super) fn gpus(node: Node) -> Node {
    if node.as_str() != Some("all") {
        return node;
    }
    let span = node.span;
    let map = Map::from_iter([("count".to_owned(), said(Value::String("all".to_owned()), span))]);
    Node::new(Value::List(vec![Node::new(Value::Map(map), span)]), span)
}

/// A list of names as a mapping of names to null.
pub(super) fn names(node: Node) -> Node {
    each_name(node, || Value::Null)
}

/// A list of names as a mapping of names to what a dependency is by default.
pub(super) fn dependencies(node: Node) -> Node {
    each_name(node, || {
        Value::Map(Map::from_iter([
            (
                "condition".to_owned(),
                added(Value::String("service_started".to_owned())),
            ),
            ("required".to_owned(), added(Value::Bool(true))),
        ]))
    })
}

fn each_name(node: Node, value: impl Fn() -> Value) -> Node {
    let span = node.span;
    match node.value {
        Value::List(list) if list.iter().all(|entry| entry.as_str().is_some()) => {
            let entries = list.into_iter().filter_map(|entry| {
                let name = entry.as_str()?.to_owned();
                Some((name, said(value(), entry.span)))
            });
            Node::new(Value::Map(entries.collect()), span)
        }
        value => Node::new(value, span),
    }
}

/// A list of `KEY=value` as a mapping; a key without a value has null.
pub(super) fn mapping(node: Node) -> Node {
    let span = node.span;
    match node.value {
        Value::List(list) => {
            let entries = list.into_iter().filter_map(|entry| {
                let (name, value) = pair(entry.as_str()?);
                let value = value.map_or(Value::Null, |value| Value::String(value.to_owned()));
                Some((name.to_owned(), said(value, entry.span)))
            });
            Node::new(Value::Map(entries.collect()), span)
        }
        value => Node::new(value, span),
    }
}

pub(super) fn is_pair(node: &Node) -> bool {
    node.as_str().is_some()
}

/// `KEY=value`, or a key without a value.
pub(super) fn pair(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    }
}

/// `extra_hosts` as a list of `host=address`, one for each address.
pub(super) fn host_list(node: Node) -> Node {
    let span = node.span;
    let Value::Map(map) = node.value else {
        return node;
    };
    let mut list = Vec::new();
    for (host, entry) in map {
        let place = entry.node.span;
        let addresses = match entry.node.value {
            Value::List(addresses) => addresses,
            value => vec![Node::new(value, place)],
        };
        for address in addresses {
            let text = format!("{host}={}", address.as_str().unwrap_or_default());
            list.push(Node::new(Value::String(text), address.span));
        }
    }
    Node::new(Value::List(list), span)
}

/// A scalar as text, written as Go prints it; nothing for null, lists and mappings.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(super::units::float_text(*number)),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}
