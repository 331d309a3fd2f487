//! What the tasks of a failed service said.

use crate::world::World;

#[test]
fn a_service_whose_container_ends_is_explained_by_its_exit_code() {
    let Some(world) = World::with_containers() else { return };
    world.sandbox.write(
        "compose.yaml",
        "name: shop\nservices:\n  web:\n    image: ctx-test/web:1\n    command: no-such-program\n",
    );
    let run = world.fails(&["up", "--parameter", "InitImage=ctx-test/web:1"]);
    for words in [
        "ECS::Service `WebService` of service `web`: ECS Deployment Circuit Breaker was triggered",
        "compose.yaml:3:3",
        "container `web` exited with 127",
        "`ctx logs` shows what the container wrote",
    ] {
        assert!(run.stderr.contains(words), "{words}\n{}", run.stderr);
    }
    assert_eq!(world.status("shop"), "ROLLBACK_COMPLETE");
}
