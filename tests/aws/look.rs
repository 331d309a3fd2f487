//! `ctx projects`, `images` and `port`: what there is in an account.

use crate::world::World;

const WEB: &str = include_str!("up/web.yaml");
const STUCK: &str = include_str!("up/troubles/a_container_that_ends_with_an_error.yaml");

#[test]
fn projects_are_listed_with_what_runs_of_them() {
    let Some(world) = World::new() else { return };
    assert_eq!(world.ok(&["projects", "-q"]).stdout, "");
    world.stack("foreign", "Resources: {Group: {Type: 'AWS::Logs::LogGroup'}}", None);
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    world
        .sandbox
        .write("compose.yaml", STUCK.replace("name: shop", "name: broken"));
    world.fails(&["up"]);
    let said = world.ok(&["projects"]).stdout;
    let rows: Vec<Vec<&str>> = said
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows,
        [vec!["broken", "rollback_complete(1)"], vec!["shop", "running(2)"]],
        "{said}"
    );
}

#[test]
fn nested_stacks_are_no_projects_of_their_own() {
    let Some(world) = World::new() else { return };
    let nested = "\nx-aws-nested_stacks: true\n";
    world.sandbox.write("compose.yaml", WEB.to_owned() + nested);
    world.ok(&["up"]);
    assert_eq!(world.ok(&["projects", "-q"]).stdout, "shop\n");
}

#[test]
fn images_and_ports_of_tasks() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    let images = world.ok(&["images", "--format", "json"]).stdout;
    let images: Vec<serde_json::Value> = serde_json::from_str(&images).unwrap();
    let named: Vec<_> = images
        .iter()
        .map(|one| (one["Repository"].as_str().unwrap(), one["Tag"].as_str().unwrap()))
        .collect();
    assert!(
        named.contains(&("nginx", "1.27")) && named.contains(&("redis", "7")),
        "{images:?}"
    );
    assert!(images.iter().all(|one| one["Platform"] == "linux/amd64"), "{images:?}");
    let port = world.ok(&["port", "web", "80"]).stdout;
    assert!(port.trim_end().ends_with(":8080") && port.contains("elb"), "{port}");
    let none = world.fails(&["port", "cache", "6379"]).stderr;
    assert!(
        none.contains("port 6379/tcp of service `cache` is not published"),
        "{none}"
    );
    let none = world.fails(&["port", "--index", "2", "web", "80"]).stderr;
    assert!(none.contains("service `web` of project `shop` has no task 2"), "{none}");
}
