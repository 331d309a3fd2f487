//! Stacks that `up` must not touch.

use super::WEB;
use crate::world::World;

const OTHER: &str = "Resources: {Group: {Type: 'AWS::Logs::LogGroup'}}";

#[test]
fn a_stack_that_somebody_else_made_is_refused() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.stack("shop", OTHER, None);
    let run = world.fails(&["up"]);
    assert!(
        run.stderr
            .contains("there is a stack `shop` in this account and region already"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("`-p NAME`"), "{}", run.stderr);
}

#[test]
fn a_stack_that_somebody_else_prepares_is_refused() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.change_set("shop", "their-own", OTHER);
    let run = world.fails(&["up"]);
    assert!(
        run.stderr.contains("was not made from a Compose file"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_second_up_during_the_first_is_refused() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB.to_owned() + World::HELD);
    world.ok(&["up", "-d"]);
    let run = world.fails(&["up"]);
    assert!(
        run.stderr.contains("another deployment is in state CREATE_IN_PROGRESS"),
        "{}",
        run.stderr
    );
}
