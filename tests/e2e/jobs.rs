//! Services that run to their end.

use crate::stage::{OnEcs, logs};

/// The database keeps what the job wrote; the page shows what there was when the web server started.
const FILE: &str = r#"
services:
  migrate:
    image: ctx-test/init:1
    command: sh -c 'echo run >> /data/runs; echo "version $$VERSION of the schema"; exit $$CODE'
    environment: {VERSION: "1", CODE: "0"}
    volumes: ["data:/data"]
  web:
    image: ctx-test/web:1
    command: sh -c 'while read -r line; do echo $$line; done < /data/runs > /seen; exec web'
    volumes: ["data:/data"]
    ports: ["8080:80"]
    depends_on:
      migrate: {condition: service_completed_successfully}
volumes: {data: {}}
"#;

#[test]
fn a_job_runs_before_what_waits_for_it_whenever_it_changed() {
    let Some(ecs) = OnEcs::with(FILE) else { return };
    ecs.up(&[]);
    assert_eq!(ecs.page("web", "/file/seen").body, "run\n", "the job had run before");
    assert_eq!(logs(&ecs.sandbox, "migrate", "version 1").lines().count(), 1);
    let running = ecs.sandbox.ok(&["ps"]).stdout;
    let all = ecs.sandbox.ok(&["ps", "--all"]).stdout;
    assert!(!running.contains("migrate"), "{running}");
    assert!(all.contains("migrate") && all.contains("Exited (0)"), "{all}");

    // Once more, whatever the file says; with another command.
    let again = ecs.sandbox.run(&[
        "run",
        "migrate",
        "sh",
        "-c",
        "echo run >> /data/again; echo \"version $VERSION\"; exit 5",
    ]);
    assert_eq!(
        (again.code, again.stdout.as_str()),
        (5, "version 1\n"),
        "{}\n{}",
        again.stderr,
        ecs.lab.log()
    );
    assert_eq!(ecs.page("web", "/file/data/again").body, "run\n");
    let all = ecs.sandbox.ok(&["ps", "--all", "migrate"]).stdout;
    assert_eq!(all.matches("Exited (5)").count(), 1, "{all}");

    let changed = FILE.replace(
        "ports: [\"8080:80\"]",
        "ports: [\"8080:80\"]\n    environment: {OTHER: \"1\"}",
    );
    ecs.sandbox.write("compose.yaml", &changed);
    ecs.up(&[]);
    assert_eq!(
        ecs.page("web", "/file/seen").body,
        "run\n",
        "a job that did not change does not run"
    );

    let changed = changed.replace("VERSION: \"1\"", "VERSION: \"2\"");
    ecs.sandbox.write("compose.yaml", &changed);
    ecs.up(&[]);
    assert_eq!(ecs.page("web", "/file/data/runs").body, "run\nrun\n");
    logs(&ecs.sandbox, "migrate", "version 2");

    let broken = changed
        .replace("CODE: \"0\"", "CODE: \"3\"")
        .replace("VERSION: \"2\"", "VERSION: \"3\"");
    ecs.sandbox.write("compose.yaml", &broken);
    let failed = ecs
        .sandbox
        .fails(&["--progress", "plain", "up", "--parameter", "InitImage=ctx-test/init:1"]);
    for expected in ["compose.yaml:3:3", "`migrate` exited with 3", "version 3 of the schema"] {
        assert!(
            failed.stderr.contains(expected),
            "`{expected}` is missing in\n{}\n{}",
            failed.stderr,
            ecs.lab.log()
        );
    }
    let runs = ecs.page("web", "/file/data/runs").body;
    assert_eq!(
        runs, "run\nrun\nrun\n",
        "the rollback does not run the job that was there before"
    );

    ecs.down();
}

#[test]
fn a_job_that_is_to_be_restarted_is_run_again() {
    let file = FILE
        .replace(
            "exit $$CODE",
            "n=0; while read -r run; do n=$$((n + 1)); done < /data/runs; [ $$n -ge 3 ]",
        )
        .replace("    environment:", "    restart: \"on-failure:2\"\n    environment:");
    let Some(ecs) = OnEcs::with(&file) else { return };
    ecs.up(&[]);
    assert_eq!(ecs.page("web", "/file/seen").body, "run\nrun\nrun\n");
    ecs.down();
}

#[test]
fn a_scheduled_service_runs_at_its_times() {
    let file = r"
services:
  tick:
    image: ctx-test/init:1
    command: sh -c 'echo tick'
    x-aws-schedule: rate(5 minutes)
  web: {image: ctx-test/web:1}
";
    let Some(ecs) = OnEcs::with(file) else { return };
    ecs.up(&[]);
    let running = ecs.sandbox.ok(&["ps"]).stdout;
    assert!(running.contains("web") && !running.contains("tick"), "{running}");
    logs(&ecs.sandbox, "tick", "tick");
    let all = ecs.sandbox.ok(&["ps", "--all", "tick"]).stdout;
    assert!(all.contains("tick"), "{all}");
    ecs.sandbox.ok(&["--progress", "plain", "down"]);
    assert_eq!(ecs.lab.stacks(), Vec::<String>::new());
}
