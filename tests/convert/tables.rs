//! The verdict table covers the specification, its page is up to date, and what it translates has a fixture.

use std::collections::BTreeSet;

use ctx::ecs::support;

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
    assert_golden(&fixtures::folder().join("../../docs/support.md"), &support::document());
}
