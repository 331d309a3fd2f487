//! What comes is what is expected.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::fixtures;
use crate::support::{golden::assert_golden, lint};

#[test]
fn fixtures_become_their_templates() {
    let failed: Vec<_> = fixtures::names()
        .into_iter()
        .filter(|name| catch_unwind(AssertUnwindSafe(|| check(name))).is_err())
        .collect();
    assert!(failed.is_empty(), "these differ, see above: {}", failed.join(", "));
}

fn check(name: &str) {
    let run = fixtures::convert(name, &[]);
    assert!(!run.stderr.contains("panicked at"), "{name} crashed\n{}", run.stderr);
    for secret in ["the value of a variable", "the content of a file"] {
        assert!(!run.stdout.contains(secret), "{name}: the template tells a secret");
    }
    // A template exactly when nothing is refused, and words only where there are some.
    let there = [
        ("template.yaml", run.code == 0, &run.stdout),
        ("stderr", !run.stderr.is_empty(), &run.stderr),
    ];
    for (extension, expected, text) in there {
        let file = fixtures::file(name, extension);
        if expected {
            assert_golden(&file, text);
        } else if std::env::var_os("UPDATE_GOLDENS").is_some() {
            let _ = std::fs::remove_file(file);
        } else {
            assert!(
                !file.exists(),
                "{} is expected, but did not come\n{}",
                file.display(),
                run.stderr
            );
        }
    }
}

#[test]
fn two_runs_print_the_same_bytes() {
    let [first, second] = [(); 2].map(|()| fixtures::convert("depends_on", &[]).stdout);
    assert!(!first.is_empty());
    assert_eq!(first, second);
}

#[test]
fn goldens_and_templates_are_clean() {
    let mut files = fixtures::templates();
    let templates = fixtures::folder().join("../../templates");
    files.extend(templates.read_dir().unwrap().map(|entry| entry.unwrap().path()));
    // A template of `templates/` may declare what only its filler uses (W2001).
    let findings = lint::find(&files).unwrap_or_default();
    let findings: Vec<_> = findings.iter().filter(|finding| finding.rule != "W2001").collect();
    assert!(findings.is_empty(), "cfn-lint has findings: {findings:#?}");
}
