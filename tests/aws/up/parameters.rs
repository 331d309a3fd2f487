//! `--parameter`

use super::WEB;
use crate::world::World;

#[test]
fn a_parameter_overrides_what_the_file_says() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up", "--parameter", "WebImage=nginx:mine"]);
    assert!(world.ok(&["ps", "web"]).stdout.contains("nginx:mine"));
    // What the file says counts again as soon as nobody says otherwise.
    world.ok(&["up"]);
    assert!(world.ok(&["ps", "web"]).stdout.contains("nginx:1.27"));
}

#[test]
fn an_unknown_parameter_is_refused_with_those_that_there_are() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    let run = world.fails(&["up", "--parameter", "WepImage=x"]);
    assert!(
        run.stderr
            .contains("the project's template has no parameter `WepImage`"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("WebImage"), "{}", run.stderr);
    assert!(world.lab.stacks().is_empty());
}

#[test]
fn an_image_that_is_given_is_not_built() {
    let Some(world) = World::new() else { return };
    let file = WEB.replace("    image: nginx:1.27\n", "    build: .\n    image: me/web\n");
    world.sandbox.write("compose.yaml", file);
    world.ok(&["up", "--parameter", "WebImage=me/web:1"]);
    assert!(world.ok(&["ps", "web"]).stdout.contains("me/web:1"));
}
