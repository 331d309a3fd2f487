//! The commands for containers that are there, on the real engine and beside `docker compose`.

use crate::scene::Scene;

const SHOP: &str = "
services:
  db:
    image: IMAGE
    command: [sh, -c, 'trap exit TERM; while :; do sleep 0.1; done']
    healthcheck: {test: 'true', interval: 300ms}
  web:
    image: IMAGE
    command: [sh, -c, 'trap exit TERM; while :; do sleep 0.1; done']
    ports: ['53/udp']
    volumes: ['data:/data']
    depends_on: {db: {condition: service_healthy, restart: true}}
  job: {image: IMAGE, command: [sh, -c, 'exit 3']}
volumes: {data: }
";

fn states(scene: &Scene) -> String {
    scene
        .ok(&["ps", "-a", "--format", "{{.Service}}={{.State}}"])
        .stdout
        .replace('\n', " ")
}

#[test]
fn containers_are_stopped_started_paused_and_removed() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.sandbox.run(&["wait", "job"]).code, 3);
    assert_eq!(states(&scene), "db=running job=exited web=running ");

    scene.ok(&["stop", "web"]);
    assert_eq!(states(&scene), "db=running job=exited web=exited ");
    let started = scene.ok(&["start"]).stderr;
    assert!(
        started.contains("db-1  Running") && started.contains("web-1  Started"),
        "{started}"
    );
    scene.sandbox.run(&["wait", "job"]);
    scene.ok(&["pause", "web"]);
    assert_eq!(states(&scene), "db=running job=exited web=paused ");
    scene.ok(&["unpause"]);
    scene.ok(&["kill", "-s", "KILL", "db"]);
    assert_eq!(states(&scene), "db=exited job=exited web=running ");

    scene.ok(&["prune", "--force"]);
    assert_eq!(states(&scene), "web=running ");
    let nobody = scene.sandbox.run(&["stop", "wep"]);
    assert!(nobody.stderr.contains("did you mean `web`?"), "{}", nobody.stderr);
}

#[test]
fn a_restart_takes_those_with_it_that_asked_for_it_and_waits_for_health() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d"]);
    let started = |replica: &str| scene.inspect(replica, "{{.State.StartedAt}}");
    let (db, web) = (started("db-1"), started("web-1"));
    scene.ok(&["restart", "--no-deps", "db"]);
    assert!(started("db-1") != db && started("web-1") == web);
    let told = scene.ok(&["restart", "db"]).stderr;
    assert_ne!(started("web-1"), web);
    let place = |text: &str| told.find(text).unwrap_or_else(|| panic!("no `{text}` in\n{told}"));
    assert!(place("db-1  Healthy") < place("web-1  Starting"), "{told}");
}

#[test]
fn what_runs_is_listed_and_stopped_though_the_file_cannot_be_loaded_any_more() {
    let Some(mut scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d", "db"]);
    let name = scene.project.name();
    scene.rewrite(&format!(
        "name: {name}\nservices: {{db: {{image: '${{NOWHERE:?not set}}'}}}}"
    ));
    scene.sandbox.unset("COMPOSE_PROJECT_NAME");
    assert_eq!(scene.ok(&["ps", "--services"]).stdout, "db\n");
    scene.ok(&["stop"]);
    assert_eq!(states(&scene), "db=exited ");
}

#[test]
fn the_lists_are_docker_composes() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d", "web"]);
    for command in [
        &["port", "--protocol", "udp", "web", "53"][..],
        &["images", "--format", "json"],
        &["volumes", "--quiet"],
        &["ps", "--services"],
    ] {
        let Some(theirs) = scene.docker_compose(command) else {
            return;
        };
        let ours = scene.ok(command).stdout;
        let plain = |text: &str| -> Vec<String> {
            // Theirs adds keys of the engine's own.
            let text = text.replace(' ', "");
            let mut words: Vec<_> = text.split([',', '\n']).map(str::to_owned).collect();
            words.retain(|word| !word.contains("Created") && !word.contains("LastTagTime"));
            words.sort();
            words
        };
        let (ours, theirs) = (plain(&ours), plain(&theirs));
        if command[0] == "images" {
            let named = |words: &[String]| words.iter().filter(|word| word.contains("ContainerName")).count();
            assert_eq!(named(&ours), named(&theirs));
        } else {
            assert_eq!(ours, theirs, "{command:?}");
        }
    }
    let projects = scene.ok(&["projects", "--format", "json"]).stdout;
    assert!(
        projects.contains(&format!("\"Name\":\"{}\"", scene.project.name())),
        "{projects}"
    );
    let top = scene.ok(&["top", "web"]).stdout;
    assert!(
        top.starts_with("SERVICE   #   ") && top.contains("sleep 0.1") && !top.contains("\ndb"),
        "{top}"
    );
    let table = scene.ok(&["ps", "--format", "table {{.Service}}\\t{{.State}}"]).stdout;
    assert_eq!(table, "SERVICE   STATE\ndb        running\nweb       running\n");
}

#[test]
fn what_happened_to_containers_is_told() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d", "job"]);
    scene.sandbox.run(&["wait", "job"]);
    scene.ok(&["down"]);
    let told = scene.ok(&["events", "--json", "--since", "10m", "job"]).stdout;
    let told: Vec<serde_json::Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let actions: Vec<_> = told.iter().map(|one| one["action"].as_str().unwrap()).collect();
    for action in ["create", "start", "die", "destroy"] {
        assert_eq!(
            actions.iter().filter(|one| **one == action).count(),
            1,
            "{action}: {told:?}"
        );
    }
    let die = told.iter().find(|one| one["action"] == "die").unwrap();
    assert_eq!(die["attributes"]["exitCode"], "3");
    let line = scene.ok(&["events", "--since", "10m"]).stdout;
    assert!(line.contains(" container start "), "{line}");
}
