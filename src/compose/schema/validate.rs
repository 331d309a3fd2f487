//! Holds a document against the table.

use std::fmt::Write;

use super::{Kinds, Object, Shape, TextRule};
use crate::compose::{Entry, Map, Node, Value};
use crate::diagnostic::{Diagnostic, Span, nearest};

/// Reports everything in a document that the specification does not allow.
pub(in crate::compose) fn validate(node: &Node, shape: &'static Shape, path: &str, diagnostics: &mut Vec<Diagnostic>) {
    let mut path = path.to_owned();
    Validation { diagnostics }.node(node, shape, &mut path, node.span);
}

/// How many unknown names are compared with the known ones.
const MOST_HINTS: usize = 1000;

struct Validation<'a> {
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Validation<'_> {
    /// `place` is where to point when the node itself stands nowhere: its key.
    fn node(&mut self, node: &Node, shape: &'static Shape, path: &mut String, place: Span) {
        let place = node.span.or(place);
        if !shape.takes_kind(node) {
            self.wrong_kind(node, shape, path, place);
            return;
        }
        match shape {
            Shape::Either(_) => self.node(node, shape.choose(node), path, place),
            Shape::Word(words) => self.word(node, words, path, place),
            Shape::Checked(rule) => self.text(node, *rule, path, place),
            Shape::Bounded(_, low, high) => self.bounded(node, *low, *high, path, place),
            Shape::List(entry) => self.entries(node, entry, path, place),
            Shape::Set(entry) => {
                self.entries(node, entry, path, place);
                self.distinct(node, path);
            }
            Shape::Map(entry) => {
                for (key, value) in node.as_map().into_iter().flatten() {
                    self.under(key, value, entry, path);
                }
            }
            Shape::Named(entry) => self.named(node, entry, path),
            Shape::LooselyNamed(entry) => {
                for (key, value) in node.as_map().into_iter().flatten().filter(|(key, _)| is_name(key)) {
                    self.under(key, value, entry, path);
                }
            }
            Shape::Lowercase(entry) => {
                let lowercase = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase());
                for (key, value) in node.as_map().into_iter().flatten().filter(|(key, _)| lowercase(key)) {
                    self.under(key, value, entry, path);
                }
            }
            Shape::Object(object) => self.object(node, object, path, place),
            Shape::Scalar(_) | Shape::Cast(..) | Shape::Any => {}
        }
    }

    fn under(&mut self, key: &str, entry: &Entry, shape: &'static Shape, path: &mut String) {
        let length = path.len();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        self.node(&entry.node, shape, path, entry.key);
        path.truncate(length);
    }

    fn entries(&mut self, node: &Node, shape: &'static Shape, path: &mut String, place: Span) {
        for (index, entry) in node.as_list().into_iter().flatten().enumerate() {
            let length = path.len();
            let _ = write!(path, "[{index}]");
            self.node(entry, shape, path, place);
            path.truncate(length);
        }
    }

    fn named(&mut self, node: &Node, shape: &'static Shape, path: &mut String) {
        for (key, entry) in node.as_map().into_iter().flatten() {
            if is_name(key) {
                self.under(key, entry, shape, path);
            } else {
                self.diagnostics.push(
                    Diagnostic::error(entry.key, format!("`{key}` is not a legal name in `{path}`"))
                        .hint("names consist of letters, digits, `.`, `_` and `-`"),
                );
            }
        }
    }

    fn object(&mut self, node: &Node, object: &'static Object, path: &mut String, place: Span) {
        let Some(map) = node.as_map() else { return };
        for (key, entry) in map {
            if object.extensible && key.starts_with("x-") {
                continue;
            }
            match object.field(key) {
                Some(shape) => self.under(key, entry, shape, path),
                None if object.open => {}
                None => self.unknown(key, entry, object, map, path),
            }
        }
        for required in object.required {
            if !map.contains_key(*required) {
                let place = if place.is_somewhere() { place } else { first_key(map) };
                self.diagnostics.push(
                    Diagnostic::error(place, format!("{} needs `{required}`", object.name))
                        .hint(format!("add `{required}:` to `{path}`")),
                );
            }
        }
    }

    fn unknown(&mut self, key: &str, entry: &Entry, object: &Object, map: &Map, path: &str) {
        let message = if path.is_empty() {
            format!("unknown attribute `{key}` at the top of the file")
        } else {
            format!("unknown attribute `{key}` in `{path}`")
        };
        // What the same file says already is not what was meant.
        let file = entry.key.file();
        let is_said = |name: &str| map.get(name).is_some_and(|other| other.key.file() == file);
        // Beyond so many nobody reads the hints, which cost more than all else.
        let counts = self.diagnostics.len() < MOST_HINTS;
        let known = object.fields.iter().map(|(name, _)| *name).filter(|_| counts);
        let hint = match nearest(key, known.filter(|name| !is_said(name))) {
            Some(name) => format!("did you mean `{name}`?"),
            None if path.is_empty() && super::SERVICE.under(key).is_some() => {
                format!("`{key}` belongs to a service: put it under `services:` and a name")
            }
            None if object.extensible => "remove it, or begin its name with `x-` to keep it as a remark".to_owned(),
            None => format!("{} has no such attribute", object.name),
        };
        self.diagnostics.push(Diagnostic::error(entry.key, message).hint(hint));
    }

    fn wrong_kind(&mut self, node: &Node, shape: &Shape, path: &str, place: Span) {
        let wanted = shape.describe();
        let name = if path.is_empty() {
            "a Compose file".to_owned()
        } else {
            format!("`{path}`")
        };
        let mut diagnostic = Diagnostic::error(place, format!("{name} must be {wanted}, not {}", node.kind()));
        let scalar = matches!(node.value, Value::Int(_) | Value::Float(_) | Value::Bool(_));
        let wants_text = match shape {
            Shape::Scalar(kinds) => *kinds == Kinds::STRING,
            Shape::Word(_) | Shape::Checked(_) => true,
            _ => false,
        };
        if let (Shape::Checked(TextRule::Duration), Value::Int(number)) = (shape, &node.value) {
            diagnostic = diagnostic.hint(format!("write its unit: `{number}s`"));
        } else if scalar && wants_text {
            diagnostic = diagnostic.hint("put it in quotes");
        }
        self.diagnostics.push(diagnostic);
    }

    fn word(&mut self, node: &Node, words: &[&'static str], path: &str, place: Span) {
        let Some(text) = node.as_str() else { return };
        if words.contains(&text) {
            return;
        }
        let listed: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
        let hint = match nearest(text, words.iter().copied()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("it must be {}", listed.join(", ")),
        };
        self.diagnostics
            .push(Diagnostic::error(place, format!("`{path}` cannot be `{text}`")).hint(hint));
    }

    fn text(&mut self, node: &Node, rule: TextRule, path: &str, place: Span) {
        let Some(text) = node.as_str() else { return };
        let (fine, hint) = match rule {
            // The specification's pattern is not anchored: it wants two such characters in a row, anywhere.
            TextRule::ContainerName => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric();
                let inner = |byte: u8| plain(byte) || matches!(byte, b'_' | b'.' | b'-');
                let pairs = text.as_bytes().windows(2);
                (
                    pairs.into_iter().any(|pair| plain(pair[0]) && inner(pair[1])),
                    "a container name has at least two characters, the first of them a letter or digit",
                )
            }
            TextRule::PullPolicy => (
                is_pull_policy(text),
                "it must be `always`, `never`, `missing`, `build`, `refresh`, `daily`, `weekly` or `every_` and a duration",
            ),
            TextRule::Duration => return,
        };
        if !fine {
            self.diagnostics
                .push(Diagnostic::error(place, format!("`{path}` cannot be `{text}`")).hint(hint));
        }
    }

    fn bounded(&mut self, node: &Node, low: i64, high: i64, path: &str, place: Span) {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a whole number, and one beyond is out of bounds too"
        )]
        let number = match node.value {
            Value::Int(number) => number,
            Value::Float(number) => number as i64,
            _ => return,
        };
        if number < low || number > high {
            let range = if high == i64::MAX {
                format!("at least {low}")
            } else {
                format!("between {low} and {high}")
            };
            self.diagnostics.push(Diagnostic::error(
                place,
                format!("`{path}` must be {range}, not {number}"),
            ));
        }
    }

    fn distinct(&mut self, node: &Node, path: &str) {
        let list = node.as_list().unwrap_or_default();
        if list.len() < 2 {
            return;
        }
        // Lists of thousands of entries are compared by text, not pair by pair.
        let mut seen = std::collections::HashMap::new();
        for entry in list {
            if let Some(first) = seen.insert(fingerprint(entry), entry.span) {
                self.diagnostics.push(
                    Diagnostic::error(entry.span, format!("`{path}` has the same entry twice"))
                        .note(first, "the first is here")
                        .hint("remove one of them"),
                );
            }
        }
    }
}

fn fingerprint(node: &Node) -> String {
    match &node.value {
        Value::Null => "~".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::List(list) => list
            .iter()
            .fold("[".to_owned(), |all, node| all + &fingerprint(node) + ","),
        Value::Map(map) => {
            let mut pairs: Vec<_> = map
                .iter()
                .map(|(key, entry)| format!("{key:?}:{}", fingerprint(&entry.node)))
                .collect();
            pairs.sort();
            format!("{{{}", pairs.join(","))
        }
    }
}

fn first_key(map: &Map) -> Span {
    map.values().next().map_or(Span::NOWHERE, |entry| entry.key)
}

fn is_name(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn is_pull_policy(text: &str) -> bool {
    let words = [
        "always",
        "never",
        "build",
        "if_not_present",
        "missing",
        "refresh",
        "daily",
        "weekly",
    ];
    let every = text.split_once("every_").is_some_and(|(_, duration)| {
        let digits = duration.bytes().take_while(u8::is_ascii_digit).count();
        digits > 0 && duration[digits..].starts_with(['w', 'd', 'h', 'm', 's'])
    });
    // The specification's pattern is not anchored either.
    every || words.iter().any(|word| text.contains(word))
}
