//! The verdicts on an engine.

use std::collections::BTreeSet;

use ctx::compose::{LoadOptions, load, schema};
use ctx::diagnostic::Severity;
use ctx::local::support::TABLE;

#[test]
fn every_attribute_has_one_verdict() {
    let rows: Vec<_> = TABLE.rows.iter().map(|(path, _)| *path).collect();
    let known: BTreeSet<_> = rows.iter().copied().collect();
    assert_eq!(known.len(), rows.len(), "a row stands twice");
    let specified: BTreeSet<_> = schema::attributes().collect();
    let missing: Vec<_> = specified.difference(&known).collect();
    let unknown: Vec<_> = known.difference(&specified).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "without a row: {missing:?}\nno attribute: {unknown:?}"
    );
}

#[test]
fn what_cannot_be_had_is_said_at_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = "services:\n  a:\n    image: a\n    secrets: [s]\n    deploy:\n      labels: {x: y}\n  off:\n    image: a\n    profiles: [off]\n    use_api_socket: true\nsecrets:\n  s: {driver: d}\n";
    std::fs::write(directory.path().join("compose.yaml"), file).unwrap();
    let options = LoadOptions {
        current_dir: directory.path().to_owned(),
        ..LoadOptions::default()
    };
    let loaded = load(&options).expect("a good file");
    let said: Vec<_> = TABLE
        .judge(&loaded.project)
        .said
        .iter()
        .map(|diagnostic| {
            let (_, line, column) = loaded.report.sources.place(diagnostic.span).expect("a place");
            (diagnostic.severity, line, column)
        })
        .collect();
    assert_eq!(said, [(Severity::Error, 12, 7), (Severity::Warning, 6, 7)]);
}
