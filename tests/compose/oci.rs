//! Compose projects in a registry, and how `ctx` says there who it is.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::registry::{PASSWORD, Registry, USER};
use crate::support::sandbox::Sandbox;

const YAML: &str = "application/vnd.docker.compose.file+yaml";
const VARIABLES: &str = "application/vnd.docker.compose.envfile";

fn file(name: &str) -> Value {
    json!({"com.docker.compose.file": name, "com.docker.compose.version": "2.40.3"})
}

fn config(sandbox: &Sandbox, registry: &Registry, name: &str) -> crate::support::sandbox::Run {
    sandbox.run(&["-f", &format!("oci://{}/{name}", registry.address), "config"])
}

fn cached(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".cache/ctx/remote")
}

/// Makes the sandbox's user known to a registry.
fn log_in(sandbox: &Sandbox, registry: &Registry) {
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    sandbox.write(
        "../home/.docker/config.json",
        json!({"auths": {&registry.address: {"auth": auth}}}).to_string(),
    );
}

#[test]
fn a_published_project_is_its_files() {
    let Some(registry) = Registry::open() else { return };
    let sandbox = Sandbox::new();
    let digest = registry.push_project(
        "team/app",
        "v1",
        &[
            (
                YAML,
                file("compose.yaml"),
                "services:\n  web:\n    image: nginx\n    env_file: 12ab.env\n    \
                 extends: {file: 34cd.yaml, service: base}\n    volumes: [./data:/data]\n",
            ),
            (YAML, file("override.yaml"), "services: {web: {image: nginx:2}}\n"),
            (
                YAML,
                json!({"com.docker.compose.file": "34cd.yaml", "com.docker.compose.extends": "true"}),
                "services: {base: {labels: {from: base}}}\n",
            ),
            (VARIABLES, json!({"com.docker.compose.envfile": "12ab.env"}), "A=1\n"),
            ("application/vnd.example.other", json!({}), "something else"),
        ],
    );
    let run = config(&sandbox, &registry, "team/app:v1");
    let tree = cached(&sandbox).join(format!("oci-{}", digest.replace(':', "-")));
    let source = format!("source: {}/data\n", tree.display());
    for expected in [
        "name: project\n",
        "image: nginx:2\n",
        "A: \"1\"\n",
        "from: base\n",
        &source,
    ] {
        assert!(
            run.stdout.contains(expected),
            "{expected}\n{}{}",
            run.stdout,
            run.stderr
        );
    }
    sandbox.write(
        "compose.yaml",
        format!(
            "include: [\"oci://{}/team/app@{digest}\"]\nservices: {{}}\n",
            registry.address
        ),
    );
    assert!(sandbox.ok(&["config"]).stdout.contains("image: nginx:2\n"));
    // What a digest names is here now; what a tag names only the registry knows.
    let name = format!("oci://{}/team/app", registry.address);
    drop(registry);
    assert!(sandbox.ok(&["config"]).stdout.contains("image: nginx:2\n"));
    let run = sandbox.fails(&["-f", &format!("{name}:v1"), "config"]);
    assert!(run.stderr.contains("cannot be reached"), "{}", run.stderr);
}

#[test]
fn a_name_that_leads_out_of_the_project_is_refused() {
    let Some(registry) = Registry::open() else { return };
    let sandbox = Sandbox::new();
    let compose = (YAML, file("compose.yaml"), "services: {}\n");
    for name in ["../evil.yaml", "/tmp/evil.yaml", "..", "", "a\\b"] {
        let annotations = json!({"com.docker.compose.file": name, "com.docker.compose.extends": "true"});
        registry.push_project(
            "evil",
            "yaml",
            &[compose.clone(), (YAML, annotations, "services: {}\n")],
        );
        let variables = json!({"com.docker.compose.envfile": name});
        registry.push_project("evil", "env", &[compose.clone(), (VARIABLES, variables, "A=1\n")]);
        for tag in ["yaml", "env"] {
            let run = config(&sandbox, &registry, &format!("evil:{tag}"));
            assert_eq!(run.code, 1);
            assert!(
                run.stderr.contains("a name that leads out of it"),
                "{name:?}\n{}",
                run.stderr
            );
        }
    }
    // Nothing is left of what was refused.
    assert_eq!(std::fs::read_dir(cached(&sandbox)).unwrap().count(), 0);
}

#[test]
fn what_is_no_project_is_refused() {
    let Some(registry) = Registry::open() else { return };
    let mut sandbox = Sandbox::new();
    registry.push_image("image", "v1");
    registry.push_project("empty", "v1", &[]);
    for (name, says) in [
        ("image:v1", "no Compose project"),
        ("empty:v1", "it has no Compose file"),
        ("missing:v1", "has no `"),
        ("Wrong", "it must be in lower case"),
    ] {
        let run = config(&sandbox, &registry, name);
        assert_eq!(run.code, 1, "{name}");
        assert!(run.stderr.contains(says), "{name}\n{}", run.stderr);
    }
    sandbox.set("COMPOSE_EXPERIMENTAL_OCI_REMOTE", "false");
    let run = config(&sandbox, &registry, "image:v1");
    assert!(run.stderr.contains("forbids it"), "{}", run.stderr);
}

#[test]
fn a_registry_learns_who_asks_from_what_docker_login_stored() {
    let Some(registry) = Registry::closed() else { return };
    let mut sandbox = Sandbox::new();
    registry.push_project(
        "app",
        "v1",
        &[(YAML, file("compose.yaml"), "services: {a: {image: x}}\n")],
    );
    let run = config(&sandbox, &registry, "app:v1");
    assert!(run.stderr.contains("refuses access to `app`"), "{}", run.stderr);
    assert!(
        run.stderr.contains(&format!("`docker login {}`", registry.address)),
        "{}",
        run.stderr
    );

    log_in(&sandbox, &registry);
    assert_eq!(config(&sandbox, &registry, "app:v1").code, 0);

    // A folder of its own, and a helper in it that knows the password.
    let folder = sandbox.project().join("docker");
    sandbox.set("DOCKER_CONFIG", folder.display().to_string());
    assert_eq!(config(&sandbox, &registry, "app:v1").code, 1);
    let helper = sandbox.write(
        "bin/docker-credential-test",
        format!(
            "#!/bin/sh\nread server\n[ \"$server\" = {} ] || {{ echo credentials not found in native keychain; exit 1; }}\n\
             echo '{{\"Username\": \"{USER}\", \"Secret\": \"{PASSWORD}\"}}'\n",
            registry.address
        ),
    );
    std::fs::set_permissions(&helper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    sandbox.set("PATH", format!("{}:{path}", helper.parent().unwrap().display()));
    for settings in [
        json!({"credHelpers": {&registry.address: "test"}, "credsStore": "missing"}),
        json!({"credsStore": "test", "auths": {&registry.address: {}}}),
    ] {
        sandbox.write("docker/config.json", settings.to_string());
        let run = config(&sandbox, &registry, "app:v1");
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let sealed = sandbox.write("bin/docker-credential-sealed", "#!/bin/sh\necho sealed >&2\nexit 1\n");
    std::fs::set_permissions(&sealed, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for (settings, says) in [
        (
            json!({"credHelpers": {&registry.address: "missing"}}).to_string(),
            "there is no program `docker-credential-missing`",
        ),
        (
            json!({"credHelpers": {&registry.address: "missing"}}).to_string(),
            "take `missing` out of `credsStore` and `credHelpers`",
        ),
        (
            json!({"credsStore": "sealed"}).to_string(),
            "`docker-credential-sealed`: sealed",
        ),
        (
            json!({"auths": {&registry.address: {"auth": "bWU6d3Jvbmc="}}}).to_string(),
            "as somebody who may",
        ),
        (
            "{\"auths\": secret}".to_owned(),
            "config.json:1:11 is not what the docker CLI writes",
        ),
    ] {
        sandbox.write("docker/config.json", &settings);
        let run = config(&sandbox, &registry, "app:v1");
        assert!(run.stderr.contains(says), "{settings}\n{}", run.stderr);
        assert!(
            !run.stderr.contains("wrong") && !run.stderr.contains(PASSWORD),
            "{}",
            run.stderr
        );
    }
}
