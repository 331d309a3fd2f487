//! What becomes of each attribute of the Compose specification on one target: a table, and what it says of a project.

use std::collections::HashMap;

use crate::compose::{Node, Project, Value};
use crate::diagnostic::{Diagnostic, Span};

/// What becomes of an attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Does on the target what the specification says.
    Translated,
    /// Has the verdict of the attribute around it.
    Above,
    /// Used up before the target sees it.
    Spent(&'static str),
    /// Without effect, for this reason.
    Ignored(&'static str),
    /// Cannot be had: why, and what to do instead.
    Refused(&'static str, &'static str),
    /// Could be had, and is not there yet: what to do until then.
    NotYet(&'static str),
}

/// A row for every attribute, by its path: `services.*.ports.*.mode`.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// The target, in messages: `an engine`.
    pub target: &'static str,
    pub rows: &'static [(&'static str, Verdict)],
}

impl Table {
    /// What the table has to say about a project: warnings about what is ignored, errors about what cannot be had.
    #[must_use]
    pub fn judge(&self, project: &Project) -> Vec<Diagnostic> {
        let verdicts: HashMap<_, _> = self.rows.iter().copied().collect();
        let mut judge = Judge {
            target: self.target,
            verdicts,
            said: Vec::new(),
        };
        for (section, entry) in project.tree.as_map().into_iter().flatten() {
            if section != "services" {
                judge.attribute(section, section, entry.key, &entry.node);
                continue;
            }
            // Only those that are enabled count.
            for (name, service) in entry.node.as_map().into_iter().flatten() {
                if project.services.contains_key(name) {
                    judge.inside("services.*", &service.node);
                }
            }
        }
        judge.said
    }

    /// The verdict of an attribute, or of the one around it that decides for it, and the reason.
    #[must_use]
    pub fn describe(&self, path: &str) -> Option<(&'static str, String)> {
        let (_, verdict) = self.rows.iter().find(|(row, _)| *row == path)?;
        Some(match verdict {
            Verdict::Translated => ("translated", String::new()),
            Verdict::Above => return self.describe(path.rsplit_once('.')?.0.trim_end_matches(".*")),
            Verdict::Spent(what) => ("spent", (*what).to_owned()),
            Verdict::Ignored(reason) => ("ignored", (*reason).to_owned()),
            Verdict::Refused(reason, instead) => ("refused", format!("{reason}; {instead}")),
            Verdict::NotYet(instead) => ("not yet", (*instead).to_owned()),
        })
    }
}

struct Judge {
    target: &'static str,
    verdicts: HashMap<&'static str, Verdict>,
    said: Vec<Diagnostic>,
}

impl Judge {
    fn attribute(&mut self, path: &str, name: &str, place: Span, node: &Node) {
        let target = self.target;
        match self.verdicts.get(path) {
            Some(Verdict::Ignored(_) | Verdict::Refused(..) | Verdict::NotYet(_)) if says_nothing(&node.value) => {}
            Some(Verdict::Spent(_)) => {}
            // Nobody wrote what stands nowhere.
            Some(Verdict::Ignored(_)) if !place.is_somewhere() => {}
            Some(Verdict::Ignored(reason)) => {
                let message = format!("`{name}` has no effect on {target}: {reason}");
                self.said.push(Diagnostic::warning(place, message));
            }
            Some(Verdict::Refused(reason, instead)) => {
                let message = format!("`{name}` is not possible on {target}: {reason}");
                self.said.push(Diagnostic::error(place, message).hint(*instead));
            }
            Some(Verdict::NotYet(instead)) => {
                let message = format!("`{name}` does not work on {target} yet");
                self.said.push(Diagnostic::error(place, message).hint(*instead));
            }
            Some(Verdict::Translated | Verdict::Above) | None => self.inside(path, node),
        }
    }

    fn inside(&mut self, path: &str, node: &Node) {
        match &node.value {
            Value::Map(map) => {
                for (key, entry) in map {
                    let named = format!("{path}.{key}");
                    // Below a mapping with keys of the user's own, a key is no name of an attribute.
                    let path = if self.verdicts.contains_key(named.as_str()) {
                        named
                    } else {
                        format!("{path}.*")
                    };
                    self.attribute(&path, key, entry.key.or(entry.node.span), &entry.node);
                }
            }
            Value::List(items) => items.iter().for_each(|item| self.inside(&format!("{path}.*"), item)),
            _ => {}
        }
    }
}

/// Whether a value is what the attribute would be if it were not there.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(true) | Value::Int(_) | Value::Float(_) => false,
    }
}
