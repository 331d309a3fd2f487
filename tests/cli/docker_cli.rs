//! The docker CLI and `ctx` share one store. Where there is no docker CLI these tests say that they were skipped; in CI
//! that is a failure.

use std::process::{Command, Output};

use crate::sandbox_with_profile;
use crate::support::sandbox::Sandbox;
use crate::support::skip;

/// Runs the docker CLI on a sandbox's store; `None` when there is none.
fn docker(sandbox: &Sandbox, arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new("docker");
    command.args(arguments).current_dir(sandbox.project());
    for variable in ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"] {
        command.env_remove(variable);
    }
    let output = command.env("HOME", sandbox.home()).output();
    if let Err(error) = &output {
        skip::or_fail(&format!("there is no docker CLI to share a store with: {error}"));
    }
    output.ok()
}

#[track_caller]
fn stdout(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn it_lists_inspects_and_uses_our_contexts() {
    let sandbox = sandbox_with_profile();
    sandbox.ok(&[
        "create",
        "ecs",
        "shop",
        "--profile",
        "Shop",
        "--region",
        "eu-west-1",
        "--description",
        "a <b>",
    ]);
    sandbox.ok(&["create", "docker", "server", "--docker", "host=tcp://server:2375"]);
    sandbox.ok(&["use", "shop"]);
    let Some(listed) = docker(
        &sandbox,
        &[
            "context",
            "ls",
            "--format",
            "{{.Name}}|{{.Current}}|{{.DockerEndpoint}}|{{.Description}}|{{.Error}}",
        ],
    ) else {
        return;
    };
    let listed = stdout(listed);
    assert!(listed.contains("shop|true||a <b>|\n"), "{listed}");
    assert!(listed.contains("server|false|tcp://server:2375||\n"), "{listed}");

    let theirs = stdout(docker(&sandbox, &["context", "inspect", "shop", "server"]).unwrap());
    let ours = sandbox.ok(&["inspect", "shop", "server"]).stdout;
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parsed(&theirs), parsed(&ours));

    stdout(docker(&sandbox, &["context", "update", "shop", "--description", "theirs"]).unwrap());
    let listed = sandbox.ok(&["ls"]).stdout;
    assert!(
        listed.contains("theirs") && listed.contains("profile Shop, eu-west-1"),
        "{listed}"
    );

    stdout(docker(&sandbox, &["context", "use", "default"]).unwrap());
    assert_eq!(sandbox.ok(&["show"]).stdout, "default\n");
    stdout(docker(&sandbox, &["context", "rm", "shop"]).unwrap());
    assert_eq!(sandbox.ok(&["ls", "-q"]).stdout, "default\nserver\n");
}

#[test]
fn we_list_inspect_and_use_its_contexts() {
    let sandbox = sandbox_with_profile();
    let create = [
        "context",
        "create",
        "theirs",
        "--docker",
        "host=tcp://server:2375",
        "--description",
        "d",
    ];
    let Some(created) = docker(&sandbox, &create) else {
        return;
    };
    stdout(created);
    let written = std::fs::read(metadata_of_only_context(&sandbox)).unwrap();
    let listed = sandbox.ok(&["ls"]).stdout;
    assert!(
        listed.contains("theirs      moby   d             tcp://server:2375"),
        "{listed}"
    );
    sandbox.ok(&["use", "theirs"]);
    assert_eq!(stdout(docker(&sandbox, &["context", "show"]).unwrap()), "theirs\n");
    sandbox.ok(&["rm", "-f", "theirs"]);

    // The same context from us has the same bytes.
    sandbox.ok(&[
        "create",
        "docker",
        "theirs",
        "--docker",
        "host=tcp://server:2375",
        "--description",
        "d",
    ]);
    assert_eq!(std::fs::read(metadata_of_only_context(&sandbox)).unwrap(), written);
}

#[test]
fn it_agrees_on_what_is_current() {
    let sandbox = sandbox_with_profile();
    for name in ["shop", "other"] {
        sandbox.ok(&["create", "ecs", name, "--from-env"]);
    }
    sandbox.ok(&["use", "shop"]);
    for options in [&[][..], &["-c", "other"], &["-H", "tcp://server:1"]] {
        let arguments = [options, &["context", "show"]].concat();
        let Some(theirs) = docker(&sandbox, &arguments) else {
            return;
        };
        assert_eq!(
            sandbox.ok(&[options, &["show"]].concat()).stdout,
            stdout(theirs),
            "{options:?}"
        );
    }
}

fn metadata_of_only_context(sandbox: &Sandbox) -> std::path::PathBuf {
    let folder = sandbox.home().join(".docker/contexts/meta");
    let mut folders = std::fs::read_dir(folder).unwrap();
    let path = folders.next().unwrap().unwrap().path().join("meta.json");
    assert!(folders.next().is_none());
    path
}
