//! The policy that `ctx permissions` prints, under an account that enforces it.
//!
//! What CloudFormation does in the deployer's name the laboratory does not check: only what `ctx` calls itself.

use crate::world::World;

const EXAMPLE: &str = include_str!("../../examples/web-redis/compose.yaml");

#[test]
fn an_example_goes_up_and_down_with_its_policy_alone() {
    let Some(mut world) = World::enforcing() else { return };
    world.sandbox.write("compose.yaml", "name: shop\n".to_owned() + EXAMPLE);
    let policy = world.sandbox.ok(&["permissions"]).stdout;
    world.act_under("deployer", &policy);
    world.ok(&["up"]);
    let ps = world.ok(&["ps"]).stdout;
    assert!(ps.contains("redis"), "{ps}");
    world.ok(&["logs"]);
    world.ok(&["logs", "--tail", "1"]);
    world.ok(&["up", "--force-recreate"]);
    world.ok(&["down", "-v"]);
    assert_eq!(world.lab.stacks(), ["deployer"]);
    assert!(world.lab.log_groups().is_empty());
}

#[test]
fn a_right_that_is_missing_is_named() {
    let Some(mut world) = World::enforcing() else { return };
    world.sandbox.write("compose.yaml", "name: shop\n".to_owned() + EXAMPLE);
    let policy = world.sandbox.ok(&["permissions"]).stdout;
    let without = policy.replace("cloudformation:CreateChangeSet", "cloudformation:ListTypes");
    world.act_under("deployer", &without);
    let run = world.fails(&["up"]);
    assert!(run.stderr.contains("cloudformation:CreateChangeSet"), "{}", run.stderr);
}
