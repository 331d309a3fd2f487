//! What becomes of each attribute of the Compose specification on one target: a table, and what it says of a project.

mod findings;

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::compose::{Node, Project, Value};
use crate::diagnostic::{Diagnostic, Span};

pub use findings::{Finding, Outcome};

/// What becomes of an attribute. A target that translates by rules, a function an attribute, names them here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict<Rule = ()> {
    /// Does on the target what the specification says, by a rule that runs where the attribute is.
    Yes(Rule),
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
pub struct Table<Rule: 'static = ()> {
    /// The target, in messages: `an engine`.
    pub target: &'static str,
    pub rows: &'static [(&'static str, Verdict<Rule>)],
}

/// What a table has to say about a project.
#[derive(Debug)]
pub struct Judgement<Rule> {
    /// Errors about what cannot be had, each at its place, and warnings about what is ignored, one for an attribute.
    pub said: Vec<Diagnostic>,
    /// The rules that each enabled service calls for, in the project's and the table's order. Several attributes may
    /// have the same rule.
    pub rules: Vec<Vec<Rule>>,
}

impl<Rule: Copy> Table<Rule> {
    #[must_use]
    pub fn judge(&self, project: &Project) -> Judgement<Rule> {
        let tree = self.tree();
        let mut judge = Judge {
            table: self,
            said: Vec::new(),
            remarks: IndexMap::new(),
            found: Vec::new(),
        };
        for (section, entry) in project.tree.as_map().into_iter().flatten() {
            // Only the services that are enabled count; they come below, in the project's order.
            if section != "services"
                && let Some(branch) = tree.children.get(section.as_str())
            {
                judge.attribute(entry.key, &entry.node, branch);
            }
        }
        let services = tree
            .children
            .get("services")
            .and_then(|services| services.children.get("*"));
        let nodes = project.tree.get("services");
        let mut rules = Vec::with_capacity(project.services.len());
        for name in project.services.keys() {
            judge.found.clear();
            if let (Some(node), Some(branch)) = (nodes.and_then(|nodes| nodes.get(name)), services) {
                judge.inside(node, branch);
            }
            judge.found.sort_unstable();
            judge.found.dedup();
            let rule = |row: &usize| {
                if let Verdict::Yes(rule) = self.rows[*row].1 {
                    Some(rule)
                } else {
                    None
                }
            };
            rules.push(judge.found.iter().filter_map(rule).collect());
        }
        judge.said.extend(
            judge
                .remarks
                .into_values()
                .map(|(remark, times)| repeated(remark, times)),
        );
        Judgement {
            said: judge.said,
            rules,
        }
    }

    /// The verdict of an attribute, or of the one around it that decides for it, and the reason.
    #[must_use]
    pub fn describe(&self, path: &str) -> Option<(&'static str, String)> {
        let (_, verdict) = self.rows.iter().find(|(row, _)| *row == path)?;
        Some(match verdict {
            Verdict::Yes(_) | Verdict::Translated => ("translated", String::new()),
            Verdict::Above => return self.describe(path.rsplit_once('.')?.0.trim_end_matches(".*")),
            Verdict::Spent(what) => ("spent", (*what).to_owned()),
            Verdict::Ignored(reason) => ("ignored", (*reason).to_owned()),
            Verdict::Refused(reason, instead) => ("refused", format!("{reason}; {instead}")),
            Verdict::NotYet(instead) => ("not yet", (*instead).to_owned()),
        })
    }

    fn tree(&self) -> Branch {
        let mut root = Branch::default();
        for (row, (path, _)) in self.rows.iter().enumerate() {
            let branch = path
                .split('.')
                .fold(&mut root, |branch, name| branch.children.entry(name).or_default());
            branch.row = Some(row);
        }
        root
    }
}

/// A remark that was to be made so many times, with the number of its other places.
#[must_use]
pub fn repeated(remark: Diagnostic, times: usize) -> Diagnostic {
    match times {
        0 | 1 => remark,
        2 => remark.note(Span::NOWHERE, "and in 1 more place"),
        _ => remark.note(Span::NOWHERE, format!("and in {} more places", times - 1)),
    }
}

/// The table as a tree of names, `*` for any.
#[derive(Default)]
struct Branch {
    row: Option<usize>,
    children: HashMap<&'static str, Branch>,
}

struct Judge<'a, Rule: 'static> {
    table: &'a Table<Rule>,
    said: Vec<Diagnostic>,
    /// Warnings by their message: the first, and how often it was to be made.
    remarks: IndexMap<String, (Diagnostic, usize)>,
    /// The rows of the attributes that a service has.
    found: Vec<usize>,
}

impl<Rule: Copy> Judge<'_, Rule> {
    fn attribute(&mut self, place: Span, node: &Node, branch: &Branch) {
        let Some(row) = branch.row else {
            return self.inside(node, branch);
        };
        self.found.push(row);
        let (path, verdict) = self.table.rows[row];
        let (name, target) = (short(path), self.table.target);
        match verdict {
            Verdict::Yes(_) | Verdict::Translated | Verdict::Above => self.inside(node, branch),
            Verdict::Spent(_) => {}
            Verdict::Ignored(_) | Verdict::Refused(..) | Verdict::NotYet(_) if says_nothing(&node.value) => {}
            // Nobody wrote what stands nowhere.
            Verdict::Ignored(_) if !place.is_somewhere() => {}
            Verdict::Ignored(reason) => {
                let message = format!("`{name}` has no effect on {target}: {reason}");
                let remark = self.remarks.entry(message);
                let message = remark.key().clone();
                remark.or_insert_with(|| (Diagnostic::warning(place, message), 0)).1 += 1;
            }
            Verdict::Refused(reason, instead) => {
                let message = format!("`{name}` is not possible on {target}: {reason}");
                self.said.push(Diagnostic::error(place, message).hint(instead));
            }
            Verdict::NotYet(instead) => {
                let message = format!("`{name}` does not work on {target} yet");
                self.said.push(Diagnostic::error(place, message).hint(instead));
            }
        }
    }

    fn inside(&mut self, node: &Node, branch: &Branch) {
        if branch.children.is_empty() {
            return;
        }
        let any = branch.children.get("*");
        match &node.value {
            Value::Map(map) => {
                for (key, entry) in map {
                    if let Some(branch) = branch.children.get(key.as_str()).or(any) {
                        self.attribute(entry.key.or(entry.node.span), &entry.node, branch);
                    }
                }
            }
            Value::List(items) => {
                for (item, branch) in items.iter().zip(std::iter::repeat(any)) {
                    if let Some(branch) = branch {
                        self.attribute(item.span, item, branch);
                    }
                }
            }
            _ => {}
        }
    }
}

/// An attribute's path as people say it: `depends_on.restart` for `services.*.depends_on.*.restart`.
fn short(path: &str) -> String {
    path.strip_prefix("services.*.").unwrap_or(path).replace(".*", "")
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
