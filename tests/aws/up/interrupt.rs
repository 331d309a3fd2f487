//! Ctrl-C while a deployment is followed.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::WEB;
use crate::support::deadline::within;
use crate::support::terminal::Terminal;
use crate::world::World;

const DOWN: &str = "\u{1b}[B";
const ENTER: &str = "\r";
const INTERRUPT: &str = "\u{3}";

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

/// `up` on a terminal, at the question what shall become of the deployment.
fn asked(world: &World) -> Option<Terminal> {
    let mut terminal = Terminal::start(&world.sandbox, &["--progress", "plain", "up"])?;
    terminal.at("Hold  Creating", INTERRUPT);
    terminal.at("What shall become of the deployment?", "");
    Some(terminal)
}

#[test]
fn at_a_terminal_the_deployment_can_be_left_watched_on_or_left_at_once() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB.to_owned() + World::HELD);
    let Some(mut terminal) = asked(&world) else { return };
    // Go on watching, and leave at the next interrupt.
    terminal.press(&[DOWN, DOWN, ENTER].concat());
    terminal.at("Still watched", INTERRUPT);
    terminal.at("What shall become of the deployment?", ENTER);
    let (code, screen) = terminal.end();
    assert_eq!(code, 130, "{screen}");
    assert!(screen.contains("Interrupted: AWS goes on"), "{screen}");
    assert_eq!(world.status("shop"), "CREATE_IN_PROGRESS");
    world.release("shop");
    within(Duration::from_secs(20), || {
        (world.status("shop") == "CREATE_COMPLETE").then_some(())
    })
    .unwrap();
    assert!(world.ok(&["up"]).stderr.contains("No changes"));
}

#[test]
fn a_second_interrupt_leaves_at_once() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB.to_owned() + World::HELD);
    let Some(mut terminal) = asked(&world) else { return };
    terminal.press(INTERRUPT);
    let (code, screen) = terminal.end();
    assert_eq!(code, 130, "{screen}");
    assert_eq!(world.status("shop"), "CREATE_IN_PROGRESS");
}

#[test]
fn a_new_stack_can_be_removed_again() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB.to_owned() + World::HELD);
    let Some(mut terminal) = asked(&world) else { return };
    terminal.press(&[DOWN, ENTER].concat());
    let (code, screen) = terminal.end();
    assert_eq!(code, 130, "{screen}");
    assert!(world.lab.stacks().is_empty(), "{screen}");
    assert!(world.lab.log_groups().is_empty(), "{screen}");
}

#[test]
fn an_update_can_be_cancelled() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    // The laboratory looks for a cancellation before each resource.
    let after = "    After: {Type: AWS::Logs::LogGroup, DependsOn: Hold}\n";
    let update = WEB.replace("redis:7", "redis:8") + World::HELD + after;
    world.sandbox.write("compose.yaml", update);
    let Some(mut terminal) = asked(&world) else { return };
    terminal.press(&[DOWN, ENTER].concat());
    terminal.at("Cancelling the update", "");
    world.release("shop");
    let (code, screen) = terminal.end();
    assert_eq!(code, 130, "{screen}");
    assert!(
        screen.contains("Cancelled: everything is again as it was before"),
        "{screen}"
    );
    assert_eq!(world.status("shop"), "UPDATE_ROLLBACK_COMPLETE");
    world.sandbox.write("compose.yaml", WEB);
    assert!(world.ok(&["up"]).stderr.contains("No changes"));
}

#[test]
fn nobody_has_to_wait_for_longer_than_asked() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB.to_owned() + World::HELD);
    let run = world.fails(&["up", "--wait", "--wait-timeout", "1"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("took longer than 1 seconds"), "{}", run.stderr);
    assert_eq!(world.status("shop"), "CREATE_IN_PROGRESS");
}

#[test]
fn who_is_to_wait_waits_detached_too() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB.to_owned() + World::HELD);
    let run = world.fails(&["up", "-d", "--wait", "--wait-timeout", "1"]);
    assert!(run.stderr.contains("took longer than 1 seconds"), "{}", run.stderr);
}
