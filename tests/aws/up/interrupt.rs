//! Ctrl-C while a deployment is followed.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::WEB;
use crate::world::World;

#[test]
fn an_interrupt_ends_the_command_and_not_the_deployment() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB.to_owned() + World::HELD);
    let mut command = world.sandbox.command(&["--progress", "plain", "up"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "Hold  Creating"));
    assert!(
        Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let last = rest.last().unwrap();
    assert_eq!(
        last,
        "Stack shop  Interrupted: AWS goes on; `ctx -c lab -p shop ps` shows which tasks run"
    );
    assert_eq!(world.status("shop"), "CREATE_IN_PROGRESS");
}
