//! The output of several containers.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use crate::between::{Between, Deed, path};
use crate::scene::Scene;
use crate::support::deadline;

const LIMIT: Duration = Duration::from_mins(1);

/// Each waits for the other, and then for the engine to have noted what that one wrote.
const TALK: &str = "
services:
  a: {image: IMAGE, volumes: ['turns:/turns'], command: [sh, -c, 'echo a1; until [ -e /turns/a ]; do sleep 0.1; done; sleep 1; echo a2; printf end; >/turns/b']}
  b: {image: IMAGE, volumes: ['turns:/turns'], command: [sh, -c, 'echo b1; >/turns/a; until [ -e /turns/b ]; do sleep 0.1; done; sleep 1; echo b2 >&2'], depends_on: {a: {condition: service_started}}}
volumes: {turns: {}}
";

/// A command that goes on, and what it shows, line by line.
fn following(command: &mut Command) -> (Child, impl Iterator<Item = String> + use<>) {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("ctx starts");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    (child, lines.map(|line| line.expect("text")))
}

#[test]
fn lines_of_several_containers_come_in_their_order() {
    let Some(scene) = Scene::new(TALK) else { return };
    scene.ok(&["up"]);
    let texts = |run: &str| -> Vec<String> {
        run.lines()
            .map(|line| line.split_once('|').expect("a prefix").1.trim().to_owned())
            .collect()
    };
    let all = texts(&scene.ok(&["logs"]).stdout);
    assert_eq!(all, ["a1", "b1", "a2", "end", "b2"]);
    assert_eq!(texts(&scene.ok(&["logs", "--tail", "1"]).stdout), ["end", "b2"]);
    assert_eq!(texts(&scene.ok(&["logs", "b"]).stdout), ["b1", "b2"]);
    let refused = scene.sandbox.fails(&["logs", "nobody"]);
    assert!(refused.stderr.contains("nobody"), "{}", refused.stderr);
}

#[test]
fn following_goes_on_until_all_have_ended() {
    let file = "services: {a: {image: IMAGE, command: [sh, -c, 'echo one; sleep 1; echo two']}}";
    let Some(scene) = Scene::new(file) else { return };
    scene.ok(&["up", "-d"]);
    let run = scene.ok(&["logs", "-f"]);
    let lines: Vec<_> = run
        .stdout
        .lines()
        .filter_map(|line| line.split_once('|'))
        .map(|(_, text)| text.trim())
        .collect();
    assert_eq!(lines, ["one", "two"], "each once");
}

#[test]
fn following_goes_on_with_those_that_are_started_again_and_made_anew() {
    let file = "
services:
  a: &quick {image: IMAGE, command: [sh, -c, 'echo from a; exec sleep 1000'], stop_signal: SIGKILL}
  b: {<<: *quick, command: [sh, -c, 'echo from b; exec sleep 1000']}
  c: {<<: *quick, command: [sh, -c, 'echo from c; exec sleep 1000']}
";
    let Some(scene) = Scene::new(file) else { return };
    scene.ok(&["up", "-d", "a", "b"]);
    let (mut child, mut lines) = following(&mut scene.sandbox.command(&["logs", "-f"]));
    let mut next = || lines.next().unwrap_or_default();
    let mut first = [next(), next()];
    first.sort();
    assert!(
        first[0].ends_with("from a") && first[1].ends_with("from b"),
        "{first:?}"
    );
    scene.ok(&["restart", "a"]);
    assert_eq!(next(), "a-1  | from a");
    scene.ok(&["up", "-d", "--force-recreate", "b"]);
    assert_eq!(next(), "b-1  | from b");
    scene.ok(&["up", "-d", "c"]);
    assert_eq!(next(), "c-1  | from c");
    scene.ok(&["stop"]);
    assert_eq!(next(), "", "all have ended");
    assert!(child.wait().expect("it ends").success());
}

/// Between the look at a container that has ended and the look at its last words it may have begun anew.
#[test]
fn what_starts_again_while_its_end_is_read_is_shown_once() {
    let file = "services: {a: {image: IMAGE, command: [sh, -c, 'echo from a; exec sleep 1000'], stop_signal: SIGKILL}}";
    let Some(scene) = Scene::new(file) else { return };
    let host = scene.engine.host().to_owned();
    let Some(engine) = path(&host) else { return };
    scene.ok(&["up", "-d"]);
    let holding = Arc::new(AtomicBool::new(false));
    let (reached, ended) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (held, released) = (Arc::clone(&holding), Arc::new(Mutex::new(released)));
    let deed = move |_| {
        let (held, reached, released) = (Arc::clone(&held), reached.clone(), Arc::clone(&released));
        Deed::Hold(Box::new(move |request| {
            let request = String::from_utf8_lossy(request);
            if request.contains("/logs?") && request.contains("follow=false") && held.swap(false, Ordering::SeqCst) {
                reached.send(()).expect("the test waits");
                let _ = released.lock().expect("one at a time").recv();
            }
        }))
    };
    let socket = scene.sandbox.home().join("between.sock");
    let between = Between::new(&engine.display().to_string(), socket, deed);
    let through = format!("unix://{}", between.socket.display());
    let mut command = scene.sandbox.command(&["logs", "-f"]);
    let (mut child, mut lines) = following(command.env("DOCKER_HOST", through));
    let mut next = || lines.next().unwrap_or_default();
    assert_eq!(next(), "a-1  | from a");
    holding.store(true, Ordering::SeqCst);
    scene.ok(&["stop"]);
    ended.recv_timeout(LIMIT).expect("its end is looked at");
    scene.ok(&["start"]);
    let twice = || (scene.ok(&["logs"]).stdout.matches("from a").count() == 2).then_some(());
    deadline::within(LIMIT, twice).expect("it writes again");
    release.send(()).expect("it is held");
    assert_eq!(next(), "a-1  | from a");
    scene.ok(&["stop"]);
    assert_eq!(next(), "", "once");
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn who_reads_no_more_is_no_mistake_and_a_full_disk_is_one() {
    let file = "services: {a: {image: IMAGE, command: [sh, -c, 'while :; do echo from a; sleep 0.01; done'], stop_signal: SIGKILL}}";
    let Some(scene) = Scene::new(file) else { return };
    scene.ok(&["up", "-d"]);
    let mut child = scene
        .sandbox
        .command(&["logs", "-f"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("ctx starts");
    let mut first = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    lines.read_line(&mut first).expect("a line");
    drop(lines);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("Linux has it");
    let status = scene
        .sandbox
        .command(&["logs"])
        .stdout(full)
        .stderr(Stdio::null())
        .status();
    assert_eq!(status.expect("it ends").code(), Some(1));
}
