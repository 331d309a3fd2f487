//! How many requests the engine gets.

use crate::between::{Between, Deed, path};
use crate::scene::Scene;
use crate::support::skip;

#[test]
fn few_requests_are_enough() {
    let file = "
services:
  a: &a {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, volumes: ['data:/data']}
  b: {<<: *a, depends_on: [a]}
  c: *a
volumes: {data: {}}
";
    let Some(mut scene) = Scene::new(file) else { return };
    let host = scene.engine.host().to_owned();
    let Some(engine) = path(&host) else {
        skip::or_fail("the engine has no socket");
        return;
    };
    let socket = scene.sandbox.home().join("engine.sock");
    let counter = Between::new(&engine.display().to_string(), socket, |_| Deed::Pass);
    scene
        .sandbox
        .set("DOCKER_HOST", format!("unix://{}", counter.socket.display()));

    scene.ok(&["up", "-d"]);
    let (services, networks, volumes) = (3, 1, 1);
    let cold = counter.take();
    assert!(cold <= 4 + 2 * services + networks + volumes, "{cold} to bring it up");
    assert!(cold >= 2 * services, "{cold}: not all were counted");
    scene.ok(&["up", "-d"]);
    let again = counter.take();
    assert!(again <= 4, "{again} to find that there is nothing to do");
    scene.ok(&["ps"]);
    let list = counter.take();
    assert!(list <= 2, "{list} to list");
    scene.ok(&["down", "-v"]);
    let down = counter.take();
    assert!(down <= 3 + 2 * services + networks + volumes, "{down} to take it down");
}
