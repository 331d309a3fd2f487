//! The test images on the engine: what the other tests take for granted.

use std::time::Duration;

use crate::support::deadline;
use crate::support::engine::Engine;
use crate::support::http;

#[test]
fn test_images_serve_count_and_stop() {
    let Some(engine) = Engine::reach() else { return };
    let project = engine.project();
    let (network, label) = (format!("{}_default", project.name()), project.label());
    let named = |service: &str| format!("{}-{service}-1", project.name());
    engine.docker(&["network", "create", "--label", &label, &network]);
    let run = |service: &str, image: &str, more: &[&str]| {
        let name = named(service);
        let own = [
            "run",
            "-d",
            "--name",
            &name,
            "--label",
            &label,
            "--network",
            &network,
            "--network-alias",
            service,
        ];
        engine.docker(&[&own, more, &[image]].concat());
    };
    run(
        "redis",
        "ctx-test/redis:1",
        &["--health-cmd", "redis-cli ping", "--health-interval", "200ms"],
    );
    run(
        "web",
        "ctx-test/web:1",
        &[
            "-p",
            "127.0.0.1::80",
            "-e",
            "REDIS_HOST=redis",
            "-e",
            "GREETING=good day",
        ],
    );
    let address = engine.docker(&["port", &named("web"), "80"]);

    let page = deadline::within(Duration::from_secs(20), || http::get(&address, "localhost", "/").ok());
    let page = page.expect("a page within the deadline");
    assert_eq!((page.status, page.body.as_str()), (200, "good day from 1; visits: 1\n"));
    let health = || {
        let state = engine.docker(&["inspect", "--format", "{{.State.Health.Status}}", &named("redis")]);
        (state == "healthy").then_some(())
    };
    deadline::within(Duration::from_secs(20), health).expect("a shell runs the health check");

    engine.docker(&["stop", "-t", "30", &named("web")]);
    let code = engine.docker(&["inspect", "--format", "{{.State.ExitCode}}", &named("web")]);
    assert_eq!(code, "0", "the program ends by itself when it is asked to");

    drop(project);
    assert!(engine.containers(&label).is_empty());
}
