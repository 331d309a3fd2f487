//! Commands around a container's life.

use crate::scene::Scene;

/// Every hook writes what it is to a file in a volume that all share.
const FILE: &str = "
services:
  web:
    image: IMAGE
    command: [sh, -c, 'echo started >> /log/log; sleep 1000']
    stop_signal: SIGKILL
    volumes: ['log:/log']
    environment: {GREETING: hello}
    pre_start:
      - {command: [sh, -c, 'echo before $$GREETING $$OWN >> /log/log'], environment: {OWN: mine}}
    post_start:
      - {command: [sh, -c, 'echo after $$GREETING $$OWN >> /log/log'], environment: {OWN: mine}, user: root, working_dir: /log}
      - command: [sh, -c, 'echo again >> /log/log']
    pre_stop:
      - command: [sh, -c, 'echo last >> /log/log']
volumes: {log: {}}
";

fn written(scene: &Scene) -> String {
    let volume = format!("{}:/log", scene.name("log", '_'));
    scene
        .engine
        .docker(&["run", "--rm", "-v", &volume, &scene.engine.image(), "cat", "/log/log"])
}

#[test]
fn hooks_run_before_and_after() {
    let Some(scene) = Scene::new(FILE) else { return };
    let count = |word: &str| written(&scene).lines().filter(|line| *line == word).count();
    scene.ok(&["up", "-d"]);
    let log = written(&scene);
    assert!(log.starts_with("before hello mine\n"), "{log}");
    assert!(log.contains("after hello mine\nagain"), "{log}");
    assert_eq!(
        scene.project.containers(),
        [scene.container("web-1")],
        "what ran a hook is gone"
    );

    scene.ok(&["up", "-d"]);
    assert_eq!(written(&scene), log, "nothing runs again when nothing changed");
    scene.ok(&["restart"]);
    assert_eq!((count("last"), count("again")), (1, 2), "{}", written(&scene));
    scene.ok(&["stop"]);
    assert_eq!(count("last"), 2, "{}", written(&scene));
    scene.ok(&["start"]);
    assert_eq!(count("again"), 3, "{}", written(&scene));

    scene.rewrite(&FILE.replace("hello", "good-day"));
    scene.ok(&["up", "-d"]);
    assert_eq!(
        count("last"),
        3,
        "the one that is replaced runs its own\n{}",
        written(&scene)
    );
    assert_eq!(count("before good-day mine"), 1, "{}", written(&scene));

    std::fs::remove_file(scene.sandbox.project().join("compose.yaml")).unwrap();
    scene.ok(&["-p", scene.project.name(), "down"]);
    assert_eq!(count("last"), 4, "no file is needed\n{}", written(&scene));
}

#[test]
fn one_hook_for_all_and_one_for_each() {
    let file = "
services:
  web:
    image: IMAGE
    command: [sleep, '1000']
    stop_signal: SIGKILL
    volumes: ['log:/log']
    scale: 3
    pre_start:
      - {command: [sh, -c, 'echo all >> /log/log']}
      - {command: [sh, -c, 'echo each >> /log/log'], per_replica: true}
volumes: {log: {}}
";
    let Some(scene) = Scene::new(file) else { return };
    scene.ok(&["up", "-d"]);
    let log = written(&scene);
    let count = |word: &str| log.lines().filter(|line| *line == word).count();
    assert_eq!((count("all"), count("each")), (1, 3), "{log}");
    assert!(log.starts_with("all\n"), "{log}");
    assert_eq!(scene.running().len(), 3);
}

#[test]
fn a_hook_that_fails_says_where_and_why() {
    let file = |kind: &str| {
        format!(
            "services:\n  web:\n    image: IMAGE\n    command: [sleep, '1000']\n    stop_signal: SIGKILL\n    {kind}:\n      \
             - command: [sh, -c, 'echo no tables; exit 3']\n  after: {{image: IMAGE, command: [sleep, '1000'], depends_on: [web]}}\n"
        )
    };
    for kind in ["pre_start", "post_start"] {
        let Some(scene) = Scene::new(&file(kind)) else { return };
        let run = scene.sandbox.fails(&["up", "-d"]);
        for word in ["compose.yaml:7:", kind, "exited with status 3", "no tables"] {
            assert!(run.stderr.contains(word), "no {word:?} in\n{}", run.stderr);
        }
        let runs = scene.running().contains(&scene.container("web-1"));
        assert_eq!(runs, kind == "post_start", "{kind}");
        assert!(!scene.running().contains(&scene.container("after-1")), "{kind}");
    }
    let Some(scene) = Scene::new(&file("pre_stop")) else {
        return;
    };
    scene.ok(&["up", "-d"]);
    let run = scene.ok(&["down"]);
    assert!(
        run.stderr.contains("no tables"),
        "it is told, and stops nobody\n{}",
        run.stderr
    );
    assert!(scene.project.containers().is_empty());
}

#[test]
fn what_hooks_write_is_shown_where_somebody_looks() {
    let file = "
services:
  web:
    image: IMAGE
    command: [sh, -c, 'sleep 0.5']
    pre_start: [{command: [sh, -c, 'echo first']}]
    post_start: [{command: [sh, -c, 'echo second']}]
";
    let Some(scene) = Scene::new(file) else { return };
    let run = scene.ok(&["up"]);
    for line in ["web-1 -> | first", "web-1 -> | second"] {
        let shown = run
            .stdout
            .lines()
            .any(|shown| shown.split_whitespace().eq(line.split_whitespace()));
        assert!(shown, "no {line:?} in\n{}\n{}", run.stdout, run.stderr);
    }
}

#[test]
fn hooks_of_what_docker_compose_made() {
    let file = FILE
        .lines()
        .filter(|line| !line.contains("pre_start") && !line.contains("before"))
        .collect::<Vec<_>>();
    let Some(scene) = Scene::new(&file.join("\n")) else {
        return;
    };
    if scene.docker_compose(&["up", "-d"]).is_none() {
        return;
    }
    let before = scene.ids();
    scene.ok(&["up", "-d"]);
    assert_eq!(scene.ids(), before);
    let count = || written(&scene).lines().filter(|line| *line == "last").count();
    scene.ok(&["restart"]);
    assert_eq!(count(), 1, "{}", written(&scene));
    scene.ok(&["down"]);
    assert_eq!(count(), 2, "{}", written(&scene));
}

#[test]
fn hooks_run_around_a_command_too() {
    let Some(scene) = Scene::new(FILE) else { return };
    let wait = "while :; do case $(cat /log/log) in *again*) break ;; esac; sleep 0.1; done; echo done >> /log/log";
    scene.ok(&["run", "--rm", "-T", "web", "sh", "-c", wait]);
    assert_eq!(written(&scene), "before hello mine\nafter hello mine\nagain\ndone");
    scene.rewrite(&FILE.replace("echo before", "exit 4; echo"));
    let failed = scene.sandbox.run(&["run", "--rm", "-T", "web", "sh", "-c", "exit 0"]);
    assert!(
        failed.code == 1 && failed.stderr.contains("exited with status 4"),
        "{}",
        failed.stderr
    );
    assert_eq!(
        scene.project.containers(),
        Vec::<String>::new(),
        "nothing is left of it"
    );
}
