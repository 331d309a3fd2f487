//! A project that has to be built, from nothing to tasks on ECS.

use crate::stage::OnEcs;
use crate::support::deadline::block_on;
use crate::support::engine::Engine;

const SHOP: &str = "
services:
  web: {build: {context: ., args: {WORD: one}}, ports: ['80:80']}
  one: {image: me/one, build: {context: ., args: {WORD: one}}, command: [pause]}
  two: {build: {context: ., dockerfile_inline: \"FROM ctx-test/web:1\\nENV TWO=2\\n\"}, command: [pause]}
";
const DOCKERFILE: &str = "FROM ctx-test/web:1\nARG WORD\nENV VERSION=$WORD\n";

/// Removes what a test built, also when it fails.
pub struct Images(pub Engine, pub String);

impl Drop for Images {
    fn drop(&mut self) {
        let filter = format!("label=com.docker.compose.project={}", self.1);
        for image in self
            .0
            .try_docker(&["images", "-q", "--filter", &filter])
            .unwrap_or_default()
            .lines()
        {
            let _ = self.0.try_docker(&["rmi", "-f", image]);
        }
    }
}

fn repositories(ecs: &OnEcs) -> Vec<String> {
    let client = aws_sdk_ecr::Client::new(&ecs.lab.aws());
    let found = block_on(client.describe_repositories().send()).unwrap();
    let names = found
        .repositories()
        .iter()
        .map(|found| found.repository_name().unwrap().to_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn what_is_built_runs_on_ecs_and_nothing_is_pushed_twice() {
    let Some(mut ecs) = OnEcs::with(SHOP) else { return };
    let project = "ctxtest-built";
    let _images = Images(Engine::reach().unwrap(), project.to_owned());
    ecs.sandbox.set("COMPOSE_PROJECT_NAME", project);
    ecs.sandbox.write("Dockerfile", DOCKERFILE);

    let first = ecs.up(&[]).stderr;
    assert_eq!(first.matches("  Pushed").count(), 3, "{first}");
    assert_eq!(ecs.page("web", "/env/VERSION").body.trim(), "one");
    assert_eq!(
        repositories(&ecs),
        ["ctxtest-built/one", "ctxtest-built/two", "ctxtest-built/web"]
    );
    let client = aws_sdk_ecr::Client::new(&ecs.lab.aws());
    let found = block_on(
        client
            .describe_repositories()
            .repository_names("ctxtest-built/web")
            .send(),
    )
    .unwrap();
    let repository = &found.repositories()[0];
    assert_eq!(repository.image_tag_mutability().unwrap().as_str(), "IMMUTABLE");
    assert!(repository.image_scanning_configuration().unwrap().scan_on_push());

    let task = ecs.task("web");
    let again = ecs.up(&[]).stderr;
    assert!(again.contains("No changes") && !again.contains("  Pushed"), "{again}");
    assert_eq!(ecs.task("web"), task, "an `up` without changes replaces nothing");

    ecs.sandbox.write("Dockerfile", DOCKERFILE.replace("$WORD", "two"));
    let changed = ecs.up(&[]).stderr;
    assert_eq!(changed.matches("  Pushed").count(), 2, "{changed}");
    assert!(
        changed.contains("two  Unchanged") && !changed.contains("two: "),
        "{changed}"
    );
    assert_eq!(ecs.page("web", "/env/VERSION").body.trim(), "two");

    ecs.sandbox.ok(&["down"]);
    assert_eq!(repositories(&ecs).len(), 3, "images stay unless they are asked away");
    ecs.sandbox.ok(&["down", "--rmi", "all"]);
    assert_eq!(repositories(&ecs), Vec::<String>::new());
}

#[test]
fn an_image_for_another_processor_is_refused_before_anything_is_made() {
    let Some(mut ecs) = OnEcs::with("services:\n  web:\n    platform: linux/arm64\n    build: .\n") else {
        return;
    };
    let engine = Engine::reach().unwrap();
    if engine.docker(&["version", "--format", "{{.Server.Arch}}"]) == "arm64" {
        return;
    }
    ecs.sandbox.set("COMPOSE_PROJECT_NAME", "ctxtest-other");
    engine.docker(&["tag", "ctx-test/web:1", "ctxtest-other-web"]);
    let run = ecs.sandbox.run(&["up", "--no-build"]);
    engine.docker(&["rmi", "ctxtest-other-web"]);
    assert_ne!(run.code, 0);
    for expected in ["is for `linux/amd64`", "run on `linux/arm64`", "compose.yaml:4:"] {
        assert!(
            run.stderr.contains(expected),
            "{expected} is missing in\n{}",
            run.stderr
        );
    }
    assert_eq!((ecs.lab.stacks(), repositories(&ecs)), (vec![], vec![]));
}
