//! One verdict for each attribute of the Compose specification, on ECS.

mod table;

use super::draft::Draft;
use crate::backend::verdict::{Finding, Table, Verdict};
use crate::compose::{Project, Service};

/// Translates an attribute of a service.
pub(in crate::ecs) type Rule = fn(&Service, &mut Draft<'_>);

const TABLE: Table<Rule> = Table {
    target: "ECS",
    rows: table::ROWS,
};

/// Says what has to be said about the project's attributes, and chooses the rules of each service, each once.
pub(in crate::ecs) fn judge(draft: &mut Draft) -> Vec<Vec<Rule>> {
    let judgement = TABLE.judge(draft.project);
    draft.diagnostics.extend(judgement.said);
    judgement.rules.into_iter().map(distinct).collect()
}

/// Every attribute of a project, and what becomes of it.
#[must_use]
pub fn findings(project: &Project) -> Vec<Finding> {
    TABLE.findings(project, &super::deploy::check(project))
}

/// The paths of all attributes that have a row.
pub fn attributes() -> impl Iterator<Item = &'static str> {
    TABLE.rows.iter().map(|(path, _)| *path)
}

/// The verdict of an attribute in a word, and its reason.
#[must_use]
pub fn describe(path: &str) -> Option<(&'static str, String)> {
    TABLE.describe(path)
}

/// The paths of those that a rule translates, for the test that wants a fixture for each.
pub fn with_rules() -> impl Iterator<Item = &'static str> {
    TABLE
        .rows
        .iter()
        .filter(|(_, verdict)| matches!(verdict, Verdict::Yes(_)))
        .map(|(path, _)| *path)
}

fn distinct(rules: Vec<Rule>) -> Vec<Rule> {
    let mut distinct: Vec<Rule> = Vec::with_capacity(rules.len());
    for rule in rules {
        if !distinct.iter().any(|other| std::ptr::fn_addr_eq(*other, rule)) {
            distinct.push(rule);
        }
    }
    distinct
}
