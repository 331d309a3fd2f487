//! Several runs at once: each file has all of one run's words or all of another's.

use std::process::{Child, Stdio};

use crate::{sandbox, support::sandbox::Sandbox};

fn start(sandbox: &Sandbox, arguments: &[&str]) -> Child {
    let mut command = sandbox.command(arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn succeeded(children: Vec<Child>) -> usize {
    children
        .into_iter()
        .map(|mut child| child.wait().unwrap())
        .filter(std::process::ExitStatus::success)
        .count()
}

#[test]
fn one_of_many_creates_a_context() {
    let sandbox = sandbox();
    let children = (0..8)
        .map(|_| start(&sandbox, &["create", "ecs", "shop", "--from-env"]))
        .collect();
    assert_eq!(succeeded(children), 1);
    assert_eq!(sandbox.ok(&["ls", "-q"]).stdout, "default\nshop\n");
}

#[test]
fn the_keys_of_many_are_all_kept() {
    let sandbox = sandbox();
    sandbox.write("keys", "AWSAccessKeyId=A\nAWSSecretKey=S\n");
    let names: Vec<_> = (0..8).map(|number| format!("shop{number}")).collect();
    let create = |name: &String| {
        start(
            &sandbox,
            &["create", "ecs", name, "--access-keys", "keys", "--region", "eu-west-1"],
        )
    };
    assert_eq!(succeeded(names.iter().map(create).collect()), 8);
    for (file, section) in [("credentials", "["), ("config", "[profile ")] {
        let text = std::fs::read_to_string(sandbox.home().join(".aws").join(file)).unwrap();
        assert_eq!(text.matches(section).count(), 8, "{text}");
    }
    let files = std::fs::read_dir(sandbox.home().join(".aws")).unwrap().count();
    assert_eq!(files, 2, "nothing is left behind");
}

#[test]
fn settings_survive_many_choices() {
    let sandbox = sandbox();
    let names: Vec<_> = (0..8).map(|number| format!("shop{number}")).collect();
    for name in &names {
        sandbox.ok(&["create", "ecs", name, "--from-env"]);
    }
    let config = sandbox.home().join(".docker/config.json");
    std::fs::write(&config, r#"{"auths": {"registry": {}}}"#).unwrap();
    assert_eq!(
        succeeded(names.iter().map(|name| start(&sandbox, &["use", name])).collect()),
        8
    );
    let settings: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(config).unwrap()).unwrap();
    assert_eq!(settings["auths"], serde_json::json!({"registry": {}}));
    assert!(
        names.iter().any(|name| settings["currentContext"] == **name),
        "{settings}"
    );
}
