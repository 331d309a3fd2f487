//! `x-aws-tags`: beside the project's own tag, wherever that stands.

use crate::compose::Node;
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::Value;
use crate::ecs::draft::Draft;

/// What every resource that can be tagged has; the templates say in which form.
const PROJECT: &str = "com.docker.compose.project";

/// AWS takes fifty; some resources have four of the project's.
const MOST: usize = 46;

/// Adds the tags to all resources, and to the stack.
pub(in crate::ecs) fn add(node: &Node, draft: &mut Draft) {
    let mut tags: Vec<(&str, &str)> = Vec::new();
    for (key, entry) in node.as_map().into_iter().flatten() {
        let Some(value) = entry.node.as_str() else { continue };
        let alike = tags.iter().find(|(other, _)| other.eq_ignore_ascii_case(key));
        if let Some(what) = mistake(key, value) {
            draft.say(what.at(entry.key, entry.node.span));
        } else if let Some((other, _)) = alike {
            let message = format!("tags `{other}` and `{key}` are one for IAM, which knows no capitals");
            draft.say(Diagnostic::error(entry.key, message).hint("rename one of the two"));
        } else {
            tags.push((key, value));
        }
    }
    if tags.len() > MOST {
        let message = format!("`x-aws-tags` has {} tags", tags.len());
        let hint = format!("AWS takes 50, and some resources have 4 of their own: at most {MOST}");
        draft.say(Diagnostic::error(node.span, message).hint(hint));
    }
    for resource in draft.template.document.resources.values_mut() {
        insert(resource.entry("Properties"), &tags);
    }
    let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    draft.template.tags = tags.collect();
}

/// What AWS refuses about a tag.
enum Mistake {
    Key(String, &'static str),
    Value(String),
}

impl Mistake {
    fn at(self, key: Span, value: Span) -> Diagnostic {
        match self {
            Self::Key(message, hint) => Diagnostic::error(key, message).hint(hint),
            Self::Value(message) => Diagnostic::error(value, message).hint(CHARACTERS),
        }
    }
}

const CHARACTERS: &str = "letters, digits, spaces and `_.:/=+-@` are possible: 128 in a name, 256 in a value";

fn mistake(key: &str, value: &str) -> Option<Mistake> {
    let is_possible = |text: &str, most: usize| {
        let possible = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
        text.chars().count() <= most && text.chars().all(possible)
    };
    let lower = key.to_ascii_lowercase();
    if lower.starts_with("aws:") {
        let message = format!("tag `{key}` cannot be set: names that begin with `aws:` are AWS's own");
        Some(Mistake::Key(message, "give it another name"))
    } else if lower.starts_with("com.docker.compose.") {
        let message = format!("tag `{key}` cannot be set: by such tags `ctx` finds what belongs to a project");
        Some(Mistake::Key(message, "give it another name"))
    } else if key.is_empty() || !is_possible(key, 128) {
        Some(Mistake::Key(format!("`{key}` cannot be the name of a tag"), CHARACTERS))
    } else if !is_possible(value, 256) {
        Some(Mistake::Value(format!("tag `{key}` cannot have this value")))
    } else {
        None
    }
}

/// Puts the tags wherever the project's own stands: into lists of pairs, and into mappings.
fn insert(place: &mut Value, tags: &[(&str, &str)]) {
    let key = |tag: &Value| tag.get("Key").and_then(Value::as_str).map(str::to_owned);
    match place {
        Value::List(items) => {
            if let Some(own) = items.iter().find(|tag| key(tag).as_deref() == Some(PROJECT)).cloned() {
                for (name, value) in tags {
                    if items.iter().all(|tag| key(tag).as_deref() != Some(name)) {
                        // Some have a third property, whether instances get the tag.
                        let mut tag = own.clone();
                        tag.set("Key", (*name).to_owned());
                        tag.set("Value", (*value).to_owned());
                        items.push(tag);
                    }
                }
            } else {
                for item in items {
                    insert(item, tags);
                }
            }
        }
        Value::Map(entries) => {
            for (name, entry) in entries {
                if name == "Tags" && entry.get(PROJECT).is_some() {
                    for (name, value) in tags {
                        entry.set((*name).to_owned(), (*value).to_owned());
                    }
                } else {
                    insert(entry, tags);
                }
            }
        }
        _ => {}
    }
}
