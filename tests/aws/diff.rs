//! `ctx diff`, `up --dry-run`, and the question before something is lost.

use crate::support::sandbox::Run;
use crate::world::World;

const WEB: &str = include_str!("up/web.yaml");

#[track_caller]
fn differs(world: &World, arguments: &[&str]) -> Run {
    let run = world
        .sandbox
        .run(&[&["--progress", "plain", "diff"], arguments].concat());
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    run
}

#[test]
fn a_new_stack_is_all_additions_and_leaves_nothing_behind() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("secret.txt", "very secret");
    let file = format!("{WEB}    secrets: [word]\nsecrets: {{word: {{file: secret.txt}}}}\n");
    world.sandbox.write("compose.yaml", file);
    let run = differs(&world, &[]);
    assert!(
        run.stdout
            .contains("  + web: WebService  ECS::Service  compose.yaml:3\n"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("  + word  SecretsManager::Secret\n"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("very secret"), "{}", run.stdout);
    let dry = world.ok(&["up", "--dry-run"]);
    assert_eq!(dry.stdout, run.stdout);
    assert!(world.lab.stacks().is_empty() && world.lab.secrets().is_empty());
}

#[test]
fn changes_are_told_by_property_and_nothing_is_changed() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    let same = world.ok(&["diff"]);
    assert_eq!(same.stdout, "Stack shop: no changes\n");

    let file = WEB.replace("redis:7", "redis:8\n    environment: {API_TOKEN: hush, MODE: fast}");
    world.sandbox.write("compose.yaml", file);
    let run = differs(&world, &[]);
    for line in [
        "  ± cache: CacheTaskDefinition  ECS::TaskDefinition  compose.yaml:7\n      is replaced\n",
        "ContainerDefinitions[cache].Image: redis:7 → redis:8\n",
        " cache: CacheService  ECS::Service  compose.yaml:7\n",
        "TaskDefinition: follows CacheTaskDefinition\n",
    ] {
        assert!(run.stdout.contains(line), "{line}\n{}", run.stdout);
    }
    assert!(
        !run.stdout.contains("hush") && run.stdout.contains("fast"),
        "{}",
        run.stdout
    );
    let json: serde_json::Value = serde_json::from_str(&differs(&world, &["--format", "json"]).stdout).unwrap();
    let changes = json["Changes"].as_array().unwrap();
    let task = changes
        .iter()
        .find(|change| change["LogicalId"] == "CacheTaskDefinition")
        .unwrap();
    assert_eq!(
        (&task["Replacement"], &task["Place"]["Line"]),
        (&"True".into(), &7.into())
    );

    assert_eq!(world.parameters("shop")["CacheImage"], "redis:7");
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
    assert_eq!(world.change_sets("shop"), Vec::<String>::new());
}

#[test]
fn a_change_set_of_somebody_who_deploys_is_left_alone() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.change_set("shop", "ctx-up", "Resources: {Group: {Type: 'AWS::Logs::LogGroup'}}");
    differs(&world, &[]);
    assert_eq!(world.change_sets("shop"), ["ctx-up"]);
}

#[test]
fn what_would_lose_an_address_is_refused_where_nobody_can_be_asked() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    world
        .sandbox
        .write("compose.yaml", WEB.replace("    ports: [\"8080:80\"]\n", ""));
    let run = differs(&world, &[]);
    assert!(
        run.stdout.contains("! would be deleted, and its address with it"),
        "{}",
        run.stdout
    );
    let run = world.fails(&["up"]);
    assert!(
        run.stderr
            .contains("LoadBalancer` would be deleted, and its address with it"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("`--yes` goes on without asking"), "{}", run.stderr);
    assert_eq!(world.change_sets("shop"), Vec::<String>::new());
    let is_balancer = |kind: &String| kind == "AWS::ElasticLoadBalancingV2::LoadBalancer";
    assert!(world.resource_types("shop").iter().any(is_balancer));
    world.ok(&["up", "--yes"]);
    assert!(!world.resource_types("shop").iter().any(is_balancer));
}

#[test]
fn a_mistake_is_status_1_and_engines_have_no_diff() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    let run = world.sandbox.run(&["diff", "--parameter", "Nothing=1"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let run = world.sandbox.run(&["-c", "default", "diff"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("`ctx diff` works on ECS only"), "{}", run.stderr);
}

#[test]
fn a_stack_of_another_project_is_not_taken_by_mistake() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    let blog = "name: blog\nservices:\n  ghost: {image: 'ghost:5'}\nsecrets: {word: {file: word.txt}}\n";
    world.sandbox.write("word.txt", "x");
    world
        .sandbox
        .write("compose.yaml", blog.replace("5'}", "5', secrets: [word]}"));
    let run = world.fails(&["-p", "shop", "up"]);
    assert!(
        run.stderr.contains("it seems to be another project's") && run.stderr.contains("`--yes`"),
        "{}",
        run.stderr
    );
    assert!(world.lab.secrets().is_empty() && world.parameters("shop").contains_key("WebImage"));
    world.ok(&["-p", "shop", "up", "--yes"]);
    assert!(world.parameters("shop").contains_key("GhostImage"));
}
