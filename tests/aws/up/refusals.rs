//! What is refused before AWS is asked for anything.

use super::WEB;
use crate::world::World;

#[track_caller]
fn refused(file: &str, arguments: &[&str], words: &[&str]) {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", file);
    let run = world.fails(&[&["up"], arguments].concat());
    for words in words {
        assert!(run.stderr.contains(words), "{words}\n{}", run.stderr);
    }
    assert!(world.lab.stacks().is_empty());
}

#[test]
fn a_name_that_no_stack_can_have() {
    let words = [
        "`my_shop` cannot be the name of a CloudFormation stack",
        "`-p my-shop`",
        "compose.yaml:1:7",
    ];
    refused(&WEB.replace("name: shop", "name: my_shop"), &[], &words);
}

#[test]
fn options_that_mean_nothing_on_ecs() {
    refused(WEB, &["--no-recreate"], &["`--no-recreate` means nothing on ECS"]);
    refused(
        WEB,
        &["--timeout", "3"],
        &["`--timeout` means nothing on ECS", "stop_grace_period"],
    );
    refused(WEB, &["web"], &["on ECS a project is deployed as a whole"]);
}
