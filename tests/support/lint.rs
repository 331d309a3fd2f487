//! cfn-lint, with the project's own rules (`tests/lab/rules`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{deadline, skip};

/// Something that a rule says about a template. A rule's first letter tells errors from warnings.
#[derive(Debug)]
pub struct Finding {
    pub file: PathBuf,
    pub line: u32,
    pub rule: String,
    pub message: String,
}

/// Wants templates without errors and warnings. Does nothing where there is no cfn-lint; that was reported then.
///
/// One call for many templates is much quicker than many calls.
#[track_caller]
pub fn assert_clean(templates: &[PathBuf]) {
    let findings = find(templates).unwrap_or_default();
    let told: Vec<String> = findings
        .iter()
        .map(|found| {
            format!(
                "{}:{}: {} {}",
                found.file.display(),
                found.line,
                found.rule,
                found.message
            )
        })
        .collect();
    assert!(findings.is_empty(), "cfn-lint has findings:\n{}", told.join("\n"));
}

/// What cfn-lint finds in templates; `None` where there is none, and the test was reported as skipped.
pub fn find(templates: &[PathBuf]) -> Option<Vec<Finding>> {
    let Some(bin) = std::env::var_os("CTX_TEST_PYTHON_BIN") else {
        skip::or_fail("CTX_TEST_PYTHON_BIN does not name the folder of cfn-lint; `tests/run` sets it up");
        return None;
    };
    assert!(!templates.is_empty(), "no templates to check");
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/rules");
    let mut command = Command::new(Path::new(&bin).join("cfn-lint"));
    command
        .arg("-a")
        .arg(rules)
        .args(["--format", "json", "--regions", "eu-central-1", "--"])
        .args(templates);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let output = deadline::output_within(Duration::from_mins(5), &mut command).expect("cfn-lint starts and ends");
    let text = String::from_utf8_lossy(&output.stdout);
    let findings: serde_json::Value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("cfn-lint failed:\n{text}\n{}", String::from_utf8_lossy(&output.stderr)));
    let finding = |found: &serde_json::Value| Finding {
        file: found["Filename"].as_str().unwrap_or_default().into(),
        line: u32::try_from(found["Location"]["Start"]["LineNumber"].as_u64().unwrap_or(0)).unwrap_or(0),
        rule: found["Rule"]["Id"].as_str().unwrap_or_default().to_owned(),
        message: found["Message"].as_str().unwrap_or_default().to_owned(),
    };
    Some(findings.as_array().into_iter().flatten().map(finding).collect())
}
