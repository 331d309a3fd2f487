//! Files that stand for more than they say are refused in bounded time and memory.

use crate::support::sandbox::Sandbox;

#[track_caller]
fn refused(text: impl AsRef<[u8]>, wanted: &str) {
    let sandbox = Sandbox::new();
    sandbox.write("compose.yaml", text);
    let run = sandbox.fails(&["config"]);
    assert!(run.stderr.contains(wanted), "{}", run.stderr);
}

#[test]
fn aliases_of_aliases() {
    let mut text = "x-0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text += &format!("x-{level}: &a{level} [{below}]\n");
    }
    refused(text, "stand for too much");
}

#[test]
fn aliases_that_nest() {
    let mut text = "x-0: &a0 [1]\n".to_owned();
    for level in 1..1000 {
        text += &format!("x-{level}: &a{level} [[[[[[[[*a{}]]]]]]]]\n", level - 1);
    }
    refused(text, "stand for too much");
}

#[test]
fn an_alias_inside_of_itself() {
    refused("x-a: &a [*a]\n", "inside of what it names");
}

#[test]
fn nesting() {
    refused(format!("x-a: {}", "[".repeat(100_000)), "no YAML");
}

#[test]
fn defaults_of_defaults() {
    let text = format!(
        "services: {{a: {{image: '{}{}'}}}}",
        "${A:-".repeat(5000),
        "}".repeat(5000)
    );
    refused(text, "stand for too much");
}

#[test]
fn ranges_of_ports() {
    let ports: String = (1..50).map(|n| format!("'{n}.0.0.1:1-65535:1-65535', ")).collect();
    refused(
        format!("services: {{a: {{image: x, ports: [{ports}]}}}}"),
        "more than 65536 ports",
    );
}

#[test]
fn size() {
    refused("# remark\n".repeat(1 << 20), "larger than 8 MiB");
}

#[test]
fn bytes_that_are_no_text() {
    refused(b"services: {a: {image: \xff}}", "no UTF-8");
}

#[test]
fn files_that_include_each_other_twice() {
    let sandbox = Sandbox::new();
    for n in 0..40 {
        let next = n + 1;
        sandbox.write(format!("{n}.yaml"), format!("include: [{next}.yaml, ./{next}.yaml]"));
    }
    sandbox.write("40.yaml", "services: {a: {image: x}}");
    let run = sandbox.fails(&["-f", "0.yaml", "config"]);
    assert!(run.stderr.contains("more than 1000 includes"), "{}", run.stderr);
}

#[test]
fn variables_of_variables() {
    let sandbox = Sandbox::new();
    sandbox.write("compose.yaml", "services: {a: {image: x}}");
    let doubled: String = (1..40).map(|n| format!("A{n}=$A{m}$A{m}\n", m = n - 1)).collect();
    sandbox.write(".env", format!("A0=aaaaaaaaaa\n{doubled}"));
    let run = sandbox.fails(&["config"]);
    assert!(run.stderr.contains("stand for too much"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_pipe_that_nobody_writes_to() {
    let sandbox = Sandbox::new();
    let made = std::process::Command::new("mkfifo")
        .arg(sandbox.project().join("pipe"))
        .status();
    assert!(made.unwrap().success());
    let run = sandbox.fails(&["-f", "pipe", "config"]);
    assert!(run.stderr.contains("no regular file"), "{}", run.stderr);
}
