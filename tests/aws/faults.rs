//! AWS on a bad day.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_cloudformation::types::StackStatus;

use crate::proxy::{Answer, Proxy};
use crate::support::deadline::{block_on, within};
use crate::world::World;

const FILE: &str = include_str!("up/web.yaml");

const THROTTLED: Answer = Answer::Instead(
    "400 Bad Request",
    "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>\
     <RequestId>1</RequestId></ErrorResponse>",
);
const BROKEN: Answer = Answer::Instead("503 Service Unavailable", "");
const EXPIRED: Answer = Answer::Instead(
    "403 Forbidden",
    "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>The security token included in the \
     request is expired</Message></Error><RequestId>1</RequestId></ErrorResponse>",
);

/// Nobody can tell whether a request was heard that got no answer: only questions are put to the test.
fn meets_a_fault(nth: usize, action: &str) -> bool {
    nth % 3 == 1 && ["DescribeStacks", "DescribeStackEvents", "DescribeChangeSet"].contains(&action)
}

#[test]
fn faults_that_pass_are_passed_over() {
    for fault in [|| THROTTLED, || BROKEN, || Answer::Nothing] {
        let Some(mut world) = World::new() else { return };
        let proxy = Proxy::before(world.lab.url(), move |asked| {
            meets_a_fault(asked.nth, &asked.action).then(fault)
        });
        world.sandbox.write("compose.yaml", FILE);
        world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
        let run = world.ok(&["up"]);
        for line in [
            "web: WebService  Created",
            "cache: CacheService  Created",
            "Stack shop  Created",
        ] {
            assert_eq!(
                run.stderr.lines().filter(|said| *said == line).count(),
                1,
                "{line}\n{}",
                run.stderr
            );
        }
        world.ok(&["down"]);
        assert!(world.lab.stacks().is_empty());
        let calls = proxy.calls();
        assert!(
            calls.iter().enumerate().any(|(nth, action)| meets_a_fault(nth, action)),
            "{calls:?}"
        );
    }
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again_and_nothing_is_done_twice() {
    for lost in ["CreateChangeSet", "ExecuteChangeSet", "DeleteStack"] {
        let Some(mut world) = World::new() else { return };
        let before = AtomicBool::new(true);
        let proxy = Proxy::before(world.lab.url(), move |asked| {
            (asked.action == lost && before.swap(false, Ordering::Relaxed)).then_some(Answer::Lost)
        });
        world.sandbox.write("compose.yaml", FILE);
        world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
        let run = world.ok(&["up"]);
        assert_eq!(
            run.stderr.matches("web: WebService  Created").count(),
            1,
            "{lost}\n{}",
            run.stderr
        );
        world.ok(&["down"]);
        assert!(world.lab.stacks().is_empty(), "{lost}");
        let calls = proxy.calls();
        assert!(calls.iter().filter(|action| *action == lost).count() > 1, "{calls:?}");
    }
}

#[test]
fn a_stack_that_somebody_else_deletes_at_the_same_moment_is_gone() {
    let Some(mut world) = World::new() else { return };
    let id = world.stack(
        "shop",
        "Resources: {Group: {Type: 'AWS::Logs::LogGroup'}}",
        Some("shop"),
    );
    let (cloudformation, first) = (world.cloudformation(), AtomicBool::new(true));
    let proxy = Proxy::before(world.lab.url(), move |asked| {
        if asked.action == "DescribeStackEvents" && first.swap(false, Ordering::Relaxed) {
            block_on(cloudformation.delete_stack().stack_name(&id).send()).unwrap();
            let stacks = || block_on(cloudformation.describe_stacks().stack_name(&id).send()).unwrap();
            let gone = || stacks().stacks()[0].stack_status() == Some(&StackStatus::DeleteComplete);
            within(Duration::from_secs(30), || gone().then_some(())).unwrap();
        }
        None
    });
    world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
    let run = world.ok(&["-p", "shop", "down"]);
    assert!(run.stderr.contains("Stack shop  Deleted"), "{}", run.stderr);
}

#[test]
fn what_a_killed_run_left_is_finished_by_the_next() {
    let Some(whole) = calls_of_an_up() else { return };
    for killed_at in (1..=whole).step_by(2) {
        let Some(mut world) = World::new() else { return };
        let proxy = Proxy::before(world.lab.url(), |_| None);
        let url = world.lab.url().to_owned();
        write_project(&world);
        world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
        let mut child = world.sandbox.command(&["--progress", "quiet", "up"]).spawn().unwrap();
        let limit = Duration::from_secs(30);
        within(limit, || {
            (proxy.calls().len() >= killed_at || child.try_wait().unwrap().is_some()).then_some(())
        })
        .unwrap();
        let _ = child.kill();
        child.wait().unwrap();

        world.sandbox.set("AWS_ENDPOINT_URL", url);
        let busy = || world.statuses().iter().any(|status| status.ends_with("E_IN_PROGRESS"));
        within(limit, || (!busy()).then_some(())).unwrap();
        world.ok(&["up"]);
        assert_eq!(world.status("shop"), "CREATE_COMPLETE", "{killed_at}");
        assert_eq!(world.lab.secrets(), ["shop/password"], "{killed_at}");
        assert_eq!(world.lab.file_systems().len(), 1, "{killed_at}");
        assert_eq!(world.change_sets("shop"), Vec::<String>::new(), "{killed_at}");
    }
}

fn calls_of_an_up() -> Option<usize> {
    let mut world = World::new()?;
    let proxy = Proxy::before(world.lab.url(), |_| None);
    write_project(&world);
    world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
    world.ok(&["up"]);
    Some(proxy.calls().len())
}

/// A project with everything that `up` makes.
fn write_project(world: &World) {
    let cache = "image: redis:7\n    secrets: [password]\n    volumes: [data:/data]";
    let more = "\nsecrets: {password: {file: ./password}}\nvolumes: {data: {}}\n";
    world
        .sandbox
        .write("compose.yaml", FILE.replace("image: redis:7", cache) + more);
    world.sandbox.write("password", "x");
}

#[test]
fn an_update_without_changes_asks_little() {
    let Some(mut world) = World::new() else { return };
    let proxy = Proxy::before(world.lab.url(), |_| None);
    world.sandbox.write("compose.yaml", FILE);
    world.ok(&["up"]);
    world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
    world.ok(&["up"]);
    assert!(proxy.calls().len() <= 12, "{:?}", proxy.calls());
}

#[test]
fn a_session_that_expires_while_a_deployment_is_followed_does_not_end_it() {
    let Some(mut world) = World::new() else { return };
    let proxy = Proxy::before(world.lab.url(), |asked| {
        (asked.action == "DescribeStackEvents" && asked.nth > 8).then_some(EXPIRED)
    });
    world.sandbox.write("compose.yaml", FILE.to_owned() + World::HELD);
    world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
    let run = world.fails(&["up"]);
    assert!(
        run.stderr
            .contains("Stack shop  AWS goes on; `ctx -c lab -p shop ps` shows which tasks run"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr
            .contains("The security token included in the request is expired"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("`aws sso login` renews an SSO session"),
        "{}",
        run.stderr
    );
    assert_eq!(world.status("shop"), "CREATE_IN_PROGRESS");
}
