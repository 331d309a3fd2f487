//! `ctx` and Docker Compose on the same project in turn: each sees, leaves alone, stops, restarts and takes down what
//! the other made. The tests print the matrix of what was tried.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::scene::Scene;
use crate::shapes::SHAPES;

/// What one tool does with what the other one made, in this order.
const STEPS: [&str; 6] = ["sees", "leaves", "stops", "starts", "restarts", "removes"];

#[test]
fn docker_compose_works_with_what_ctx_made() {
    matrix("docker compose, on what ctx made", |shape| {
        let scene = Scene::new(shape)?;
        scene.sandbox.write("one.env", "A=1\nB=2\n");
        let ctx = |arguments: &[&str]| scene.tried(arguments);
        if !scene.has_docker_compose() {
            return None;
        }
        let compose = |arguments: &[&str]| scene.try_docker_compose(arguments);
        Some(steps(&scene, &ctx, &compose))
    });
}

#[test]
fn ctx_works_with_what_docker_compose_made() {
    matrix("ctx, on what docker compose made", |shape| {
        let scene = Scene::new(shape)?;
        scene.sandbox.write("one.env", "A=1\nB=2\n");
        let ctx = |arguments: &[&str]| scene.tried(arguments);
        if !scene.has_docker_compose() {
            return None;
        }
        let compose = |arguments: &[&str]| scene.try_docker_compose(arguments);
        Some(steps(&scene, &compose, &ctx))
    });
}

type Tool<'a> = dyn Fn(&[&str]) -> Result<String, String> + 'a;

/// Has one tool make a project, and the other one do everything with it. The result is what went wrong in each step.
fn steps(scene: &Scene, maker: &Tool<'_>, other: &Tool<'_>) -> Vec<Result<(), String>> {
    if let Err(said) = maker(&["up", "-d"]) {
        return vec![Err(format!("it was not made: {said}"))];
    }
    let made = scene.ids();
    let (names, runs) = (scene.project.containers(), scene.running());
    let check = |holds: bool, what: &dyn Fn() -> String| if holds { Ok(()) } else { Err(what()) };
    let sees = || {
        let listed = other(&["ps", "-a", "--format", "json"])?;
        let unseen = names.iter().find(|name| !listed.contains(name.as_str()));
        check(unseen.is_none(), &|| format!("{unseen:?} is not in {listed}"))
    };
    let leaves = || {
        let said = other(&["up", "-d"])?;
        let now = scene.ids_but_jobs();
        let kept =
            now.iter().all(|container| made.contains(container)) && scene.project.containers().len() == made.len();
        check(kept, &|| format!("{made:?} became {now:?}: {said}"))
    };
    let stops = || {
        let said = other(&["stop"])?;
        check(scene.running().is_empty(), &|| {
            format!("{:?} run: {said}", scene.running())
        })
    };
    let starts = || {
        let said = other(&["start"])?;
        check(scene.running() == runs, &|| {
            format!("{:?} run, not {runs:?}: {said}", scene.running())
        })
    };
    let restarts = || {
        let before = scene.ids_but_jobs();
        let said = other(&["restart"])?;
        let now = scene.ids_but_jobs();
        let anew = now.len() == before.len() && now.iter().all(|container| !before.contains(container));
        check(anew || runs.is_empty(), &|| {
            format!("{before:?} became {now:?}: {said}")
        })
    };
    let removes = || {
        let said = other(&["down", "-v"])?;
        let left = [
            scene.project.containers(),
            scene.project.networks(),
            scene.project.volumes(),
        ]
        .concat();
        check(left.is_empty(), &|| format!("{left:?} is left: {said}"))
    };
    vec![sees(), leaves(), stops(), starts(), restarts(), removes()]
}

/// Runs all shapes, prints what came of each, and fails with all that went wrong.
fn matrix(title: &str, run: impl Fn(&str) -> Option<Vec<Result<(), String>>>) {
    let mut text = format!("{title}\n{:40}", "");
    for step in STEPS {
        let _ = write!(text, "{step:>9}");
    }
    let mut wrong = Vec::new();
    for (shape, file) in SHAPES {
        let Some(results) = run(&quick(file)) else { return };
        let _ = write!(text, "\n{shape:40}");
        for (step, result) in STEPS.iter().zip(&results) {
            let _ = write!(text, "{:>9}", if result.is_ok() { "yes" } else { "NO" });
            if let Err(why) = result {
                wrong.push(format!("{shape}, {step}: {why}"));
            }
        }
    }
    // Not `eprintln!`: what a passing test prints by that is hidden.
    let _ = writeln!(std::io::stderr(), "{text}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Nothing here needs ten seconds to stop.
fn quick(file: &str) -> String {
    file.replace(
        "command: [sleep, '1000']",
        "stop_signal: SIGKILL, command: [sleep, '1000']",
    )
}

/// As Docker Compose 2.40 writes them, of which `docker compose ls` and others show some.
#[test]
fn labels_say_where_a_container_is_from() {
    let file = "services: {a: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, environment: [WORD]}}";
    let Some(scene) = Scene::new(file) else { return };
    let labels = || {
        ["project.config_files", "project.environment_file", "replace"].map(|label| {
            let format = format!("{{{{index .Config.Labels \"com.docker.compose.{label}\"}}}}");
            scene.inspect("a-1", &format).trim().to_owned()
        })
    };
    let compose = scene.sandbox.project().join("compose.yaml").display().to_string();
    let words = scene.sandbox.write(".env", "WORD=one").display().to_string();
    scene.ok(&["up", "-d"]);
    assert_eq!(labels(), [&*compose, "", ""], "only an env file that was named");
    scene.ok(&["--env-file", ".env", "up", "-d", "--force-recreate"]);
    assert_eq!(labels(), [&*compose, &*words, "a-1"]);
    let mut command = scene.sandbox.command(&["-f", "-", "up", "-d", "--force-recreate"]);
    let file = std::fs::File::open(&compose).expect("the file");
    let output = command.stdin(file).output().expect("ctx runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(labels(), ["-", "", "a-1"]);
}
