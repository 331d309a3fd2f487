//! Tasks that end again and again where no circuit breaker ends the deployment.

use crate::support::terminal::Terminal;
use crate::world::World;

const FILE: &str = "
name: shop
services:
  web:
    image: web
    labels: {ctx.lab.well: 'WELL', ctx.lab.exits: '3', ctx.lab.says: 'no licence', ctx.lab.after: '0.2'}
x-aws-cloudformation:
  Resources:
    WebService:
      Properties:
        DeploymentConfiguration:
          DeploymentCircuitBreaker: {Enable: false, Rollback: false}
";

#[test]
fn a_crash_loop_ends_the_wait_and_not_the_deployment() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", FILE.replace("WELL", "0"));
    let run = world.fails(&["up"]);
    assert_eq!(run.code, 1);
    for expected in [
        "error: stack `shop` waits for tasks that end again and again: service `web`: container `web` exited with 3",
        "compose.yaml:4:3",
        "tasks have ended like this since the deployment began",
        "no licence",
        "AWS goes on",
        "`ctx -p shop down` removes the new stack",
    ] {
        assert!(
            run.stderr.contains(expected),
            "`{expected}` is missing in\n{}",
            run.stderr
        );
    }
    assert_eq!(world.status("shop"), "CREATE_IN_PROGRESS");
    world.ok(&["down"]);
}

#[test]
fn on_a_terminal_a_crash_loop_asks_what_shall_become_of_the_deployment() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", FILE.replace("WELL", "0"));
    let Some(mut terminal) = Terminal::start(&world.sandbox, &["--progress", "plain", "up"]) else {
        return;
    };
    // Remove the new stack again.
    terminal.at("What shall become of the deployment?", "\u{1b}[B\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 130, "{screen}");
    assert!(
        screen.contains("end again and again: container `web` exited with 3"),
        "{screen}"
    );
    assert_eq!(world.lab.stacks(), Vec::<String>::new());
}
