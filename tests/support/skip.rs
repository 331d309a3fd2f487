//! Tests that cannot run on this machine say so; where `CI` is set, most of them fail instead.

use std::io::Write;

/// Reports the current test as skipped, for want of something that `tests/run` sets up or asks for.
pub fn or_fail(reason: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "this test cannot run, and in CI it must: {reason}"
    );
    always(reason);
}

/// Reports the current test as skipped, for want of something that few machines have.
pub fn always(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    // Not `eprintln!`: what a passing test prints by that is hidden.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {reason}");
}
