//! Where a project is looked for.

use crate::support::sandbox::Sandbox;

#[track_caller]
fn images(sandbox: &Sandbox, below: &str, arguments: &[&str]) -> String {
    let mut command = sandbox.command(&[arguments, &["config", "--images"]].concat());
    let output = command.current_dir(sandbox.project().join(below)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_file_of_a_folder_above_is_found() {
    let sandbox = Sandbox::new();
    sandbox.write("compose.yaml", "services: {a: {image: above}}");
    sandbox.write("deep/er/file", "");
    assert_eq!(images(&sandbox, "deep/er", &[]), "above\n");
}

#[test]
fn an_override_is_found_beside_it_unless_files_are_named() {
    let sandbox = Sandbox::new();
    sandbox.write("compose.yaml", "services: {a: {image: base}}");
    sandbox.write("compose.override.yml", "services: {a: {image: over}}");
    assert_eq!(images(&sandbox, "", &[]), "over\n");
    assert_eq!(images(&sandbox, "", &["-f", "compose.yaml"]), "base\n");
}

#[test]
fn files_may_be_named_by_a_variable_also_in_the_env_file() {
    let sandbox = Sandbox::new();
    sandbox.write("one.yaml", "services: {a: {image: one}}");
    sandbox.write("two.yaml", "services: {a: {image: two}}");
    sandbox.write(".env", "COMPOSE_FILE=one.yaml:two.yaml\n");
    assert_eq!(images(&sandbox, "", &[]), "two\n");
}

#[test]
fn the_project_folder_has_the_env_file() {
    let sandbox = Sandbox::new();
    sandbox.write("sub/compose.yaml", "services: {a: {image: \"${TAG}\"}}");
    sandbox.write("sub/.env", "TAG=sub\n");
    sandbox.write(".env", "TAG=top\n");
    assert_eq!(images(&sandbox, "", &["-f", "sub/compose.yaml"]), "sub\n");
    let arguments = ["--project-directory", ".", "-f", "sub/compose.yaml"];
    assert_eq!(images(&sandbox, "", &arguments), "top\n");
}

#[test]
fn the_name_comes_from_the_nearest_of_four_places() {
    let mut sandbox = Sandbox::new();
    let name = |sandbox: &Sandbox, arguments: &[&str]| {
        let run = sandbox.ok(&[arguments, &["config"]].concat());
        run.stdout.lines().next().unwrap_or_default().to_owned()
    };
    sandbox.write("compose.yaml", "services: {a: {image: x}}");
    assert_eq!(name(&sandbox, &[]), "name: project");
    sandbox.write("compose.yaml", "name: In The File\nservices: {a: {image: x}}");
    assert_eq!(name(&sandbox, &[]), "name: inthefile");
    sandbox.set("COMPOSE_PROJECT_NAME", "variable");
    assert_eq!(name(&sandbox, &[]), "name: variable");
    assert_eq!(name(&sandbox, &["-p", "flag"]), "name: flag");
    let run = sandbox.fails(&["-p", "Bad Name", "config"]);
    assert!(run.stderr.contains("invalid project name"), "{}", run.stderr);
}

#[test]
fn no_file_at_all_says_what_to_do() {
    let sandbox = Sandbox::new();
    let run = sandbox.fails(&["config"]);
    assert!(
        run.stderr.contains("no configuration file provided: not found"),
        "{}",
        run.stderr
    );
}
