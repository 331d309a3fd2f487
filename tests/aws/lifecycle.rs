//! Numbers of tasks and new starts, without a new deployment of the stack.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::proxy::Proxy;
use crate::world::World;

const FILE: &str = "
name: shop
services:
  web:
    image: web
    deploy: {replicas: 2}
  cache:
    image: redis:7
";

/// A service whose tasks are well the first time, and end with an error later.
const FRAGILE: &str = "
name: shop
services:
  web:
    image: web
    command: [serve]
    labels: {ctx.lab.well: '1', ctx.lab.exits: '3', ctx.lab.says: 'no licence', ctx.lab.after: '0.2'}
";

fn up(file: &str) -> Option<World> {
    let world = World::new()?;
    world.sandbox.write("compose.yaml", file);
    world.ok(&["up"]);
    Some(world)
}

/// The ids of the tasks that run.
fn tasks(world: &World, service: &str) -> BTreeSet<String> {
    let said = world.ok(&["ps", "-q", service]).stdout;
    said.lines().map(str::to_owned).collect()
}

#[test]
fn services_have_as_many_tasks_as_they_are_told() {
    let Some(world) = up(FILE) else { return };
    assert_eq!(tasks(&world, "web").len(), 2);
    let run = world.ok(&["scale", "web=3"]);
    assert!(run.stderr.contains("Service web  Running"), "{}", run.stderr);
    assert_eq!((tasks(&world, "web").len(), tasks(&world, "cache").len()), (3, 1));

    let run = world.ok(&["stop", "web"]);
    assert!(run.stderr.contains("Service web  Stopped"), "{}", run.stderr);
    assert_eq!((tasks(&world, "web").len(), tasks(&world, "cache").len()), (0, 1));
    let all = world.ok(&["ps", "--all", "web"]).stdout;
    assert!(all.contains("Service scaling down"), "{all}");

    world.ok(&["start"]);
    assert_eq!(tasks(&world, "web").len(), 2, "as the file says");
}

#[test]
fn a_restart_replaces_tasks_and_starts_what_is_stopped() {
    let Some(world) = up(FILE) else { return };
    let (web, cache) = (tasks(&world, "web"), tasks(&world, "cache"));
    let run = world.ok(&["restart", "web"]);
    assert!(run.stderr.contains("Service web  Tasks replaced"), "{}", run.stderr);
    let now = tasks(&world, "web");
    assert!(now.len() == 2 && now.is_disjoint(&web), "{web:?} {now:?}");
    assert_eq!(tasks(&world, "cache"), cache);
    world.ok(&["stop", "cache"]);
    world.ok(&["restart"]);
    assert_eq!(tasks(&world, "cache").len(), 1);
}

#[test]
fn tasks_that_are_killed_are_replaced_by_ecs() {
    let Some(world) = up(FILE) else { return };
    let before = tasks(&world, "cache");
    let run = world.ok(&["kill", "cache"]);
    assert!(run.stderr.contains("Killed"), "{}", run.stderr);
    let all = world.ok(&["ps", "--all", "cache"]).stdout;
    assert!(all.contains("ctx kill"), "{all}");
    let now = tasks(&world, "cache");
    assert!(now.len() == 1 && now.is_disjoint(&before), "{before:?} {now:?}");
    let run = world.fails(&["kill", "-s", "HUP", "cache"]);
    assert!(run.stderr.contains("cannot send HUP on ECS"), "{}", run.stderr);
}

#[test]
fn up_takes_numbers_too() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", FILE);
    world.ok(&["up", "--scale", "web=4", "--scale", "cache=0"]);
    assert_eq!((tasks(&world, "web").len(), tasks(&world, "cache").len()), (4, 0));
    world.ok(&["up"]);
    assert_eq!((tasks(&world, "web").len(), tasks(&world, "cache").len()), (2, 1));
}

#[test]
fn a_restart_whose_tasks_fail_says_where_and_why() {
    let Some(world) = up(FRAGILE) else { return };
    let run = world.fails(&["restart", "web"]);
    assert_eq!(run.code, 1);
    for expected in [
        "Service web  Its tasks did not become stable",
        "its tasks do not become stable: service `web`: container `web` exited with 3",
        "compose.yaml:4:3",
        "no licence",
    ] {
        assert!(
            run.stderr.contains(expected),
            "`{expected}` is missing in\n{}",
            run.stderr
        );
    }
}

#[test]
fn what_is_in_the_way_of_many_services_is_not_asked_for_each() {
    let names: Vec<String> = (1..=12).map(|number| format!("web{number}")).collect();
    let service = |name: &String| {
        let event = "was unable to place a task because no container instance met all of its requirements.";
        format!("  {name}: {{image: web, deploy: {{replicas: 0}}, labels: {{ctx.lab.event: '{event}'}}}}\n")
    };
    let services: String = names.iter().map(service).collect();
    let Some(mut world) = up(&format!("name: shop\nservices:\n{services}")) else {
        return;
    };
    let proxy = Proxy::before(world.lab.url(), |_| None);
    world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
    let counts = names.iter().map(|name| format!("{name}=1"));
    let command: Vec<String> = ["--progress", "plain", "scale"]
        .into_iter()
        .map(str::to_owned)
        .chain(counts)
        .collect();
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let mut child = world.sandbox.command(&command).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut told = BTreeSet::new();
    while told.len() < names.len() {
        let line = lines.next().expect("ECS goes on trying").unwrap();
        if line.contains("0 of 1 tasks run") && line.contains("instance") {
            told.extend(line.split_whitespace().nth(1).map(str::to_owned));
        }
    }
    let _ = child.kill();
    child.wait().unwrap();
    let calls = proxy.calls();
    let listed = calls.iter().filter(|action| *action == "ListTasks").count();
    assert!((1..names.len()).contains(&listed), "{calls:?}");
}

#[test]
fn a_number_that_cannot_be_reached_is_not_waited_for_for_ever() {
    let Some(world) = up(FRAGILE) else { return };
    let run = world.fails(&["scale", "web=2"]);
    assert_eq!(run.code, 1);
    for expected in [
        "service `web`: container `web` exited with 3",
        "tasks have ended like this since",
        "ECS goes on trying",
    ] {
        assert!(
            run.stderr.contains(expected),
            "`{expected}` is missing in\n{}",
            run.stderr
        );
    }
    world.ok(&["down"]);
}
