//! `cp`, `stats` and `events`.

use std::fs;
use std::os::unix::fs::symlink;

use crate::exec::piped;
use crate::scene::Scene;

const WEB: &str = "
services:
  web: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, scale: 2}
";

#[test]
fn files_are_copied_both_ways() {
    let Some(scene) = Scene::new(WEB) else { return };
    scene.ok(&["up", "-d"]);
    let here = scene.sandbox.project();
    fs::create_dir_all(here.join("tree/below")).unwrap();
    fs::write(here.join("tree/below/file"), "deep").unwrap();
    fs::write(here.join("one"), "1").unwrap();
    symlink("one", here.join("link")).unwrap();
    let inside = |index: &str, script: &str| scene.ok(&["exec", "--index", index, "web", "sh", "-c", script]).stdout;

    scene.ok(&["cp", "one", "web:/tmp-one"]);
    assert_eq!(
        (inside("1", "cat /tmp-one"), inside("2", "cat /tmp-one")),
        ("1".to_owned(), "1".to_owned())
    );
    scene.ok(&["cp", "--index", "2", "tree", "web:/"]);
    assert_eq!(inside("2", "cat /tree/below/file"), "deep");
    assert_eq!(inside("1", "test -e /tree || echo no"), "no\n");
    scene.ok(&["cp", "tree/.", "web:/new"]);
    assert_eq!(inside("1", "cat /new/below/file"), "deep");
    scene.ok(&["cp", "link", "web:/as-link"]);
    assert_eq!(inside("1", "test -L /as-link && echo link"), "link\n");
    scene.ok(&["cp", "-L", "link", "web:/as-file"]);
    assert_eq!(inside("1", "cat /as-file"), "1");

    scene.ok(&["cp", "web:/new", "."]);
    assert_eq!(fs::read_to_string(here.join("new/below/file")).unwrap(), "deep");
    scene.ok(&["cp", "web:/new", "renamed"]);
    assert_eq!(fs::read_to_string(here.join("renamed/below/file")).unwrap(), "deep");
    inside("1", "echo beside > /new/beside");
    for to in ["tree", "contents"] {
        scene.ok(&["cp", "web:/new/.", to]);
        let read = |name: &str| fs::read_to_string(here.join(to).join(name)).unwrap();
        assert_eq!(
            (read("beside"), read("below/file")),
            ("beside\n".to_owned(), "deep".to_owned())
        );
    }
    let (code, archive) = piped(&scene, &["cp", "web:/new", "-"], b"");
    assert_eq!(code, Some(0));
    let (code, _) = piped(&scene, &["cp", "-", "web:/tmp-folder"], &archive);
    assert_eq!(code, Some(1), "an archive needs a folder");
    inside("1", "mkdir /tmp-folder");
    let (code, _) = piped(&scene, &["cp", "--index", "1", "-", "web:/tmp-folder"], &archive);
    assert_eq!(
        (code, inside("1", "cat /tmp-folder/new/below/file")),
        (Some(0), "deep".to_owned())
    );

    for (wrong, expected) in [
        (["cp", "web:/nowhere", "."], "there is no `/nowhere` in container"),
        (["cp", "nothing", "web:/"], "there is no nothing here"),
        (["cp", "one", "web:/no/folder"], "there is no `/no/`"),
        (["cp", "web:/new", "web:/other"], "from one container to another"),
        (["cp", "one", "two"], "SERVICE:PATH"),
        (["cp", "wep:/new", "."], "did you mean `web`?"),
    ] {
        let refused = scene.sandbox.fails(&wrong);
        assert!(refused.stderr.contains(expected), "{wrong:?}\n{}", refused.stderr);
    }
}

#[test]
fn use_and_events_are_told() {
    let Some(scene) = Scene::new(WEB) else { return };
    scene.ok(&["up", "-d"]);
    let ours = scene.ok(&["stats", "--no-stream", "--format", "json"]).stdout;
    let first: serde_json::Value = serde_json::from_str(ours.lines().next().unwrap()).unwrap();
    assert_eq!(first["Name"], scene.container("web-1"));
    assert!(first["MemUsage"].as_str().unwrap().contains("iB / "), "{first}");
    let table = scene.ok(&["stats", "--no-stream", "web"]).stdout;
    assert!(
        table.starts_with("CONTAINER ID   NAME") && table.lines().count() == 3,
        "{table}"
    );

    scene.ok(&["restart", "web"]);
    let events = |arguments: &[&str]| {
        let command: Vec<_> = ["events", "--since", "1h", "--until", "0s"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        scene.ok(&command).stdout
    };
    let ours = events(&["--json"]);
    let event: serde_json::Value = serde_json::from_str(ours.lines().next().unwrap_or("null")).unwrap();
    assert_eq!((&event["action"], &event["service"]), (&"create".into(), &"web".into()));
    let lines = events(&["web"]);
    assert!(
        lines.contains(" container start ") && lines.contains("name="),
        "{lines}"
    );
    assert_eq!(
        scene.ok(&["version", "--short"]).stdout,
        format!("{}\n", env!("CARGO_PKG_VERSION"))
    );
}
