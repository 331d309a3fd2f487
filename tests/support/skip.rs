//! Tests that cannot run on this machine say so; where `CI` is set, they fail.

use std::io::Write;

/// Reports the current test as skipped.
pub fn or_fail(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(
        std::env::var_os("CI").is_none(),
        "{test} cannot run, and in CI it must: {reason}"
    );
    // Not `eprintln!`: what a passing test prints by that is hidden.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {reason}");
}
