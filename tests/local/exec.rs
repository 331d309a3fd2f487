//! `exec` and `attach`: a process in a container and the person in front of it.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::scene::Scene;
use crate::support::terminal::Terminal;

const TALK: &str = "
services:
  web: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, environment: {COLOR: red}}
  shell: {image: IMAGE, command: [sh], stdin_open: true, tty: true, stop_signal: SIGKILL}
  reader: {image: IMAGE, command: [sh, -c, 'trap \"echo hup\" HUP; read line; echo got $$line; read line; exit 6'], stdin_open: true}
  job: {image: IMAGE, command: [sh, -c, 'exit 3']}
";

/// Runs `ctx` with an input; its status and standard output.
pub(crate) fn piped(scene: &Scene, arguments: &[&str], input: &[u8]) -> (Option<i32>, Vec<u8>) {
    let mut child = scene
        .sandbox
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ctx starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("ctx ends");
    writer.join().expect("a writer").expect("all is read");
    (output.status.code(), output.stdout)
}

#[test]
fn exec_passes_input_output_and_status() {
    let Some(mut scene) = Scene::new(TALK) else { return };
    scene.ok(&["up", "-d", "web"]);
    // More than any buffer on the way, with bytes that are no text, there and back.
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|number| (number % 251) as u8).collect();
    let (code, back) = piped(&scene, &["exec", "-T", "web", "cat"], &bytes);
    assert_eq!(code, Some(0));
    assert!(back == bytes, "{} of {} bytes came back", back.len(), bytes.len());

    let run = scene
        .sandbox
        .run(&["exec", "web", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!(
        (run.code, run.stdout.as_str(), run.stderr.as_str()),
        (7, "out\n", "err\n")
    );
    let (code, unread) = piped(&scene, &["exec", "--interactive=false", "web", "cat"], b"");
    assert_eq!((code, unread), (Some(0), Vec::new()));
    for options in ["-it", "-ti", "-i"] {
        let (code, back) = piped(&scene, &["exec", options, "web", "cat"], b"typed");
        assert_eq!((code, back), (Some(0), b"typed".to_vec()), "{options}");
        let (code, back) = piped(&scene, &["run", "--rm", options, "web", "cat"], b"typed");
        assert_eq!((code, back), (Some(0), b"typed".to_vec()), "{options}");
    }
    scene.sandbox.set("FROM_HERE", "blue");
    let environment = "echo $COLOR $GIVEN $FROM_HERE $(cat /proc/self/status | grep Uid)";
    let run = scene.ok(&[
        "exec",
        "-e",
        "GIVEN=a b",
        "-e",
        "FROM_HERE",
        "-e",
        "NOT_SET",
        "-u",
        "1000",
        "-w",
        "/proc",
        "web",
        "sh",
        "-c",
        environment,
    ]);
    assert!(run.stdout.starts_with("red a b blue Uid: 1000"), "{}", run.stdout);
    let run = scene.ok(&["exec", "-w", "/proc", "web", "sh", "-c", "cat version; cat self/comm"]);
    assert!(run.stdout.starts_with("Linux"), "{}", run.stdout);
    // Options behind the command are the command's.
    assert_eq!(
        scene.ok(&["exec", "web", "sh", "-c", "echo $0 $@", "-T", "-e"]).stdout,
        "-T -e\n"
    );
    assert_eq!(
        scene.sandbox.run(&["exec", "web", "no-such-program"]).code,
        126 + i32::from(missing_is_127(&scene))
    );

    scene.ok(&["exec", "-d", "web", "sh", "-c", "echo done > /proc/1/fd/1"]);
}

/// Whether this engine tells a missing program from one that cannot be run.
fn missing_is_127(scene: &Scene) -> bool {
    let name = scene.container("web-1");
    let status = Command::new("docker").args(["exec", &name, "no-such-program"]).output();
    status.expect("docker runs").status.code() == Some(127)
}

#[test]
fn a_container_that_does_not_run_is_named_with_its_state() {
    let Some(scene) = Scene::new(TALK) else { return };
    scene.ok(&["up", "-d", "web", "job"]);
    scene.sandbox.run(&["wait", "job"]);
    for (service, expected) in [
        ("job", "job-1 has exited with status 3"),
        ("web", "web-1 is paused; `ctx unpause web`"),
    ] {
        if service == "web" {
            scene.ok(&["pause", "web"]);
        }
        for command in [&["exec", service, "true"][..], &["attach", service]] {
            let refused = scene.sandbox.fails(command);
            let said = format!("service `{service}` is not running");
            assert!(
                refused.stderr.contains(&said) && refused.stderr.contains(expected),
                "{}",
                refused.stderr
            );
        }
    }
    let nobody = scene.sandbox.fails(&["exec", "--index", "4", "web", "true"]);
    assert!(
        nobody.stderr.contains("no container 4 of service `web`"),
        "{}",
        nobody.stderr
    );
    let nobody = scene.sandbox.fails(&["exec", "wep", "true"]);
    assert!(nobody.stderr.contains("did you mean `web`?"), "{}", nobody.stderr);
}

#[test]
fn on_a_terminal_each_key_goes_to_the_process() {
    let Some(scene) = Scene::new(TALK) else { return };
    scene.ok(&["up", "-d", "web"]);
    let line = "echo re''ady; trap 'echo inter''rupted' INT; read line; echo got:$line; test -t 1 && exit 9";
    let Some(mut terminal) = Terminal::start(&scene.sandbox, &["exec", "web", "sh", "-c", line]) else {
        return;
    };
    terminal.at("ready", "\u{3}");
    terminal.at("interrupted", "x\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 9, "{screen}");

    let Some(mut terminal) = Terminal::start(&scene.sandbox, &["exec", "web", "sh", "-c", "echo re''ady; read line"])
    else {
        return;
    };
    terminal.at("ready", "\u{10}\u{11}");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "the detach keys leave it alone: {screen}");
}

#[test]
fn attach_joins_what_runs() {
    let Some(scene) = Scene::new(TALK) else { return };
    scene.ok(&["up", "-d", "shell", "reader"]);
    let Some(mut terminal) = Terminal::start(&scene.sandbox, &["attach", "--detach-keys", "ctrl-x", "shell"]) else {
        return;
    };
    // It may show its prompt before anybody looks.
    terminal.press("echo he''re\r");
    terminal.at("here", "\u{18}");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(scene.inspect("shell-1", "{{.State.Running}}"), "true");

    let (code, output) = piped(&scene, &["attach", "reader"], b"hello\nend\n");
    assert_eq!((code, output.as_slice()), (Some(6), &b"got hello\n"[..]));
}
