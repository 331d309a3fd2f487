//! What breaks while `ctx` works. Afterwards the same command brings the project to what its file says.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::between::{Between, Deed, path};
use crate::scene::Scene;

const SHOP: &str = "
services:
  web:
    image: IMAGE
    command: [sleep, '1000']
    stop_signal: SIGKILL
    environment: {GREETING: hello}
    depends_on: {job: {condition: service_completed_successfully}, db: {condition: service_healthy}}
  db:
    image: IMAGE
    command: [sleep, '1000']
    stop_signal: SIGKILL
    healthcheck: {test: 'true', interval: 100ms}
    volumes: ['data:/data', '/scratch']
  job: {image: IMAGE, command: [sh, -c, 'exit 0'], volumes: ['data:/data']}
volumes:
  data: {}
";

/// Everything that must be true of the shop when `up` has done its work.
#[track_caller]
fn converges(scene: &Scene, what: &str) {
    let said = scene.ok(&["up", "-d"]).stderr;
    let mut names = scene.project.containers();
    names.sort();
    let expected = ["db-1", "job-1", "web-1"].map(|replica| scene.container(replica));
    assert_eq!(names, expected, "{what}\n{said}");
    assert_eq!(
        scene.running(),
        [scene.container("db-1"), scene.container("web-1")],
        "{what}\n{said}"
    );
    let ids = scene.ids();
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.ids(), ids, "{what}: nothing is left to do");
    let kept = scene
        .engine
        .docker(&["exec", &scene.container("db-1"), "cat", "/data/kept", "/scratch/kept"]);
    assert_eq!(kept.trim(), "", "{what}: and no data is lost");
}

/// A shop that is up, has data, and is about to be changed.
fn shop() -> Option<Scene> {
    let scene = Scene::new(SHOP)?;
    scene.ok(&["up", "-d"]);
    let container = scene.container("db-1");
    for file in ["/data/kept", "/scratch/kept"] {
        scene
            .engine
            .docker(&["exec", &container, "sh", "-c", &format!(": > {file}")]);
    }
    Some(scene)
}

/// Changes every container's configuration.
fn change(scene: &Scene, round: usize) {
    let changed = SHOP
        .replace("hello", &format!("hello {round}"))
        .replace("interval: 100ms", &format!("interval: {}ms", 100 + round))
        .replace("exit 0", &format!("exit 0 # {round}"));
    scene.rewrite(&changed);
}

/// Requests at which something happens: in the snapshot, while containers are replaced, while they are waited for.
const PLACES: [usize; 6] = [2, 5, 8, 11, 14, 18];

#[test]
fn killed_in_the_middle() {
    let Some(mut scene) = shop() else { return };
    let host = scene.engine.host().to_owned();
    let Some(engine) = path(&host) else { return };
    for (round, place) in PLACES.into_iter().enumerate() {
        change(&scene, round);
        let process = Arc::new(AtomicU32::new(0));
        let victim = Arc::clone(&process);
        let kill = move |request| {
            if request == place {
                let id = victim.load(Ordering::SeqCst).to_string();
                let _ = Command::new("kill").args(["-9", &id]).status();
            }
            Deed::Pass
        };
        let socket = scene.sandbox.home().join(format!("{round}.sock"));
        let between = Between::new(&engine.display().to_string(), socket, kill);
        scene
            .sandbox
            .set("DOCKER_HOST", format!("unix://{}", between.socket.display()));
        let mut command = scene.sandbox.command(&["up", "-d"]);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ctx starts");
        process.store(child.id(), Ordering::SeqCst);
        let _ = child.wait();
        scene.sandbox.set("DOCKER_HOST", host.as_str());
        converges(&scene, &format!("killed at request {place}"));
    }
    scene.ok(&["down", "-v"]);
}

/// An old engine gives each a network of the same name; with two it starts no container.
#[test]
fn two_commands_at_once_make_one_network() {
    let Some(scene) = Scene::new(SHOP) else { return };
    for _ in 0..4 {
        let start = || {
            let mut command = scene.sandbox.command(&["up", "-d"]);
            let command = command.stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().expect("ctx starts")
        };
        for mut child in [start(), start()] {
            let _ = child.wait();
        }
        scene.ok(&["up", "-d"]);
        scene.ok(&["up", "-d", "--force-recreate"]);
        assert_eq!(scene.project.networks().len(), 1);
        scene.ok(&["down"]);
    }
    scene.ok(&["down", "-v"]);
}

#[test]
fn cut_off_from_the_engine() {
    let Some(mut scene) = shop() else { return };
    let host = scene.engine.host().to_owned();
    let Some(engine) = path(&host) else { return };
    for (round, place) in PLACES.into_iter().enumerate() {
        change(&scene, round);
        let cut = move |request| match request {
            _ if request < place => Deed::Pass,
            _ if request == place && round % 2 == 0 => Deed::CutAnswer,
            _ => Deed::Cut,
        };
        let socket = scene.sandbox.home().join(format!("{round}.sock"));
        let between = Between::new(&engine.display().to_string(), socket, cut);
        scene
            .sandbox
            .set("DOCKER_HOST", format!("unix://{}", between.socket.display()));
        let run = scene.sandbox.run(&["up", "-d"]);
        assert!(
            between.take() < place || run.code > 0,
            "cut at request {place}: {}",
            run.stderr
        );
        if run.code > 0 {
            assert!(run.stderr.contains("error: "), "it says so\n{}", run.stderr);
            assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        }
        scene.sandbox.set("DOCKER_HOST", host.as_str());
        converges(&scene, &format!("cut off at request {place}"));
    }
    scene.ok(&["down", "-v"]);
}

#[test]
fn a_container_removed_by_hand() {
    let Some(scene) = shop() else { return };
    for replica in ["web-1", "job-1"] {
        scene.engine.docker(&["rm", "-f", &scene.container(replica)]);
        converges(&scene, replica);
    }
    scene.engine.docker(&["stop", "-t", "0", &scene.container("db-1")]);
    converges(&scene, "stopped by hand");
    scene.engine.docker(&["pause", &scene.container("web-1")]);
    scene.ok(&["down", "-v"]);
    assert!(scene.project.containers().is_empty());
}

#[test]
fn a_container_removed_by_hand_while_it_is_waited_for() {
    let file = "
services:
  web: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, depends_on: {db: {condition: service_healthy}}}
  db: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, healthcheck: {test: exit 1, interval: 1h}}
";
    let Some(scene) = Scene::new(file) else { return };
    let mut command = scene.sandbox.command(&["up", "-d"]);
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ctx starts");
    let db = scene.container("db-1");
    let removed = crate::support::deadline::within(std::time::Duration::from_mins(1), || {
        scene
            .running()
            .contains(&db)
            .then(|| scene.engine.docker(&["rm", "-f", &db]))
    });
    assert!(removed.is_some(), "it was there");
    let output = child.wait_with_output().expect("ctx ends");
    let said = String::from_utf8_lossy(&output.stderr);
    // `docker rm -f` kills it first, and that may be seen before it is gone.
    let seen = ["removed", "exited with status 137"]
        .iter()
        .any(|word| said.contains(word));
    assert!(!output.status.success() && said.contains(&db) && seen, "{said}");
}
