//! `ctx logs`: the output of a project's containers.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_cloudwatchlogs::types::InputLogEvent;

use crate::proxy::{Answer, Asked, Proxy};
use crate::support::deadline::{block_on, within};
use crate::world::World;

const WEB: &str = include_str!("stacks/web.yaml");
const GROUP: &str = "/docker-compose/shop";

struct Log {
    client: aws_sdk_cloudwatchlogs::Client,
    now: i64,
}

impl Log {
    fn new(world: &World) -> Self {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        Self {
            client: aws_sdk_cloudwatchlogs::Client::new(&world.lab.aws()),
            now: i64::try_from(now.as_millis()).unwrap() - 60_000,
        }
    }

    /// Writes lines as a container does: (milliseconds after a moment, text).
    fn write(&self, stream: &str, lines: &[(i64, &str)]) {
        block_on(async {
            let _ = self
                .client
                .create_log_stream()
                .log_group_name(GROUP)
                .log_stream_name(stream)
                .send()
                .await;
            let events = lines.iter().map(|(time, text)| {
                InputLogEvent::builder()
                    .timestamp(self.now + time)
                    .message(*text)
                    .build()
                    .unwrap()
            });
            let request = self
                .client
                .put_log_events()
                .log_group_name(GROUP)
                .log_stream_name(stream);
            request.set_log_events(Some(events.collect())).send().await.unwrap();
        });
    }
}

/// A stack that has written some lines.
fn world() -> Option<(World, Log)> {
    let world = World::new()?;
    world.stack("shop", WEB, Some("shop"));
    let log = Log::new(&world);
    log.write("shop/web/aaaaaaaaaaaa", &[(0, "one"), (20, "three"), (40, "five")]);
    log.write("shop/web/bbbbbbbbbbbb", &[(10, "two"), (30, "four")]);
    log.write("shop/web-init/aaaaaaaaaaaa", &[(5, "preparing")]);
    log.write("shop/db/cccccccccccc", &[(15, "database")]);
    Some((world, log))
}

fn texts(output: &str) -> Vec<&str> {
    output.lines().filter_map(|line| line.rsplit(' ').next()).collect()
}

#[test]
fn all_tasks_are_shown_in_the_order_of_time_without_init_containers() {
    let Some((world, _)) = world() else { return };
    let run = world.ok(&["-p", "shop", "logs"]);
    assert_eq!(texts(&run.stdout), ["one", "two", "database", "three", "four", "five"]);
    assert!(run.stdout.contains("web/aaaaaaaa"), "{}", run.stdout);
}

#[test]
fn services_can_be_chosen() {
    let Some((world, _)) = world() else { return };
    let run = world.ok(&["-p", "shop", "logs", "web"]);
    assert_eq!(texts(&run.stdout), ["one", "two", "three", "four", "five"]);
    let run = world.ok(&["-p", "shop", "logs", "db"]);
    assert_eq!(texts(&run.stdout), ["database"]);
}

#[test]
fn a_tail_counts_for_each_container() {
    let Some((world, _)) = world() else { return };
    let run = world.ok(&["-p", "shop", "logs", "--tail", "1"]);
    assert_eq!(texts(&run.stdout), ["database", "four", "five"]);
}

#[test]
fn more_lines_than_a_page_has_are_all_shown() {
    let Some((world, log)) = world() else { return };
    for stream in ["shop/web/aaaaaaaaaaaa", "shop/web/bbbbbbbbbbbb"] {
        let lines: Vec<(i64, String)> = (0..3_000).map(|n| (100 + n, format!("line{n}"))).collect();
        let lines: Vec<(i64, &str)> = lines.iter().map(|(time, text)| (*time, text.as_str())).collect();
        log.write(stream, &lines);
    }
    let run = world.ok(&["-p", "shop", "logs", "web"]);
    assert_eq!(texts(&run.stdout).len(), 6_005);
    let run = world.ok(&["-p", "shop", "logs", "web", "--tail", "2000"]);
    assert_eq!(texts(&run.stdout).len(), 4_000);
}

#[test]
fn following_shows_what_comes_once_and_ends_with_an_interrupt() {
    for tail in [&["--tail", "1"][..], &[]] {
        let Some((world, log)) = world() else { return };
        let arguments = [&["-p", "shop", "logs", "-f", "web"], tail].concat();
        let mut child = world
            .sandbox
            .command(&arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || lines.next().unwrap().unwrap();
        while !next().ends_with("five") {}
        log.write("shop/web/aaaaaaaaaaaa", &[(50, "six")]);
        assert!(next().ends_with("six"));
        log.write("shop/web/dddddddddddd", &[(45, "late"), (60, "seven")]);
        assert!(next().ends_with("late"));
        assert!(next().ends_with("seven"));
        let interrupt = std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(interrupt.success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(lines.next().is_none());
    }
}

/// What is followed, line by line.
struct Following {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Following {
    fn begin(world: &World, arguments: &[&str]) -> Self {
        let arguments = [&["-p", "shop", "logs", "-f", "web"], arguments].concat();
        let mut command = world.sandbox.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    #[track_caller]
    fn expect(&mut self, text: &str) {
        let line = self.lines.next().unwrap().unwrap();
        assert!(line.ends_with(text), "{line}");
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn lines_that_arrive_late_are_shown_once() {
    let Some((world, log)) = world() else { return };
    let mut following = Following::begin(&world, &["--tail", "1"]);
    following.expect("four");
    following.expect("five");
    log.write("shop/web/dddddddddddd", &[(9_000, "now")]);
    following.expect("now");
    log.write("shop/web/bbbbbbbbbbbb", &[(31, "late")]);
    following.expect("late");
    log.write("shop/web/ffffffffffff", &[(-40_000, "very-late")]);
    following.expect("very-late");
    log.write("shop/web/dddddddddddd", &[(9_001, "last")]);
    following.expect("last");
}

#[test]
fn a_clock_that_is_ahead_hides_no_lines_of_others() {
    let Some((world, log)) = world() else { return };
    let mut following = Following::begin(&world, &["--tail", "1"]);
    following.expect("four");
    following.expect("five");
    log.write("shop/web/eeeeeeeeeeee", &[(3_600_000, "ahead")]);
    following.expect("ahead");
    let now = jiff::Timestamp::now().as_millisecond() - log.now;
    log.write("shop/web/dddddddddddd", &[(now, "now")]);
    following.expect("now");
}

#[test]
fn following_from_now_on_shows_nothing_that_is_there() {
    let Some((world, log)) = world() else { return };
    let asked = Proxy::before(world.lab.url(), |_| None);
    let mut world = world;
    world.sandbox.set("AWS_ENDPOINT_URL", &asked.url);
    let mut following = Following::begin(&world, &["--tail", "0"]);
    let looked = || {
        asked
            .calls()
            .iter()
            .any(|action| action == "FilterLogEvents")
            .then_some(())
    };
    within(Duration::from_mins(1), looked).unwrap();
    log.write("shop/web/aaaaaaaaaaaa", &[(50, "six")]);
    following.expect("six");
    assert!(
        world
            .ok(&["-p", "shop", "logs", "web", "--tail", "0"])
            .stdout
            .is_empty()
    );
}

#[test]
fn following_goes_on_when_aws_was_out_of_reach_or_asked_too_often() {
    let throttled = r#"{"__type": "ThrottlingException", "message": "Rate exceeded"}"#;
    for fault in [Answer::Nothing, Answer::Instead("400 Bad Request", throttled)] {
        let Some((mut world, log)) = world() else { return };
        let looks = AtomicUsize::new(0);
        // More than the SDK asks for one answer.
        let fails = move |asked: &Asked| {
            let is_look = asked.action == "FilterLogEvents";
            (is_look && (2..9).contains(&looks.fetch_add(1, Ordering::Relaxed))).then(|| fault.clone())
        };
        let proxy = Proxy::before(world.lab.url(), fails);
        world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
        let mut following = Following::begin(&world, &["--tail", "1"]);
        following.expect("four");
        following.expect("five");
        let looks = || {
            proxy
                .calls()
                .iter()
                .filter(|action| *action == "FilterLogEvents")
                .count()
        };
        within(Duration::from_mins(1), || (looks() > 8).then_some(())).unwrap();
        log.write("shop/web/aaaaaaaaaaaa", &[(50, "six")]);
        following.expect("six");
    }
}

#[test]
fn services_in_nested_stacks_are_found() {
    let Some(world) = World::new() else { return };
    let file = "
name: shop
services: {web: {image: nginx}, db: {image: redis, depends_on: [web]}}
x-aws-nested_stacks: true
";
    world.sandbox.write("compose.yaml", file);
    world.ok(&["up"]);
    let log = Log::new(&world);
    log.write("shop/web/1111", &[(0, "GET /")]);
    log.write("shop/db/2222", &[(1, "ready")]);
    assert_eq!(world.ok(&["logs"]).stdout, "web/1111  | GET /\ndb/2222   | ready\n");
    assert_eq!(world.ok(&["logs", "db"]).stdout, "db/2222  | ready\n");
}

#[test]
fn times_numbers_and_prefixes_are_chosen() {
    let Some((world, log)) = world() else { return };
    let at = |time: i64| jiff::Timestamp::from_millisecond(log.now + time).unwrap().to_string();
    let run = world.ok(&["-p", "shop", "logs", "web", "--since", &at(20), "--until", &at(40)]);
    assert_eq!(texts(&run.stdout), ["three", "four"]);
    let run = world.ok(&["-p", "shop", "logs", "web", "--no-log-prefix", "--tail", "1"]);
    assert_eq!(run.stdout, "four\nfive\n");
    let run = world.ok(&["-p", "shop", "logs", "db", "--timestamps"]);
    assert!(run.stdout.contains(&at(15)[..19]), "{}", run.stdout);
}

#[test]
fn the_nth_task_of_a_service_is_the_one_that_ps_lists() {
    let Some(world) = World::new() else { return };
    let file = "name: shop\nservices: {web: {image: nginx, deploy: {replicas: 2}}}\n";
    world.sandbox.write("compose.yaml", file);
    world.ok(&["up"]);
    let tasks = world.ok(&["ps", "--format", "{{.Name}}"]).stdout;
    let tasks: Vec<&str> = tasks.lines().collect();
    let log = Log::new(&world);
    log.write(&format!("shop/web/{}", tasks[0]), &[(0, "first")]);
    log.write(&format!("shop/web/{}", tasks[1]), &[(1, "second")]);
    for tail in [&[][..], &["--tail", "5"]] {
        let run = world.ok(&[&["logs", "--index", "2", "web"][..], tail].concat());
        assert_eq!(texts(&run.stdout), ["second"]);
    }
    let none = world.fails(&["logs", "--index", "3", "web"]).stderr;
    assert!(none.contains("service `web` has no task 3"), "{none}");
}
