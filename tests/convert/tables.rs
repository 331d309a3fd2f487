//! The verdict table covers the specification, its page is up to date, and what it translates has a fixture.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use ctx::ecs::support;
use ctx::local::support as local;

use crate::fixtures;
use crate::support::golden::assert_golden;

#[test]
fn every_attribute_has_one_verdict() {
    let specified: Vec<_> = ctx::compose::schema::attributes().collect();
    let decided: Vec<_> = support::attributes().collect();
    let missing: Vec<_> = specified.iter().filter(|path| !decided.contains(path)).collect();
    let unknown: Vec<_> = decided.iter().filter(|path| !specified.contains(path)).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "missing: {missing:?}, unknown: {unknown:?}"
    );
    let distinct: BTreeSet<_> = decided.iter().collect();
    assert_eq!(distinct.len(), decided.len(), "an attribute has two rows");
}

#[test]
fn every_rule_has_a_fixture() {
    let covered: BTreeSet<String> = fixtures::names()
        .iter()
        .flat_map(|name| {
            let text = std::fs::read_to_string(fixtures::file(name, "yaml")).unwrap();
            let first = text
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("# "))
                .unwrap_or_default();
            first.split(", ").map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let missing: Vec<_> = support::with_rules().filter(|path| !covered.contains(*path)).collect();
    assert!(
        missing.is_empty(),
        "no fixture begins with a comment that names {missing:?}"
    );
}

#[test]
fn the_page_is_generated() {
    let mut totals: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    let mut rows = String::new();
    for path in support::attributes() {
        let verdicts = [local::TABLE.describe(path), support::describe(path)];
        let cells = verdicts.into_iter().enumerate().map(|(target, verdict)| {
            let (word, reason) = verdict.unwrap_or_else(|| panic!("`{path}` has no verdict"));
            totals.entry(word).or_default()[target] += 1;
            if reason.is_empty() {
                word.to_owned()
            } else {
                format!("{word}: {reason}")
            }
        });
        let _ = writeln!(rows, "| `{path}` | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    let totals = totals
        .iter()
        .map(|(word, [engine, ecs])| format!("| {word} | {engine} | {ecs} |\n"));
    let page = format!(
        "# What becomes of each Compose attribute\n\n\
         Printed from `src/local/support/table.rs` and `src/ecs/support/table.rs` by `UPDATE_GOLDENS=1 cargo test`. \
         Every attribute of the Compose specification has a row: **translated**, **spent** while the files are loaded, \
         **ignored** with a warning that says why, or **refused** at its line with what to do instead. *Not yet* is \
         refused too, until it is translated.\n\n\
         | | On an engine | On ECS |\n|---|---|---|\n{}\n\
         | Attribute | On an engine | On ECS |\n|---|---|---|\n{rows}",
        totals.collect::<String>()
    );
    assert_golden(&fixtures::folder().join("../../docs/support.md"), &page);
}

#[test]
fn the_page_of_the_extensions_is_up_to_date() {
    let rows: String = ctx::ecs::extensions::all()
        .map(|(path, value, does)| format!("| `{path}` | {does} | {} |\n", value.replace('|', "\\|")))
        .collect();
    let page = format!(
        "# What `x-aws-*` says\n\n\
         Printed from `src/ecs/extensions/table.rs` by `UPDATE_GOLDENS=1 cargo test`. What Compose has no word for, an \
         extension says; `docker compose` and the engine take no notice of it. An unknown name, a name at another \
         place and a wrong value are errors at their line. Editors complete and check them with \
         [x-aws.schema.json](x-aws.schema.json): put `# yaml-language-server: $schema=…` at the top of the file.\n\n\
         | Extension | What it does | Value |\n|---|---|---|\n{rows}"
    );
    assert_golden(&fixtures::folder().join("../../docs/extensions.md"), &page);
}

#[test]
fn the_schema_for_editors_is_up_to_date() {
    let mut schema = serde_json::to_string_pretty(&ctx::ecs::extensions::json_schema()).unwrap();
    schema.push('\n');
    assert_golden(&fixtures::folder().join("../../docs/x-aws.schema.json"), &schema);
}
