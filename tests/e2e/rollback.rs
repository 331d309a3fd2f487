//! What is left of a creation that failed.

use crate::stage::{OnEcs, logs};

const FILE: &str = r#"
services:
  web:
    image: ctx-test/web:1
    command: sh -c 'echo "no licence"; exit 3'
    ports: ["8080:80"]
"#;

#[test]
fn what_a_failed_creation_wrote_can_be_read_until_the_next_one() {
    let Some(ecs) = OnEcs::with(FILE) else { return };
    let up = ["--progress", "plain", "up", "--parameter", "InitImage=ctx-test/init:1"];
    let failed = ecs.sandbox.fails(&up);
    assert!(
        failed.stderr.contains("removed again except for the log"),
        "{}\n{}",
        failed.stderr,
        ecs.lab.log()
    );
    let said = ecs.sandbox.ok(&["logs"]).stdout;
    assert!(
        said.contains("no licence") && said.lines().all(|line| line.starts_with("web")),
        "{said}"
    );
    logs(&ecs.sandbox, "web", "no licence");
    let unknown = ecs.sandbox.fails(&["logs", "db"]).stderr;
    assert!(unknown.contains("does not run on ECS"), "{unknown}");

    ecs.sandbox.write("compose.yaml", FILE.replace("exit 3", "exec web"));
    ecs.up(&[]);
    ecs.page("web", "/");
    ecs.down();

    // Without a stack, `down` removes the log as well.
    ecs.sandbox.write("compose.yaml", FILE);
    ecs.sandbox.fails(&up);
    assert_eq!(ecs.lab.log_groups(), ["/docker-compose/shop"]);
    ecs.sandbox.ok(&["down"]);
    assert_eq!(ecs.lab.log_groups(), Vec::<String>::new());
}
