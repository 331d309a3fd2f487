//! One verdict for each attribute of the Compose specification.

mod table;

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::LazyLock;

use super::draft::Draft;
use crate::compose::{Node, Service, Value};
use crate::diagnostic::{Diagnostic, Span};

pub(in crate::ecs) type Rule = fn(&Service, &mut Draft<'_>);

/// What becomes of an attribute on ECS.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    /// Translated by a rule, which runs for every service that has the attribute.
    Yes(Rule),
    /// Translated by another attribute's rule, or wherever its object is used.
    Part,
    /// Has the verdict of the attribute around it.
    Above,
    /// Loading has used it up; nothing of it is left to translate.
    Spent(&'static str),
    /// Without effect, for this reason.
    Ignored(&'static str),
    /// Cannot be had: why, and what to do instead.
    Refused(&'static str, &'static str),
    /// Could be had, and is not there yet: what to do until then.
    NotYet(&'static str),
}

/// Says what has to be said about the project's attributes, and chooses the rules of each service, in its order.
pub(in crate::ecs) fn judge(draft: &mut Draft) -> Vec<Vec<Rule>> {
    let project = draft.project;
    let services = TREE
        .children
        .get("services")
        .and_then(|services| services.children.get("*"));
    if let Some(sections) = project.tree.as_map() {
        for (name, section) in sections {
            // Only the services that are enabled count; they come below, in the project's order.
            if name != "services"
                && let Some(branch) = TREE.children.get(name.as_str())
            {
                walk(section.key, &section.node, branch, draft, &mut Vec::new());
            }
        }
    }
    let nodes = project.tree.get("services");
    let chosen = project.services.keys().map(|name| {
        let mut rows = Vec::new();
        if let (Some(node), Some(branch)) = (nodes.and_then(|nodes| nodes.get(name)), services) {
            children(node, branch, draft, &mut rows);
        }
        rows.sort_unstable();
        rows.dedup();
        rules(&rows)
    });
    chosen.collect()
}

/// `docs/support.md`
#[must_use]
pub fn document() -> String {
    let mut rows = String::new();
    let mut counts = [0_usize; 5];
    for (path, _) in table::TABLE {
        let (at, name, words) = decided(path).describe();
        counts[at] += 1;
        let _ = writeln!(rows, "| `{path}` | {name} | {words} |");
    }
    let [translated, spent, ignored, refused, not_yet] = counts;
    format!(
        "# What becomes of each Compose attribute on Amazon ECS\n\n\
         Generated from `src/ecs/support/table.rs`; a test compares them. Every attribute of the Compose \
         specification has a row: **translated**, **spent** while the files are loaded, **ignored** with a warning that \
         says why, or **refused** at its line with what to do instead. *Not yet* is refused too, until it is translated.\n\n\
         {translated} translated, {spent} spent while loading, {ignored} ignored, {refused} refused, {not_yet} not yet.\n\n\
         | Attribute | On ECS | |\n|---|---|---|\n{rows}"
    )
}

/// The verdict of an attribute, or of the one around it that decides for it.
fn decided(path: &str) -> Verdict {
    let verdict = table::TABLE
        .iter()
        .find(|(other, _)| *other == path)
        .map_or(Verdict::Part, |(_, verdict)| *verdict);
    match (verdict, path.rsplit_once('.')) {
        (Verdict::Above, Some((around, _))) => decided(around.trim_end_matches(".*")),
        _ => verdict,
    }
}

/// The paths that have a row, for the test that compares them with the specification's.
pub fn attributes() -> impl Iterator<Item = &'static str> {
    table::TABLE.iter().map(|(path, _)| *path)
}

/// The paths of those that a rule translates, for the test that wants a fixture for each.
pub fn with_rules() -> impl Iterator<Item = &'static str> {
    table::TABLE
        .iter()
        .filter(|(_, verdict)| matches!(verdict, Verdict::Yes(_)))
        .map(|(path, _)| *path)
}

impl Verdict {
    fn describe(self) -> (usize, &'static str, String) {
        match self {
            Self::Yes(_) | Self::Part => (0, "translated", String::new()),
            Self::Above => unreachable!("`document` goes up to what is above"),
            Self::Spent(what) => (1, "spent while loading", what.to_owned()),
            Self::Ignored(reason) => (2, "ignored", reason.to_owned()),
            Self::Refused(reason, instead) => (3, "refused", format!("{reason}; {instead}")),
            Self::NotYet(instead) => (4, "not yet", instead.to_owned()),
        }
    }
}

/// The table as a tree of names, `*` for any.
#[derive(Default)]
struct Branch {
    row: Option<usize>,
    children: HashMap<&'static str, Branch>,
}

static TREE: LazyLock<Branch> = LazyLock::new(|| {
    let mut root = Branch::default();
    for (row, (path, _)) in table::TABLE.iter().enumerate() {
        let branch = path
            .split('.')
            .fold(&mut root, |branch, name| branch.children.entry(name).or_default());
        branch.row = Some(row);
    }
    root
});

/// The rules of these rows, each once: several attributes may have the same.
fn rules(rows: &[usize]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::with_capacity(rows.len());
    for row in rows {
        if let Verdict::Yes(rule) = table::TABLE[*row].1
            && !rules.iter().any(|other| std::ptr::fn_addr_eq(*other, rule))
        {
            rules.push(rule);
        }
    }
    rules
}

fn walk(place: Span, node: &Node, branch: &Branch, draft: &mut Draft, rows: &mut Vec<usize>) {
    if let Some(row) = branch.row {
        rows.push(row);
        let (path, verdict) = table::TABLE[row];
        match verdict {
            Verdict::Ignored(_) | Verdict::Refused(..) | Verdict::NotYet(_) if says_nothing(&node.value) => return,
            Verdict::Yes(_) | Verdict::Part | Verdict::Above => {}
            Verdict::Spent(_) => return,
            Verdict::Ignored(reason) => {
                if place.is_somewhere() {
                    draft.remark(Diagnostic::warning(
                        place,
                        format!("`{}` has no effect on ECS: {reason}", short(path)),
                    ));
                }
                return;
            }
            Verdict::Refused(reason, instead) => {
                let message = format!("`{}` is not possible on ECS: {reason}", short(path));
                draft.say(Diagnostic::error(place, message).hint(instead));
                return;
            }
            Verdict::NotYet(instead) => {
                let message = format!("`{}` is not translated to ECS yet", short(path));
                draft.say(Diagnostic::error(place, message).hint(instead));
                return;
            }
        }
    }
    children(node, branch, draft, rows);
}

fn children(node: &Node, branch: &Branch, draft: &mut Draft, rows: &mut Vec<usize>) {
    if branch.children.is_empty() {
        return;
    }
    let any = branch.children.get("*");
    match &node.value {
        Value::Map(map) => {
            for (key, entry) in map {
                if let Some(branch) = branch.children.get(key.as_str()).or(any) {
                    walk(entry.key.or(entry.node.span), &entry.node, branch, draft, rows);
                }
            }
        }
        Value::List(items) => {
            let Some(branch) = any else { return };
            for item in items {
                walk(item.span, item, branch, draft, rows);
            }
        }
        _ => {}
    }
}

/// An attribute's path as people say it: `depends_on.restart` for `services.*.depends_on.*.restart`.
fn short(path: &str) -> String {
    let path = path.strip_prefix("services.*.").unwrap_or(path);
    path.replace(".*", "")
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
