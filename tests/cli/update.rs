//! `ctx update`

use crate::{sandbox, sandbox_with_profile};

#[test]
fn only_what_is_said_changes() {
    let sandbox = sandbox_with_profile();
    sandbox.ok(&[
        "create",
        "ecs",
        "shop",
        "--from-env",
        "--region",
        "eu-west-1",
        "--description",
        "old",
    ]);
    sandbox.ok(&["update", "shop", "--profile", "Shop"]);
    let inspected = sandbox.ok(&["inspect", "shop"]).stdout;
    let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    let endpoint = serde_json::json!({"Region": "eu-west-1", "Profile": "Shop"});
    assert_eq!(inspected[0]["Endpoints"]["ecs"], endpoint);
    assert_eq!(inspected[0]["Metadata"]["Description"], "old");
    let run = sandbox.ok(&["update", "shop", "--description", ""]);
    assert_eq!(run.stderr, "Successfully updated context \"shop\"\n");
    assert!(!sandbox.ok(&["inspect", "shop"]).stdout.contains("Description"));
}

#[test]
fn what_does_not_fit_the_type_is_refused() {
    let sandbox = sandbox();
    sandbox.ok(&["create", "ecs", "shop", "--from-env"]);
    sandbox.ok(&["create", "docker", "server", "--docker", "host=tcp://server:1"]);
    let run = sandbox.fails(&["update", "shop", "--docker", "host=tcp://server:1"]);
    assert!(
        run.stderr.contains("`--docker` is for contexts of the type moby"),
        "{}",
        run.stderr
    );
    let run = sandbox.fails(&["update", "server", "--region", "eu-west-1"]);
    assert!(
        run.stderr.contains("`--account` are for contexts of the type ecs"),
        "{}",
        run.stderr
    );
    let run = sandbox.fails(&["update", "default", "--description", "x"]);
    assert!(
        run.stderr.contains("context \"default\" cannot be changed"),
        "{}",
        run.stderr
    );
    assert_eq!(sandbox.fails(&["update", "shop"]).code, 2);
}
