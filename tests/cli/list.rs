//! `ctx ls`

use serde_json::{Value, json};

use crate::sandbox;

#[test]
fn pretty_marks_the_current_context() {
    let sandbox = sandbox();
    sandbox.ok(&[
        "create",
        "ecs",
        "shop",
        "--from-env",
        "--region",
        "eu-west-1",
        "--description",
        "the shop",
    ]);
    sandbox.ok(&["create", "docker", "server", "--docker", "host=tcp://server:2376"]);
    sandbox.ok(&["use", "shop"]);
    let expected = "\
NAME      TYPE   DESCRIPTION   DOCKER ENDPOINT               AWS
default   moby                 unix:///var/run/docker.sock
server    moby                 tcp://server:2376
shop *    ecs    the shop                                    environment, eu-west-1
";
    assert_eq!(sandbox.ok(&["ls"]).stdout, expected);
    assert_eq!(sandbox.ok(&["ls", "--quiet"]).stdout, "default\nserver\nshop\n");
}

#[test]
fn json_is_an_object_a_line_with_the_docker_clis_keys() {
    let sandbox = sandbox();
    sandbox.ok(&["create", "ecs", "shop", "--from-env"]);
    let listed = sandbox.ok(&["ls", "--format", "json"]).stdout;
    let objects: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        objects[0],
        json!({
            "Current": true, "Description": "", "DockerEndpoint": "unix:///var/run/docker.sock", "Error": "",
            "Name": "default", "ContextType": "moby"
        })
    );
    assert_eq!(objects[1]["Name"], "shop");
    assert_eq!(objects[1]["CredentialsFromEnv"], true);
    assert_eq!(objects.len(), 2);
}

#[test]
fn neither_a_store_nor_aws_files_are_needed() {
    let mut sandbox = sandbox();
    sandbox
        .set("AWS_CONFIG_FILE", "/nonexistent/config")
        .set("AWS_PROFILE", "nobody");
    assert_eq!(sandbox.ok(&["ls", "-q"]).stdout, "default\n");
    assert!(!sandbox.home().join(".docker").exists());
}
