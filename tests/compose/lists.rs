//! The lists that `config` prints instead of the project.

use crate::support::sandbox::Sandbox;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "compose.yaml",
        "services:\n  web: {image: \"nginx:${TAG:-1}\", volumes: [\"data:/data\"]}\n  api: {build: ., environment: {KEY: \"${KEY:?}\"}}\n  \
         old: {image: x, profiles: [legacy]}\nvolumes: {data: , unused: }\n",
    );
    sandbox
}

#[test]
fn each_list_is_a_line_an_entry() {
    let mut sandbox = sandbox();
    sandbox.set("KEY", "k");
    for (flag, expected) in [
        ("--services", "api\nweb\n"),
        ("--volumes", "data\n"),
        ("--networks", "default\n"),
        ("--images", "nginx:1\nproject-api\n"),
        ("--profiles", "legacy\n"),
        ("--quiet", ""),
    ] {
        assert_eq!(sandbox.ok(&["config", flag]).stdout, expected, "{flag}");
    }
}

#[test]
fn a_hash_changes_with_what_a_container_is_and_not_with_how_many_there_are() {
    let mut sandbox = sandbox();
    let hash = |sandbox: &Sandbox| sandbox.ok(&["config", "--hash=web"]).stdout;
    sandbox.set("KEY", "k");
    let first = hash(&sandbox);
    let (name, digest) = first.trim_end().split_once(' ').unwrap();
    assert_eq!((name, digest.len()), ("web", 64));
    let text = std::fs::read_to_string(sandbox.project().join("compose.yaml")).unwrap();
    sandbox.write("compose.yaml", text.replace("web: {", "web: {scale: 3, "));
    assert_eq!(hash(&sandbox), first);
    sandbox.set("TAG", "2");
    assert_ne!(hash(&sandbox), first);
}

#[test]
fn variables_are_listed_even_when_they_are_missing() {
    let sandbox = sandbox();
    let run = sandbox.ok(&["config", "--variables"]);
    let rows: Vec<Vec<&str>> = run
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[1], ["KEY", "true"]);
    assert_eq!(rows[2], ["TAG", "false", "1"]);
}

#[test]
fn a_file_is_written_instead_of_standard_output() {
    let sandbox = sandbox();
    let run = sandbox.ok(&["config", "--no-interpolate", "-o", "out.yaml"]);
    assert_eq!(run.stdout, "");
    let written = std::fs::read_to_string(sandbox.project().join("out.yaml")).unwrap();
    assert!(written.contains("nginx:${TAG:-1}"), "{written}");
}
