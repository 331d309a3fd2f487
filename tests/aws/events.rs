//! `ctx events`: what happened to a stack, its services and its tasks.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::world::World;

const EXITS: &str = include_str!("up/troubles/a_container_that_ends_with_an_error.yaml");
const FINE: &str = "name: shop\nservices: {web: {image: nginx}, db: {image: redis}}\n";

fn events(output: &str) -> Vec<serde_json::Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_failed_can_be_read_afterwards_in_the_order_of_time() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", FINE);
    world.ok(&["up"]);
    world.sandbox.write("compose.yaml", EXITS);
    world.fails(&["up"]);
    let told = events(&world.ok(&["events", "--json"]).stdout);
    let times: Vec<_> = told
        .iter()
        .map(|one| one["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap())
        .collect();
    assert!(times.is_sorted(), "{told:?}");
    let has = |kind: &str, action: &str, words: &str| {
        let fits = |one: &&serde_json::Value| one["type"] == kind && one["action"] == action;
        told.iter().filter(fits).any(|one| one.to_string().contains(words))
    };
    assert!(has("resource", "UPDATE_FAILED", "Circuit Breaker"), "{told:?}");
    assert!(has("task", "stop", "\"exitCode.web\":\"3\""), "{told:?}");
    assert!(has("service", "message", "circuit breaker"), "{told:?}");
    // The first deployment is over.
    assert!(!has("stack", "CREATE_COMPLETE", ""), "{told:?}");
    let all = world.ok(&["-p", "shop", "events", "--since", "10m"]).stdout;
    assert!(all.contains("stack CREATE_COMPLETE shop"), "{all}");
    let of_web = events(&world.ok(&["events", "--json", "--since", "10m", "web"]).stdout);
    assert!(of_web.iter().all(|one| one["service"] == "web"), "{of_web:?}");
    let unknown = world.fails(&["events", "wbe"]).stderr;
    assert!(unknown.contains("has no service `wbe`"), "{unknown}");
    assert_eq!(world.ok(&["events", "--since", "10m", "--until", "9m"]).stdout, "");
    let none = world.fails(&["-p", "other", "events"]).stderr;
    assert!(none.contains("project `other` does not run on ECS"), "{none}");
}

#[test]
fn a_follower_hears_each_event_once_and_ends_with_the_stack() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", FINE);
    world.ok(&["up"]);
    let mut child = world.sandbox.command(&["events", "-f"]);
    let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut told = vec![lines.find(|line| line.contains("stack CREATE_COMPLETE shop")).unwrap()];
    world.ok(&["down"]);
    told.extend(lines);
    assert!(child.wait().unwrap().success());
    assert!(
        told.iter().any(|line| line.contains("stack DELETE_COMPLETE shop")),
        "{told:#?}"
    );
    let mut once = told.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), told.len(), "{told:#?}");
}
