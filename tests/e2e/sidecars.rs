//! Services that live in one task.

use crate::stage::{INIT_IMAGE, OnEcs, logs};

const FILE: &str = r#"
services:
  web:
    image: ctx-test/web:1
    environment: {REDIS_HOST: localhost}
    ports: ["8080:80"]
    volumes: [/shared]
    extra_hosts: ["old.example.com:203.0.113.9"]
  redis:
    image: ctx-test/redis:1
    network_mode: "service:web"
    restart: always
  writer:
    image: ctx-test/init:1
    command: sh -c 'echo "from the sidecar" > /shared/note; echo written'
    volumes_from: [web]
  visitor:
    image: ctx-test/web:1
    environment: {REDIS_HOST: redis}
    ports: ["9090:80"]
    depends_on: [redis]
"#;

#[test]
fn services_that_share_a_task_reach_each_other_and_are_found() {
    let Some(ecs) = OnEcs::with(FILE) else { return };
    ecs.up(&[]);

    assert_eq!(ecs.page("web", "/").body, "hello from 1; visits: 1\n", "by localhost");
    assert_eq!(
        ecs.page("visitor", "/").body,
        "hello from 1; visits: 2\n",
        "by the sidecar's name"
    );
    assert_eq!(ecs.page("web", "/file/shared/note").body, "from the sidecar\n");

    assert_eq!(ecs.page("web", "/lookup/old.example.com").body, "203.0.113.9\n");

    assert_eq!(ecs.task("redis"), ecs.task("web"));
    assert_ne!(ecs.task("visitor"), ecs.task("web"));
    let running = ecs.sandbox.ok(&["ps"]).stdout;
    let all = ecs.sandbox.ok(&["ps", "--all", "writer"]).stdout;
    assert!(!running.contains("writer"), "{running}");
    assert!(all.contains("Exited (0)"), "{all}");
    assert_eq!(logs(&ecs.sandbox, "writer", "written").lines().count(), 1);
    let said = logs(&ecs.sandbox, "redis", "Ready to accept connections");
    assert!(!said.contains("web listens"), "{said}");

    ecs.down();
}

#[test]
fn a_failure_names_the_sidecar_that_caused_it() {
    let broken = FILE.replace("restart: always", "restart: always\n    command: sh -c 'exit 4'");
    let Some(ecs) = OnEcs::with(&broken) else { return };
    let failed = ecs
        .sandbox
        .fails(&["--progress", "plain", "up", "--parameter", INIT_IMAGE]);
    for expected in [
        "compose.yaml:9:3",
        "service `redis`: ",
        "container `redis` exited with 4",
    ] {
        assert!(
            failed.stderr.contains(expected),
            "`{expected}` is missing in\n{}\n{}",
            failed.stderr,
            ecs.lab.log()
        );
    }
}
