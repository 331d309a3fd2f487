//! Files that stand for more than they say are refused in bounded time and memory.

use std::path::Path;

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

/// The ways to a file, and how the file is called in a message about it.
const WAYS: [(&str, &str, &str); 6] = [
    ("-f", "", "Compose file"),
    ("include", "include: [odd]", "included file"),
    (
        "extends",
        "services: {a: {extends: {file: odd, service: a}, image: x}}",
        "extended file",
    ),
    ("env_file", "services: {a: {image: x, env_file: odd}}", "env file"),
    ("label_file", "services: {a: {image: x, label_file: odd}}", "label file"),
    ("--env-file", "services: {a: {image: x}}", "env file"),
];

/// Makes an odd file, and expects what every way to it says about it.
#[track_caller]
fn refused_each_way(make: impl Fn(&Path), why: &str) {
    for (way, text, what) in WAYS {
        let sandbox = Sandbox::new();
        make(&sandbox.project().join("odd"));
        sandbox.write("compose.yaml", text);
        let run = match way {
            "-f" => sandbox.fails(&["-f", "odd", "config"]),
            "--env-file" => sandbox.fails(&["--env-file", "odd", "config"]),
            _ => sandbox.fails(&["config"]),
        };
        let first = run.stderr.lines().next().unwrap_or_default();
        assert_eq!(
            first,
            format!("error: cannot read {what} `odd`: {why}"),
            "{way}: {}",
            run.stderr
        );
    }
}

#[test]
fn a_hundred_megabytes() {
    refused_each_way(
        |path| std::fs::File::create(path).unwrap().set_len(100 << 20).unwrap(),
        "it is larger than 8 MiB",
    );
}

#[test]
fn a_hundred_megabytes_in_the_default_env_file() {
    let sandbox = Sandbox::new();
    sandbox.write("compose.yaml", "services: {a: {image: x}}");
    let file = std::fs::File::create(sandbox.project().join(".env")).unwrap();
    file.set_len(100 << 20).unwrap();
    let run = sandbox.fails(&["config"]);
    assert_eq!(
        run.stderr,
        "error: cannot read env file `.env`: it is larger than 8 MiB\n\n"
    );
}

#[test]
fn standard_input_without_end() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["-f", "-", "config"]);
    let zeros = std::fs::File::open("/dev/zero").unwrap();
    let output = command.stdin(zeros).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        said,
        "error: cannot read Compose file `standard input`: it is larger than 8 MiB\n\n"
    );
}

#[test]
fn folders() {
    refused_each_way(|path| std::fs::create_dir(path).unwrap(), "it is a folder");
}

#[test]
fn links_in_a_circle() {
    refused_each_way(
        |path| std::os::unix::fs::symlink("odd", path).unwrap(),
        "it is a link that leads to itself",
    );
}

#[test]
fn devices() {
    refused_each_way(
        |path| std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        "it is no regular file",
    );
}

#[test]
fn a_pipe_that_nobody_writes_to() {
    let make = |path: &Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    };
    refused_each_way(make, "it is no regular file");
}

#[test]
fn bytes_that_are_no_text() {
    refused(b"services: {a: {image: \xff}}", "no UTF-8");
    refused(b"\xff\xfea", "no UTF-16");
}

#[test]
fn a_nul() {
    refused("services: {a: {image: \0}}", "no YAML");
}

#[test]
fn marks_and_line_ends_of_other_systems() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "compose.yaml",
        "\u{feff}services:\r\n  a:\r\n    image: x\r\n    env_file: [e]\r\n",
    );
    sandbox.write("e", "\u{feff}A=1\r\nB=\"2\r\n3\"\r\n");
    let run = sandbox.ok(&["config"]);
    assert!(
        run.stdout
            .contains("      A: \"1\"\n      B: |-\n        2\n        3\n    image: x\n"),
        "{}",
        run.stdout
    );
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
