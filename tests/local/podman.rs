//! A project on Podman, through the socket on which it speaks Docker's API.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;
use crate::support::{deadline, skip};

/// How long Podman may take to answer after its start.
const START: Duration = Duration::from_mins(1);

/// A Podman of the test's own: its images, containers, volumes and networks are known to nobody else.
struct Podman {
    service: Child,
    folder: TempDir,
    project: String,
}

impl Podman {
    /// With the tests' image. `None` where there is no Podman that can run; the test was reported as skipped then.
    fn start() -> Option<Self> {
        let engine = Engine::reach()?;
        if Command::new("podman").arg("--version").output().is_err() {
            skip::or_fail("there is no podman (Debian: apt-get install podman)");
            return None;
        }
        let folder = TempDir::new().expect("a folder");
        // Its own limits are higher than those that some machines allow it.
        let limits = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n";
        std::fs::write(folder.path().join("containers.conf"), limits).expect("a file");
        let service = podman(folder.path())
            .args(["system", "service", "--time", "0"])
            .arg(format!("unix://{}", socket(folder.path()).display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("podman starts");
        let podman = Self {
            service,
            folder,
            // Addresses are the machine's, also where two tests run at once.
            project: format!("ctxtest{}podman", std::process::id()),
        };
        let answers = || ping(&socket(podman.folder.path())).then_some(());
        if deadline::within(START, answers).is_none() {
            skip::or_fail("podman's service does not answer");
            return None;
        }
        let archive = podman.folder.path().join("image.tar").display().to_string();
        engine.docker(&["save", "-o", &archive, &engine.image()]);
        podman.ok(&["load", "--quiet", "--input", &archive]);
        Some(podman)
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let output = deadline::output(podman(self.folder.path()).args(arguments)).expect("podman runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "podman {arguments:?}\n{text}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let folder = self.folder.path();
        for arguments in [
            &["rm", "--all", "--force", "--time", "0"][..],
            &["network", "prune", "--force"],
        ] {
            let _ = deadline::output(podman(folder).args(arguments));
        }
        let _ = self.service.kill();
        let _ = self.service.wait();
        // Those who watch over commands in containers stay for five minutes; the plugins' notes of addresses for ever.
        let _ = Command::new("pkill").arg("-f").arg(folder).status();
        for network in ["default", "front"] {
            let _ = std::fs::remove_dir_all(format!("/var/lib/cni/networks/{}_{network}", self.project));
        }
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("podman.sock")
}

fn podman(folder: &Path) -> Command {
    let mut command = Command::new("podman");
    for (option, part) in [
        ("--root", "data"),
        ("--runroot", "run"),
        ("--tmpdir", "tmp"),
        ("--network-config-dir", "networks"),
    ] {
        command.arg(option).arg(folder.join(part));
    }
    command
        .args(["--storage-driver", "vfs", "--events-backend", "file"])
        .args(["--cgroup-manager", "cgroupfs"])
        .env("HOME", folder)
        .env("CONTAINERS_CONF", folder.join("containers.conf"))
        .stdin(Stdio::null());
    command
}

fn ping(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else {
        return false;
    };
    let mut answer = [0; 12];
    let asked = stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: podman\r\nConnection: close\r\n\r\n");
    asked.is_ok() && stream.read_exact(&mut answer).is_ok() && answer.ends_with(b" 200")
}

#[test]
fn a_project_lives_on_podman() {
    let Some(podman) = Podman::start() else { return };
    let engine = Engine::reach().expect("it was reached before");
    let file = "
services:
  web:
    image: IMAGE
    command: [sh, -c, 'echo from web; exec sleep 1000']
    environment: {WORD: one}
    networks: [front]
    volumes: [data:/data]
    stop_signal: SIGKILL
  job: {image: IMAGE, command: [sh, -c, 'echo from job'], depends_on: [web]}
networks: {front: {}}
volumes: {data: {}}
"
    .replace("IMAGE", &engine.image());
    let mut sandbox = Sandbox::new();
    sandbox.set(
        "DOCKER_HOST",
        format!("unix://{}", socket(podman.folder.path()).display()),
    );
    sandbox.set("COMPOSE_PROJECT_NAME", &podman.project);
    sandbox.write("compose.yaml", &file);

    let up = sandbox.ok(&["up", "-d"]);
    assert!(!up.stderr.contains("Pulling"), "the image is there\n{}", up.stderr);
    let ids = || {
        let all = sandbox.ok(&["ps", "-a", "-q", "--no-trunc"]).stdout;
        let mut ids: Vec<_> = all.lines().map(str::to_owned).collect();
        ids.sort();
        ids
    };
    let before = ids();
    assert_eq!(before.len(), 2);
    sandbox.ok(&["wait", "job"]);
    sandbox.ok(&["up", "-d"]);
    assert_eq!(ids(), before, "nothing changed");

    let logs = sandbox.ok(&["logs"]).stdout;
    assert!(logs.contains("from web") && logs.contains("from job"), "{logs}");
    sandbox.ok(&["exec", "-T", "web", "sh", "-c", "echo kept > /data/word"]);
    let states = || sandbox.ok(&["ps", "-a", "--format", "{{.Service}} {{.State}}"]).stdout;
    assert!(states().contains("web running"), "{}", states());
    sandbox.ok(&["stop", "web"]);
    assert!(states().contains("web exited"), "{}", states());
    sandbox.ok(&["start", "web"]);

    sandbox.write("compose.yaml", file.replace("WORD: one", "WORD: two"));
    sandbox.ok(&["up", "-d", "web"]);
    let after = ids();
    assert_eq!(
        after.iter().filter(|id| before.contains(id)).count(),
        1,
        "the job stays"
    );
    let told = sandbox.ok(&["exec", "-T", "web", "sh", "-c", "echo $WORD; cat /data/word"]);
    assert_eq!(told.stdout, "two\nkept\n");

    sandbox.ok(&["down", "-v"]);
    assert_eq!(podman.ok(&["ps", "--all", "--quiet"]), "");
    assert_eq!(podman.ok(&["volume", "ls", "--quiet"]), "");
    let networks = podman.ok(&["network", "ls", "--format", "{{.Name}}"]);
    assert!(!networks.contains(&podman.project), "{networks}");
}
