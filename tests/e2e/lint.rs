//! The project's own rules for templates: each fixture begins with what they say about it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::lint;

#[test]
fn own_rules_find_what_cfn_lint_misses() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/lint");
    let fixtures: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    let Some(findings) = lint::find(&fixtures) else { return };
    for fixture in &fixtures {
        let text = std::fs::read_to_string(fixture).unwrap();
        let expected: BTreeSet<String> = text
            .lines()
            .map_while(|line| line.strip_prefix("# "))
            .map(str::to_owned)
            .collect();
        let found = findings
            .iter()
            .filter(|finding| &finding.file == fixture && finding.rule.starts_with("E9"));
        let found: BTreeSet<String> = found
            .map(|finding| format!("{}: {}", finding.rule, finding.message))
            .collect();
        assert_eq!(found, expected, "{}", fixture.display());
    }
}

#[test]
fn the_laboratorys_own_template_is_clean() {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/laboratory.template.yaml");
    lint::assert_clean(&[template]);
}
