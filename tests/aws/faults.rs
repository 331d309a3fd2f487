//! AWS on a bad day.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_cloudformation::types::StackStatus;

use crate::proxy::{Answer, Asked, Proxy};
use crate::support::deadline::{block_on, within};
use crate::support::lab::Lab;
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

/// How long `ctx` waits for an answer in tests of answers that do not come in time.
const IMPATIENT: (&str, &str) = ("CTX_AWS_TIMEOUT", "2");

#[test]
fn an_answer_that_comes_too_late_is_asked_for_again_and_nothing_is_done_twice() {
    let Some(mut world) = World::new() else { return };
    let left = Arc::new(Mutex::new(vec![
        "DescribeStacks",
        "CreateSecret",
        "CreateChangeSet",
        "DescribeChangeSet",
        "ExecuteChangeSet",
        "DescribeStackEvents",
        "DeleteStack",
        "DeleteSecret",
    ]));
    let still = left.clone();
    let proxy = Proxy::before(world.lab.url(), move |asked| {
        let mut late = still.lock().unwrap();
        let place = late.iter().position(|action| *action == asked.action)?;
        late.remove(place);
        Some(Answer::Late)
    });
    write_project(&world);
    world
        .sandbox
        .set("AWS_ENDPOINT_URL", &proxy.url)
        .set(IMPATIENT.0, IMPATIENT.1);
    let run = world.ok(&["up"]);
    assert_eq!(
        run.stderr.matches("web: WebService  Created").count(),
        1,
        "{}",
        run.stderr
    );
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
    assert_eq!(world.lab.secrets(), ["shop/password"]);
    assert_eq!(world.lab.file_systems().len(), 1);
    assert_eq!(world.change_sets("shop"), Vec::<String>::new());
    world.ok(&["down", "-v", "--yes"]);
    assert!(world.lab.stacks().is_empty() && world.lab.secrets().is_empty());
    assert_eq!(*left.lock().unwrap(), Vec::<&str>::new(), "were not asked for");
}

/// How often the SDK asks for one answer.
const ATTEMPTS: usize = 5;

#[test]
fn where_no_answer_comes_in_time_at_all_up_fails_or_looks_again_and_the_next_one_finds_nothing_amiss() {
    for (late, code) in [("CreateSecret", 1), ("CreateChangeSet", 0), ("ExecuteChangeSet", 0)] {
        let Some(mut world) = World::new() else { return };
        let count = AtomicUsize::new(0);
        let proxy = Proxy::before(world.lab.url(), move |asked| {
            let is_late = asked.action == late && count.fetch_add(1, Ordering::Relaxed) < ATTEMPTS;
            is_late.then_some(Answer::Late)
        });
        write_project(&world);
        world
            .sandbox
            .set("AWS_ENDPOINT_URL", &proxy.url)
            .set(IMPATIENT.0, IMPATIENT.1);
        let run = world.sandbox.run(&["--progress", "plain", "up"]);
        assert_eq!(run.code, code, "{late}\n{}", run.stderr);
        assert_eq!(
            run.stderr.contains("error: cannot "),
            code == 1,
            "{late}\n{}",
            run.stderr
        );
        world.ok(&["up"]);
        assert_eq!(world.status("shop"), "CREATE_COMPLETE", "{late}");
        assert_eq!(world.lab.secrets(), ["shop/password"], "{late}");
        assert_eq!(world.lab.file_systems().len(), 1, "{late}");
        assert_eq!(world.change_sets("shop"), Vec::<String>::new(), "{late}");
    }
}

#[test]
fn how_long_an_answer_may_take_is_a_number_of_seconds() {
    let Some(mut world) = World::new() else { return };
    for wrong in ["soon", "0", "-1"] {
        world.sandbox.set(IMPATIENT.0, wrong);
        let run = world.fails(&["projects"]);
        assert!(run.stderr.contains("no number of seconds"), "{}", run.stderr);
    }
}

#[test]
fn where_everything_is_gone_in_the_middle_up_says_so_and_the_next_one_makes_all_again() {
    let Some(World { lab, mut sandbox }) = World::alone() else {
        return;
    };
    let Some(other) = Lab::alone() else { return };
    let proxy = Proxy::before(lab.url(), |_| None);
    sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
    sandbox.write("compose.yaml", FILE.to_owned() + World::HELD);
    let command = &["--progress", "plain", "up"];
    let child = sandbox.command(command).stderr(Stdio::piped()).spawn().unwrap();
    // Before, it would begin again without a word.
    let followed = || {
        let calls = proxy.calls();
        let mut begun = calls.iter().skip_while(|action| *action != "ExecuteChangeSet");
        begun.any(|action| action == "DescribeStackEvents").then_some(())
    };
    within(Duration::from_mins(1), followed).unwrap();
    drop(lab);
    proxy.lead_to(other.url());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("error: ") && said.contains("shop"), "{said}");

    sandbox.write("compose.yaml", FILE);
    sandbox.ok(&["up"]);
    assert_eq!(sandbox.ok(&["ps", "-q"]).stdout.lines().count(), 2);
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

/// Of everything that is asked from the nth call of an action on, so many get no answer.
fn out_of_reach(action: &'static str, calls: usize) -> impl Fn(&Asked) -> Option<Answer> + Send + Sync {
    let (begun, left) = (AtomicBool::new(false), AtomicUsize::new(calls));
    move |asked| {
        begun.fetch_or(asked.action == action, Ordering::Relaxed);
        let fails = begun.load(Ordering::Relaxed)
            && left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok();
        fails.then_some(Answer::Nothing)
    }
}

/// Nothing fails before that has been asked for.
fn after(
    action: &'static str,
    fails: impl Fn(&Asked) -> Option<Answer> + Send + Sync,
) -> impl Fn(&Asked) -> Option<Answer> + Send + Sync {
    let begun = AtomicBool::new(false);
    move |asked| {
        let before = begun.fetch_or(asked.action == action, Ordering::Relaxed);
        if before { fails(asked) } else { None }
    }
}

#[test]
fn aws_may_be_out_of_reach_for_a_while_during_a_deployment() {
    let Some(mut world) = World::new() else { return };
    let fails = after("ExecuteChangeSet", out_of_reach("DescribeStackEvents", 3));
    let proxy = Proxy::before(world.lab.url(), fails);
    world.sandbox.write("compose.yaml", FILE);
    world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
    world.ok(&["up"]);
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
}

/// Its tasks are well the first time, and end with 3 later.
const FRAGILE: &str = "
name: shop
services:
  web:
    image: web
    labels: {ctx.lab.well: '2', ctx.lab.exits: '3', ctx.lab.says: 'no licence', ctx.lab.after: '0.2'}
";

#[test]
fn aws_may_be_out_of_reach_for_a_while_during_a_restart_and_a_run() {
    let Some(mut world) = World::new() else { return };
    world.sandbox.write("compose.yaml", FRAGILE);
    world.ok(&["up"]);
    let url = world.lab.url().to_owned();
    let proxy = Proxy::before(&url, after("UpdateService", out_of_reach("DescribeServices", 7)));
    world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
    let run = world.ok(&["restart", "web"]);
    assert!(run.stderr.contains("Tasks replaced"), "{}", run.stderr);

    let proxy = Proxy::before(&url, out_of_reach("DescribeTasks", 7));
    world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
    let run = world.sandbox.run(&["--progress", "plain", "run", "web", "check"]);
    assert_eq!((run.code, run.stdout.as_str()), (3, "no licence\n"), "{}", run.stderr);
}

#[test]
fn a_session_that_expires_while_a_task_is_followed_says_how_to_renew_it_and_that_the_task_goes_on() {
    let Some(mut world) = World::new() else { return };
    world.sandbox.write("compose.yaml", FILE);
    world.ok(&["up"]);
    let expired = Answer::Instead(
        "400 Bad Request",
        r#"{"__type": "ExpiredTokenException", "message": "The security token included in the request is expired"}"#,
    );
    let proxy = Proxy::before(world.lab.url(), move |asked| {
        (asked.action == "DescribeTasks").then(|| expired.clone())
    });
    world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
    let run = world.fails(&["run", "web", "check"]);
    for expected in [
        "Not followed any more: it goes on: `ctx -c lab -p shop ps --all` shows it",
        "The security token included in the request is expired",
        "`aws sso login` renews an SSO session",
    ] {
        assert!(
            run.stderr.contains(expected),
            "`{expected}` is missing in\n{}",
            run.stderr
        );
    }
}

#[test]
fn an_update_that_was_killed_is_finished_by_the_next() {
    let (first, second) = (FILE.to_owned(), FILE.replace("redis:7", "redis:8"));
    let killed = |world: &mut World, killed_at: usize| {
        let proxy = Proxy::before(world.lab.url(), |_| None);
        let url = world.lab.url().to_owned();
        world.sandbox.write("compose.yaml", &first);
        world.ok(&["up"]);
        world.sandbox.write("compose.yaml", &second);
        world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
        let mut child = world.sandbox.command(&["--progress", "quiet", "up"]).spawn().unwrap();
        let limit = Duration::from_secs(30);
        let over = |child: &mut std::process::Child| child.try_wait().unwrap().is_some();
        within(limit, || {
            (proxy.calls().len() >= killed_at || over(&mut child)).then_some(())
        })
        .unwrap();
        let _ = child.kill();
        child.wait().unwrap();
        world.sandbox.set("AWS_ENDPOINT_URL", url);
        proxy.calls().len()
    };
    let Some(mut world) = World::new() else { return };
    let whole = killed(&mut world, usize::MAX);
    for killed_at in (1..=whole).step_by(2) {
        let Some(mut world) = World::new() else { return };
        killed(&mut world, killed_at);
        world.ok(&["up"]);
        assert_eq!(world.status("shop"), "UPDATE_COMPLETE", "{killed_at}");
        assert_eq!(world.parameters("shop")["CacheImage"], "redis:8", "{killed_at}");
        assert_eq!(world.change_sets("shop"), Vec::<String>::new(), "{killed_at}");
        assert_eq!(world.ok(&["ps", "-q"]).stdout.lines().count(), 2, "{killed_at}");
    }
}

#[test]
fn what_a_killed_run_left_is_finished_by_the_next() {
    let Some(whole) = calls_of_an_up() else { return };
    for killed_at in 1..=whole {
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
