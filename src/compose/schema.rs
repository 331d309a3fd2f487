//! The Compose specification's attributes: which there are, of which kinds their values may be, and which of them are
//! numbers or booleans even when a variable wrote them as text.
//!
//! The table is read by validation, by interpolation (casts) and, through [`attributes`], by the tests of the
//! backends' verdict tables.

mod table;
mod validate;

use std::sync::LazyLock;

use super::{Node, Value};

pub(super) use table::{INCLUDE, PROJECT, SERVICE};
pub(super) use validate::validate;

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A value that is no list and no mapping, of these kinds.
    Scalar(Kinds),
    /// Text or a number; text is read as a number after interpolation.
    Cast(Cast, Kinds),
    /// An integer within bounds, or text that is one.
    Bounded(Cast, i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Text with a rule of its own.
    Checked(TextRule),
    List(&'static Shape),
    /// A list without two equal entries.
    Set(&'static Shape),
    /// A mapping with keys of any kind.
    Map(&'static Shape),
    /// A mapping whose keys are names: letters, digits, `.`, `_` and `-`.
    Named(&'static Shape),
    /// As [`Shape::Named`], but what has another name is not looked at (the specification's schema leaves that open).
    LooselyNamed(&'static Shape),
    /// A mapping whose keys in small letters have this shape, and others any.
    Lowercase(&'static Shape),
    Object(&'static Object),
    /// The first of these that takes a value of its kind.
    Either(&'static [Shape]),
    Any,
}

/// A mapping with known keys.
#[derive(Debug)]
pub(super) struct Object {
    /// What it is, in messages.
    pub(super) name: &'static str,
    pub(super) required: &'static [&'static str],
    /// Whether keys that begin with `x-` may be added.
    pub(super) extensible: bool,
    /// Whether keys that nobody knows are let through.
    pub(super) open: bool,
    /// Sorted by name.
    pub(super) fields: &'static [(&'static str, Shape)],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cast {
    Integer,
    Float,
    Boolean,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TextRule {
    ContainerName,
    PullPolicy,
    /// Decoding reads it.
    Duration,
}

/// A set of kinds of scalars.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const STRING: Self = Self(1);
    pub(super) const INTEGER: Self = Self(2);
    pub(super) const NUMBER: Self = Self(2 | 4);
    pub(super) const BOOLEAN: Self = Self(8);
    pub(super) const NULL: Self = Self(16);

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn takes(self, value: &Value) -> bool {
        let kind = match value {
            Value::String(_) => Self::STRING,
            Value::Int(_) => Self::INTEGER,
            // JSON knows one kind of numbers: 2.0 is an integer too.
            Value::Float(number) if number.fract() == 0.0 => Self::INTEGER,
            Value::Float(_) => Self(4),
            Value::Bool(_) => Self::BOOLEAN,
            Value::Null => Self::NULL,
            Value::List(_) | Value::Map(_) => return false,
        };
        self.0 & kind.0 != 0
    }

    /// The kinds in words: `a string or an integer`.
    fn describe(self) -> String {
        let mut words = Vec::new();
        for (kind, word) in [
            (1, "a string"),
            (4, "a number"),
            (2, "an integer"),
            (8, "a boolean"),
            (16, "null"),
        ] {
            let covered = kind == 2 && self.0 & 4 != 0;
            if self.0 & kind != 0 && !covered {
                words.push(word);
            }
        }
        words.join(" or ")
    }
}

impl Object {
    pub(super) fn field(&self, name: &str) -> Option<&'static Shape> {
        let at = self.fields.binary_search_by(|(field, _)| (*field).cmp(name)).ok()?;
        Some(&self.fields[at].1)
    }
}

impl Shape {
    /// The alternative that takes a value of this node's kind.
    pub(super) fn choose(&'static self, node: &Node) -> &'static Shape {
        if let Self::Either(shapes) = self {
            let found = shapes.iter().find(|shape| shape.takes_kind(node));
            return found.map_or(self, |shape| shape.choose(node));
        }
        self
    }

    /// The shape of what stands under a key of a mapping.
    pub(super) fn under(&'static self, key: &str) -> Option<&'static Shape> {
        match self {
            Self::Map(shape) | Self::Named(shape) | Self::LooselyNamed(shape) | Self::Lowercase(shape) => Some(shape),
            Self::Object(object) => object.field(key),
            _ => None,
        }
    }

    /// The shape of the entries of a list.
    pub(super) fn entries(&'static self) -> Option<&'static Shape> {
        match self {
            Self::List(shape) | Self::Set(shape) => Some(shape),
            _ => None,
        }
    }

    fn takes_kind(&self, node: &Node) -> bool {
        match self {
            Self::Scalar(kinds) | Self::Cast(_, kinds) => kinds.takes(&node.value),
            Self::Bounded(..) => Kinds::STRING.or(Kinds::INTEGER).takes(&node.value),
            Self::Word(_) | Self::Checked(_) => matches!(node.value, Value::String(_)),
            Self::List(_) | Self::Set(_) => matches!(node.value, Value::List(_)),
            Self::Map(_) | Self::Named(_) | Self::LooselyNamed(_) | Self::Lowercase(_) | Self::Object(_) => {
                matches!(node.value, Value::Map(_))
            }
            Self::Either(shapes) => shapes.iter().any(|shape| shape.takes_kind(node)),
            Self::Any => true,
        }
    }

    /// What the shape is, in messages: `a string or a list`.
    fn describe(&self) -> String {
        match self {
            Self::Scalar(kinds) | Self::Cast(_, kinds) => kinds.describe(),
            Self::Bounded(..) => "an integer".to_owned(),
            Self::Word(_) | Self::Checked(_) => "a string".to_owned(),
            Self::List(_) | Self::Set(_) => "a list".to_owned(),
            Self::Map(_) | Self::Named(_) | Self::LooselyNamed(_) | Self::Lowercase(_) | Self::Object(_) => {
                "a mapping".to_owned()
            }
            Self::Either(shapes) => {
                let words: Vec<_> = shapes.iter().map(Self::describe).collect();
                words.join(" or ")
            }
            Self::Any => "anything".to_owned(),
        }
    }
}

/// The path of every attribute, in the specification's table's order: `services.*.ports.*.mode`. A `*` stands for the
/// key of a mapping and for the place in a list; a path never ends with one.
pub fn attributes() -> impl Iterator<Item = &'static str> {
    static PATHS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut paths = Vec::new();
        collect("", &PROJECT, &mut paths);
        paths
    });
    PATHS.iter().map(String::as_str)
}

fn collect(path: &str, shape: &Shape, paths: &mut Vec<String>) {
    match shape {
        Shape::Object(object) => {
            for (name, shape) in object.fields {
                let path = if path.is_empty() {
                    (*name).to_owned()
                } else {
                    format!("{path}.{name}")
                };
                if !paths.contains(&path) {
                    paths.push(path.clone());
                }
                collect(&path, shape, paths);
            }
        }
        Shape::List(shape) | Shape::Set(shape) | Shape::Map(shape) | Shape::Named(shape) => {
            collect(&format!("{path}.*"), shape, paths);
        }
        Shape::LooselyNamed(shape) | Shape::Lowercase(shape) => collect(&format!("{path}.*"), shape, paths),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| collect(path, shape, paths)),
        Shape::Scalar(_) | Shape::Cast(..) | Shape::Bounded(..) | Shape::Word(_) | Shape::Checked(_) | Shape::Any => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_attributes_at_every_depth() {
        let paths: Vec<_> = attributes().collect();
        for path in [
            "services",
            "services.*.ports.*.mode",
            "services.*.deploy.resources.limits.cpus",
            "services.*.environment",
            "networks.*.ipam.config.*.subnet",
            "volumes.*.external.name",
        ] {
            assert!(paths.contains(&path), "{path}");
        }
        assert!(paths.iter().all(|path| !path.ends_with('*')));
    }

    #[test]
    fn fields_are_sorted_for_the_binary_search() {
        fn walk(shape: &Shape) {
            match shape {
                Shape::Object(object) => {
                    assert!(object.fields.is_sorted_by_key(|(name, _)| *name), "{}", object.name);
                    object.fields.iter().for_each(|(_, shape)| walk(shape));
                }
                Shape::Either(shapes) => shapes.iter().for_each(walk),
                Shape::List(shape)
                | Shape::Set(shape)
                | Shape::Map(shape)
                | Shape::Named(shape)
                | Shape::LooselyNamed(shape)
                | Shape::Lowercase(shape) => walk(shape),
                _ => {}
            }
        }
        walk(&PROJECT);
    }
}
