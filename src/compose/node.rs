//! A YAML value with the place of every key and value: what all stages of loading work on.

use indexmap::IndexMap;

use crate::diagnostic::Span;

#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    pub value: Value,
    pub span: Span,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    List(Vec<Node>),
    Map(Map),
}

/// Keys in the order in which they were written.
///
/// Loading looks up about a hundred attributes for each service, and nobody gains from making that slow with names
/// that collide: the hasher is a fast one.
pub type Map = IndexMap<String, Entry, foldhash::fast::FixedState>;

#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Where the key stands.
    pub key: Span,
    pub node: Node,
}

impl Node {
    #[must_use]
    pub fn new(value: Value, span: Span) -> Self {
        Self { value, span }
    }

    /// The value under a key of a map; nothing if this is no map or has no such key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key).map(|entry| &entry.node)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.value {
            Value::Map(map) => map.get_mut(key).map(|entry| &mut entry.node),
            _ => None,
        }
    }

    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        if let Value::Map(map) = &self.value {
            Some(map)
        } else {
            None
        }
    }

    #[must_use]
    pub fn as_list(&self) -> Option<&[Node]> {
        if let Value::List(list) = &self.value {
            Some(list)
        } else {
            None
        }
    }

    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = &self.value {
            Some(text)
        } else {
            None
        }
    }

    /// What the value is, in a message: `a list`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}
