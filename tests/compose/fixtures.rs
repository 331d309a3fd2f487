//! Runs every fixture, and loads what it printed again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::support::golden::assert_golden;
use crate::support::sandbox::{Run, Sandbox};

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compose");
    folders(&root).iter().flat_map(|rule| folders(rule)).collect()
}

/// Runs a check on every fixture and fails with the names of all that did not pass.
fn each(check: impl Fn(&Path)) {
    let fixtures = fixtures();
    assert!(fixtures.len() > 30, "the fixtures are gone");
    let failed: Vec<_> = fixtures
        .iter()
        .filter(|fixture| catch_unwind(AssertUnwindSafe(|| check(fixture))).is_err())
        .map(|fixture| fixture.display().to_string())
        .collect();
    assert!(
        failed.is_empty(),
        "{} fixtures failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn lines(path: PathBuf) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// A fixture in a place of its own.
fn stage(fixture: &Path) -> (Sandbox, Vec<String>) {
    let mut sandbox = Sandbox::new();
    copy(fixture, &sandbox.project());
    for variable in lines(fixture.join("variables")) {
        let (name, value) = variable.split_once('=').unwrap();
        sandbox.set(name, value);
    }
    (sandbox, lines(fixture.join("arguments")))
}

fn config(sandbox: &Sandbox, arguments: &[String]) -> Run {
    let mut all: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // What stands after `config` is the flags' and the services'.
    if !all.contains(&"config") {
        all.push("config");
    }
    let mut run = sandbox.run(&all);
    for text in [&mut run.stdout, &mut run.stderr] {
        *text = text
            .replace(&*sandbox.project().to_string_lossy(), "/project")
            .replace(&*sandbox.home().to_string_lossy(), "/home/me");
    }
    run
}

#[test]
fn every_fixture_loads_as_expected() {
    each(|fixture| {
        let (sandbox, arguments) = stage(fixture);
        let run = config(&sandbox, &arguments);
        assert!(!run.stderr.contains("panicked at"), "{}", run.stderr);
        let (model, said) = (fixture.join("expected.yaml"), fixture.join("expected.stderr"));
        if run.code == 0 {
            assert_golden(&model, &run.stdout);
        } else {
            assert!(!model.exists(), "{} failed:\n{}", fixture.display(), run.stderr);
            assert_eq!(run.stdout, "");
        }
        if said.exists() || !run.stderr.is_empty() {
            assert_golden(&said, &run.stderr);
        }
    });
}

#[test]
fn what_config_prints_loads_to_itself() {
    each(|fixture| {
        let (sandbox, arguments) = stage(fixture);
        let first = sandbox.run(
            &arguments
                .iter()
                .map(String::as_str)
                .filter(|argument| *argument != "config")
                .chain(["config"])
                .collect::<Vec<_>>(),
        );
        // Flags that leave stages out print what is not complete, and so does what may do without a disabled service.
        let partial = arguments.iter().any(|argument| argument.starts_with("--no-"));
        if first.code != 0 || partial || first.stdout.contains("required: false") {
            return;
        }
        let again = Sandbox::new();
        again.write("compose.yaml", &first.stdout);
        let second = again.ok(&["--profile", "*", "config"]);
        assert_eq!(first.stdout, second.stdout, "{}", fixture.display());
    });
}

/// JSON leaves out more than YAML does; what it has is the same, and is a Compose file, too.
#[test]
fn what_config_prints_as_json_loads_to_itself() {
    each(|fixture| {
        let (sandbox, arguments) = stage(fixture);
        let plain = arguments
            .iter()
            .map(String::as_str)
            .filter(|argument| *argument != "config");
        let with = |more: &[&'static str]| plain.clone().chain(more.iter().copied()).collect::<Vec<_>>();
        let yaml = sandbox.run(&with(&["config"]));
        let partial = arguments.iter().any(|argument| argument.starts_with("--no-"));
        // Models are left out, so that nothing is there for services that use one.
        if yaml.code != 0 || partial || yaml.stdout.contains("required: false") || yaml.stdout.contains("models:") {
            return;
        }
        let json = sandbox.ok(&with(&["config", "--format", "json"])).stdout;
        let json_of = |text: &str| {
            let again = Sandbox::new();
            again.write("compose.yaml", text);
            again.ok(&["--profile", "*", "config", "--format", "json"]).stdout
        };
        assert_eq!(json_of(&yaml.stdout), json, "{}", fixture.display());
        assert_eq!(json_of(&json), json, "{}", fixture.display());
    });
}
