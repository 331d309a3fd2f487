//! The main job: the same file on both targets.

use crate::stage::{INIT_IMAGE, OnEcs, OnEngine, logs};

#[test]
fn web_and_redis_on_ecs() {
    let Some(mut ecs) = OnEcs::new("web-redis") else { return };

    let template = ecs.sandbox.ok(&["convert"]).stdout;
    assert_eq!(
        template,
        ecs.sandbox.ok(&["convert"]).stdout,
        "the same input gives the same bytes"
    );

    ecs.up(&[]);
    assert_eq!(ecs.lab.stacks(), ["web-redis"]);
    assert_eq!(ecs.page("web", "/").body, "hello from 1; visits: 1\n");
    logs(&ecs.sandbox, "web", "GET / 200 OK");

    let tasks = [ecs.task("web"), ecs.task("redis")];
    let again = ecs.up(&[]);
    assert!(again.stderr.contains("No changes"), "{}", again.stderr);
    assert_eq!(
        [ecs.task("web"), ecs.task("redis")],
        tasks,
        "an `up` without changes replaces nothing"
    );

    ecs.sandbox.set("WEB_IMAGE", "ctx-test/web:2");
    let changed = ecs.up(&[]).stderr;
    assert!(changed.contains("web: WebService  Updated"), "{changed}");
    assert!(!changed.contains("redis: Redis"), "{changed}");
    assert_eq!(ecs.page("web", "/").body, "hello from 2; visits: 2\n");
    assert_ne!(ecs.task("web"), tasks[0]);
    assert_eq!(ecs.task("redis"), tasks[1], "a service that did not change stays");

    ecs.down();
}

#[test]
fn an_up_whose_task_cannot_start_says_where_and_why() {
    let Some(mut ecs) = OnEcs::new("web-redis") else {
        return;
    };
    ecs.sandbox.set("WEB_IMAGE", "ctx-test/nowhere:1");
    let failed = ecs
        .sandbox
        .fails(&["--progress", "plain", "up", "--parameter", INIT_IMAGE]);
    for expected in ["compose.yaml:3:12", "CannotPullContainerError", "ctx-test/nowhere:1"] {
        assert!(
            failed.stderr.contains(expected),
            "`{expected}` is missing in\n{}",
            failed.stderr
        );
    }

    ecs.sandbox.set("WEB_IMAGE", "ctx-test/web:1");
    ecs.up(&[]);
    assert_eq!(
        ecs.page("web", "/").body,
        "hello from 1; visits: 1\n",
        "the next `up` succeeds"
    );
    ecs.down();
}

#[test]
fn web_and_redis_on_the_engine() {
    let Some(mut engine) = OnEngine::new("web-redis") else {
        return;
    };

    engine.up();
    assert_eq!(engine.page(engine.port, "/").body, "hello from 1; visits: 1\n");
    logs(&engine.sandbox, "web", "GET / 200 OK");

    let containers = [engine.container("web"), engine.container("redis")];
    engine.up();
    assert_eq!([engine.container("web"), engine.container("redis")], containers);

    engine.sandbox.set("WEB_IMAGE", "ctx-test/web:2");
    engine.up();
    assert_eq!(engine.page(engine.port, "/").body, "hello from 2; visits: 2\n");
    assert_ne!(engine.container("web"), containers[0]);
    assert_eq!(
        engine.container("redis"),
        containers[1],
        "a service that did not change stays"
    );

    engine.down();
}
