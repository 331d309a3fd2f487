//! `up` without `-d`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::scene::Scene;

#[test]
fn shows_all_output_and_ends_with_the_containers() {
    let file = "
services:
  quick: {image: IMAGE, command: [sh, -c, 'echo at once']}
  slow: {image: IMAGE, command: [sh, -c, 'echo first; sleep 0.5; echo last; exit 3']}
  mute: {image: IMAGE, command: [sh, -c, 'echo not shown'], attach: false}
";
    let Some(scene) = Scene::new(file) else { return };
    let run = scene.ok(&["up"]);
    for text in ["at once", "first", "last"] {
        assert_eq!(run.stdout.matches(text).count(), 1, "{text}\n{}", run.stdout);
    }
    assert!(!run.stdout.contains("not shown"), "{}", run.stdout);
    assert!(run.stderr.contains("Exited (3)"), "{}", run.stderr);

    let again = scene.ok(&["up"]);
    assert_eq!(
        again.stdout.matches("first").count(),
        1,
        "what the run before wrote is not shown again\n{}",
        again.stdout
    );
}

#[test]
fn shows_output_through_restarts() {
    let file = "services: {a: {image: IMAGE, command: [sh, -c, 'echo run; exit 1'], restart: 'on-failure:2'}}";
    let Some(scene) = Scene::new(file) else { return };
    let run = scene.ok(&["up"]);
    assert_eq!(run.stdout.matches("run").count(), 3, "{}\n{}", run.stdout, run.stderr);
}

#[test]
fn an_interrupt_stops_the_containers() {
    let file = "services: {a: {image: IMAGE, command: [sh, -c, 'echo ready; exec sleep 1000'], stop_signal: SIGKILL}}";
    let Some(scene) = Scene::new(file) else { return };
    let mut child = scene
        .sandbox
        .command(&["up"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("ctx starts");
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    stdout.read_line(&mut line).expect("a line");
    assert!(line.contains("ready"), "{line}");
    assert!(
        Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .expect("kill runs")
            .success()
    );
    let status = child.wait().expect("ctx ends");
    assert_eq!(status.code(), Some(130));
    assert_eq!(scene.inspect("a-1", "{{.State.Running}}"), "false");
}
