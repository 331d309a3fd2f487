//! Every attribute that a project has, each with what becomes of it on one target.

use super::{Branch, Table, Verdict, says_nothing};
use crate::compose::{Node, Project, Value};
use crate::diagnostic::{Diagnostic, Severity, Span};

/// An attribute that is there, and what becomes of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// `services.web.ports[0].mode`
    pub path: String,
    pub span: Span,
    pub outcome: Outcome,
    pub reason: String,
    /// What to do instead.
    pub hint: Option<String>,
}

/// From the worst to the best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Outcome {
    /// Nothing is deployed while this is there.
    Refused,
    Ignored,
    /// Works, but not in every way as it does elsewhere.
    Differs,
    /// Used up before the target sees it.
    Spent,
    Translated,
}

impl Outcome {
    pub const ALL: [Self; 5] = [
        Self::Refused,
        Self::Ignored,
        Self::Differs,
        Self::Spent,
        Self::Translated,
    ];

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Ignored => "ignored",
            Self::Differs => "differs",
            Self::Spent => "spent",
            Self::Translated => "translated",
        }
    }
}

impl<Rule: Copy> Table<Rule> {
    /// Every attribute that was written, by this table and by `said`: all that there is to say about the project, with
    /// what the rules say about values.
    #[must_use]
    pub fn findings(&self, project: &Project, said: &[Diagnostic]) -> Vec<Finding> {
        let tree = self.tree();
        let mut walk = Walk {
            rows: self.rows,
            path: String::new(),
            found: Vec::new(),
        };
        if let Some(root) = project.tree.as_map() {
            for (section, entry) in root {
                let Some(branch) = tree.children.get(section.as_str()) else {
                    continue;
                };
                if section != "services" {
                    walk.below(section, |walk| {
                        walk.attribute(entry.key, &entry.node, branch, Span::NOWHERE);
                    });
                } else if let (Some(services), Some(branch)) = (entry.node.as_map(), branch.children.get("*")) {
                    let enabled = services.iter().filter(|(name, _)| project.services.contains_key(*name));
                    for (name, entry) in enabled {
                        walk.below(&format!("services.{name}"), |walk| walk.inside(&entry.node, branch));
                    }
                }
            }
        }
        let mut found = walk.found;
        let of_table = self.judge(project).said;
        for diagnostic in said.iter().filter(|diagnostic| !of_table.contains(diagnostic)) {
            let finding = of_rule(project, diagnostic);
            found.retain(|other| other.outcome < Outcome::Spent || other.path != finding.path);
            found.push(finding);
        }
        found.sort_by_key(|finding| (finding.outcome, finding.span));
        found
    }
}

struct Walk<Rule: 'static> {
    rows: &'static [(&'static str, Verdict<Rule>)],
    path: String,
    found: Vec<Finding>,
}

impl<Rule: Copy> Walk<Rule> {
    fn below(&mut self, part: &str, look: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 && !part.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(part);
        look(self);
        self.path.truncate(length);
    }

    /// `around` is the place of the value that this is a part of.
    fn attribute(&mut self, place: Span, node: &Node, branch: &Branch, around: Span) {
        let Some(row) = branch.row else {
            return self.inside(node, branch);
        };
        let (outcome, reason, hint) = match self.rows[row].1 {
            Verdict::Yes(_) | Verdict::Translated | Verdict::Above => (Outcome::Translated, "", None),
            Verdict::Spent(what) => (Outcome::Spent, what, None),
            Verdict::Ignored(_) | Verdict::Refused(..) | Verdict::NotYet(_) if says_nothing(&node.value) => return,
            Verdict::Ignored(reason) => (Outcome::Ignored, reason, None),
            Verdict::Refused(reason, instead) => (Outcome::Refused, reason, Some(instead)),
            Verdict::NotYet(instead) => (Outcome::Refused, "it does not work yet", Some(instead)),
        };
        let before = self.found.len();
        if outcome == Outcome::Translated {
            self.inside(node, branch);
        }
        // What has attributes of its own is told by them. Nobody wrote what stands nowhere, nor the attributes that
        // a short form stands for.
        let written = place.is_somewhere() && (place != around || outcome != Outcome::Translated);
        if self.found.len() == before && written {
            self.found.push(Finding {
                path: self.path.clone(),
                span: place,
                outcome,
                reason: reason.to_owned(),
                hint: hint.map(str::to_owned),
            });
        }
    }

    fn inside(&mut self, node: &Node, branch: &Branch) {
        let any = branch.children.get("*");
        match &node.value {
            Value::Map(map) => {
                for (key, entry) in map {
                    if let Some(branch) = branch.children.get(key.as_str()).or(any) {
                        let place = entry.key.or(entry.node.span);
                        self.below(key, |walk| walk.attribute(place, &entry.node, branch, node.span));
                    }
                }
            }
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(branch) = any {
                        self.below(&format!("[{index}]"), |walk| {
                            walk.attribute(item.span, item, branch, node.span);
                        });
                    }
                }
            }
            _ => {}
        }
    }
}

/// What a rule says about a value.
fn of_rule(project: &Project, diagnostic: &Diagnostic) -> Finding {
    Finding {
        path: path_to(&project.tree, "", diagnostic.span).unwrap_or_default(),
        span: diagnostic.span,
        outcome: match diagnostic.severity {
            Severity::Error => Outcome::Refused,
            Severity::Warning => Outcome::Differs,
        },
        reason: diagnostic.message.clone(),
        hint: diagnostic.hint.clone(),
    }
}

/// The path of the outermost key or value that stands at a place.
fn path_to(node: &Node, path: &str, span: Span) -> Option<String> {
    if !span.is_somewhere() {
        return None;
    }
    if node.span == span && !path.is_empty() {
        return Some(path.to_owned());
    }
    match &node.value {
        Value::Map(map) => map.iter().find_map(|(key, entry)| {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            if entry.key == span {
                return Some(path);
            }
            path_to(&entry.node, &path, span)
        }),
        Value::List(items) => {
            let mut items = items.iter().enumerate();
            items.find_map(|(index, item)| path_to(item, &format!("{path}[{index}]"), span))
        }
        _ => None,
    }
}
