//! What is done with some services of a project, and with what its files do not name any more.

use std::process::Command;
use std::time::Duration;

use crate::scene::Scene;
use crate::support::deadline::within;

const SHOP: &str = "
services:
  web: &quick
    image: IMAGE
    command: [sleep, '1000']
    stop_signal: SIGKILL
    networks: [front]
    depends_on: [api]
  api: {<<: *quick, networks: [front, back], depends_on: [db], volumes: ['cache:/cache']}
  db: {<<: *quick, networks: [back], depends_on: [], volumes: ['data:/data']}
networks: {front: {}, back: {}}
volumes: {cache: {}, data: {}}
";

fn services(scene: &Scene) -> String {
    let services = scene.ok(&["ps", "-a", "--format", "{{.Service}}"]).stdout;
    services.replace('\n', " ")
}

#[test]
fn a_service_is_taken_down_with_those_that_depend_on_it() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d"]);
    let plan = scene.ok(&["--dry-run", "down", "-v", "api"]).stdout;
    let removed: Vec<_> = plan.lines().filter_map(|line| line.split_once("remove ")).collect();
    assert_eq!(removed.len(), 4, "two containers, a network, a volume\n{plan}");
    scene.ok(&["down", "-v", "api"]);
    assert_eq!(services(&scene), "db ");
    let list = |kind: &str| {
        let filter = format!("label={}", scene.project.label());
        scene
            .engine
            .docker(&[kind, "ls", "--filter", &filter, "--format", "{{.Name}}"])
    };
    assert_eq!(list("network"), scene.name("back", '_'), "`db` is on it");
    assert_eq!(list("volume"), scene.name("data", '_'), "`db` has it");
    let nobody = scene.sandbox.run(&["down", "wep"]);
    assert!(nobody.code == 1 && nobody.stderr.contains("`wep`"), "{}", nobody.stderr);
    let images = scene.sandbox.run(&["down", "--rmi", "all", "db"]);
    assert!(
        images.stderr.contains("for the whole project only"),
        "{}",
        images.stderr
    );
    scene.ok(&["down", "-v"]);
    assert_eq!(list("network") + &list("volume"), "");
}

#[test]
fn orphans_are_listed_killed_and_removed_when_asked() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d"]);
    scene.rewrite("services: {db: {image: IMAGE, command: [sleep, '1000']}}");
    assert_eq!(services(&scene), "api db web ");
    let mine = scene.ok(&["ps", "--orphans=false", "--format", "{{.Service}}"]).stdout;
    assert_eq!(mine, "db\n");
    let plan = scene.ok(&["--dry-run", "kill", "--remove-orphans"]).stdout;
    assert_eq!(plan.matches("remove ").count(), 2, "{plan}");
    assert_eq!(services(&scene), "api db web ");
    scene.sandbox.write(".env", "COMPOSE_REMOVE_ORPHANS=1\n");
    scene.ok(&["kill"]);
    assert_eq!(services(&scene), "db ");
    assert_eq!(scene.inspect("db-1", "{{.State.Status}}"), "exited");
}

#[test]
fn a_start_waits_for_health_when_asked() {
    let healthy = "
services:
  web:
    image: IMAGE
    command: [sleep, '1000']
    stop_signal: SIGKILL
    healthcheck: {test: 'TEST', interval: 100ms, retries: 1000}
";
    let Some(scene) = Scene::new(&healthy.replace("TEST", "true")) else {
        return;
    };
    scene.ok(&["up", "--no-start"]);
    scene.ok(&["start", "--wait"]);
    assert_eq!(scene.inspect("web-1", "{{.State.Health.Status}}"), "healthy");
    scene.rewrite(&healthy.replace("TEST", "false"));
    scene.ok(&["up", "--no-start"]);
    let late = scene.sandbox.run(&["start", "--wait", "--wait-timeout", "1"]);
    assert!(
        late.code == 1 && late.stderr.contains("not up after 1 s"),
        "{}",
        late.stderr
    );
}

#[test]
fn a_stop_that_takes_long_says_for_whom_it_waits() {
    let stubborn = "
services:
  web:
    image: IMAGE
    command: [sh, -c, 'trap : TERM; while :; do sleep 0.1; done']
    stop_grace_period: 2s
";
    let Some(scene) = Scene::new(stubborn) else { return };
    scene.ok(&["up", "-d"]);
    let told = scene.ok(&["stop"]).stderr;
    let line = "web-1  Stopping  waiting for it to end, as long as its `stop_grace_period` says";
    assert!(told.contains(line), "{told}");
    scene.ok(&["start"]);
    let told = scene.ok(&["stop", "-t", "2"]).stderr;
    assert!(
        told.contains("web-1  Stopping  waiting for it to end, 2 s at most"),
        "{told}"
    );
}

#[test]
fn a_stop_without_limit_can_be_left() {
    let patient = "
services:
  web: {image: IMAGE, command: [sh, -c, 'trap : TERM; while [ ! -e /end ]; do sleep 0.1; done'], stop_grace_period: 1s}
";
    let Some(scene) = Scene::new(patient) else { return };
    let wrong = scene.sandbox.fails(&["stop", "-t", "soon"]).stderr;
    assert!(wrong.contains("it is a number of seconds, or -1"), "{wrong}");
    scene.ok(&["up", "-d"]);
    let said = scene.sandbox.home().join("said");
    let mut stop = scene
        .sandbox
        .command(&["stop", "-t", "-1"])
        .stderr(std::fs::File::create(&said).expect("a file"))
        .spawn()
        .expect("ctx starts");
    let says = |text: &str| {
        let said = || std::fs::read_to_string(&said).expect("what it says");
        let found = within(Duration::from_mins(1), || said().contains(text).then_some(()));
        assert!(found.is_some(), "`{text}` is missing in\n{}", said());
    };
    let interrupt = || {
        let kill = Command::new("kill").args(["-INT", &stop.id().to_string()]).status();
        assert!(kill.expect("kill runs").success());
    };
    says("waiting for it to end, for ever");
    interrupt();
    says("press Ctrl-C again to leave at once");
    interrupt();
    assert_eq!(stop.wait().expect("it ends").code(), Some(130));
    assert_eq!(
        scene.inspect("web-1", "{{.State.Running}}"),
        "true",
        "it is still waited for"
    );
    scene.ok(&["exec", "-T", "web", "sh", "-c", "echo >/end"]);
}

#[test]
fn a_job_that_has_ended_runs_again_when_asked() {
    let file = "
services:
  web: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, depends_on: {job: {condition: service_completed_successfully}}}
  job: {image: IMAGE, command: [sh, -c, exit 0]}
";
    let Some(scene) = Scene::new(file) else { return };
    scene.ok(&["up", "-d"]);
    let started = || scene.inspect("job-1", "{{.State.StartedAt}}");
    let first = started();
    scene.ok(&["up", "-d"]);
    assert_eq!(started(), first);
    scene.ok(&["up", "-d", "--rerun"]);
    assert_ne!(started(), first);
}

#[test]
fn names_are_those_of_old_when_asked() {
    let Some(mut scene) = Scene::new("services: {web: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}}")
    else {
        return;
    };
    let name = format!("{}_web_1", scene.project.name());
    scene.ok(&["--compatibility", "up", "-d"]);
    assert_eq!(scene.project.containers(), std::slice::from_ref(&name));
    let ids = scene.ids();
    scene.sandbox.write(".env", "COMPOSE_COMPATIBILITY=true\n");
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.ids(), ids, "and nothing is made anew");
    assert_eq!(
        scene
            .ok(&["--all-resources", "ps", "-a", "--format", "{{.Name}}"])
            .stdout
            .trim(),
        name
    );
    scene.sandbox.set("COMPOSE_COMPATIBILITY", "");
}

#[test]
fn what_no_service_uses_is_made_when_asked() {
    let file = "
services: {web: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, networks: [front]}}
networks: {front: {}, back: {}}
volumes: {data: {}}
";
    let Some(scene) = Scene::new(file) else { return };
    let plan = scene.ok(&["--dry-run", "up"]).stdout;
    assert!(!plan.contains("_back") && !plan.contains("_data"), "{plan}");
    let plan = scene.ok(&["--dry-run", "--all-resources", "up"]).stdout;
    assert!(plan.contains("_back") && plan.contains("_data"), "{plan}");
}

#[test]
fn a_dry_run_of_down_names_the_images() {
    let Some(scene) = Scene::new("services: {a: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}}")
    else {
        return;
    };
    scene.ok(&["up", "--no-start"]);
    let plan = scene.ok(&["--dry-run", "down", "--rmi", "all"]).stdout;
    assert!(
        plan.contains(&format!("remove image {}", scene.engine.image())),
        "{plan}"
    );
}
