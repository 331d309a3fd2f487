//! `up` on a stack that is there.

use super::WEB;
use crate::world::World;

#[test]
fn without_changes_it_says_so_and_leaves_nothing_behind() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    let run = world.ok(&["up"]);
    assert!(run.stderr.contains("Stack shop  No changes\n"), "{}", run.stderr);
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
    assert_eq!(world.change_sets("shop"), Vec::<String>::new());
}

#[test]
fn a_new_image_replaces_the_tasks_and_is_followed_to_the_end() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    let before = world.parameters("shop");
    world.sandbox.write("compose.yaml", WEB.replace("redis:7", "redis:8"));
    let run = world.ok(&["up"]);
    assert!(
        run.stderr.contains("cache: CacheTaskDefinition  Updated"),
        "{}",
        run.stderr
    );
    assert_eq!(run.stderr.matches("Stack shop  Updated\n").count(), 1, "{}", run.stderr);
    // Nothing of the creation is told again.
    assert!(!run.stderr.contains("Created"), "{}", run.stderr);
    let tasks = world.ok(&["ps"]).stdout;
    assert!(tasks.contains("redis:8") && !tasks.contains("redis:7"), "{tasks}");
    let mut after = world.parameters("shop");
    assert_eq!(
        after.insert("CacheImage".into(), "redis:7".into()).as_deref(),
        Some("redis:8")
    );
    assert_eq!(after, before);
}

#[test]
fn tasks_can_be_replaced_although_nothing_changed() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    let before = world.ok(&["ps", "-q"]).stdout;
    let run = world.ok(&["up", "--force-recreate"]);
    assert!(run.stderr.contains("Service web  Tasks replaced"), "{}", run.stderr);
    let after = world.ok(&["ps", "-q"]).stdout;
    assert_eq!(before.lines().count(), after.lines().count());
    assert!(before.lines().all(|task| !after.contains(task)), "{before}\n{after}");
}

#[test]
fn a_service_that_is_no_longer_in_the_file_goes() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    world
        .sandbox
        .write("compose.yaml", "name: shop\nservices:\n  cache:\n    image: redis:7\n");
    // Its load balancer goes with it.
    world.ok(&["up", "--yes"]);
    let tasks = world.ok(&["ps"]).stdout;
    assert!(tasks.contains("redis:7") && !tasks.contains("nginx"), "{tasks}");
}
