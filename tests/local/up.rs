//! What `up` can be asked for.

use crate::scene::Scene;

const SHOP: &str = "
services:
  web:
    image: IMAGE
    command: [sleep, '1000']
    stop_signal: SIGKILL
    depends_on: [db]
    volumes: [/scratch]
  db: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}
";

fn replicas(scene: &Scene) -> String {
    let listed = scene.ok(&["ps", "-a", "--format", "{{.Name}}={{.State}}"]).stdout;
    listed
        .replace(&format!("{}-", scene.project.name()), "")
        .replace('\n', " ")
}

#[test]
fn the_command_line_gives_numbers_and_leaves_dependencies_out() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d", "--no-deps", "--scale", "web=2", "web"]);
    assert_eq!(replicas(&scene), "web-1=running web-2=running ");
    let before = scene.ids();
    scene.ok(&["scale", "web=3", "db=1"]);
    assert_eq!(
        replicas(&scene),
        "db-1=running web-1=running web-2=running web-3=running "
    );
    assert!(
        before.iter().all(|replica| scene.ids().contains(replica)),
        "those that were there stay"
    );
    scene.ok(&["scale", "web=0", "--no-deps"]);
    assert_eq!(replicas(&scene), "db-1=running ");
    let nobody = scene.sandbox.fails(&["up", "-d", "--scale", "wep=2"]);
    assert!(nobody.stderr.contains("did you mean `web`?"), "{}", nobody.stderr);
}

/// Files of the machine are mounted; content is copied when a container is made, and would stay as it was.
#[test]
fn a_config_or_secret_that_changed_reaches_the_containers() {
    let file = |content: &str| {
        format!(
            "services:\n  web: {{image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, configs: [c], secrets: [s]}}\n  \
             db: {{image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}}\n\
             configs: {{c: {{content: {content}}}}}\nsecrets: {{s: {{environment: WORD}}}}\n"
        )
    };
    let Some(mut scene) = Scene::new(&file("one")) else {
        return;
    };
    let read = |scene: &Scene, path| scene.ok(&["exec", "-T", "web", "cat", path]).stdout;
    scene.sandbox.set("WORD", "secret-1");
    scene.ok(&["up", "-d"]);
    let before = scene.ids();
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.ids(), before);
    scene.rewrite(&file("two"));
    scene.ok(&["up", "-d"]);
    assert_eq!(read(&scene, "/c"), "two");
    scene.sandbox.set("WORD", "secret-2");
    scene.ok(&["up", "-d"]);
    assert_eq!(read(&scene, "/run/secrets/s"), "secret-2");
    let db = |ids: Vec<(String, String)>| ids.into_iter().find(|(name, _)| name.ends_with("db-1"));
    assert_eq!(db(scene.ids()), db(before), "it has none of them");
}

#[test]
fn containers_are_made_and_not_started() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "--no-start"]);
    assert_eq!(replicas(&scene), "db-1=created web-1=created ");
    scene.ok(&["up", "-d"]);
    assert_eq!(replicas(&scene), "db-1=running web-1=running ");
}

#[test]
fn dependencies_and_nameless_volumes_are_made_anew_if_asked_for() {
    let Some(scene) = Scene::new(SHOP) else { return };
    scene.ok(&["up", "-d"]);
    let (db, web) = (scene.id("db-1"), scene.id("web-1"));
    scene.ok(&["up", "-d", "--always-recreate-deps", "web"]);
    assert_ne!(scene.id("db-1"), db);
    assert_eq!(scene.id("web-1"), web);
    let scratch = || scene.inspect("web-1", "{{range .Mounts}}{{.Name}}{{end}}");
    let old = scratch();
    scene.ok(&["up", "-d", "--force-recreate", "web"]);
    assert_eq!(scratch(), old);
    scene.ok(&["up", "-d", "--force-recreate", "-V", "web"]);
    let renewed = scratch();
    assert_ne!(renewed, old);
    let db = scene.id("db-1");
    scene.ok(&["up", "-d", "-V", "web"]);
    assert_ne!(scratch(), renewed, "nothing has changed but the wish for new ones");
    assert_eq!(scene.id("db-1"), db, "nobody named it");
    scene.ok(&["down", "-v"]);
    assert!(scene.project.anonymous_volumes().is_empty());
}

#[test]
fn nothing_is_done_in_a_dry_run() {
    let Some(scene) = Scene::new(SHOP) else { return };
    let plan = scene.ok(&["--dry-run", "up", "web"]).stdout;
    assert!(
        plan.contains("create network") && plan.contains("create ") && plan.contains("start "),
        "{plan}"
    );
    assert_eq!(replicas(&scene), "");
    scene.ok(&["up", "-d"]);
    let before = scene.ids();
    for (command, expected) in [
        (&["up", "--force-recreate"][..], "(forced)"),
        (&["down"], "remove network"),
        (&["stop"], "stop "),
        (&["prune", "--force"], ""),
        (&["prune", "--force", "--stop"], "remove "),
        (&["scale", "web=2"], "create "),
        (&["kill"], "send SIGKILL to "),
        (
            &["exec", "-T", "web", "sh", "-c", "touch /x"],
            "run sh -c 'touch /x' in ",
        ),
        (&["run", "--rm", "web", "true"], "run true in a container of web\n"),
        (&["attach", "web"], "attach to "),
        (&["cp", "web:/etc/hosts", "copied"], "-web-1:/etc/hosts to copied\n"),
        (&["cp", "compose.yaml", "web:/tmp"], "copy compose.yaml to "),
        (&["wait", "--down-project", "web"], "remove network"),
        (&["pull", "--policy", "always"], "pull "),
        (&["forward", "web", "0:80"], " to web:80\n"),
    ] {
        let command: Vec<_> = ["--dry-run"].into_iter().chain(command.iter().copied()).collect();
        let plan = scene.ok(&command).stdout;
        assert!(plan.contains(expected), "{command:?}: {plan}");
    }
    assert!(!scene.sandbox.project().join("copied").exists());
    let refused = scene.sandbox.fails(&["--dry-run", "rm", "default"]);
    assert!(
        refused.stderr.contains("cannot tell what it would do"),
        "{}",
        refused.stderr
    );
    // What has no plan on ECS is refused before anybody is asked.
    scene.ok(&["create", "ecs", "cloud", "--from-env"]);
    for command in [
        &["down"][..],
        &["stop"],
        &["kill"],
        &["scale", "web=2"],
        &["exec", "web", "true"],
    ] {
        let refused = scene.sandbox.fails(&[&["-c", "cloud", "--dry-run"], command].concat());
        assert!(refused.stderr.contains("works on an engine only"), "{}", refused.stderr);
    }
    let absent = scene.sandbox.fails(&["--dry-run", "exec", "wep", "true"]);
    assert!(absent.stderr.contains("`wep`"), "{}", absent.stderr);
    assert_eq!(scene.ids(), before);
}

#[test]
fn a_dry_run_builds_pushes_and_watches_nothing() {
    let file = "
services:
  web:
    image: 127.0.0.1:1/PROJECT/web
    build: {context: ., dockerfile_inline: 'FROM IMAGE'}
    command: [sleep, '1000']
    develop: {watch: [{action: sync+restart, path: ., target: /src}]}
";
    let Some(scene) = Scene::new(file) else { return };
    let image = format!("127.0.0.1:1/{}/web", scene.project.name());
    let said = |arguments: &[&str]| scene.ok(&[&["--dry-run"], arguments].concat()).stdout;
    assert_eq!(said(&["build"]), format!("build {image}\n"));
    assert_eq!(said(&["build", "--push"]), format!("build {image}\npush {image}\n"));
    assert_eq!(said(&["build", "--check"]), format!("check the build of {image}\n"));
    assert_eq!(said(&["push"]), format!("push {image}\n"));
    let watched = said(&["watch"]);
    let path = scene.sandbox.project().canonicalize().unwrap();
    let rule = format!("watch {}: sync+restart web\n", path.display());
    assert!(
        watched.contains("build the image of web") && watched.ends_with(&rule),
        "{watched}"
    );
    assert!(said(&["up", "--watch"]).ends_with(&rule));
    assert_eq!(replicas(&scene), "");
    assert!(scene.engine.try_docker(&["image", "inspect", &image]).is_err());
}

#[test]
fn waiting_ends_when_all_are_up() {
    let file = "
services:
  slow:
    image: IMAGE
    command: [sh, -c, 'sleep 1; : > /ready; exec sleep 1000']
    stop_signal: SIGKILL
    healthcheck: {test: test -e /ready, interval: 300ms, retries: 50}
  plain: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL}
  once: {image: IMAGE, command: [sh, -c, exit 0]}
";
    let Some(scene) = Scene::new(file) else { return };
    scene.ok(&["up", "--wait"]);
    assert_eq!(scene.inspect("slow-1", "{{.State.Health.Status}}"), "healthy");
    scene.ok(&["up", "--wait"]);

    scene.rewrite("services: {bad: {image: IMAGE, command: [sh, -c, 'echo oh no; exit 4'], healthcheck: {test: 'false', interval: 10s}}}");
    let failed = scene.sandbox.fails(&["up", "--wait", "--remove-orphans"]);
    assert!(
        failed.stderr.contains("bad-1 exited with status 4") && failed.stderr.contains("oh no"),
        "{}",
        failed.stderr
    );
    scene.rewrite(
        "services: {a: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, healthcheck: {test: 'false', interval: 10s}}}",
    );
    let late = scene
        .sandbox
        .fails(&["up", "--wait", "--wait-timeout", "1", "--remove-orphans"]);
    assert!(late.stderr.contains("not up after 1 s"), "{}", late.stderr);
}

#[test]
fn a_container_that_ends_can_end_all_and_give_its_status() {
    let file = "
services:
  server: {image: IMAGE, command: [sh, -c, 'trap \"exit 5\" TERM; while :; do sleep 0.1; done'], attach: false}
  test: {image: IMAGE, command: [sh, -c, 'sleep 0.5; exit 3'], depends_on: [server]}
";
    let Some(scene) = Scene::new(file) else { return };
    for (options, code) in [
        (&["--abort-on-container-exit"][..], 3),
        (&["--abort-on-container-failure"], 3),
        (&["--exit-code-from", "test"], 3),
        (&["--exit-code-from", "server"], 5),
    ] {
        let command: Vec<_> = ["up"].iter().chain(options).copied().collect();
        let run = scene.sandbox.run(&command);
        assert_eq!(run.code, code, "{options:?}\n{}", run.stderr);
        assert_eq!(replicas(&scene), "server-1=exited test-1=exited ", "{options:?}");
    }
    for wrong in [
        &["up", "-d", "--abort-on-container-exit"][..],
        &["up", "--wait", "--attach", "test"],
        &["up", "--build", "--no-build"],
        &["up", "--no-recreate", "-V"],
        &["up", "--no-recreate", "--always-recreate-deps"],
    ] {
        assert_eq!(scene.sandbox.fails(wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn output_is_chosen_and_dressed() {
    let file = "
services:
  a: {image: IMAGE, command: [sh, -c, echo from a]}
  b: {image: IMAGE, command: [sh, -c, echo from b], depends_on: [a]}
";
    let Some(scene) = Scene::new(file) else { return };
    let shown = |options: &[&str]| {
        let command: Vec<_> = ["up", "--force-recreate"].iter().chain(options).copied().collect();
        let run = scene.ok(&command);
        let mut lines: Vec<_> = run.stdout.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(shown(&["--no-attach", "a"]), ["b-1  | from b"]);
    assert_eq!(shown(&["--attach", "a"]), ["a-1  | from a"]);
    assert_eq!(shown(&["b"]), ["b-1  | from b"]);
    assert_eq!(
        shown(&["--attach-dependencies", "--no-log-prefix", "b"]),
        ["from a", "from b"]
    );
    let stamped = &shown(&["--timestamps", "--attach", "b"])[0];
    let (name, text) = stamped.split_once("  | 20").expect("a prefix and a year");
    assert!(name == "b-1" && text.ends_with("Z from b"), "{stamped}");

    let logs = |options: &[&str]| {
        let command: Vec<_> = ["logs"].iter().chain(options).copied().collect();
        scene.ok(&command).stdout
    };
    assert_eq!(logs(&["--no-log-prefix", "--index", "1", "a"]), "from a\n");
    assert_eq!(logs(&["--since", "2100-01-01"]), "");
    assert_eq!(logs(&["--until", "1h"]), "");
    assert!(logs(&["--since", "1h", "-t", "-n", "all"]).contains("Z from b"));
    scene.sandbox.fails(&["logs", "--since", "yesterday"]);
}
