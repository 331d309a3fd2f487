//! The project's own files in the tasks.

use crate::stage::{INIT_IMAGE, OnEcs, logs};

/// Says what it finds, and stays.
const LOOK: &str = r#"
    command:
      - sh
      - -c
      - |
        trap 'exit 0' TERM
        for path in $$LOOK; do
          if [ -d $$path ]; then echo $$path: $$(ls $$path); else echo $$path: $$(cat $$path); ls -ln $$path; fi
        done
        echo variables: $$TOKEN $$DB_USER
        [ -z "$$APPEND" ] || { echo written >> $$APPEND; echo $$APPEND: $$(cat $$APPEND); }
        echo looked
        while :; do sleep 1 & wait $$!; done
"#;

#[test]
fn files_and_configs_are_where_the_service_wants_them() {
    let compose = format!(
        r#"
services:
  web:
    image: ctx-test/web:1
    environment: {{LOOK: "/etc/passwd /etc/app.conf /site /site/page /site/link /etc/app/key"}}
    volumes: ["./app.conf:/etc/app.conf:ro", "./site:/site"]
    configs: [{{source: key, target: /etc/app/key, uid: "7", gid: "8", mode: 0640}}]
{LOOK}
  other:
    image: ctx-test/web:1
    environment: {{LOOK: "/etc /site"}}
    volumes: ["./other:/site:ro"]
{LOOK}
configs:
  key: {{content: the key}}
"#
    );
    let Some(ecs) = OnEcs::with(&compose) else {
        return;
    };
    let up = || ecs.up(&[]).stderr;
    ecs.sandbox.write("app.conf", "the app's\n");
    ecs.sandbox.write("site/page", "the page\n");
    ecs.sandbox.write("other/page", "another page\n");
    std::os::unix::fs::symlink("page", ecs.sandbox.project().join("site/link")).unwrap();

    let said = up();
    assert!(said.contains("lost with its task"), "{said}");
    let web = logs(&ecs.sandbox, "web", "looked");
    for expected in [
        "/etc/passwd: root:x:0:0",
        "/etc/app.conf: the app's",
        "/site: link page",
        "/site/page: the page",
        "/site/link: the page",
        "/etc/app/key: the key",
        "-rw-r----- 1 7 8",
    ] {
        assert!(web.contains(expected), "`{expected}` is not in\n{web}");
    }
    let other = logs(&ecs.sandbox, "other", "looked");
    assert!(other.contains("/site: page"), "{other}");
    assert!(
        !other.contains("app.conf"),
        "a service has its own files alone\n{other}"
    );
    assert_eq!(ecs.lab.secrets().len(), 2);

    let tasks = [ecs.task("web"), ecs.task("other")];
    ecs.sandbox.write("site/page", "the new page\n");
    up();
    logs(&ecs.sandbox, "web", "/site/page: the new page");
    assert_ne!(ecs.task("web"), tasks[0]);
    assert_eq!(ecs.task("other"), tasks[1], "its files did not change");
    assert!(up().contains("No changes"));
    ecs.down();
}

#[test]
fn a_folder_that_is_not_there_is_a_volume_that_stays_and_what_is_written_elsewhere_ends() {
    let compose = format!(
        r#"
services:
  kept:
    image: ctx-test/web:1
    environment: {{APPEND: /kept/log}}
    volumes: ["./data/kept:/kept"]
{LOOK}
  lost:
    image: ctx-test/web:1
    environment: {{APPEND: /lost/log}}
    volumes: ["./site:/lost"]
{LOOK}
"#
    );
    let Some(ecs) = OnEcs::with(&compose) else {
        return;
    };
    ecs.sandbox.write("site/log", "sent\n");
    let said = ecs.up(&[]).stderr;
    assert!(said.contains("is a volume on ECS"), "{said}");
    assert!(logs(&ecs.sandbox, "kept", "looked").contains("/kept/log: written\n"));
    assert!(logs(&ecs.sandbox, "lost", "looked").contains("/lost/log: sent written\n"));
    // What a local run leaves there does not take the volume's place.
    ecs.sandbox.write("data/kept/log", "local\n");
    let again = ecs
        .sandbox
        .run(&["--progress", "plain", "up", "--parameter", INIT_IMAGE]);
    assert_ne!(again.code, 0);
    assert!(
        again.stderr.contains("`./data/kept` is a volume in the stack"),
        "{}",
        again.stderr
    );
    std::fs::remove_file(ecs.sandbox.project().join("data/kept/log")).unwrap();
    ecs.down();
    assert_eq!(ecs.lab.file_systems().len(), 1, "`down` keeps the data");

    ecs.up(&[]);
    logs(&ecs.sandbox, "kept", "/kept/log: written written");
    assert!(!logs(&ecs.sandbox, "lost", "looked").contains("written written"));
    ecs.sandbox.ok(&["--progress", "plain", "down", "-v"]);
    assert_eq!(ecs.lab.file_systems(), Vec::<String>::new());
}

#[test]
fn secrets_are_put_where_the_service_wants_them() {
    let compose = format!(
        r#"
services:
  web:
    image: ctx-test/web:1
    environment: {{LOOK: "/run/secrets/token /etc/app/token /etc/nsswitch.conf /etc/keys/user /run/secrets/all/name /etc/all/tree"}}
    secrets:
      - {{source: token, x-aws-env: TOKEN}}
      - {{source: db, x-aws-env: {{user: DB_USER}}, target: all, x-aws-keys: ["*"], uid: "7", mode: 0440}}
      - {{source: db, target: /etc/all, x-aws-keys: ["*"]}}
      - {{source: token, target: /etc/app/token, uid: "1000", mode: 0400}}
      - {{source: db, target: /etc/keys, x-aws-keys: [user]}}
{LOOK}
secrets:
  token: {{file: ./token}}
  db: {{file: ./db.json}}
"#
    );
    let Some(ecs) = OnEcs::with(&compose) else {
        return;
    };
    ecs.sandbox.write("token", "sesame\n");
    ecs.sandbox.write(
        "db.json",
        r#"{"user": "me", "name": "\u00e9 \"x\"", "tree": {"a": [1, "}"]}}"#,
    );
    ecs.up(&[]);
    let web = logs(&ecs.sandbox, "web", "looked");
    for expected in [
        "/run/secrets/token: sesame",
        "/etc/app/token: sesame",
        "-r-------- 1 1000 0",
        "/etc/nsswitch.conf: hosts: files dns",
        "/etc/keys/user: me",
        "/run/secrets/all/name: é \"x\"",
        "-r--r----- 1 7 0",
        "/etc/all/tree: {\"a\":[1,\"}\"]}",
        "variables: sesame me",
    ] {
        assert!(web.contains(expected), "`{expected}` is not in\n{web}");
    }
    ecs.down();
}
