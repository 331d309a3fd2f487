//! Which context is current: the docker CLI's own order.

use crate::{sandbox, support::sandbox::Sandbox};

fn with_contexts() -> Sandbox {
    let sandbox = sandbox();
    for name in ["stored", "variable", "option"] {
        sandbox.ok(&["create", "ecs", name, "--from-env"]);
    }
    sandbox
}

#[test]
fn options_come_before_variables_and_these_before_the_store() {
    let mut sandbox = with_contexts();
    let shown = |sandbox: &Sandbox, options: &[&str]| sandbox.ok(&[options, &["show"]].concat()).stdout;
    assert_eq!(shown(&sandbox, &[]), "default\n");
    sandbox.ok(&["use", "stored"]);
    assert_eq!(shown(&sandbox, &[]), "stored\n");
    sandbox.set("DOCKER_CONTEXT", "variable");
    assert_eq!(shown(&sandbox, &[]), "variable\n");
    sandbox.set("DOCKER_HOST", "tcp://server:1");
    assert_eq!(shown(&sandbox, &[]), "default\n");
    assert_eq!(shown(&sandbox, &["--context", "option"]), "option\n");
    sandbox.unset("DOCKER_HOST");
    assert_eq!(shown(&sandbox, &["--host", "tcp://server:1"]), "default\n");
    assert_eq!(shown(&sandbox, &["-c", "option"]), "option\n");
}

#[test]
fn a_host_and_a_context_exclude_each_other() {
    let run = sandbox().fails(&["-H", "tcp://server:1", "-c", "option", "show"]);
    assert!(run.stderr.contains("cannot be used with"), "{}", run.stderr);
}

#[test]
fn choosing_default_forgets_the_choice() {
    let sandbox = with_contexts();
    sandbox.ok(&["use", "stored"]);
    let run = sandbox.ok(&["use", "default"]);
    assert_eq!(run.stderr, "Current context is now \"default\"\n");
    assert_eq!(
        std::fs::read_to_string(sandbox.home().join(".docker/config.json")).unwrap(),
        "{}"
    );
}

#[test]
fn a_variable_in_the_way_is_named() {
    let mut sandbox = with_contexts();
    sandbox.set("DOCKER_HOST", "tcp://server:1");
    let run = sandbox.ok(&["use", "stored"]);
    assert!(
        run.stderr
            .contains("warning: the variable DOCKER_HOST overrides the context"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("unset DOCKER_HOST, or pass `--context stored`"),
        "{}",
        run.stderr
    );
    let run = sandbox.ok(&["ls"]);
    assert!(run.stderr.contains("DOCKER_HOST"), "{}", run.stderr);
    assert!(
        run.stdout.contains("default *") && run.stdout.contains("tcp://server:1"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_current_context_that_does_not_exist_is_an_error_with_its_source() {
    let mut sandbox = sandbox();
    std::fs::create_dir(sandbox.home().join(".docker")).unwrap();
    let config = sandbox.home().join(".docker/config.json");
    std::fs::write(&config, r#"{"currentContext": "gone"}"#).unwrap();
    let run = sandbox.fails(&["show"]);
    let expected = format!(
        "error: the current context \"gone\", chosen by {}, does not exist\n",
        config.display()
    );
    assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
    assert!(
        run.stderr.contains("hint: `ctx use default` goes back"),
        "{}",
        run.stderr
    );

    sandbox.set("DOCKER_CONTEXT", "nowhere");
    let run = sandbox.fails(&["show"]);
    assert!(
        run.stderr
            .contains("\"nowhere\", chosen by the variable DOCKER_CONTEXT"),
        "{}",
        run.stderr
    );
    let run = sandbox.fails(&["-c", "defualt", "show"]);
    assert_eq!(
        run.stderr,
        "error: context \"defualt\" does not exist\nhint: did you mean \"default\"?\n"
    );
    let run = sandbox.ok(&["-c", "default", "use", "default"]);
    assert!(
        !std::fs::read_to_string(config).unwrap().contains("gone"),
        "{}",
        run.stderr
    );
}
