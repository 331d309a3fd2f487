//! What variables and options say about how an engine is spoken to, and how that is shown.

use crate::between::{Between, Deed, path};
use crate::scene::Scene;

const WEB: &str = "services: {web: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}}";

#[test]
fn progress_and_limits_come_from_the_env_file_too() {
    let Some(mut scene) = Scene::new(WEB) else { return };
    scene
        .sandbox
        .write(".env", "COMPOSE_PROGRESS=json\nCOMPOSE_PARALLEL_LIMIT=1\n");
    let told = scene.ok(&["up", "-d"]).stderr;
    assert!(told.contains(r#""state":"done""#), "{told}");
    let told = scene.ok(&["--progress", "quiet", "up", "-d"]).stderr;
    assert_eq!(told, "", "the option counts before the variable");
    scene.sandbox.set("COMPOSE_PROGRESS", "plain");
    let told = scene.ok(&["up", "-d"]).stderr;
    assert!(told.contains("web-1  Running"), "{told}");
    scene.sandbox.set("COMPOSE_STATUS_STDOUT", "1");
    let shown = scene.ok(&["up", "-d"]);
    assert!(
        shown.stdout.contains("web-1  Running") && shown.stderr.is_empty(),
        "{}",
        shown.stderr
    );
    scene.sandbox.set("COMPOSE_PARALLEL_LIMIT", "some");
    let wrong = scene.sandbox.run(&["up", "-d"]);
    assert!(
        wrong.stderr.contains("`COMPOSE_PARALLEL_LIMIT=some` is no number"),
        "{}",
        wrong.stderr
    );
    let limited = scene.sandbox.run(&["--parallel", "2", "up", "-d"]);
    assert_eq!(limited.code, 0, "{}", limited.stderr);
    scene
        .sandbox
        .set("COMPOSE_PROGRESS", "loud")
        .set("COMPOSE_PARALLEL_LIMIT", "");
    let wrong = scene.sandbox.run(&["up", "-d"]);
    assert!(
        wrong.stderr.contains("auto, tty, plain, json or quiet"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn a_platform_holds_for_services_that_name_none() {
    let file = "services: {web: {build: {context: .}}, own: {build: {context: .}, platform: linux/s390x}}";
    let Some(mut scene) = Scene::new(file) else { return };
    scene.sandbox.set("DOCKER_DEFAULT_PLATFORM", "linux/arm64");
    let bake: serde_json::Value = serde_json::from_str(&scene.ok(&["build", "--print"]).stdout).unwrap();
    let platforms = |target: &str| bake["target"][target]["platforms"][0].as_str();
    assert_eq!(
        (platforms("web"), platforms("own")),
        (Some("linux/arm64"), Some("linux/s390x"))
    );
}

#[test]
fn colours_are_written_when_asked() {
    let Some(mut scene) = Scene::new("services: {job: {image: IMAGE, command: [sh, -c, echo hello]}}") else {
        return;
    };
    scene.ok(&["up", "-d"]);
    scene.sandbox.run(&["wait", "job"]);
    assert_eq!(scene.ok(&["logs"]).stdout, "job-1  | hello\n");
    let colored = scene.ok(&["--ansi", "always", "logs"]).stdout;
    assert!(colored.starts_with("\u{1b}[36mjob-1"), "{colored:?}");
    scene.sandbox.set("COMPOSE_ANSI", "always");
    assert_eq!(scene.ok(&["logs"]).stdout, colored);
    assert_eq!(scene.ok(&["--ansi", "never", "logs"]).stdout, "job-1  | hello\n");
}

#[test]
fn a_version_that_is_asked_for_is_spoken() {
    let Some(mut scene) = Scene::new(WEB) else { return };
    scene.sandbox.set("DOCKER_API_VERSION", "1.41");
    scene.ok(&["up", "-d"]);
    assert_eq!(
        scene.ok(&["exec", "-T", "web", "sh", "-c", "echo hello"]).stdout,
        "hello\n"
    );
    let host = scene.engine.host().to_owned();
    if let Some(engine) = path(&host) {
        let socket = scene.sandbox.home().join("engine.sock");
        let counter = Between::new(&engine.display().to_string(), socket, |_| Deed::Pass);
        scene
            .sandbox
            .set("DOCKER_HOST", format!("unix://{}", counter.socket.display()));
        scene.ok(&["up", "-d"]);
        assert!(counter.take() <= 4, "and nobody asks for it");
        scene.sandbox.set("DOCKER_HOST", host);
    }
    scene.sandbox.set("DOCKER_API_VERSION", "1.99");
    let new = scene.sandbox.run(&["ps"]);
    assert!(
        new.code == 1 && new.stderr.contains("1.99 is too new"),
        "{}",
        new.stderr
    );
    scene.sandbox.set("DOCKER_API_VERSION", "1.24");
    let old = scene.sandbox.run(&["ps"]);
    assert!(old.stderr.contains("1.41 (Docker 20.10) and newer"), "{}", old.stderr);
}

/// Podman calls what has ended so until it has cleaned up behind it.
#[test]
fn a_state_that_docker_does_not_have_is_waited_out() {
    let Some(mut scene) = Scene::new("services: {a: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}}")
    else {
        return;
    };
    let host = scene.engine.host().to_owned();
    let Some(engine) = path(&host) else { return };
    scene.ok(&["up", "-d"]);
    let stopped = |answer: &mut [u8]| {
        let running = b"\"State\":\"running\"";
        if let Some(at) = answer.windows(running.len()).position(|window| window == running) {
            answer[at + running.len() - 8..at + running.len() - 1].copy_from_slice(b"stopped");
        }
    };
    let socket = scene.sandbox.home().join("engine.sock");
    let deed = move |number| if number < 4 { Deed::Alter(stopped) } else { Deed::Pass };
    let between = Between::new(&engine.display().to_string(), socket, deed);
    scene
        .sandbox
        .set("DOCKER_HOST", format!("unix://{}", between.socket.display()));
    assert_eq!(scene.ok(&["ps", "--services"]).stdout, "a\n");
    assert!(between.take() > 3, "it was asked again");
}
