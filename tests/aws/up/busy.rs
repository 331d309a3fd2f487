//! Stacks that others have made, or work on.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use super::WEB;
use crate::proxy::Proxy;
use crate::support::deadline::block_on;
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
fn a_second_up_during_the_first_waits_for_its_end() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB.to_owned() + World::HELD);
    world.ok(&["up", "-d"]);
    let mut second = world.sandbox.command(&["--progress", "plain", "up"]);
    let mut second = second.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(second.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let waits = "Stack shop  Another deployment is in state CREATE_IN_PROGRESS: waiting for its end";
    assert!(lines.any(|line| line == waits));
    world.release("shop");
    let rest: Vec<String> = lines.collect();
    assert!(second.wait().unwrap().success(), "{rest:?}");
    assert!(rest.contains(&"Stack shop  No changes".to_owned()), "{rest:?}");
}

#[test]
fn what_is_being_deleted_is_waited_for_and_made_anew() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    let before = block_on(world.cloudformation().describe_stacks().stack_name("shop").send()).unwrap();
    block_on(world.cloudformation().delete_stack().stack_name("shop").send()).unwrap();
    world.ok(&["up"]);
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
    let after = block_on(world.cloudformation().describe_stacks().stack_name("shop").send()).unwrap();
    assert_ne!(before.stacks()[0].stack_id(), after.stacks()[0].stack_id());
}

#[test]
fn a_change_set_that_another_has_replaced_is_prepared_again() {
    let Some(mut world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    let (cloudformation, first) = (world.cloudformation(), AtomicBool::new(true));
    let proxy = Proxy::before(world.lab.url(), move |asked| {
        if asked.action == "DescribeChangeSet" && first.swap(false, Ordering::Relaxed) {
            let discarded = cloudformation
                .delete_change_set()
                .stack_name("shop")
                .change_set_name("ctx-up");
            block_on(discarded.send()).unwrap();
        }
        None
    });
    world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
    world.ok(&["up"]);
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
    let prepared = proxy
        .calls()
        .iter()
        .filter(|action| *action == "CreateChangeSet")
        .count();
    assert_eq!(prepared, 2);
}

#[test]
fn of_many_at_once_none_is_in_anothers_way_and_there_is_one_stack() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    let start = |_| {
        let mut command = world.sandbox.command(&["--progress", "plain", "up"]);
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let several: Vec<_> = (0..4).map(start).collect();
    let ended = several.into_iter().map(|one| one.wait_with_output().unwrap());
    for output in ended {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
    }
    assert!(world.ok(&["up"]).stderr.contains("No changes"));
    assert_eq!(world.lab.stacks(), ["shop"]);
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
    assert_eq!(world.change_sets("shop"), Vec::<String>::new());
    assert_eq!(world.lab.log_groups(), ["/docker-compose/shop"]);
}
