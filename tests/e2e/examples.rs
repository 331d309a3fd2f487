//! Each example, on both targets as far as it goes. `web-redis` is the main job, in `road.rs`.

use std::sync::{Mutex, PoisonError};

use crate::builds::Images;
use crate::stage::{OnEcs, OnEngine, example, logs};
use crate::support::engine::Engine;
use crate::support::lint;

#[test]
fn every_example_has_a_readme_and_a_test() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let tests = concat!(include_str!("examples.rs"), include_str!("road.rs"));
    for folder in examples.read_dir().unwrap() {
        let folder = folder.unwrap();
        let name = folder.file_name().into_string().unwrap();
        assert!(folder.path().join("README.md").exists(), "{name} has no README.md");
        for target in ["OnEcs", "OnEngine"] {
            let tested = tests.contains(&format!("{target}::new(\"{name}\")"));
            assert!(tested, "{name} is not tested {target}");
        }
    }
}

#[test]
fn examples_convert_to_templates_without_findings() {
    let names = [
        "azure-vote",
        "database",
        "flask-counter",
        "override-env",
        "python-postgres",
        "voting-app",
        "web-redis",
    ];
    let folder = tempfile::tempdir().unwrap();
    let templates = names.map(|name| {
        let template = folder.path().join(name).with_extension("yaml");
        example(name).ok(&["convert", "--output", template.to_str().unwrap()]);
        template
    });
    lint::assert_clean(&templates);
}

#[test]
fn database_on_ecs() {
    let Some(ecs) = OnEcs::new("database") else { return };
    ecs.up(&[]);
    assert_eq!(ecs.lab.secrets().len(), 1);
    let said = logs(&ecs.sandbox, "db", "(start 1)");
    assert!(said.contains("password of 27 characters"), "{said}");
    ecs.down();
    assert_eq!(ecs.lab.file_systems().len(), 1, "`down` keeps the data");

    ecs.up(&[]);
    logs(&ecs.sandbox, "db", "(start 2)");
    ecs.sandbox.ok(&["--progress", "plain", "down", "-v"]);
    assert_eq!(ecs.lab.file_systems(), Vec::<String>::new());
}

#[test]
fn database_on_the_engine() {
    let Some(engine) = OnEngine::new("database") else {
        return;
    };
    engine.up();
    let said = logs(&engine.sandbox, "db", "(start 1)");
    assert!(said.contains("password of 27 characters"), "{said}");
    engine.down();
    assert_eq!(engine.project.volumes().len(), 1, "`down` keeps the data");

    engine.up();
    logs(&engine.sandbox, "db", "(start 2)");
    engine.sandbox.ok(&["--progress", "plain", "down", "-v"]);
    assert_eq!(engine.project.volumes(), Vec::<String>::new());
}

#[test]
fn override_and_env_on_ecs() {
    let Some(ecs) = OnEcs::new("override-env") else { return };
    ecs.up(&[]);
    assert_eq!(ecs.page("web", "/env/GREETING").body, "good day");
    assert_eq!(
        ecs.page("web", "/env/LOG_LEVEL").body,
        "debug",
        "the override file counts"
    );
    ecs.down();
}

#[test]
fn override_and_env_on_the_engine() {
    let Some(engine) = OnEngine::new("override-env") else {
        return;
    };
    engine.up();
    assert_eq!(engine.page(engine.port, "/env/GREETING").body, "good day");
    assert_eq!(
        engine.page(engine.port, "/env/LOG_LEVEL").body,
        "debug",
        "the override file counts"
    );
    engine.down();
}

#[test]
fn azure_vote_on_ecs() {
    let Some(ecs) = OnEcs::new("azure-vote") else { return };
    ecs.up(&["AzureVoteFrontImage=ctx-test/web:1"]);
    assert_eq!(ecs.page("azure-vote-front", "/").body, "hello from 1; visits: 1\n");
    ecs.down();
}

#[test]
fn azure_vote_on_the_engine() {
    let Some(engine) = OnEngine::new("azure-vote") else {
        return;
    };
    engine.up();
    assert_eq!(engine.page(8080, "/").body, "hello from 1; visits: 1\n");
    engine.down();
}

#[test]
fn flask_counter_on_ecs() {
    let Some(ecs) = OnEcs::new("flask-counter") else { return };
    ecs.up(&["WebImage=ctx-test/web:1"]);
    assert_eq!(ecs.page("web", "/").body, "hello from 1; visits: 1\n");
    ecs.down();
}

#[test]
fn flask_counter_on_the_engine() {
    let Some(engine) = OnEngine::new("flask-counter") else {
        return;
    };
    engine.up();
    assert_eq!(engine.page(8000, "/").body, "hello from 1; visits: 1\n");
    engine.down();
}

#[test]
fn python_postgres_on_ecs() {
    let Some(ecs) = OnEcs::new("python-postgres") else {
        return;
    };
    ecs.up(&[]);
    let program = include_str!("../../examples/python-postgres/app.py");
    assert_eq!(ecs.page("app", "/file/app/app.py").body, program, "the folder is sent");
    logs(&ecs.sandbox, "db", "ready to accept connections");
    ecs.down();
}

#[test]
fn python_postgres_on_the_engine() {
    let Some(engine) = OnEngine::new("python-postgres") else {
        return;
    };
    engine.up();
    let program = include_str!("../../examples/python-postgres/app.py");
    assert_eq!(
        engine.page(5000, "/file/app/app.py").body,
        program,
        "the folder is mounted"
    );
    logs(&engine.sandbox, "db", "ready to accept connections");
    engine.down();
}

/// The engine's first builder takes the newest of equal layers from its cache: two tests that build the same at a time
/// would give each other's images another id.
static BUILDING: Mutex<()> = Mutex::new(());

#[test]
fn voting_app_on_ecs() {
    let _turn = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(mut ecs) = OnEcs::new("voting-app") else {
        return;
    };
    let project = "ctxtest-voting";
    let _images = Images(Engine::reach().unwrap(), project.to_owned());
    ecs.sandbox.set("COMPOSE_PROJECT_NAME", project);
    let first = ecs.up(&[]).stderr;
    assert_eq!(first.matches("  Pushed").count(), 3, "{first}");
    assert_eq!(ecs.page("vote", "/cgi-bin/vote?cats").body, "cats: vote 1\n");
    logs(&ecs.sandbox, "worker", "carried vote 1 for cats");
    assert_eq!(ecs.page("result", "/cgi-bin/result").body, "cats 1, dogs 0\n");

    let tasks = ["vote", "result", "worker"].map(|service| ecs.task(service));
    let again = ecs.up(&[]).stderr;
    assert!(again.contains("No changes") && !again.contains("  Pushed"), "{again}");
    assert_eq!(["vote", "result", "worker"].map(|service| ecs.task(service)), tasks);
    ecs.sandbox.ok(&["down", "--rmi", "all"]);
    assert_eq!(ecs.lab.containers(), Vec::<String>::new());
}

#[test]
fn voting_app_on_the_engine() {
    let _turn = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(engine) = OnEngine::new("voting-app") else {
        return;
    };
    Engine::reach().unwrap().make_busybox().unwrap();
    let _images = Images(Engine::reach().unwrap(), engine.project.name().to_owned());
    engine.up();
    assert_eq!(engine.page(8080, "/cgi-bin/vote?dogs").body, "dogs: vote 1\n");
    logs(&engine.sandbox, "worker", "carried vote 1 for dogs");
    assert_eq!(engine.page(8081, "/cgi-bin/result").body, "cats 0, dogs 1\n");
    engine.down();
}
