//! Tasks of their own for one command.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::stage::OnEcs;
use crate::support::deadline;

const FILE: &str = r#"
services:
  web:
    image: ctx-test/web:1
    command: web
    environment: {GREETING: hello, REDIS_HOST: redis}
    volumes: ["data:/data"]
    depends_on: [redis]
  redis:
    image: ctx-test/redis:1
    restart: always
volumes: {data: {}}
"#;

#[test]
fn a_command_runs_as_its_service_does_and_its_exit_status_comes_back() {
    let Some(ecs) = OnEcs::with(FILE) else { return };
    ecs.up(&[]);
    let run = |arguments: &[&str]| {
        let run = ecs.sandbox.run(&[&["--progress", "plain", "run"], arguments].concat());
        (run.code, run.stdout, run.stderr)
    };

    let script = "echo $GREETING $WHO; echo written > /data/note; echo last; exit 42";
    let (code, stdout, stderr) = run(&["--rm", "-T", "-e", "WHO=you", "web", "sh", "-c", script]);
    assert_eq!(
        (code, stdout.as_str()),
        (42, "hello you\nlast\n"),
        "{stderr}\n{}",
        ecs.lab.log()
    );

    // A command that has ended is not started again, though its service is.
    let (code, stdout, stderr) = run(&["redis", "sh", "-c", "echo once; exit 7"]);
    assert_eq!((code, stdout.as_str()), (7, "once\n"), "{stderr}");

    // What no override can say.
    let derived = ["-w", "/data", "-v", "/scratch", "--entrypoint", "sh -c", "web"];
    let (code, stdout, stderr) = run(&[&derived[..], &["pwd; cat note; echo x > /scratch/x && ls /scratch"]].concat());
    assert_eq!(
        (code, stdout.as_str()),
        (0, "/data\nwritten\nx\n"),
        "{stderr}\n{}",
        ecs.lab.log()
    );

    let (code, _, stderr) = run(&["web", "no-such-program"]);
    assert_eq!(code, 127, "{stderr}");
    assert!(stderr.contains("has no such program"), "{stderr}");

    let all = ecs.sandbox.ok(&["ps", "--all"]).stdout;
    assert!(all.contains("Exited (42)"), "{all}");
    let running = ecs.sandbox.ok(&["ps"]).stdout;
    assert!(!running.contains("Exited"), "{running}");
    ecs.sandbox.ok(&["down"]);
    assert_eq!(ecs.lab.stacks(), Vec::<String>::new());
}

#[test]
fn an_interrupt_stops_the_task_and_one_that_is_left_is_stopped_by_down() {
    let Some(ecs) = OnEcs::with(FILE) else { return };
    ecs.up(&[]);
    let mut command = ecs.sandbox.command(&["--progress", "plain", "run", "web", "sh", "-c"]);
    command.arg("trap 'echo ends; exit 3' TERM; echo begun; while :; do sleep 0.1; done");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().as_deref(), Some("begun"), "{}", ecs.lab.log());
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupt.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(130),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let left = ecs.sandbox.ok(&["run", "-d", "web", "sleep", "1000"]).stdout;
    let listed = || {
        let all = ecs.sandbox.ok(&["ps", "--all", "--format", "json", "web"]).stdout;
        all.lines()
            .find(|line| line.contains(left.trim()) && line.contains("running"))
            .map(str::to_owned)
    };
    let found = deadline::within(Duration::from_secs(20), listed);
    assert!(found.is_some(), "{left}\n{}", ecs.lab.log());
    let removed = ecs.sandbox.ok(&["--progress", "plain", "down"]).stderr;
    assert!(removed.contains(&format!("Task {}  Stopped", left.trim())), "{removed}");
    assert_eq!(ecs.lab.containers(), Vec::<String>::new());
}
