//! Where a build's context is: in a git repository, in an archive on a server, beside another one.

use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::scene::Scene;
use crate::support::registry::Registry;
use crate::support::server::Server;
use crate::support::{deadline, http, skip};

/// A folder of repositories that `git daemon` serves.
struct Git {
    daemon: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Git {
    /// A repository `shop` whose branch `stable` has these files.
    fn serve(files: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("shop");
        for (path, text) in files {
            let path = work.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(&work, &["init", "--quiet", "--initial-branch", "stable"]);
        git(&work, &["add", "."]);
        let author = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        git(&work, &[&author[..], &["commit", "--quiet", "-m", "files"]].concat());
        // A port that was free a moment ago; `git daemon` cannot choose one itself.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let base = format!("--base-path={}", folder.path().display());
        let daemon = Command::new("git")
            .args([
                "daemon",
                "--export-all",
                "--listen=127.0.0.1",
                &format!("--port={port}"),
                &base,
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut git = Self {
            daemon,
            port,
            _folder: folder,
        };
        let listening = deadline::within(Duration::from_secs(20), || {
            let ended = git.daemon.try_wait().unwrap().is_some();
            (ended || TcpStream::connect(("127.0.0.1", port)).is_ok()).then_some(!ended)
        });
        if listening != Some(true) {
            skip::always("there is no `git daemon`");
            return None;
        }
        Some(git)
    }
}

impl Drop for Git {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

#[track_caller]
fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = deadline::output(&mut command).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

const DOCKERFILE: &str = "FROM IMAGE\nCOPY word /word\nCMD [\"cat\", \"/word\"]\n";

/// Builds with the engine's BuildKit and with its first builder; what the image then says.
#[track_caller]
fn says(scene: &mut Scene, expected: &str) {
    for buildkit in ["1", "0"] {
        scene.sandbox.set("DOCKER_BUILDKIT", buildkit);
        scene.ok(&["build"]);
        let said = scene.engine.docker(&["run", "--rm", &scene.container("web")]);
        assert_eq!(said, expected, "DOCKER_BUILDKIT={buildkit}");
        scene.engine.docker(&["rmi", "-f", &scene.container("web")]);
    }
}

#[test]
fn a_context_in_a_git_repository_is_fetched_by_the_engine() {
    let Some(mut scene) = Scene::new("services: {}") else {
        return;
    };
    let dockerfile = DOCKERFILE.replace("IMAGE", &scene.engine.image());
    let files = [("Containerfile", dockerfile.as_str()), ("word", "from git")];
    let Some(git) = Git::serve(&files) else { return };
    scene.rewrite(&format!(
        "services: {{web: {{build: {{context: 'git://127.0.0.1:{}/shop#stable', dockerfile: Containerfile}}}}}}",
        git.port
    ));
    says(&mut scene, "from git");
    scene.rewrite(&format!(
        "services: {{web: {{build: 'git://127.0.0.1:{}/shop#nowhere'}}}}",
        git.port
    ));
    let told = scene.sandbox.fails(&["build"]).stderr;
    assert!(
        told.contains("service `web` cannot be built") && told.contains("nowhere"),
        "{told}"
    );
}

#[test]
fn a_context_in_an_archive_on_a_server_is_fetched_by_the_engine() {
    let Some(mut scene) = Scene::new("services: {}") else {
        return;
    };
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in [
        (
            "Dockerfile",
            DOCKERFILE.replace("IMAGE", &scene.engine.image()).as_str(),
        ),
        ("word", "from an archive"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    let archive = String::from_utf8(archive.into_inner().unwrap()).unwrap();
    let server = Server::start(move |_, _| (200, "Content-Type: application/x-tar\r\n".to_owned(), archive.clone()));
    scene.rewrite(&format!(
        "services: {{web: {{build: 'http://{}/context.tar'}}}}",
        server.address
    ));
    says(&mut scene, "from an archive");
}

/// `additional_contexts`, which the BuildKit of Docker 20.10 does not know.
#[test]
fn what_a_build_takes_from_another_context_is_there_or_refused_at_its_line() {
    let Some(scene) = Scene::new(
        "services:
  base: {image: 'PROJECT-base', build: {dockerfile_inline: \"FROM IMAGE\\nRUN echo base > /word\"}}
  web:
    build:
      dockerfile_inline: \"FROM base\\nCOPY --from=files word /other\\nCMD cat /word /other\"
      additional_contexts: {base: 'service:base', files: ./files}
",
    ) else {
        return;
    };
    scene.sandbox.write("files/word", "files");
    let version = scene.engine.docker(&["version", "--format", "{{.Server.Version}}"]);
    if version.starts_with("20.") {
        let told = scene.sandbox.fails(&["build"]).stderr;
        assert!(
            told.contains("compose.yaml:") && told.contains("additional_contexts"),
            "{told}"
        );
        return skip::always("the engine's BuildKit is older than `additional_contexts`");
    }
    scene.ok(&["build"]);
    let said = scene.engine.docker(&["run", "--rm", &scene.container("web")]);
    assert_eq!(said, "base\nfiles");
    scene
        .engine
        .docker(&["rmi", "-f", &scene.container("web"), &scene.container("base")]);
}

/// What has a name of its own is pushed once it is built, whoever builds.
#[test]
fn what_is_built_is_pushed_under_all_of_its_names() {
    let Some(registry) = Registry::open() else { return };
    let name = format!("{}/shop/web", registry.address);
    let compose = format!(
        "services: {{web: {{image: '{name}:1', build: {{dockerfile_inline: 'FROM IMAGE', tags: ['{name}:latest']}}}}, \
         other: {{build: {{dockerfile_inline: 'FROM IMAGE'}}}}}}"
    );
    let Some(mut scene) = Scene::new(&compose) else { return };
    for buildkit in ["1", "0"] {
        scene.sandbox.set("DOCKER_BUILDKIT", buildkit);
        let told = scene.ok(&["build", "--push"]).stderr;
        for tag in ["1", "latest"] {
            assert!(told.contains(&format!("web:{tag}  Pushed")), "{told}");
            let page = http::get(
                &registry.address,
                &registry.address,
                &format!("/v2/shop/web/manifests/{tag}"),
            );
            assert_eq!(page.unwrap().status, 200);
        }
        assert!(!told.contains("other  Pushed"), "{told}");
    }
    for image in [format!("{name}:1"), format!("{name}:latest"), scene.container("other")] {
        scene.engine.docker(&["rmi", "-f", &image]);
    }
}

/// What Docker would send and hide is sent and hidden; what cannot be said to a builder is refused.
#[test]
fn a_context_is_the_same_for_all_builders() {
    let Some(mut scene) = Scene::new("services: {web: {build: web}}") else {
        return;
    };
    let dockerfile = format!("FROM {}\nCOPY . /c\nCMD ls -a /c\n", scene.engine.image());
    scene.sandbox.write("web/Dockerfile", dockerfile);
    scene.sandbox.write("web/.dockerignore", "Dockerfile\nnotes\n");
    scene.sandbox.write("web/word", "a");
    scene.sandbox.write("web/notes", "b");
    says(&mut scene, ".\n..\n.dockerignore\nword");
    let web = scene.sandbox.project().join("web");
    let odd = web.join(std::ffi::OsStr::from_bytes(b"odd\xff"));
    std::fs::write(&odd, "x").unwrap();
    for buildkit in ["1", "0"] {
        scene.sandbox.set("DOCKER_BUILDKIT", buildkit);
        let told = scene.sandbox.fails(&["build"]).stderr;
        assert!(
            told.contains("is no UTF-8") && told.contains("compose.yaml:1:"),
            "{told}"
        );
    }
}

#[test]
fn the_first_builder_says_what_it_has_not_done() {
    let Some(mut scene) = Scene::new(
        "
services:
  web:
    build:
      context: .
      dockerfile_inline: FROM IMAGE
      platforms: [linux/s390x]
",
    ) else {
        return;
    };
    scene.sandbox.set("DOCKER_BUILDKIT", "0");
    let told = scene.sandbox.fails(&["build"]).stderr;
    assert!(
        told.contains("was to be built for `linux/s390x`") && told.contains("compose.yaml:7:19"),
        "{told}"
    );
    scene.rewrite("services: {web: {build: {context: ., dockerfile_inline: FROM IMAGE, ulimits: {nofile: 5}}}}");
    let told = scene.sandbox.fails(&["build"]).stderr;
    assert!(
        told.contains("`ulimits`, and DOCKER_BUILDKIT asks for it") && told.contains("unset DOCKER_BUILDKIT"),
        "{told}"
    );
    let _ = scene.engine.try_docker(&["rmi", "-f", &scene.container("web")]);
}

/// Whoever pushes several images learns of all that cannot be pushed, and where their names stand.
#[test]
fn all_that_cannot_be_pushed_is_told_at_its_line() {
    let Some(registry) = Registry::closed() else { return };
    let compose = format!(
        "
services:
  refused: {{image: '{0}/shop/refused:1', build: {{dockerfile_inline: FROM IMAGE}}}}
  unbuilt: {{image: '{0}/shop/unbuilt:1', build: {{dockerfile_inline: FROM IMAGE}}}}
",
        registry.address
    );
    let Some(scene) = Scene::new(&compose) else { return };
    let told = scene.sandbox.fails(&["build", "--push"]).stderr;
    assert!(
        told.contains("compose.yaml:3:") && told.contains("compose.yaml:4:"),
        "{told}"
    );
    scene
        .engine
        .docker(&["rmi", "-f", &format!("{}/shop/unbuilt:1", registry.address)]);
    let told = scene.sandbox.fails(&["push"]).stderr;
    for said in [
        "compose.yaml:3:20",
        "`docker login` to the registry",
        "compose.yaml:4:20",
        "`ctx build` makes it",
    ] {
        assert!(told.contains(said), "{said}\n{told}");
    }
    scene
        .engine
        .docker(&["rmi", "-f", &format!("{}/shop/refused:1", registry.address)]);
}
