//! CloudFormation reads YAML 1.1: what such a reader finds in a template is what was meant.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::fixtures;
use crate::support::skip;

/// Reads pairs of a YAML and a JSON text, and tells whose two texts differ.
const COMPARE: &str = "
import json, sys, yaml
for name, text, expected in json.load(sys.stdin):
    if yaml.safe_load(text) != json.loads(expected):
        print(name)
";

#[test]
fn a_yaml_1_1_reader_finds_what_was_meant() {
    let Some(bin) = std::env::var_os("CTX_TEST_PYTHON_BIN") else {
        return skip::or_fail(
            "CTX_TEST_PYTHON_BIN does not name the folder of a Python with PyYAML; `tests/run` sets it up",
        );
    };
    let pairs: Vec<_> = fixtures::names()
        .into_iter()
        .filter(|name| fixtures::file(name, "template.yaml").exists())
        .map(|name| {
            let [yaml, json] = ["yaml", "json"].map(|format| fixtures::convert(&name, &["--format", format]).stdout);
            (name, yaml, json)
        })
        .collect();
    assert!(!pairs.is_empty());
    let mut reader = Command::new(Path::new(&bin).join("python"))
        .args(["-c", COMPARE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    reader
        .stdin
        .take()
        .unwrap()
        .write_all(serde_json::to_string(&pairs).unwrap().as_bytes())
        .unwrap();
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success(), "the reader failed");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "read differently");
}
