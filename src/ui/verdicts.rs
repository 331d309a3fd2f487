//! `ctx check`: what becomes of each attribute of a project.

use clap::ValueEnum;
use indexmap::{IndexMap, IndexSet};
use serde_json::json;

use super::output;
use crate::backend::verdict::{Finding, Outcome};
use crate::diagnostic::Sources;
use crate::error::Result;

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum, Debug)]
pub enum Format {
    /// For people: what works in short, what does not with its place and its reason
    #[default]
    Text,
    /// A JSON object with all attributes
    Json,
}

/// Where a project shall run.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Target {
    /// Amazon ECS; no account is needed
    Ecs,
    /// A Docker engine; none is asked
    Engine,
}

/// Prints what becomes of a project's attributes on a target, the worst first.
pub fn print(target: Target, findings: &[Finding], sources: &Sources, format: Format) -> Result<()> {
    let text = match format {
        Format::Text => text(target, findings, sources),
        Format::Json => json(target, findings, sources),
    };
    output::document(&text, None)
}

fn text(target: Target, findings: &[Finding], sources: &Sources) -> String {
    let mut text = String::new();
    for outcome in Outcome::ALL {
        let found: Vec<_> = findings.iter().filter(|finding| finding.outcome == outcome).collect();
        if found.is_empty() {
            continue;
        }
        text += &format!("{}: {}\n", outcome.word(), found.len());
        match outcome {
            Outcome::Spent | Outcome::Translated => text += &in_short(&found),
            Outcome::Refused | Outcome::Ignored | Outcome::Differs => {
                for finding in found {
                    let place = sources
                        .place(finding.span)
                        .map_or_else(String::new, |(file, line, column)| format!("{file}:{line}:{column}: "));
                    let path = Some(&finding.path).filter(|path| !path.is_empty());
                    text += &format!("  {place}{}\n", path.map_or("the project", String::as_str));
                    text += &format!("    {}\n", finding.reason);
                    if let Some(hint) = &finding.hint {
                        text += &format!("    instead: {hint}\n");
                    }
                }
            }
        }
        text.push('\n');
    }
    text + &format!("{}\n", conclusion(target, findings))
}

/// By service, volume…: the names of what is there.
fn in_short(found: &[&Finding]) -> String {
    let mut owners: IndexMap<String, IndexSet<&str>> = IndexMap::new();
    for finding in found {
        let mut parts = finding.path.splitn(4, '.');
        let section = parts.next().unwrap_or_default();
        let owner = parts.next().map(|name| format!("{section}.{name}"));
        let names = owners.entry(owner.unwrap_or_else(|| section.to_owned())).or_default();
        let attribute = parts.next().unwrap_or_default();
        names.insert(attribute.split('[').next().unwrap_or(attribute));
    }
    let line = |(owner, names): (String, IndexSet<&str>)| {
        let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
        let gap = if names.is_empty() { "" } else { ": " };
        format!("  {owner}{gap}{}", names.join(", "))
    };
    output::lines(owners.into_iter().map(line))
}

fn conclusion(target: Target, findings: &[Finding]) -> String {
    let target = match target {
        Target::Ecs => "ECS",
        Target::Engine => "an engine",
    };
    let count = |outcome| findings.iter().filter(|finding| finding.outcome == outcome).count();
    match (
        count(Outcome::Refused),
        count(Outcome::Ignored) + count(Outcome::Differs),
    ) {
        (0, 0) => format!("the project works on {target} as it is"),
        (0, _) => format!("the project works on {target}, apart from what is ignored or differs"),
        _ => format!("the project does not work on {target} before what is refused is changed"),
    }
}

fn json(target: Target, findings: &[Finding], sources: &Sources) -> String {
    let counts: serde_json::Map<_, _> = Outcome::ALL
        .iter()
        .map(|outcome| {
            let count = findings.iter().filter(|finding| finding.outcome == *outcome).count();
            (outcome.word().to_owned(), json!(count))
        })
        .collect();
    let attribute = |finding: &Finding| {
        let place = sources.place(finding.span);
        json!({
            "path": finding.path,
            "verdict": finding.outcome.word(),
            "reason": Some(&finding.reason).filter(|reason| !reason.is_empty()),
            "hint": finding.hint,
            "file": place.map(|(file, ..)| file),
            "line": place.map(|(_, line, _)| line),
            "column": place.map(|(.., column)| column),
        })
    };
    let attributes: Vec<_> = findings.iter().map(attribute).collect();
    let target = target.to_possible_value();
    let target = target.as_ref().map(clap::builder::PossibleValue::get_name);
    let document = json!({"target": target, "counts": counts, "attributes": attributes});
    format!("{document:#}\n")
}
