//! What the value of an extension may be: one description, by which values are checked and from which the JSON schema
//! for editors is printed.

use serde_json::{Value as Json, json};

use crate::compose::{Duration, Node, Value};
use crate::diagnostic::Diagnostic;

/// What a value may be. Text is also taken for a number, a boolean or a duration, because that is how interpolation
/// leaves them.
#[derive(Clone, Copy, Debug)]
pub(in crate::ecs) enum Shape {
    Boolean,
    Integer(i64, i64),
    /// `90s`, `1h30m`; within so many seconds.
    Duration(u64, u64),
    Text(&'static str),
    /// Text of a form: what it is in words, and an anchored regular expression of the common subset of Rust and
    /// JavaScript (for editors), beside the function that decides.
    Form(&'static str, &'static str, fn(&str) -> bool),
    Word(&'static [&'static str]),
    List(&'static Shape),
    /// A mapping with keys of one's own.
    Map(&'static Shape),
    Object(&'static [Field]),
    /// The first of these that takes a value of its kind.
    Either(&'static [Shape]),
    /// A mapping in another language (IAM's, CloudFormation's): what it is, and the keys that it must have.
    Document(&'static str, &'static [&'static str]),
}

/// A key of an [`Shape::Object`].
#[derive(Debug)]
pub(in crate::ecs) struct Field {
    pub(in crate::ecs) name: &'static str,
    pub(in crate::ecs) required: bool,
    pub(in crate::ecs) shape: Shape,
    pub(in crate::ecs) does: &'static str,
}

impl Shape {
    /// Says what is wrong with a value that stands under `name`.
    pub(super) fn check(&self, name: &str, node: &Node, said: &mut Vec<Diagnostic>) {
        let wrong = || {
            let message = format!("`{name}` is {}, not {}", self.describe(), node.kind());
            Diagnostic::error(node.span, message)
        };
        match self {
            Self::Boolean if boolean(node).is_some() => {}
            Self::Integer(least, most) => match integer(node) {
                Some(number) if (*least..=*most).contains(&number) => {}
                Some(number) => {
                    let message = format!("`{name}` cannot be {number}");
                    said.push(Diagnostic::error(node.span, message).hint(format!("it is {}", self.describe())));
                }
                None => said.push(wrong()),
            },
            Self::Duration(least, most) => match seconds(node) {
                Some(seconds) if (*least..=*most).contains(&seconds) => {}
                Some(_) => {
                    let message = format!("`{name}` is {}", self.describe());
                    said.push(Diagnostic::error(node.span, message));
                }
                None => said.push(wrong().hint("a duration is written as `90s`, `5m` or `1h30m`")),
            },
            Self::Text(_) if node.as_str().is_some() => {}
            Self::Form(what, _, is) => match node.as_str() {
                Some(text) if is(text) => {}
                Some(text) => {
                    let message = format!("`{name}` cannot be `{text}`");
                    said.push(Diagnostic::error(node.span, message).hint(format!("it is {what}")));
                }
                None => said.push(wrong()),
            },
            Self::Word(words) => match node.as_str() {
                Some(text) if words.contains(&text) => {}
                Some(text) => {
                    let hint = match crate::diagnostic::nearest(text, words.iter().copied()) {
                        Some(word) => format!("did you mean `{word}`?"),
                        None => format!("it is {}", self.describe()),
                    };
                    let message = format!("`{name}` cannot be `{text}`");
                    said.push(Diagnostic::error(node.span, message).hint(hint));
                }
                None => said.push(wrong()),
            },
            Self::List(items) if node.as_list().is_some() => {
                for item in node.as_list().unwrap_or_default() {
                    items.check(name, item, said);
                }
            }
            Self::Map(values) if node.as_map().is_some() => {
                for (key, entry) in node.as_map().into_iter().flatten() {
                    values.check(&format!("{name}.{key}"), &entry.node, said);
                }
            }
            Self::Object(fields) if node.as_map().is_some() => object(fields, name, node, said),
            Self::Either(shapes) => match shapes.iter().find(|shape| shape.takes_kind(node)) {
                Some(shape) => shape.check(name, node, said),
                None => said.push(wrong()),
            },
            Self::Document(_, required) if node.as_map().is_some() => {
                for key in required.iter().filter(|key| node.get(key).is_none()) {
                    let message = format!("`{name}` needs a `{key}`");
                    said.push(Diagnostic::error(node.span, message).hint(format!("it is {}", self.describe())));
                }
            }
            _ => said.push(wrong()),
        }
    }

    /// Whether a value is of a kind that this shape is written with.
    fn takes_kind(&self, node: &Node) -> bool {
        match self {
            Self::Boolean => boolean(node).is_some(),
            Self::Integer(..) => integer(node).is_some(),
            Self::Duration(..) => seconds(node).is_some(),
            Self::Text(_) | Self::Form(..) | Self::Word(_) => node.as_str().is_some(),
            Self::List(_) => node.as_list().is_some(),
            Self::Map(_) | Self::Object(_) | Self::Document(..) => node.as_map().is_some(),
            Self::Either(shapes) => shapes.iter().any(|shape| shape.takes_kind(node)),
        }
    }

    /// What it is, in a message.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Boolean => "`true` or `false`".to_owned(),
            Self::Integer(least, i64::MAX) => format!("a number from {least}"),
            Self::Integer(least, most) => format!("a number from {least} to {most}"),
            Self::Duration(least, u64::MAX) => format!("a duration of at least {least} seconds"),
            Self::Duration(least, most) => format!("a duration of {least} to {most} seconds"),
            Self::Text(what) | Self::Form(what, ..) | Self::Document(what, _) => (*what).to_owned(),
            Self::Word(words) => either(words.iter().map(|word| format!("`{word}`"))),
            Self::List(items) => format!("a list, each item {}", items.describe()),
            Self::Map(values) => format!("a mapping, each value {}", values.describe()),
            Self::Object(fields) => {
                let keys: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
                format!("a mapping of {}", keys.join(", "))
            }
            Self::Either(shapes) => either(shapes.iter().map(Self::describe)),
        }
    }

    /// The same for editors: a JSON schema (draft 7, as the Compose specification's own).
    pub(super) fn schema(&self) -> Json {
        match self {
            Self::Boolean => json!({"type": ["boolean", "string"]}),
            Self::Integer(least, i64::MAX) => json!({"type": ["integer", "string"], "minimum": least}),
            Self::Integer(least, most) => {
                json!({"type": ["integer", "string"], "minimum": least, "maximum": most})
            }
            Self::Duration(..) => json!({"type": "string", "description": self.describe()}),
            Self::Text(_) => json!({"type": "string"}),
            // A variable may stand for the whole value.
            Self::Form(_, pattern, _) => json!({"type": "string", "pattern": format!("\\$|^({pattern})$")}),
            Self::Word(words) => json!({"type": "string", "enum": words}),
            Self::List(items) => json!({"type": "array", "items": items.schema()}),
            Self::Map(values) => json!({"type": "object", "additionalProperties": values.schema()}),
            Self::Object(fields) => {
                let property = |field: &Field| {
                    let mut schema = field.shape.schema();
                    schema["description"] = field.does.into();
                    (field.name.to_owned(), schema)
                };
                let properties: serde_json::Map<_, _> = fields.iter().map(property).collect();
                let required: Vec<_> = fields
                    .iter()
                    .filter(|field| field.required)
                    .map(|field| field.name)
                    .collect();
                let mut schema = json!({"type": "object", "additionalProperties": false, "properties": properties});
                if !required.is_empty() {
                    schema["required"] = required.into();
                }
                schema
            }
            Self::Either(shapes) => json!({"anyOf": shapes.iter().map(Self::schema).collect::<Vec<_>>()}),
            Self::Document(_, []) => json!({"type": "object"}),
            Self::Document(_, required) => json!({"type": "object", "required": required}),
        }
    }
}

/// The schema of a whole file, which extends the Compose specification's.
pub(super) fn json_schema<'a>(extensions: impl Iterator<Item = (&'a str, &'a Shape, &'a str)>) -> Json {
    const COMPOSE: &str = "https://raw.githubusercontent.com/compose-spec/compose-spec/main/schema/compose-spec.json";
    let mut root = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Compose file with the extensions of ctx",
        "allOf": [{"$ref": COMPOSE}],
    });
    for (path, shape, does) in extensions {
        let mut place = &mut root;
        let (around, name) = path.rsplit_once('.').unwrap_or(("", path));
        for (at, step) in around.split('.').filter(|step| !step.is_empty()).enumerate() {
            // At the top stand mappings with free names; what repeats inside of a service and is extended is a list.
            place = match step {
                "*" if at > 1 => &mut place["items"],
                "*" => &mut place["additionalProperties"],
                step => &mut place["properties"][step],
            };
        }
        let mut schema = shape.schema();
        schema["description"] = does.into();
        place["properties"][name] = schema;
    }
    root
}

fn object(fields: &[Field], name: &str, node: &Node, said: &mut Vec<Diagnostic>) {
    for (key, entry) in node.as_map().into_iter().flatten() {
        let Some(field) = fields.iter().find(|field| field.name == key) else {
            let names = fields.iter().map(|field| field.name);
            let hint = match crate::diagnostic::nearest(key, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it takes {}", either(names.map(|name| format!("`{name}`")))),
            };
            let message = format!("`{name}` has no `{key}`");
            said.push(Diagnostic::error(entry.key, message).hint(hint));
            continue;
        };
        field.shape.check(&format!("{name}.{key}"), &entry.node, said);
    }
    for field in fields
        .iter()
        .filter(|field| field.required && node.get(field.name).is_none())
    {
        let message = format!("`{name}` needs `{}`", field.name);
        said.push(Diagnostic::error(node.span, message).hint(format!("`{}`: {}", field.name, field.does)));
    }
}

fn either(words: impl Iterator<Item = String>) -> String {
    let words: Vec<_> = words.collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// A whole number, also as interpolation leaves it: as text.
pub(in crate::ecs) fn integer(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Int(number) => Some(*number),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// `true` or `false`, also as text.
pub(in crate::ecs) fn boolean(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The seconds of a duration, rounded up.
pub(in crate::ecs) fn seconds(node: &Node) -> Option<u64> {
    Some(Duration::parse(node.as_str()?)?.as_secs_rounded_up())
}
