//! What other tools wrote into the store survives, and what nobody can read is named.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{sandbox, support::sandbox::Sandbox};

/// Where the docker CLI keeps a context: the folder's name is the SHA-256 of the context's.
fn metadata_file(sandbox: &Sandbox, folder: &str) -> PathBuf {
    sandbox
        .home()
        .join(".docker/contexts/meta")
        .join(folder)
        .join("meta.json")
}

const SHOP: &str = "8d9001d32c6a703d95921a77115050f33dd823d3f1730bd35215dcbecad6dc20";

fn with_shop(metadata: &str) -> Sandbox {
    let sandbox = sandbox();
    let path = metadata_file(&sandbox, SHOP);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, metadata).unwrap();
    sandbox
}

#[test]
fn a_context_is_written_byte_for_byte_as_the_docker_cli_does() {
    let sandbox = sandbox();
    sandbox.ok(&[
        "create",
        "docker",
        "shop",
        "--docker",
        "host=ssh://u@h",
        "--description",
        "a <b> & \"é\"",
    ]);
    let expected = r#"{"Name":"shop","Metadata":{"Description":"a \u003cb\u003e \u0026 \"é\""},"Endpoints":{"docker":{"Host":"ssh://u@h","SkipTLSVerify":false}}}"#;
    assert_eq!(fs::read_to_string(metadata_file(&sandbox, SHOP)).unwrap(), expected);
}

#[test]
fn contexts_of_the_retired_integration_are_understood() {
    let sandbox = with_shop(
        r#"{"Name":"shop","Metadata":{"Description":"d","Type":"ecs"},"Endpoints":{"docker":{"SkipTLSVerify":false},"ecs":{"Profile":"Old"}}}"#,
    );
    let listed = sandbox.ok(&["ls"]).stdout;
    assert!(
        listed.contains("shop        ecs    d                                           profile Old"),
        "{listed}"
    );
}

#[test]
fn unknown_keys_survive_an_update() {
    let before = json!({
        "Name": "shop",
        "Metadata": {"Type": "ecs", "Theirs": {"a": [1, 2.5]}},
        "Endpoints": {"kubernetes": {"Host": "x"}, "ecs": {"Profile": "Old", "Also": true}},
        "More": null,
    });
    let sandbox = with_shop(&before.to_string());
    sandbox.ok(&["update", "shop", "--description", "new", "--region", "eu-west-1"]);
    let after = fs::read_to_string(metadata_file(&sandbox, SHOP)).unwrap();
    let mut expected = before;
    expected["Metadata"]["Description"] = json!("new");
    expected["Endpoints"]["ecs"]["Region"] = json!("eu-west-1");
    expected["Endpoints"]["docker"] = json!({"SkipTLSVerify": false});
    assert_eq!(serde_json::from_str::<Value>(&after).unwrap(), expected);
}

#[test]
fn other_settings_of_the_docker_cli_survive_use() {
    let sandbox = with_shop(r#"{"Name":"shop","Metadata":{},"Endpoints":{}}"#);
    let config = sandbox.home().join(".docker/config.json");
    let before = "{\n\t\"zebra\": 1,\n\t\"auths\": {\n\t\t\"https://index.docker.io/v1/\": {}\n\t},\n\t\"detachKeys\": \"ctrl-e\"\n}";
    fs::write(&config, before).unwrap();
    sandbox.ok(&["use", "shop"]);
    let chosen = before.replace("\"ctrl-e\"\n", "\"ctrl-e\",\n\t\"currentContext\": \"shop\"\n");
    assert_eq!(fs::read_to_string(&config).unwrap(), chosen);
    sandbox.ok(&["use", "default"]);
    assert_eq!(fs::read_to_string(&config).unwrap(), before);
}

#[test]
fn a_context_of_another_tool_is_listed_but_not_used() {
    let sandbox = with_shop(r#"{"Name":"shop","Metadata":{"Type":"aci"},"Endpoints":{"aci":{}}}"#);
    assert!(sandbox.ok(&["ls"]).stdout.contains("shop        aci"));
    let run = sandbox.fails(&["-c", "shop", "-p", "x", "ps"]);
    assert!(
        run.stderr.contains("is of the type \"aci\", which `ctx` does not know"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_damaged_context_is_named_and_the_others_are_listed() {
    for damaged in ["{\"Name\":", "[]", "{}", ""] {
        let sandbox = with_shop(damaged);
        sandbox.ok(&["create", "ecs", "sound", "--from-env"]);
        let run = sandbox.fails(&["ls", "-q"]);
        assert_eq!(run.stdout, "default\nsound\n");
        let expected = format!(
            "error: {} does not describe a context\n",
            metadata_file(&sandbox, SHOP).display()
        );
        assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
        assert!(sandbox.fails(&["use", "shop"]).stderr.starts_with(&expected));
        sandbox.ok(&["rm", "shop"]);
        sandbox.ok(&["ls"]);
    }
}

#[test]
fn damaged_settings_are_named_and_not_overwritten() {
    let sandbox = with_shop(r#"{"Name":"shop","Metadata":{},"Endpoints":{}}"#);
    let config = sandbox.home().join(".docker/config.json");
    fs::write(&config, "{\"auths\":").unwrap();
    for arguments in [&["use", "shop"][..], &["show"]] {
        let run = sandbox.fails(arguments);
        assert!(
            run.stderr
                .contains(&format!("{} is not what the docker CLI writes", config.display())),
            "{}",
            run.stderr
        );
    }
    assert_eq!(fs::read_to_string(&config).unwrap(), "{\"auths\":");
}
