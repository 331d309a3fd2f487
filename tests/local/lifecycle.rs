//! Up, changed, down.

use crate::scene::Scene;

const SHOP: &str = "
services:
  web:
    image: IMAGE
    command: [sleep, '1000']
    stop_signal: SIGKILL
    depends_on: [db]
    configs: [{source: motd, target: /etc/motd}]
    environment: {GREETING: hello}
  db:
    image: IMAGE
    command: [sleep, '1000']
    stop_signal: SIGKILL
    volumes: ['data:/data', '/scratch']
configs:
  motd: {content: welcome}
volumes:
  data: {}
";

#[test]
fn up_makes_what_the_file_says_and_down_takes_it_away() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.inspect("web-1", "{{.State.Running}}"), "true");
    assert_eq!(
        scene
            .inspect("db-1", "{{range .Mounts}}{{.Destination}} {{end}}")
            .split_whitespace()
            .count(),
        2
    );
    let motd = scene
        .engine
        .docker(&["exec", &scene.container("web-1"), "cat", "/etc/motd"]);
    assert_eq!(motd, "welcome");
    let aliases = scene.inspect("web-1", "{{range .NetworkSettings.Networks}}{{.Aliases}}{{end}}");
    assert!(aliases.contains("web"), "found by the service's name: {aliases}");

    let before = scene.ids();
    let again = scene.ok(&["up", "-d"]);
    assert_eq!(
        scene.ids(),
        before,
        "nothing is touched when nothing changed\n{}",
        again.stderr
    );

    let scratch = scene.project.anonymous_volumes();
    scene.ok(&["down"]);
    assert!(scene.project.containers().is_empty());
    for volume in scratch {
        scene.engine.docker(&["volume", "rm", &volume]); // it is still there
    }
    let volume = scene.name("data", '_');
    assert_eq!(
        scene
            .engine
            .docker(&["volume", "ls", "-q", "--filter", &format!("name={volume}")]),
        volume
    );
    scene.ok(&["down", "-v"]);
    assert_eq!(
        scene
            .engine
            .docker(&["volume", "ls", "-q", "--filter", &format!("name={volume}")]),
        ""
    );
    assert_eq!(
        scene.engine.docker(&[
            "network",
            "ls",
            "-q",
            "--filter",
            &format!("label={}", scene.project.label())
        ]),
        ""
    );
}

#[test]
fn only_what_changed_is_made_anew_and_volumes_stay() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d"]);
    let (web, db) = (scene.id("web-1"), scene.id("db-1"));
    scene.rewrite(&SHOP.replace("hello", "good day"));
    scene.ok(&["up", "-d"]);
    assert_ne!(scene.id("web-1"), web);
    assert_eq!(scene.id("db-1"), db);
    assert_eq!(scene.project.containers().len(), 2, "the replaced container is gone");

    let mounts = "{{range .Mounts}}{{.Name}} {{.Destination}}\n{{end}}";
    let sorted = |text: String| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let before = sorted(scene.inspect("db-1", mounts));
    scene.ok(&["up", "-d", "--force-recreate"]);
    assert_ne!(scene.id("db-1"), db);
    assert_eq!(
        sorted(scene.inspect("db-1", mounts)),
        before,
        "nameless volumes go over, too"
    );
    scene.ok(&["down", "-v"]);
    let volumes = scene.engine.docker(&["volume", "ls", "-q"]);
    for line in before {
        let name = line.split(' ').next().expect("a name");
        assert!(!volumes.contains(name), "volume {name} is left");
    }
}

#[test]
fn scale_follows_the_file() {
    let file = |scale: u32| {
        format!("services: {{a: {{image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, scale: {scale}}}}}")
    };
    let Some(scene) = Scene::new(&file(3)) else { return };
    scene.ok(&["up", "-d"]);
    let first = scene.id("a-1");
    assert_eq!(scene.project.containers().len(), 3);
    scene.rewrite(&file(1));
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.project.containers(), [scene.container("a-1")]);
    assert_eq!(scene.id("a-1"), first);
}

#[test]
fn orphans_are_named_and_removed_only_on_request() {
    let file = "services: {a: &a {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}, b: *a}";
    let Some(scene) = Scene::new(file) else { return };
    scene.ok(&["up", "-d"]);
    scene.rewrite("services: {a: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}}");
    let run = scene.ok(&["up", "-d"]);
    assert!(run.stderr.contains(&scene.container("b-1")), "{}", run.stderr);
    assert_eq!(scene.project.containers().len(), 2);
    scene.ok(&["up", "-d", "--remove-orphans"]);
    assert_eq!(scene.project.containers(), [scene.container("a-1")]);
}

#[test]
fn a_service_starts_when_those_before_it_are_healthy_or_done() {
    let file = "
services:
  db:
    image: IMAGE
    command: [sh, -c, 'sleep 0.3; : > /tmp/ready; sleep 1000']
    stop_signal: SIGKILL
    healthcheck: {test: 'test -e /tmp/ready', interval: 100ms}
  migrate:
    image: IMAGE
    command: [sh, -c, 'exit 0']
    depends_on: {db: {condition: service_healthy}}
  web:
    image: IMAGE
    command: [sleep, '1000']
    stop_signal: SIGKILL
    depends_on: {migrate: {condition: service_completed_successfully}}
";
    let Some(scene) = Scene::new(file) else { return };
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.inspect("db-1", "{{.State.Health.Status}}"), "healthy");
    let (ended, started) = (
        scene.inspect("migrate-1", "{{.State.FinishedAt}}"),
        scene.inspect("web-1", "{{.State.StartedAt}}"),
    );
    assert!(ended <= started, "migrate ended at {ended}, web started at {started}");

    let before = scene.ids();
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.ids(), before, "what has done its work does not run again");
}

#[test]
fn a_shared_network_namespace_is_followed() {
    let file = "
services:
  app: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, environment: {A: one}}
  side: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, network_mode: 'service:app'}
";
    let Some(scene) = Scene::new(file) else { return };
    scene.ok(&["up", "-d"]);
    let mode = |scene: &Scene| scene.inspect("side-1", "{{.HostConfig.NetworkMode}}");
    assert_eq!(mode(&scene), format!("container:{}", scene.id("app-1")));
    scene.rewrite(&file.replace("one", "two"));
    scene.ok(&["up", "-d"]);
    assert_eq!(mode(&scene), format!("container:{}", scene.id("app-1")));
    let before = scene.ids();
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.ids(), before);
}

#[test]
fn down_needs_no_file() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d"]);
    std::fs::remove_file(scene.sandbox.project().join("compose.yaml")).unwrap();
    scene.ok(&["-p", scene.project.name(), "down", "-v"]);
    assert!(scene.project.containers().is_empty());
}

#[test]
fn a_changed_network_is_made_anew_with_its_containers() {
    let file = |label: &str| {
        format!(
            "services: {{a: {{image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, networks: [n]}}}}\n\
             networks: {{n: {{labels: {{x: {label}}}}}}}"
        )
    };
    let Some(scene) = Scene::new(&file("one")) else { return };
    scene.ok(&["up", "-d"]);
    scene.rewrite(&file("two"));
    scene.ok(&["up", "-d"]);
    let label = scene.engine.docker(&[
        "network",
        "inspect",
        "--format",
        "{{index .Labels \"x\"}}",
        &scene.name("n", '_'),
    ]);
    assert_eq!(label, "two");
    assert_eq!(scene.inspect("a-1", "{{.State.Running}}"), "true");
}

#[test]
fn a_container_that_an_interrupted_run_left_gets_its_name() {
    let file = "services: {a: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}}";
    let Some(scene) = Scene::new(file) else { return };
    scene.ok(&["up", "-d"]);
    let name = scene.container("a-1");
    scene.engine.docker(&["rename", &name, &format!("0123456789ab_{name}")]);
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.project.containers(), [name]);
}

#[test]
fn a_named_service_comes_up_with_what_it_needs_and_nothing_else() {
    let file = "
services:
  web: &a {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, depends_on: [db]}
  db: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}
  other: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}
";
    let Some(scene) = Scene::new(file) else { return };
    scene.ok(&["up", "-d", "web"]);
    let mut names = scene.project.containers();
    names.sort();
    assert_eq!(names, [scene.container("db-1"), scene.container("web-1")]);
    let db = scene.id("db-1");
    scene.ok(&["up", "-d"]);
    let run = scene.ok(&["up", "-d", "--force-recreate", "--remove-orphans", "web"]);
    assert_eq!(scene.id("db-1"), db, "only what was named is made anew\n{}", run.stderr);
    assert_eq!(scene.project.containers().len(), 3, "who is not named is no orphan");
}

/// Engines before 23 tell no network of what was never started.
#[test]
fn what_was_made_and_not_started_stays_what_it_is() {
    let file = "services: {a: {image: IMAGE, command: [sh, -c, 'cat /word; exec sleep 1000'], stop_signal: SIGKILL}}";
    let Some(scene) = Scene::new(file) else { return };
    scene.ok(&["up", "--no-start"]);
    let id = scene.id("a-1");
    scene.sandbox.write("word", "kept\n");
    scene.ok(&["cp", "word", "a:/word"]);
    scene.ok(&["up", "--no-start"]);
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.id("a-1"), id);
    assert_eq!(scene.ok(&["exec", "-T", "a", "cat", "/word"]).stdout, "kept\n");
}
