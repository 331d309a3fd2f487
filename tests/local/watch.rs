//! `watch` on the real engine: what is edited here is there.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::scene::Scene;
use crate::support::deadline::within;
use crate::support::skip;

const PATIENCE: Duration = Duration::from_mins(1);

/// `ctx` while it watches.
struct Watch<'a> {
    scene: &'a Scene,
    child: Child,
    said: PathBuf,
    shown: PathBuf,
}

impl<'a> Watch<'a> {
    fn start(scene: &'a Scene, arguments: &[&str]) -> Self {
        let file = |name: &str| scene.sandbox.home().join(name);
        let (said, shown) = (file("said"), file("shown"));
        let child = scene
            .sandbox
            .command(arguments)
            .stdout(File::create(&shown).unwrap())
            .stderr(File::create(&said).unwrap())
            .spawn()
            .expect("ctx starts");
        let watch = Self {
            scene,
            child,
            said,
            shown,
        };
        watch.says("Enabled");
        watch
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    #[track_caller]
    fn says(&self, text: &str) {
        let found = within(PATIENCE, || self.said().contains(text).then_some(()));
        assert!(found.is_some(), "`{text}` was not said\n{}", self.said());
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        let shown = || fs::read_to_string(&self.shown).unwrap();
        let found = within(PATIENCE, || shown().contains(text).then_some(()));
        assert!(found.is_some(), "`{text}` was not shown\n{}\n{}", shown(), self.said());
    }

    /// Waits until a command in a container says what is expected.
    #[track_caller]
    fn meets(&self, replica: &str, command: &[&str], expected: &str) {
        let container = self.scene.container(replica);
        let run = || {
            self.scene
                .engine
                .try_docker(&[&["exec", container.as_str()], command].concat())
        };
        let mut last = Ok(String::new());
        let met = within(PATIENCE, || {
            last = run();
            last.as_ref().is_ok_and(|said| said == expected).then_some(())
        });
        assert!(
            met.is_some(),
            "{command:?} in {container} said {last:?}\n{}",
            self.said()
        );
    }

    #[track_caller]
    fn has(&self, replica: &str, path: &str, content: &str) {
        self.meets(replica, &["cat", path], content);
    }

    /// Waits until a container has no such file.
    #[track_caller]
    fn lacks(&self, replica: &str, path: &str) {
        self.meets(
            replica,
            &["sh", "-c", &format!("[ -e {path} ] || [ -L {path} ] || echo none")],
            "none",
        );
    }

    fn interrupt(mut self) -> i32 {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        self.child.wait().expect("ctx ends").code().unwrap_or(-1)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A scene with `ctx-test/busybox:1`, which has an `rm`, as `BUSYBOX`.
fn scene(compose: &str) -> Option<Scene> {
    let scene = Scene::new("services: {}")?;
    scene.engine.make_busybox()?;
    scene.rewrite(
        &compose
            .replace("BUSYBOX", "ctx-test/busybox:1")
            .replace("SLEEP", "[sleep, '1000']"),
    );
    fs::create_dir_all(scene.sandbox.project().join("src")).unwrap();
    Some(scene)
}

#[test]
fn what_is_edited_reaches_every_replica() {
    let file = "
services:
  web:
    image: BUSYBOX
    command: SLEEP
    init: true
    scale: 2
    develop:
      watch: [{action: sync, path: src, target: /app, ignore: ['*.log']}]
";
    let Some(scene) = scene(file) else { return };
    scene.sandbox.write("src/before", "x");
    let watch = Watch::start(&scene, &["watch"]);
    for replica in ["web-1", "web-2"] {
        watch.lacks(replica, "/app/before");
    }
    let src = scene.sandbox.project().join("src");
    scene.sandbox.write("src/ignored.log", "x");
    scene.sandbox.write("src/deep/er/a", "one");
    for replica in ["web-1", "web-2"] {
        watch.has(replica, "/app/deep/er/a", "one");
        watch.lacks(replica, "/app/ignored.log");
    }

    fs::set_permissions(src.join("deep/er/a"), Permissions::from_mode(0o751)).unwrap();
    watch.meets("web-1", &["stat", "-c", "%a", "/app/deep/er/a"], "751");
    symlink("deep/er/a", src.join("link")).unwrap();
    watch.meets("web-1", &["readlink", "/app/link"], "deep/er/a");

    fs::rename(src.join("deep"), src.join("other")).unwrap();
    for replica in ["web-1", "web-2"] {
        watch.has(replica, "/app/other/er/a", "one");
        watch.lacks(replica, "/app/deep");
    }
    // As many editors save: a new file takes the name of the old one.
    scene.sandbox.write("src/other/er/.a.swp", "two");
    fs::rename(src.join("other/er/.a.swp"), src.join("other/er/a")).unwrap();
    watch.has("web-2", "/app/other/er/a", "two");

    fs::remove_dir_all(src.join("other")).unwrap();
    fs::remove_file(src.join("link")).unwrap();
    for replica in ["web-1", "web-2"] {
        watch.lacks(replica, "/app/other");
        watch.lacks(replica, "/app/link");
    }
    assert_eq!(watch.interrupt(), 130);
    assert_eq!(scene.running().len(), 2, "the containers are left alone");
}

#[test]
fn many_files_come_in_one_batch_and_belong_to_the_container_s_user() {
    let file = "
services:
  web:
    image: BUSYBOX
    command: SLEEP
    init: true
    user: '1000:1001'
    develop:
      watch: [{action: sync, path: src, target: /app/, initial_sync: true}]
";
    let Some(scene) = scene(file) else { return };
    scene.sandbox.write("src/first", "here");
    scene.sandbox.write("src/Dockerfile", "no");
    let watch = Watch::start(&scene, &["watch"]);
    watch.has("web-1", "/app/first", "here");
    watch.lacks("web-1", "/app/Dockerfile");
    watch.meets("web-1", &["stat", "-c", "%u:%g", "/app/first"], "1000:1001");
    for number in 0..300 {
        scene.sandbox.write(format!("src/many/{number}"), number.to_string());
    }
    watch.meets("web-1", &["sh", "-c", "cat /app/many/* | wc -c"], "790");
    watch.meets("web-1", &["stat", "-c", "%u", "/app/many"], "1000");
}

#[test]
fn services_are_restarted_and_their_commands_run() {
    let file = "
services:
  web:
    image: BUSYBOX
    command: [sh, -c, 'cat /conf/word >> /boots; exec sleep 1000']
    init: true
    develop:
      watch:
        - {action: sync+restart, path: conf, target: /conf}
        - {action: sync+exec, path: src, target: /app, exec: {command: [sh, -c, 'echo $$WORD >> /runs; cat /app/a >> /runs'], environment: {WORD: ran}}}
        - {action: restart, path: flag}
";
    let Some(scene) = scene(file) else { return };
    scene.sandbox.write("conf/other", "");
    let watch = Watch::start(&scene, &["watch"]);
    scene.sandbox.write("src/a", "content");
    watch.has("web-1", "/runs", "ran\ncontent");
    let started = || scene.inspect("web-1", "{{.State.StartedAt}}");
    let id = scene.id("web-1");
    scene.sandbox.write("conf/word", "hello");
    watch.has("web-1", "/boots", "hello");
    let before = started();
    scene.sandbox.write("flag", "");
    assert!(
        within(PATIENCE, || (started() != before).then_some(())).is_some(),
        "{}",
        watch.said()
    );
    assert_eq!(scene.id("web-1"), id, "it is the same container");
}

#[test]
fn a_rebuild_replaces_its_service_alone_and_loses_nothing() {
    let file = "
services:
  web:
    build: {context: web}
    init: true
    develop:
      watch:
        - {action: rebuild, path: web/Dockerfile}
        - {action: rebuild, path: web/built}
        - {action: sync, path: src, target: /app}
  other:
    image: BUSYBOX
    command: SLEEP
    init: true
    develop: {watch: [{action: sync, path: src, target: /app}]}
";
    let Some(scene) = scene(file) else { return };
    let dockerfile = "FROM ctx-test/busybox:1\nCOPY built /built\nCMD [\"sleep\", \"1000\"]\n";
    scene.sandbox.write("web/Dockerfile", dockerfile);
    scene.sandbox.write("web/built", "one");
    let watch = Watch::start(&scene, &["watch"]);
    watch.has("web-1", "/built", "one");
    scene.sandbox.write("src/synced", "kept");
    watch.has("web-1", "/app/synced", "kept");
    let (web, other) = (scene.id("web-1"), scene.id("other-1"));
    scene.sandbox.write("web/built", "two");
    watch.has("web-1", "/built", "two");
    watch.has("web-1", "/app/synced", "kept");
    watch.says("Rebuilt");
    assert_ne!(scene.id("web-1"), web);
    assert_eq!(scene.id("other-1"), other);

    // A build that fails leaves everything as it is, and the next one gets its chance.
    scene
        .sandbox
        .write("web/Dockerfile", "FROM ctx-test/busybox:1\nRUN false\n");
    watch.says("Left as it is");
    watch.has("web-1", "/built", "two");
    scene.sandbox.write("web/built", "three");
    scene.sandbox.write("web/Dockerfile", dockerfile);
    watch.has("web-1", "/built", "three");
    scene.sandbox.write("src/synced", "on");
    watch.has("other-1", "/app/synced", "on");
    drop(watch);
    let image = scene.name("web", '-');
    let _ = scene.engine.try_docker(&["rm", "-f", &scene.container("web-1")]);
    let _ = scene.engine.try_docker(&["image", "rm", "-f", &image]);
}

#[test]
fn what_another_command_recreates_or_starts_gets_what_it_missed() {
    let file = "
services:
  web:
    image: BUSYBOX
    command: SLEEP
    init: true
    environment: {A: one}
    develop: {watch: [{action: sync, path: src, target: /app}]}
";
    let Some(scene) = scene(file) else { return };
    let watch = Watch::start(&scene, &["watch"]);
    scene.sandbox.write("src/a", "one");
    watch.has("web-1", "/app/a", "one");
    scene.ok(&["up", "-d", "--force-recreate"]);
    watch.has("web-1", "/app/a", "one");

    scene.ok(&["stop", "web"]);
    fs::remove_file(scene.sandbox.project().join("src/a")).unwrap();
    scene.sandbox.write("src/b", "two");
    watch.says("Synced");
    scene.ok(&["start", "web"]);
    watch.has("web-1", "/app/b", "two");
    watch.lacks("web-1", "/app/a");
}

#[test]
fn a_container_that_cannot_be_written_is_named() {
    let file = "
services:
  web:
    image: BUSYBOX
    command: SLEEP
    init: true
    read_only: true
    develop: {watch: [{action: sync, path: src, target: /app}]}
  bare:
    image: IMAGE
    command: [pause]
    develop: {watch: [{action: sync, path: src, target: /app}]}
";
    let Some(scene) = scene(file) else { return };
    let watch = Watch::start(&scene, &["watch"]);
    scene.sandbox.write("src/a", "one");
    watch.says("its root file system is read-only");
    watch.has("bare-1", "/app/a", "one");
    fs::remove_file(scene.sandbox.project().join("src/a")).unwrap();
    watch.says("it has no `rm`");
    assert!(watch.said().contains(&scene.container("web-1")), "{}", watch.said());
}

#[test]
fn up_watches_besides_and_stops_the_containers() {
    let file = "
services:
  web:
    image: BUSYBOX
    command: [sh, -c, 'echo ready; while :; do [ -e /app/a ] && cat /app/a && break; sleep 0.1; done; exec sleep 1000']
    init: true
    develop: {watch: [{action: sync, path: src, target: /app}]}
";
    let Some(scene) = scene(file) else { return };
    let watch = Watch::start(&scene, &["up", "--watch"]);
    watch.shows("ready");
    scene.sandbox.write("src/a", "arrived\n");
    watch.shows("arrived");
    assert_eq!(watch.interrupt(), 130);
    assert_eq!(scene.running(), Vec::<String>::new());
}

#[test]
fn what_runs_again_is_shown_from_there_on() {
    let file = "
services:
  web:
    image: BUSYBOX
    command: [sh, -c, 'if [ -e /ran ]; then echo second run; else touch /ran; echo first run; fi; exec sleep 1000']
    init: true
    develop: {watch: [{action: sync, path: src, target: /app}]}
";
    let Some(scene) = scene(file) else { return };
    let watch = Watch::start(&scene, &["up", "--watch"]);
    watch.shows("first run");
    scene.ok(&["stop"]);
    watch.says("Exited");
    scene.ok(&["start"]);
    watch.shows("second run");
    let shown = fs::read_to_string(&watch.shown).unwrap();
    assert_eq!(shown.matches("first run").count(), 1, "{shown}");
}

#[test]
fn what_cannot_be_watched_is_refused_at_its_place() {
    let Some(scene) = scene("services: {web: {image: BUSYBOX, command: SLEEP}}") else {
        return;
    };
    let run = scene.sandbox.fails(&["watch"]);
    assert!(run.stderr.contains("there is nothing to watch"), "{}", run.stderr);
    scene.rewrite("services: {web: {image: a, develop: {watch: [{action: rebuild, path: src}]}}}");
    let run = scene.sandbox.fails(&["watch"]);
    assert!(
        run.stderr.contains("compose.yaml:1:") && run.stderr.contains("cannot be rebuilt"),
        "{}",
        run.stderr
    );
    assert_eq!(scene.project.containers(), Vec::<String>::new(), "nothing was made");
}

/// The same file under both tools, in turn: what arrives must be the same.
#[test]
fn ignores_what_docker_compose_ignores() {
    let file = "
services:
  web:
    build: {context: .}
    image: BUSYBOX
    pull_policy: never
    command: SLEEP
    init: true
    develop:
      watch: [{action: sync, path: src, target: /app, ignore: [skip/, '**/*.tmp'], include: ['**/*.txt', '*.tmp', 'skip']}]
";
    let Some(scene) = scene(file) else { return };
    if !scene.has_docker_compose() {
        return;
    }
    scene
        .sandbox
        .write(".dockerignore", "src/hidden\n**/*.bak.txt\n!src/hidden/seen.txt\n");
    scene.sandbox.write("Dockerfile", "FROM ctx-test/busybox:1\n");
    let tree = |root: &Path| {
        let files = [
            "a.txt",
            "b.css",
            "skip/c.txt",
            "d.tmp",
            "hidden/e.txt",
            "hidden/seen.txt",
            "f.bak.txt",
            "deep/g.txt",
            "deep/h.tmp",
            "i.txt~",
            ".j.txt.swp",
        ];
        for file in files {
            let path = root.join("src").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        // The last one: when it is there, all are.
        fs::write(root.join("src/z.txt"), "z").unwrap();
    };
    let list = |scene: &Scene| {
        let container = scene.container("web-1");
        scene
            .engine
            .docker(&["exec", &container, "sh", "-c", "cd /app; find . -type f | sort"])
    };
    scene.ok(&["up", "-d", "--no-build"]);
    let watch = Watch::start(&scene, &["watch", "--no-up"]);
    tree(&scene.sandbox.project());
    watch.has("web-1", "/app/z.txt", "z");
    let ours = list(&scene);
    drop(watch);
    fs::remove_dir_all(scene.sandbox.project().join("src")).unwrap();
    fs::create_dir(scene.sandbox.project().join("src")).unwrap();
    scene.ok(&["up", "-d", "--no-build", "--force-recreate"]);
    let said = scene.sandbox.home().join("theirs");
    let mut theirs = Command::new("docker")
        .args(["compose", "-p", scene.project.name(), "watch", "--no-up"])
        .env("DOCKER_HOST", scene.engine.host())
        .current_dir(scene.sandbox.project())
        .stdout(File::create(&said).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let container = scene.container("web-1");
    let enabled = || {
        fs::read_to_string(&said)
            .unwrap()
            .contains("Watch enabled")
            .then_some(())
    };
    if within(PATIENCE, enabled).is_some() {
        tree(&scene.sandbox.project());
    }
    let arrived = within(PATIENCE, || {
        scene.engine.try_docker(&["exec", &container, "cat", "/app/z.txt"]).ok()
    });
    let _ = Command::new("kill").args(["-INT", &theirs.id().to_string()]).status();
    let _ = theirs.wait();
    if arrived.is_none() {
        return skip::always("`docker compose watch` brought nothing");
    }
    assert_eq!(ours, list(&scene));
}
