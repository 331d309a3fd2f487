//! `up` without `-d`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::between::{Between, Deed, path};
use crate::scene::Scene;
use crate::support::deadline;

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
fn only_those_that_are_named_or_shown_end_it() {
    let file = "
services:
  db: &aside {image: IMAGE, command: [sh, -c, 'echo from db; exec sleep 1000'], stop_signal: SIGKILL, attach: false}
  job: {<<: *aside, command: [sh, -c, exit 0], depends_on: [db]}
  web: {image: IMAGE, command: [sh, -c, exit 3], depends_on: {job: {condition: service_completed_successfully}}}
";
    let Some(scene) = Scene::new(file) else { return };
    scene.ok(&["up"]);
    assert_eq!(
        scene.inspect("db-1", "{{.State.Running}}"),
        "true",
        "it is left running"
    );
    scene.ok(&["down"]);
    let run = scene.sandbox.run(&["up", "--abort-on-container-exit"]);
    assert_eq!(run.code, 3, "not with the job\n{}", run.stderr);
    assert_eq!(scene.inspect("db-1", "{{.State.Running}}"), "false");
    scene.ok(&["down"]);
    let named = scene.sandbox.run(&["up", "--exit-code-from", "job", "job", "db"]);
    assert!(named.code == 0 && named.stdout.contains("from db"), "{}", named.stdout);
    scene.ok(&["up", "-d", "db"]);
    scene.ok(&["up", "--no-attach", "web", "--no-deps", "job"]);
    let nobody = scene.sandbox.fails(&["up", "--no-attach", "wep"]);
    assert!(nobody.stderr.contains("did you mean `web`?"), "{}", nobody.stderr);
}

/// A loaded engine notes a line some time after it was written, which may be after the end of the process.
#[test]
fn what_was_noted_after_the_end_of_a_run_is_old() {
    let Some(mut scene) = Scene::new("services: {a: {image: IMAGE, command: [sh, -c, echo run]}}") else {
        return;
    };
    let Some(engine) = path(scene.engine.host()) else {
        return;
    };
    scene.ok(&["up"]);
    let earlier = |answer: &mut [u8]| {
        let finished = b"\"FinishedAt\":\"20";
        let at = answer.windows(finished.len()).position(|window| window == finished);
        if let Some(year) = at.and_then(|at| answer.get_mut(at + finished.len()..)?.get_mut(..2)) {
            year.copy_from_slice(b"01");
        }
    };
    let socket = scene.sandbox.home().join("engine.sock");
    let between = Between::new(&engine.display().to_string(), socket, move |_| Deed::Alter(earlier));
    scene
        .sandbox
        .set("DOCKER_HOST", format!("unix://{}", between.socket.display()));
    let again = scene.ok(&["up"]);
    assert_eq!(
        again.stdout.matches("run").count(),
        1,
        "{}\n{}",
        again.stdout,
        again.stderr
    );
}

#[test]
fn shows_output_through_restarts() {
    let file = "services: {a: {image: IMAGE, command: [sh, -c, 'echo run; exit 1'], restart: 'on-failure:2'}}";
    let Some(scene) = Scene::new(file) else { return };
    let run = scene.ok(&["up"]);
    assert_eq!(run.stdout.matches("run").count(), 3, "{}\n{}", run.stdout, run.stderr);
}

/// The engine ends the output with the container, whoever still reads.
#[test]
fn a_slow_reader_gets_everything() {
    let count = "i=0; while [ $i -lt 60000 ]; do echo $i; i=$((i+1)); done";
    let file = format!(
        "services: {{a: {{image: IMAGE, command: [sh, -c, '{}']}}}}",
        count.replace('$', "$$")
    );
    let Some(scene) = Scene::new(&file) else { return };
    let mut command = scene.sandbox.command(&["up"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("ctx starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut first = String::new();
    stdout.read_line(&mut first).expect("a line");
    let ended = || (scene.inspect("a-1", "{{.State.Status}}") == "exited").then_some(());
    deadline::within(Duration::from_mins(1), ended).expect("it ends though nobody reads");
    assert_eq!(stdout.lines().count(), 60_000 - 1);
    child.wait().expect("it ends");
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
