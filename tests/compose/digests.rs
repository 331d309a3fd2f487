//! Images pinned to what their tags mean now.

use crate::support::registry::{Registry, digest_of};
use crate::support::sandbox::Sandbox;

fn project(address: &str) -> String {
    format!(
        "services:\n  web: {{image: \"{address}/team/app:v1\", labels: {{a: b}}}}\n  again: {{image: \"{address}/team/app:v1\"}}\n  \
         mounts:\n    image: {address}/team/app\n    volumes:\n      - {{type: image, source: \"{address}/team/app:v1\", target: /x$$y}}\n      \
         - {{type: image, source: web, target: /y}}\n  built: {{build: .}}\n  off: {{image: \"{address}/nothing\", profiles: [p]}}\n"
    )
}

#[test]
fn every_image_is_pinned_to_what_its_registry_says() {
    let Some(registry) = Registry::open() else { return };
    let sandbox = Sandbox::new();
    let address = &registry.address;
    let (v1, latest) = (
        registry.push_image("team/app", "v1"),
        registry.push_image("team/app", "latest"),
    );
    let (v1, latest) = (
        format!("{address}/team/app:v1@{v1}"),
        format!("{address}/team/app:latest@{latest}"),
    );
    sandbox.write("compose.yaml", project(address));
    let run = sandbox.ok(&["config", "--resolve-image-digests"]);
    assert_eq!(
        run.stdout.matches(&format!("image: {v1}\n")).count(),
        2,
        "{}",
        run.stdout
    );
    for expected in [
        format!("image: {latest}\n"),
        format!("source: {v1}\n"),
        "source: web\n".to_owned(),
    ] {
        assert!(run.stdout.contains(&expected), "{expected}\n{}", run.stdout);
    }
    for flags in [
        ["--no-interpolate", "--format=yaml"],
        ["--no-interpolate", "--format=json"],
    ] {
        let raw = sandbox.ok(&["config", "--resolve-image-digests", flags[0], flags[1]]);
        assert_eq!(raw.stdout.matches(&v1).count(), 3, "{}", raw.stdout);
    }

    let lock = sandbox.ok(&["config", "--lock-image-digests"]);
    assert_eq!(
        lock.stdout,
        format!(
            "services:\n  again:\n    image: {v1}\n  built: {{}}\n  mounts:\n    image: {latest}\n    volumes:\n      \
             - source: {v1}\n        target: /x$$y\n        type: image\n      - source: web\n        target: /y\n        \
             type: image\n  web:\n    image: {v1}\n"
        )
    );
    // Over the files that it came from, and without the registry, the lock gives what was resolved.
    sandbox.write("lock.yaml", &lock.stdout);
    drop(registry);
    let locked = sandbox.ok(&["-f", "compose.yaml", "-f", "lock.yaml", "config"]);
    assert_eq!(locked.stdout, run.stdout);
}

#[test]
fn config_fails_at_every_image_that_has_no_digest() {
    let Some(registry) = Registry::open() else { return };
    let closed = Registry::closed().unwrap();
    let sandbox = Sandbox::new();
    sandbox.write(
        "compose.yaml",
        format!(
            "services:\n  a: {{image: \"{}/missing\"}}\n  b: {{image: \"{}/private\"}}\n  c: {{image: \"127.0.0.1:1/x\"}}\n  \
             d: {{image: Wrong}}\n  e: {{build: ., image: \"{}/built\"}}\n",
            registry.address, closed.address, registry.address
        ),
    );
    let run = sandbox.fails(&["config", "--resolve-image-digests"]);
    assert_eq!(run.stdout, "");
    for (line, says) in [
        (2, "the registry `127.0.0.1:"),
        (3, "refuses access to `private`"),
        (4, "cannot be reached: Connection refused"),
        (5, "it must be in lower case"),
        (6, "`ctx build --push` puts it there"),
    ] {
        assert!(run.stderr.contains(says), "{says}\n{}", run.stderr);
        assert!(run.stderr.contains(&format!("compose.yaml:{line}:")), "{}", run.stderr);
    }
    // Nobody asks where nobody wants to know.
    sandbox.ok(&["config", "--quiet"]);
}

#[test]
fn a_template_names_the_digest_and_keeps_the_tag_that_nobody_knows() {
    let Some(registry) = Registry::open() else { return };
    let sandbox = Sandbox::new();
    let digest = registry.push_image("app", "v1");
    let compose = format!(
        "services:\n  web: {{image: \"{0}/app:v1\"}}\n  other: {{image: \"{0}/nothing:v1\"}}\n",
        registry.address
    );
    sandbox.write("compose.yaml", compose);
    let run = sandbox.ok(&["convert", "--resolve-image-digests"]);
    assert!(
        run.stdout.contains(&format!("{}/app:v1@{digest}", registry.address)),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains(&format!("{}/nothing:v1\n", registry.address)),
        "{}",
        run.stdout
    );
    assert!(run.stderr.contains("warning: `127.0.0.1:"), "{}", run.stderr);
    assert!(run.stderr.contains("compose.yaml:3:"), "{}", run.stderr);
    let strict = sandbox.fails(&["convert", "--resolve-image-digests", "--strict"]);
    assert!(strict.stderr.contains("error: `127.0.0.1:"), "{}", strict.stderr);
    assert!(!sandbox.ok(&["convert"]).stdout.contains("sha256:"));
}

#[test]
fn an_image_that_is_pinned_needs_no_registry() {
    let sandbox = Sandbox::new();
    let digest = digest_of(b"");
    sandbox.write(
        "compose.yaml",
        format!("services: {{a: {{image: \"nginx:1@{digest}\"}}}}\n"),
    );
    let run = sandbox.ok(&["config", "--resolve-image-digests"]);
    let expected = format!("image: docker.io/library/nginx@{digest}\n");
    assert!(run.stdout.contains(&expected), "{}", run.stdout);
}

#[test]
fn an_override_says_which_images_it_cannot_pin() {
    let sandbox = Sandbox::new();
    let digest = digest_of(b"");
    sandbox.write(
        "compose.yaml",
        format!("services:\n  a:\n    image: a@{digest}\n    pre_start: [{{image: \"b@{digest}\", command: x}}]\n"),
    );
    let run = sandbox.ok(&["config", "--lock-image-digests"]);
    assert!(
        run.stderr.contains("an override cannot pin the image of a hook"),
        "{}",
        run.stderr
    );
    assert!(!run.stdout.contains("pre_start"), "{}", run.stdout);
}
