//! The commands for containers that are there, on the real engine and beside `docker compose`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use crate::scene::Scene;
use crate::support::deadline::within;

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
fn to_start_a_service_is_to_start_what_it_depends_on() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d", "web"]);
    scene.ok(&["stop"]);
    scene.ok(&["start", "web"]);
    assert_eq!(states(&scene), "db=running web=running ");
    scene.ok(&["stop"]);
    scene.ok(&["start", "db"]);
    assert_eq!(states(&scene), "db=running web=exited ");
}

#[test]
fn a_restart_that_fails_for_one_starts_the_others() {
    let file = "
services:
  bad: &quick {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, volumes: ['./file:/file']}
  good: {<<: *quick, command: [sh, -c, 'trap \"sleep 2; exit\" TERM; while :; do sleep 0.1; done'], stop_signal: SIGTERM, volumes: []}
";
    let Some(scene) = Scene::new(file) else { return };
    scene.sandbox.write("file", "");
    scene.ok(&["up", "-d"]);
    let file = scene.sandbox.project().join("file");
    std::fs::remove_file(&file).expect("it is there");
    std::fs::create_dir(&file).expect("nothing is there");
    scene.sandbox.fails(&["restart"]);
    assert_eq!(states(&scene), "bad=exited good=running ");
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
    scene.ok(&["logs"]);
    scene.ok(&["stop"]);
    assert_eq!(states(&scene), "db=exited ");
    scene.ok(&["prune", "--force"]);
    assert_eq!(states(&scene), "");
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

#[test]
fn what_programs_read_of_containers_and_volumes_is_docker_composes() {
    let Some(mut scene) = Scene::new(SHOP) else { return };
    scene.sandbox.set("TZ", "UTC");
    scene.ok(&["up", "-d", "web"]);
    for command in [
        &["ps", "--format", "json", "web"][..],
        &["ps", "--no-trunc", "--format", "json", "web"],
        &["volumes", "--format", "json"],
    ] {
        let Some(theirs) = scene.docker_compose(command) else {
            return;
        };
        let read = |text: &str| {
            let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text.trim()).unwrap();
            // The order of labels is any, and time goes on.
            let labels = object
                .get("Labels")
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default();
            let mut labels: Vec<_> = labels.split(',').map(str::to_owned).collect();
            labels.sort();
            object.insert("Labels".to_owned(), labels.into());
            if let Some(publishers) = object.get_mut("Publishers").and_then(serde_json::Value::as_array_mut) {
                publishers.sort_by_key(ToString::to_string);
            }
            for changing in ["RunningFor", "Status"] {
                object.remove(changing);
            }
            object.sort_keys();
            object
        };
        assert_eq!(read(&scene.ok(command).stdout), read(&theirs), "{command:?}");
    }
    let nobody = scene.sandbox.run(&["ps", "wep"]);
    assert!(
        nobody.code == 1 && nobody.stderr.contains("did you mean `web`?"),
        "{}",
        nobody.stderr
    );
    assert_eq!(scene.ok(&["ps", "-q", "job"]).stdout, "", "one that has no container");
}

/// As after a mistyped `-p`: nothing is done, and that is no secret.
#[test]
fn a_project_without_containers_is_told() {
    let Some(scene) = Scene::new(SHOP) else { return };
    for verb in ["stop", "restart", "kill", "pause", "unpause", "logs"] {
        let told = scene.ok(&["--progress", "plain", verb]).stderr;
        assert!(
            told.contains("Has no containers; `ctx projects --all`"),
            "{verb}: {told}"
        );
    }
    let told = scene.ok(&["--progress", "plain", "down"]).stderr;
    assert!(told.contains("Nothing to remove"), "{told}");
    let told = scene.sandbox.fails(&["start"]).stderr;
    assert!(
        told.contains("has no containers to start") && told.contains("`ctx up`"),
        "{told}"
    );
    let told = scene.sandbox.fails(&["exec", "web", "ls"]).stderr;
    assert!(told.contains("`ctx up` makes them"), "{told}");

    scene.rewrite("services: {web: {image: IMAGE, profiles: [debug]}, db: {image: IMAGE, profiles: [data]}}");
    let told = scene.sandbox.fails(&["up", "-d"]).stderr;
    assert!(
        told.contains("no service is enabled") && told.contains("`--profile data` or `--profile debug` enables some"),
        "{told}"
    );
    scene.rewrite(SHOP);

    scene.ok(&["up", "-d", "--no-deps", "web"]);
    for command in [
        &["logs", "wbe"][..],
        &["port", "wbe", "80"],
        &["exec", "wbe", "ls"],
        &["stop", "wbe"],
    ] {
        let told = scene.sandbox.fails(command).stderr;
        assert!(told.contains("did you mean `web`?"), "{command:?}: {told}");
    }
    let told = scene.sandbox.fails(&["port", "--index", "7", "web", "80"]).stderr;
    assert!(
        told.contains("has no container 7 of service `web`") && told.contains("`ctx ps --all`"),
        "{told}"
    );
    let told = scene.sandbox.fails(&["kill", "-s", "NONSENSE", "web"]).stderr;
    assert!(told.contains("error: cannot kill container "), "{told}");
    let name = scene.name("web-1", '-');
    let told = scene.sandbox.fails(&["run", "--name", &name, "web", "true"]).stderr;
    assert!(
        told.contains(&format!(
            "there is a container `{name}` already, which is this project's"
        )),
        "{told}"
    );
    scene.ok(&["down"]);
}

/// As with `ctx stats | head -1`.
#[test]
fn what_goes_on_and_on_ends_when_nobody_reads_it() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d", "db"]);
    for arguments in [&["stats"][..], &["events", "-f", "--since", "10m"]] {
        let mut child = scene.sandbox.command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(!line.is_empty(), "{arguments:?}");
        // Whoever has nothing to write does not learn that the reader has gone.
        let ended = within(Duration::from_mins(1), || {
            scene.ok(&["restart", "-t", "0", "db"]);
            child.try_wait().unwrap()
        });
        if ended.is_none() {
            child.kill().unwrap();
        }
        assert_eq!(ended.and_then(|status| status.code()), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_state_that_nothing_can_be_in_is_a_mistake() {
    let Some(scene) = Scene::new(SHOP) else { return };
    for arguments in [["ps", "--status", "runing"], ["ps", "--filter", "status=runing"]] {
        let run = scene.sandbox.run(&arguments);
        assert!(
            run.code == 2 && run.stderr.contains("running, paused"),
            "{arguments:?}: {}",
            run.stderr
        );
    }
    assert_eq!(scene.ok(&["ps", "-q", "--status", "EXITED"]).stdout, "");
}

/// As Docker Compose has it: all behind the service is the command's.
#[test]
fn a_command_has_the_options_behind_its_service() {
    let file = "
services:
  say: {image: IMAGE, entrypoint: [sh, -c, 'echo \"$*\"', sh]}
  web: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}
";
    let Some(scene) = Scene::new(file) else { return };
    for words in ["--help", "-c x y", "-p 80 x", "-it", "--rm x", "-- -x", "x --dry-run"] {
        let arguments: Vec<_> = ["run", "--rm", "say"].into_iter().chain(words.split(' ')).collect();
        assert_eq!(scene.ok(&arguments).stdout.trim_end(), words);
    }
    scene.ok(&["up", "-d", "web"]);
    let told = scene.ok(&["exec", "-T", "web", "sh", "-c", "echo $0", "-T"]);
    assert_eq!(told.stdout, "-T\n");
    assert!(scene.sandbox.fails(&["exec", "web"]).stderr.contains("Usage: ctx exec"));
}
