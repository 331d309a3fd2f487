//! `ctx cp` through sessions with the laboratory's agent, whose container is this machine.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Stdio;

use crate::world::World;

/// Every byte, and what is no text but would be taken for it.
fn bytes() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=255).cycle().take(40_000).collect();
    bytes.extend_from_slice("\u{fffd}".as_bytes());
    bytes
}

/// A project that runs, and a folder that is its container's.
fn up() -> Option<(World, PathBuf)> {
    let world = World::open_and_shut()?;
    let there = world.sandbox.home().join("container");
    fs::create_dir_all(&there).unwrap();
    Some((world, there))
}

#[test]
fn files_and_folders_go_both_ways_as_they_are() {
    let Some((world, there)) = up() else { return };
    let here = world.sandbox.project();
    world.sandbox.write("tree/below/file", bytes());
    fs::set_permissions(here.join("tree/below/file"), fs::Permissions::from_mode(0o750)).unwrap();
    symlink("below/file", here.join("tree/link")).unwrap();
    let inside = |path: &str| format!("web:{}/{path}", there.display());

    world.ok(&["cp", "tree", &inside("")]);
    assert!(fs::read(there.join("tree/below/file")).unwrap() == bytes());
    let mode = fs::metadata(there.join("tree/below/file"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o750);
    assert_eq!(
        fs::read_link(there.join("tree/link")).unwrap().to_str(),
        Some("below/file")
    );
    world.ok(&["cp", "tree/.", &inside("new")]);
    assert!(there.join("new/below/file").exists());
    world.ok(&["cp", "tree/below/file", &inside("renamed")]);
    assert!(fs::read(there.join("renamed")).unwrap() == bytes());

    world.ok(&["cp", &inside("tree"), "back"]);
    assert!(fs::read(here.join("back/below/file")).unwrap() == bytes());
    world.ok(&["cp", &inside("tree/."), "tree"]);
    world.ok(&["cp", "-L", &inside("tree/link"), "as-file"]);
    assert!(here.join("as-file").symlink_metadata().unwrap().is_file());
    fs::write(there.join("it's -x"), "odd").unwrap();
    world.ok(&["cp", &inside("it's -x"), "."]);
    assert_eq!(fs::read_to_string(here.join("it's -x")).unwrap(), "odd");
}

#[test]
fn archives_go_through_pipes() {
    let Some((world, there)) = up() else { return };
    world.sandbox.write("tree/file", "deep");
    world.ok(&["cp", "tree", &format!("web:{}", there.display())]);
    let archive = world
        .sandbox
        .command(&["cp", &format!("web:{}/tree", there.display()), "-"])
        .output()
        .unwrap();
    assert!(archive.status.success());
    let mut entries = tar::Archive::new(archive.stdout.as_slice());
    let names: Vec<_> = entries
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().into_owned())
        .collect();
    assert!(names.iter().any(|name| name.ends_with("tree/file")), "{names:?}");

    fs::create_dir(there.join("other")).unwrap();
    let target = format!("web:{}/other", there.display());
    let mut command = world.sandbox.command(&["cp", "-", &target]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&archive.stdout).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(fs::read_to_string(there.join("other/tree/file")).unwrap(), "deep");
}

#[test]
fn what_cannot_be_copied_is_told() {
    let Some((world, there)) = up() else { return };
    world.sandbox.write("one", "1");
    world.sandbox.write("folder/two", "2");
    fs::write(there.join("file"), "").unwrap();
    let inside = |path: &str| format!("web:{}/{path}", there.display());
    for (source, target, said) in [
        (inside("nothing"), ".".to_owned(), "there is no `"),
        ("nothing".to_owned(), inside(""), "there is no nothing here"),
        ("one".to_owned(), inside("no/folder"), "there is no `"),
        ("folder".to_owned(), inside("file/below"), "there is no `"),
        (
            "web:/".to_owned(),
            ".".to_owned(),
            "cannot copy the root of a container",
        ),
        (
            "shut:/etc/hosts".to_owned(),
            ".".to_owned(),
            "the tasks of service `shut` let nobody in",
        ),
        ("wep:/etc/hosts".to_owned(), ".".to_owned(), "has no service `wep`"),
    ] {
        let run = world.fails(&["cp", &source, &target]);
        assert!(run.stderr.contains(said), "{source} {target}: {}", run.stderr);
    }
    let run = world.fails(&["cp", "one", "shut:/tmp"]);
    assert!(run.stderr.contains("compose.yaml:6:3"), "{}", run.stderr);
    let run = world.fails(&["cp", "--index", "3", "one", &inside("")]);
    assert!(
        run.stderr.contains("has no task 3 that runs: there is 1"),
        "{}",
        run.stderr
    );
}

#[test]
fn tasks_of_ctx_run_count_where_they_are_asked_for() {
    let Some((world, there)) = up() else { return };
    world.sandbox.write("one", "1");
    let target = format!("web:{}", there.display());
    world.ok(&["run", "-d", "web", "wait"]);
    // Its definition is one of its own.
    world.ok(&["run", "-d", "-u", "1000", "web", "wait"]);
    let copied = |arguments: &[&str]| {
        let run = world.ok(&[&["cp"], arguments, &["one", &target]].concat());
        let lines = run.stderr.lines().filter(|line| line.ends_with("Copied"));
        lines
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    };
    assert_eq!(copied(&[]), 1);
    assert_eq!(copied(&["--all"]), 3);
}
