//! An engine on another machine: `ssh://`.

use std::path::Path;

use crate::scene::Scene;
use crate::support::deadline::within;
use crate::support::ssh::SshServer;

const SERVICES: &str = "services:
  one: {image: IMAGE, stop_signal: SIGKILL}
  two: {image: IMAGE, stop_signal: SIGKILL}
  three: {image: IMAGE, stop_signal: SIGKILL}
";

/// The machine's own engine, seen through a server of ssh.
fn remote(compose: &str) -> Option<(Scene, SshServer)> {
    let mut scene = Scene::new(compose)?;
    let server = SshServer::start()?;
    let socket = scene.engine.host().strip_prefix("unix://")?.to_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    scene
        .sandbox
        .set("PATH", format!("{}:{path}", server.client().display()))
        .set("DOCKER_HOST", server.engine(&socket));
    Some((scene, server))
}

fn runs(process: &str) -> bool {
    Path::new("/proc").join(process).exists()
}

#[test]
fn one_connection_is_for_all_requests_and_ends_with_them() {
    let Some((scene, server)) = remote(SERVICES) else {
        return;
    };
    scene.ok(&["up", "-d"]);
    assert_eq!(server.connections().len(), 1);
    let listed = scene.ok(&["ps", "--services"]).stdout;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    scene.ok(&["down"]);
    let connections = server.connections();
    assert_eq!(connections.len(), 3);
    assert!(!connections.iter().any(|process| runs(process)));
}

#[test]
fn a_socket_that_is_not_there_is_said() {
    let Some((mut scene, server)) = remote(SERVICES) else {
        return;
    };
    scene.sandbox.set("DOCKER_HOST", server.engine("/nonexistent.sock"));
    let run = scene.sandbox.fails(&["ps"]);
    assert!(
        run.stderr.contains("cannot reach a Docker engine at ssh://"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("listen at that socket"), "{}", run.stderr);
}

#[test]
fn a_host_that_nobody_knows_is_not_trusted() {
    let Some((mut scene, server)) = remote(SERVICES) else {
        return;
    };
    let other = server.engine("/x").replace("127.0.0.1", "localhost");
    let port = other.trim_end_matches("/x").rsplit(':').next().unwrap_or_default();
    let by_hand = format!("`ssh -p {port} localhost` has to work");
    scene.sandbox.set("DOCKER_HOST", other);
    let run = scene.sandbox.fails(&["ps"]);
    assert!(run.stderr.contains("Host key verification failed"), "{}", run.stderr);
    assert!(run.stderr.contains(&by_hand), "{}", run.stderr);
}

#[test]
fn nothing_is_left_when_ctx_is_killed() {
    let Some((scene, server)) = remote(SERVICES) else {
        return;
    };
    scene.ok(&["up", "-d"]);
    let mut following = scene.sandbox.command(&["logs", "-f"]).spawn().unwrap();
    let minute = std::time::Duration::from_mins(1);
    let connection = within(minute, || server.connections().get(1).cloned()).unwrap();
    assert!(runs(&connection));
    following.kill().unwrap();
    following.wait().unwrap();
    assert!(within(minute, || (!runs(&connection)).then_some(())).is_some());
}
