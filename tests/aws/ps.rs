//! `ctx ps`: the tasks of a stack.

use crate::world::World;

const WEB: &str = include_str!("stacks/web.yaml");

#[test]
fn every_task_is_listed_with_its_state_and_address() {
    let Some(world) = World::new() else { return };
    world.stack("shop", WEB, Some("shop"));
    let run = world.ok(&["-p", "shop", "ps", "--format", "json"]);
    let tasks: Vec<serde_json::Value> = serde_json::Deserializer::from_str(&run.stdout)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let tasks = match tasks.as_slice() {
        [serde_json::Value::Array(tasks)] => tasks.clone(),
        _ => tasks,
    };
    assert_eq!(tasks.len(), 120, "{}", run.stdout);
    assert_eq!(tasks[0]["Project"], "shop");
    let text = tasks[0].to_string();
    assert!(
        text.contains("running") && text.contains("web") && text.contains("elb."),
        "{text}"
    );
}

#[test]
fn a_project_that_is_not_there_has_no_tasks() {
    let Some(world) = World::new() else { return };
    assert_eq!(world.ok(&["-p", "shop", "ps", "-q"]).stdout, "");
}

#[test]
fn an_unknown_service_is_an_error() {
    let Some(world) = World::new() else { return };
    world.stack("shop", WEB, Some("shop"));
    let run = world.fails(&["-p", "shop", "ps", "wep"]);
    assert!(
        run.stderr.contains("stack `shop` has no service `wep`"),
        "{}",
        run.stderr
    );
}
