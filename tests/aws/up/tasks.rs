//! What the tasks of a failed service said.

use crate::world::World;

const FILE: &str = "name: shop
services:
  web:
    image: ctx-test/web:1
";

#[test]
fn a_service_whose_container_ends_is_explained_by_its_exit_code() {
    let Some(world) = World::with_containers() else { return };
    let up = ["up", "--parameter", "InitImage=ctx-test/web:1"];
    world.sandbox.write("compose.yaml", FILE);
    world.ok(&up);
    world.sandbox.write(
        "compose.yaml",
        format!("{FILE}    command: [sh, -c, 'echo no database; exit 3']\n"),
    );
    let run = world.fails(&up);
    for words in [
        "service `web`: container `web` exited with 3",
        "CloudFormation says of ECS::Service `WebService`: ECS Deployment Circuit Breaker was triggered",
        "compose.yaml:3:3",
        "container `web` wrote last:",
        "no database",
        "everything is again as it was before the update",
    ] {
        assert!(
            run.stderr.contains(words),
            "{words}\n{}\n{}",
            run.stderr,
            world.lab.log()
        );
    }
}
