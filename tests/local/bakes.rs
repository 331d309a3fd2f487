//! What a project's images are built from: `bakes/*.yaml` are projects, `bakes/*.json` the bake files expected.

use std::path::Path;

use ctx::compose::{LoadOptions, Project, load};
use ctx::image::{Bake, BuildOptions, bake};

use crate::support::golden::assert_golden;

fn project(text: &str) -> Project {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("compose.yaml"), text).unwrap();
    let options = LoadOptions {
        current_dir: folder.path().to_owned(),
        project_directory: Some("/project".into()),
        files: vec!["compose.yaml".to_owned()],
        environment: [("TOKEN".to_owned(), "hidden".to_owned())].into(),
        ..LoadOptions::default()
    };
    load(&options).expect("a project").project
}

fn baked(text: &str, options: &BuildOptions) -> Bake {
    let project = project(text);
    bake(&project, project.services.values(), options).expect("nothing is wrong")
}

#[test]
fn bakes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/local/bakes");
    let fixtures = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let fixtures: Vec<_> = fixtures
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .collect();
    assert!(fixtures.len() > 1);
    for fixture in fixtures {
        let text = std::fs::read_to_string(&fixture).unwrap();
        let bake = baked(&text, &BuildOptions::default());
        assert_golden(&fixture.with_extension("json"), &bake.to_json());
        assert!(!bake.to_json().contains("hidden"), "a secret stands in the file");
    }
}

#[test]
fn what_is_empty_counts_as_not_said() {
    for build in [
        "''",
        "{context: '', dockerfile: '', target: ''}",
        "{dockerfile_inline: ''}",
    ] {
        let told = baked(
            &format!("services: {{a: {{build: {build}}}}}"),
            &BuildOptions::default(),
        )
        .to_json();
        assert!(
            told.contains("\"context\": \"/project\"") && !told.contains("\"\""),
            "{told}"
        );
    }
}

#[test]
fn what_is_no_name_for_an_image_is_told_at_its_place() {
    let digest = "1".repeat(64);
    let file = format!(
        "services:\n  a:\n    build: {{context: ., tags: ['a b']}}\n  b:\n    image: a/b@sha256:{digest}\n    build: .\n"
    );
    let project = project(&file);
    let error = bake(&project, project.services.values(), &BuildOptions::default()).unwrap_err();
    let ctx::error::Error::Report(report) = error else {
        panic!("a place in the file")
    };
    let told: Vec<_> = report
        .diagnostics
        .iter()
        .map(|mistake| mistake.message.as_str())
        .collect();
    assert!(
        told[0].contains("`a b`") && told[1].contains("has a digest"),
        "{told:?}"
    );
    assert!(report.diagnostics.iter().all(|mistake| mistake.span.is_somewhere()));
}

#[test]
fn what_the_command_line_says_is_stronger_than_the_file() {
    let options = BuildOptions {
        build_args: vec![("V".to_owned(), "2".to_owned())],
        no_cache: true,
        pull: true,
        push: true,
        to_platforms: vec!["linux/arm64".to_owned()],
        ssh: vec!["default=/agent".to_owned(), "other".to_owned()],
        provenance: Some("mode=max".to_owned()),
        sbom: Some("false".to_owned()),
        ..BuildOptions::default()
    };
    let bake = baked(
        "services: {a: {image: r/a, build: {context: /a, args: {V: '1'}, ssh: [default, mine=/m], sbom: true, platforms: [linux/amd64]}}, b: {build: /b}}",
        &options,
    );
    let [a, b] = bake.targets.as_slice() else {
        panic!("two targets")
    };
    assert_eq!(a.definition["args"]["V"], "2");
    assert_eq!(a.definition["output"][0], "type=registry");
    assert_eq!(
        b.definition["output"][0], "type=docker",
        "what has no name of its own goes nowhere"
    );
    assert!(a.definition["pull"] == true && b.definition["no-cache"] == true);
    let all = |name: &str| a.definition[name].to_string();
    assert_eq!(all("platforms"), r#"["linux/arm64"]"#);
    assert_eq!(all("ssh"), r#"["mine=/m","default=/agent","other"]"#);
    assert_eq!(
        all("attest"),
        r#"["type=provenance,mode=max","type=sbom,disabled=true"]"#
    );
}

#[test]
fn containers_need_one_platform() {
    let text = "
services:
  any: {build: {context: /a, platforms: [linux/amd64, linux/arm64]}}
  this: {platform: linux/arm64, build: {context: /a, platforms: [linux/amd64, linux/arm64]}}
  task: {build: /a}
";
    let options = BuildOptions {
        to_run: true,
        platforms: [("task".to_owned(), "linux/amd64".to_owned())].into(),
        ..BuildOptions::default()
    };
    let bake = baked(text, &options);
    let platforms = |nth: usize| bake.targets[nth].definition.get("platforms").map(ToString::to_string);
    assert_eq!(platforms(0), None);
    assert_eq!(platforms(1).as_deref(), Some("[\"linux/arm64\"]"));
    assert_eq!(platforms(2).as_deref(), Some("[\"linux/amd64\"]"));
}

#[test]
fn dependencies_are_built_when_asked_for() {
    let project =
        project("services: {a: {build: /a, depends_on: [b]}, b: {image: x, depends_on: [c]}, c: {build: /c}}");
    let built = |with_dependencies| {
        let options = BuildOptions {
            with_dependencies,
            ..BuildOptions::default()
        };
        let bake = bake(&project, [&project.services["a"]], &options).unwrap();
        bake.targets.into_iter().map(|target| target.name).collect::<Vec<_>>()
    };
    assert_eq!(
        (built(false), built(true)),
        (vec!["a".to_owned()], vec!["c".to_owned(), "a".to_owned()])
    );
}
