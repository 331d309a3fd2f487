//! `ctx rollback`: back to what services ran before.

use crate::support::deadline::block_on;
use crate::support::terminal::Terminal;
use crate::world::World;

const FILE: &str = "
name: shop
services:
  web:
    image: web@sha256:1111111111111111111111111111111111111111111111111111111111111111
    command: [one]
  cache:
    image: redis:7
";

/// What runs as a service: the command of its definition.
fn command(world: &World, service: &str) -> String {
    let said = world.ok(&["ps", "--format", "json", service]).stdout;
    let replica: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    replica["Command"].as_str().unwrap().trim_matches('"').to_owned()
}

fn up_twice() -> Option<World> {
    let world = World::new()?;
    world.sandbox.write("compose.yaml", FILE);
    world.ok(&["up"]);
    world.sandbox.write("compose.yaml", FILE.replace("one", "two"));
    world.ok(&["up"]);
    assert_eq!(command(&world, "web"), "two");
    Some(world)
}

#[test]
fn services_that_the_last_deployment_changed_go_back_and_the_next_up_deploys_the_file() {
    let Some(world) = up_twice() else { return };
    let run = world.ok(&["rollback", "--yes"]);
    assert_eq!(command(&world, "web"), "one");
    for expected in [
        "Service web  From shop-web:2 back to shop-web:1, image sha256:1111",
        "Service web  Tasks replaced",
        "the next `ctx up` deploys what the files say",
    ] {
        assert!(
            run.stderr.contains(expected),
            "`{expected}` is missing in\n{}",
            run.stderr
        );
    }
    assert!(!run.stderr.contains("cache"), "{}", run.stderr);
    assert_eq!(definitions(&world), ["shop-cache:1", "shop-web:2", "shop-web:3"]);

    let diff = world.sandbox.run(&["diff"]);
    let expected = "Stack shop: 1 to change
  ~ web: WebService  ECS::Service  compose.yaml:4
      was rolled back with `ctx rollback`; `ctx up` deploys what the files say
      TaskDefinition: shop-web:3 → shop-web:2
";
    assert_eq!((diff.code, diff.stdout.as_str()), (2, expected), "{}", diff.stderr);
    assert_eq!(world.ok(&["up", "--dry-run"]).stdout, expected);

    let run = world.ok(&["up"]);
    assert!(run.stderr.contains("No changes"), "{}", run.stderr);
    assert_eq!(command(&world, "web"), "two");
    assert_eq!(
        definitions(&world),
        ["shop-cache:1", "shop-web:2"],
        "nothing is left of it"
    );
}

#[test]
fn a_service_that_is_named_goes_back_whenever_it_was_changed() {
    let Some(world) = up_twice() else { return };
    let other = FILE.replace("one", "two").replace("redis:7", "redis:8");
    world.sandbox.write("compose.yaml", other);
    world.ok(&["up"]);
    world.ok(&["rollback", "--yes", "web"]);
    assert_eq!(command(&world, "web"), "one");
    // What changes anyway says as well that somebody has been there.
    world.sandbox.write("compose.yaml", FILE.replace("one", "three"));
    let diff = world.sandbox.run(&["diff"]);
    for expected in [
        "was rolled back with `ctx rollback`",
        "TaskDefinition: shop-web:3 → follows WebTaskDefinition",
    ] {
        assert!(diff.stdout.contains(expected), "{}", diff.stdout);
    }
    let json = world.sandbox.run(&["diff", "--format", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let changes = json["Changes"].as_array().unwrap().iter();
    let back = changes.filter(|change| change["RolledBack"] == true);
    let back: Vec<_> = back.map(|change| change["LogicalId"].as_str().unwrap()).collect();
    assert_eq!(back, ["WebService"]);
    let run = world.fails(&["rollback", "--yes", "wep"]);
    assert!(run.stderr.contains("has no service `wep`"), "{}", run.stderr);
}

#[test]
fn nobody_goes_back_unasked_or_to_nowhere() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", FILE);
    world.ok(&["up"]);
    let run = world.fails(&["rollback", "--yes"]);
    assert!(
        run.stderr.contains("has changed no service, or was the first"),
        "{}",
        run.stderr
    );
    let run = world.fails(&["rollback", "--yes", "web"]);
    assert!(
        run.stderr
            .contains("ECS remembers no earlier deployment of service `web`"),
        "{}",
        run.stderr
    );

    let Some(world) = up_twice() else { return };
    let run = world.fails(&["rollback"]);
    assert!(
        run.stderr.contains("`--yes` goes back without a question"),
        "{}",
        run.stderr
    );
    let Some(mut terminal) = Terminal::start(&world.sandbox, &["--progress", "plain", "rollback"]) else {
        return;
    };
    terminal.at("Go back?", "n\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 1, "{screen}");
    assert!(screen.contains("Not changed"), "{screen}");
    assert_eq!(command(&world, "web"), "two");
}

#[test]
fn what_was_rolled_back_leaves_with_the_project() {
    let Some(world) = up_twice() else { return };
    world.ok(&["rollback", "--yes"]);
    world.ok(&["down"]);
    assert_eq!(definitions(&world), Vec::<String>::new());
}

/// The definitions of which tasks can be started.
fn definitions(world: &World) -> Vec<String> {
    let client = aws_sdk_ecs::Client::new(&world.lab.aws());
    let answer = block_on(client.list_task_definitions().send()).unwrap();
    let arns = answer.task_definition_arns.unwrap_or_default();
    let mut names: Vec<String> = arns
        .iter()
        .filter_map(|arn| Some(arn.rsplit('/').next()?.to_owned()))
        .collect();
    names.sort();
    names
}
