//! `-f -` reads standard input.

use std::io::Write;
use std::process::Stdio;

use crate::support::sandbox::Sandbox;

#[test]
fn a_project_from_standard_input() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["-f", "-", "config", "--images"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"services: {a: {image: from-a-pipe}}")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "from-a-pipe\n");
}
