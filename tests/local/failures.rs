//! What goes wrong is said where it was written, with what to do.

use crate::scene::Scene;
use crate::support::sandbox::Sandbox;

#[track_caller]
fn says(scene: &Scene, arguments: &[&str], words: &[&str]) {
    let run = scene.sandbox.fails(arguments);
    for word in words {
        assert!(run.stderr.contains(word), "no {word:?} in\n{}", run.stderr);
    }
}

#[test]
fn no_engine() {
    let sandbox = Sandbox::new();
    sandbox.write("compose.yaml", "services: {a: {image: a}}");
    let run = sandbox.fails(&["up", "-d"]);
    assert!(run.stderr.contains("unix:///nonexistent.sock"), "{}", run.stderr);
    assert!(run.stderr.contains("DOCKER_HOST"), "{}", run.stderr);
    let run = sandbox.fails(&["--host", "tcp://127.0.0.1:1", "ps"]);
    assert!(run.stderr.contains("tcp://127.0.0.1:1"), "{}", run.stderr);
    let run = sandbox.fails(&["--host", "ssh://nowhere", "ps"]);
    assert!(run.stderr.contains("ssh"), "{}", run.stderr);
}

#[test]
fn an_image_that_nobody_built() {
    let Some(scene) = Scene::new("services:\n  web:\n    build: ./app\n") else {
        return;
    };
    let image = scene.container("web");
    says(
        &scene,
        &["up", "-d", "--no-build"],
        &["compose.yaml:3:", &image, "`ctx build web`"],
    );
    assert!(scene.project.containers().is_empty());
}

#[test]
fn parameters_are_for_ecs() {
    let Some(scene) = Scene::new("services:\n  web:\n    image: ctx-test/web:1\n") else {
        return;
    };
    let words = ["a Docker engine knows no parameter `WebImage`", "contexts of type ecs"];
    says(&scene, &["up", "-d", "--parameter", "WebImage=x"], &words);
    assert!(scene.project.containers().is_empty());
}

#[test]
fn an_image_that_must_not_be_pulled() {
    let Some(scene) = Scene::new("services:\n  web:\n    image: ctx-test/none:1\n    pull_policy: never\n") else {
        return;
    };
    says(
        &scene,
        &["up", "-d"],
        &["compose.yaml:3:", "ctx-test/none:1", "docker pull"],
    );
}

#[test]
fn what_the_engine_refuses_of_a_service() {
    let Some(scene) = Scene::new("services:\n  web:\n    image: IMAGE\n    mem_limit: 1k\n") else {
        return;
    };
    let refused = ["cannot create container ", "compose.yaml:2:", "memory limit"];
    says(&scene, &["up", "-d"], &refused);
    scene.rewrite("services:\n  web:\n    image: IMAGE\n    command: [no-such-program]\n");
    let program = ["cannot start container ", "compose.yaml:4:", "check `command`"];
    says(&scene, &["up", "-d"], &program);
    scene.rewrite("services:\n  web:\n    image: IMAGE\n    user: nobody-here\n");
    says(&scene, &["up", "-d"], &["compose.yaml:4:", "no such user"]);
    scene.ok(&["down"]);
}

#[test]
fn an_image_whose_registry_is_not_there() {
    let Some(scene) = Scene::new("services:\n  web:\n    image: 127.0.0.1:1/none:1\n") else {
        return;
    };
    says(
        &scene,
        &["up", "-d"],
        &["compose.yaml:3:", "127.0.0.1:1/none:1", "registry"],
    );
}

#[test]
fn a_port_that_another_project_has() {
    let file = "services: {a: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, ports: ['80']}}";
    let (Some(first), Some(second)) = (Scene::new(file), Scene::new(file)) else {
        return;
    };
    first.ok(&["up", "-d"]);
    let address = first.engine.docker(&["port", &first.container("a-1"), "80/tcp"]);
    let port = address
        .lines()
        .next()
        .and_then(|line| line.rsplit(':').next())
        .expect("a port");
    second.rewrite(&format!("services:\n  a:\n    image: IMAGE\n    command: [sleep, '1000']\n    stop_signal: SIGKILL\n    ports:\n      - '{port}:80'\n"));
    says(
        &second,
        &["up", "-d"],
        &["compose.yaml:7:", port, &first.container("a-1"), first.project.name()],
    );
}

#[test]
fn a_dependency_that_fails() {
    let file = |command: &str, check: &str| {
        format!(
            "services:\n  db: {{image: IMAGE, command: [sh, -c, '{command}'], stop_signal: SIGKILL, healthcheck: {check}}}\n  \
             web: {{image: IMAGE, command: [sleep, '1000'], depends_on: {{db: {{condition: service_healthy}}}}}}\n"
        )
    };
    let sick = file(
        "sleep 1000",
        "{test: 'echo no tables; exit 1', interval: 50ms, retries: 1}",
    );
    let Some(scene) = Scene::new(&sick) else { return };
    says(&scene, &["up", "-d"], &["is unhealthy", "no tables"]);
    assert_eq!(
        scene.inspect("web-1", "{{.State.Status}}"),
        "created",
        "what depends on it does not start"
    );

    scene.rewrite(&file("echo out of disk; exit 7", "{test: exit 1, interval: 10s}"));
    says(&scene, &["up", "-d"], &["exited with status 7", "out of disk"]);

    scene.rewrite(&file("sleep 1000", "{disable: true}"));
    says(&scene, &["up", "-d"], &["no health check"]);
}

#[test]
fn an_external_network_and_volume_that_are_not_there() {
    let file = "services: {a: {image: IMAGE, networks: [n], volumes: ['vol:/v']}}\nnetworks:\n  n: {external: true, name: ctx-none}\nvolumes:\n  vol: {external: true, name: ctx-none-v}\n";
    let Some(scene) = Scene::new(file) else { return };
    says(
        &scene,
        &["up", "-d"],
        &[
            "compose.yaml:3:",
            "docker network create ctx-none",
            "compose.yaml:5:",
            "ctx-none-v",
        ],
    );
    assert!(
        scene.project.containers().is_empty(),
        "nothing is made before all is known to be there"
    );
}

#[test]
fn what_this_engine_is_too_old_for() {
    let file = "services:\n  a:\n    image: IMAGE\n    volumes:\n      - {type: image, source: IMAGE, target: /i}\n";
    let Some(scene) = Scene::new(file) else { return };
    let version = scene.engine.docker(&["version", "--format", "{{.Server.APIVersion}}"]);
    let minor: u32 = version.split_once('.').expect("a version").1.parse().expect("a number");
    if minor >= 48 {
        crate::support::skip::always("the engine is new enough");
        return;
    }
    says(&scene, &["up", "-d"], &["compose.yaml:5:", "1.48", &version]);
}

#[test]
fn a_secret_whose_file_is_not_there() {
    let file = "services: {a: {image: IMAGE, secrets: [s]}}\nsecrets:\n  s:\n    file: ./none.txt\n";
    let Some(scene) = Scene::new(file) else { return };
    says(&scene, &["up", "-d"], &["compose.yaml:4:", "none.txt"]);
}

#[test]
fn a_name_that_another_container_has() {
    let file = "services: {a: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}}";
    let (Some(first), Some(second)) = (Scene::new(file), Scene::new(file)) else {
        return;
    };
    first.ok(&["up", "-d"]);
    let name = first.container("a-1");
    second.rewrite(&format!(
        "services:\n  a:\n    image: IMAGE\n    container_name: {name}\n"
    ));
    says(&second, &["up", "-d"], &["compose.yaml:4:", &name, "docker rm"]);
}

#[test]
fn content_for_a_read_only_container() {
    let file = "services:\n  a:\n    image: IMAGE\n    read_only: true\n    configs: [c]\nconfigs: {c: {content: x}}\n";
    let Some(scene) = Scene::new(file) else { return };
    says(&scene, &["up", "-d"], &["compose.yaml:5:", "read-only"]);
}

#[test]
fn what_is_no_name_of_an_image_is_said_before_anything_is_made() {
    let Some(scene) = Scene::new("services:\n  a: {image: 'no such:image:x'}\n  b: {image: IMAGE}\n") else {
        return;
    };
    for command in ["check", "up"] {
        let said = scene.sandbox.fails(&[command]);
        let said = said.stdout + &said.stderr;
        assert!(
            said.contains("is no name of an image") && said.contains("compose.yaml:2:14"),
            "{said}"
        );
    }
    assert_eq!(scene.project.containers(), Vec::<String>::new());
    // A file may name what is there by its id.
    let id = scene
        .engine
        .docker(&["image", "inspect", "--format", "{{.Id}}", &scene.engine.image()]);
    let id = id.trim_start_matches("sha256:");
    scene.rewrite(&format!("services: {{a: {{image: {id}, command: [sh, -c, exit 0]}}}}"));
    scene.ok(&["up"]);
}
