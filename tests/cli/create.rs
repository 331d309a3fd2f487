//! `ctx create`: what it makes, and what it refuses.

use crate::{sandbox, sandbox_with_profile};

#[test]
fn a_profile_is_remembered_in_its_own_case() {
    let sandbox = sandbox_with_profile();
    let run = sandbox.ok(&[
        "create",
        "ecs",
        "shop",
        "--profile",
        "Shop",
        "--description",
        "the shop",
    ]);
    assert_eq!(run.stderr, "Successfully created ecs context \"shop\"\n");
    let inspected = sandbox.ok(&["inspect", "shop"]).stdout;
    let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(inspected[0]["Metadata"]["Description"], "the shop");
    assert_eq!(inspected[0]["Metadata"]["Type"], "ecs");
    assert_eq!(inspected[0]["Endpoints"]["ecs"], serde_json::json!({"Profile": "Shop"}));
}

#[test]
fn the_environment_is_remembered_and_every_other_option_with_it() {
    let sandbox = sandbox();
    sandbox.ok(&[
        "create",
        "ecs",
        "ci",
        "--from-env",
        "--region",
        "eu-north-1",
        "--description",
        "CI",
    ]);
    let inspected = sandbox.ok(&["inspect", "ci"]).stdout;
    let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(inspected[0]["Metadata"]["Description"], "CI");
    let endpoint = serde_json::json!({"CredentialsFromEnv": true, "Region": "eu-north-1"});
    assert_eq!(inspected[0]["Endpoints"]["ecs"], endpoint);
}

#[test]
fn a_local_simulation_has_a_type_of_its_own() {
    let sandbox = sandbox();
    let run = sandbox.ok(&["create", "ecs", "local", "--local-simulation"]);
    assert_eq!(run.stderr, "Successfully created ecs-local context \"local\"\n");
    assert!(sandbox.ok(&["ls"]).stdout.contains("local       ecs-local"));
}

#[test]
fn an_unknown_profile_is_refused_with_the_one_that_was_meant() {
    let sandbox = sandbox_with_profile();
    let run = sandbox.fails(&["create", "ecs", "shop", "--profile", "shop"]);
    assert_eq!(
        run.stderr,
        "error: profile \"shop\" not found\nhint: did you mean \"Shop\"?\n"
    );
    let run = sandbox.fails(&["create", "ecs", "shop", "--profile", "other"]);
    assert!(
        run.stderr.contains("hint: the known profiles are Shop\n"),
        "{}",
        run.stderr
    );
    assert_eq!(sandbox.ok(&["ls", "-q"]).stdout, "default\n");
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let run = sandbox_with_profile().fails(&["create", "ecs", "shop"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("there is no terminal"), "{}", run.stderr);
    assert!(
        run.stderr
            .contains("`--profile NAME`, `--access-keys FILE` or `--from-env`"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_ways_to_credentials_exclude_each_other() {
    let sandbox = sandbox_with_profile();
    let ways: [&[&str]; 3] = [&["--profile", "Shop"], &["--access-keys", "keys"], &["--from-env"]];
    for (first, second) in [(0, 1), (0, 2), (1, 2)] {
        let arguments = [&["create", "ecs", "shop"], ways[first], ways[second]].concat();
        let run = sandbox.fails(&arguments);
        assert!(run.stderr.contains("cannot be used with"), "{}", run.stderr);
    }
}

#[test]
fn a_context_is_never_created_twice() {
    let sandbox = sandbox();
    sandbox.ok(&["create", "ecs", "shop", "--from-env"]);
    for arguments in [
        &["create", "ecs", "shop", "--from-env"][..],
        &["create", "docker", "shop", "--docker", "host=tcp://server:1"],
    ] {
        let run = sandbox.fails(arguments);
        assert!(
            run.stderr.starts_with("error: context \"shop\": already exists\n"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn names_follow_the_docker_clis_rule() {
    let sandbox = sandbox();
    for name in ["a", "a/b", ".hidden", "-x", "ä1", "a b", ""] {
        let run = sandbox.fails(&["create", "ecs", "--from-env", "--", name]);
        assert!(
            run.stderr.contains("is not a legal context name"),
            "{name}: {}",
            run.stderr
        );
    }
    let run = sandbox.fails(&["create", "ecs", "default", "--from-env"]);
    assert!(
        run.stderr.contains("\"default\" is a reserved context name"),
        "{}",
        run.stderr
    );
    sandbox.ok(&["create", "ecs", "A.b+c_d-1", "--from-env"]);
}

#[test]
fn a_region_has_a_regions_form() {
    let run = sandbox().fails(&["create", "ecs", "shop", "--from-env", "--region", "eu-centrl"]);
    assert!(
        run.stderr.contains("a region's name looks like `eu-central-1`"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_is_wrong_with_a_docker_endpoint_is_said() {
    let sandbox = sandbox();
    for (option, message) in [
        ("hos=tcp://x:1", "`hos` is none of host, ca, cert, key, skip-tls-verify"),
        ("host", "`host` is not of the form `key=value`"),
        ("ca=x", "`host` is missing"),
        ("host=server:2376", "the host `server:2376` does not begin with unix://"),
        (
            "host=tcp://x:1,skip-tls-verify=maybe",
            "`skip-tls-verify` is `true` or `false`",
        ),
    ] {
        let run = sandbox.fails(&["create", "docker", "server", "--docker", option]);
        assert!(run.stderr.contains(message), "{option}: {}", run.stderr);
    }
}
