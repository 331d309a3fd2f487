//! `ctx explain`: what is wrong with a project, with its file and without.

use std::time::Duration;

use crate::support::deadline::within;
use crate::world::World;

const EXITS: &str = include_str!("up/troubles/a_container_that_ends_with_an_error.yaml");
const STUCK: &str = include_str!("up/troubles/no_capacity.yaml");
const FINE: &str = "name: shop\nservices: {web: {image: nginx}}\n";

#[test]
fn a_creation_that_failed_is_explained_by_what_it_has_left() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", EXITS);
    world.fails(&["up"]);
    let said = world.fails(&["explain"]).stderr;
    for words in [
        "the last deployment of stack `shop` failed: service `web`: container `web` exited with 3",
        "compose.yaml:3:3",
        "no licence: set LICENCE",
        "what had been created was removed again",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    std::fs::remove_file(world.sandbox.project().join("compose.yaml")).unwrap();
    let said = world.fails(&["-p", "shop", "explain"]).stderr;
    assert!(said.contains("no licence: set LICENCE"), "{said}");
    let said = world.fails(&["-p", "other", "explain"]).stderr;
    assert!(said.contains("project `other` does not run on ECS"), "{said}");
}

#[test]
fn a_failed_update_is_explained_after_its_rollback_until_the_next_works() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", FINE);
    world.ok(&["up"]);
    let run = world.ok(&["explain"]);
    assert_eq!(run.stdout, "nothing is wrong with project `shop`\n");
    world.sandbox.write("compose.yaml", EXITS);
    world.fails(&["up"]);
    let said = world.fails(&["-p", "shop", "explain"]).stderr;
    for words in [
        "the last deployment of stack `shop` failed: service `web`: container `web` exited with 3",
        "no licence: set LICENCE",
        "everything is again as it was before the update",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    let unknown = world.fails(&["explain", "wep"]).stderr;
    assert!(unknown.contains("project `shop` has no service `wep`"), "{unknown}");
    world.sandbox.write("compose.yaml", FINE.replace("nginx", "nginx:2"));
    world.ok(&["up"]);
    world.ok(&["explain"]);
}

#[test]
fn what_is_in_the_way_now_is_told_while_the_deployment_goes_on() {
    let Some(world) = World::new() else { return };
    world.sandbox.write(
        "compose.yaml",
        STUCK.replace("labels:", "labels:\n      ctx.lab.patience: '50'"),
    );
    world.ok(&["up", "-d"]);
    let told = within(Duration::from_secs(20), || {
        let said = world.sandbox.run(&["explain"]).stderr;
        said.contains("AWS has no capacity for the task at the moment")
            .then_some(said)
    });
    let told = told.expect("it is told");
    assert!(
        told.contains("now: service `web`") && told.contains("0 of 1 tasks run"),
        "{told}"
    );
}
