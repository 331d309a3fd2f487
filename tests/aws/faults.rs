//! AWS on a bad day.

use crate::proxy::{Answer, Proxy};
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
            .contains("Stack shop  AWS goes on; `ctx -p shop ps` shows how far it is"),
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
