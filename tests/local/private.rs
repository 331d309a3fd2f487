//! An engine of a test's own, which is restarted while `ctx` works, and whose disk is full. Afterwards the same command
//! brings the project to what its file says.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::between::{Between, Deed};
use crate::support::engine::Engine;
use crate::support::registry::Registry;
use crate::support::sandbox::Sandbox;
use crate::support::{deadline, skip};

/// How long an engine may take to answer after its start.
const START: Duration = Duration::from_mins(1);

struct Private {
    daemon: Child,
    folder: TempDir,
    bridge: Bridge,
}

/// A bridge of the machine's engine. One that was started without any (`--bridge none`) would take away the bridge that
/// the machine's engine lives on.
struct Bridge {
    shared: Engine,
    network: String,
}

impl Bridge {
    fn new(shared: &Engine) -> Self {
        static BRIDGES: AtomicU32 = AtomicU32::new(1);
        let number = BRIDGES.fetch_add(1, Ordering::Relaxed);
        let name = format!("ctxtest{}x{number}private", std::process::id());
        Self {
            shared: shared.clone(),
            network: shared.docker(&["network", "create", &name]),
        }
    }

    /// What the machine calls it.
    fn name(&self) -> String {
        format!("br-{}", &self.network[..12])
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.shared.try_docker(&["network", "rm", &self.network]);
    }
}

impl Private {
    /// An engine with the tests' image and a disk of its own. `None` where this machine cannot have one; the test was
    /// reported as skipped then.
    fn start() -> Option<Self> {
        let shared = Engine::reach()?;
        let folder = TempDir::new().expect("a folder");
        for part in ["data", "exec"] {
            std::fs::create_dir(folder.path().join(part)).expect("a folder");
        }
        std::fs::write(folder.path().join("daemon.json"), "{}").expect("a file");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=256m", "none"])
            .arg(folder.path().join("data"));
        if !deadline::output(&mut mount).is_ok_and(|output| output.status.success()) {
            skip::always("nothing can be mounted for an engine of its own");
            return None;
        }
        let bridge = Bridge::new(&shared);
        let daemon = match daemon(folder.path(), &bridge) {
            Ok(daemon) => daemon,
            Err(error) => {
                skip::always(&format!("no engine of its own can be started: {error}"));
                unmount(folder.path());
                return None;
            }
        };
        let mut private = Self { daemon, folder, bridge };
        if !private.answers() {
            skip::always("an engine of its own does not start here");
            return None;
        }
        let archive = private.folder.path().join("image.tar").display().to_string();
        shared.docker(&["save", "-o", &archive, &shared.image()]);
        private.docker(&["load", "-i", &archive]);
        Some(private)
    }

    fn socket(&self) -> String {
        self.folder.path().join("engine.sock").display().to_string()
    }

    fn docker(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("docker");
        command
            .env("DOCKER_HOST", format!("unix://{}", self.socket()))
            .args(arguments);
        let output = deadline::output(&mut command).expect("docker ends");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    fn answers(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < START && matches!(self.daemon.try_wait(), Ok(None)) {
            if !self.docker(&["version", "--format", "{{.Server.Version}}"]).is_empty() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        false
    }

    /// Stops the engine, with its containers, and starts it again.
    fn restart(&mut self) {
        self.stop();
        self.daemon = daemon(self.folder.path(), &self.bridge).expect("it started before");
        assert!(self.answers(), "it comes back");
    }

    /// Has it end, and its own helpers with it.
    fn stop(&mut self) {
        if matches!(self.daemon.try_wait(), Ok(None)) {
            let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
            let _ = self.daemon.wait();
        }
    }

    /// Fills its disk but for a little, or empties it again.
    fn fill(&self, full: bool) {
        let filler = self.folder.path().join("data/filler");
        let _ = std::fs::remove_file(&filler);
        if full {
            let zeros = Command::new("dd")
                .args(["if=/dev/zero", "bs=64k"])
                .arg(format!("of={}", filler.display()))
                .stderr(Stdio::null())
                .status();
            zeros.expect("dd ends, for want of room");
            let file = std::fs::OpenOptions::new().write(true).open(&filler).expect("a file");
            let length = file.metadata().expect("a length").len();
            file.set_len(length.saturating_sub(512 * 1024)).expect("a little room");
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let containers = self.docker(&["ps", "-aq"]);
        let containers: Vec<_> = containers.lines().collect();
        if !containers.is_empty() {
            self.docker(&[&["rm", "-f"], containers.as_slice()].concat());
        }
        self.stop();
        unmount(self.folder.path());
    }
}

fn daemon(folder: &Path, bridge: &Bridge) -> std::io::Result<Child> {
    let within = |name: &str| folder.join(name).display().to_string();
    Command::new("dockerd")
        .args(["--config-file", &within("daemon.json"), "--data-root", &within("data")])
        .args(["--exec-root", &within("exec"), "--pidfile", &within("pid")])
        .args(["-H", &format!("unix://{}", within("engine.sock"))])
        .args(["--storage-driver", "vfs", "--bridge", &bridge.name()])
        .args(["--iptables=false", "--ip6tables=false"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

fn unmount(folder: &Path) {
    let _ = Command::new("umount").arg("-l").arg(folder.join("data")).status();
}

/// A project in a sandbox that meets the engine.
fn sandbox(private: &Private, file: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("DOCKER_HOST", format!("unix://{}", private.socket()));
    sandbox.set("COMPOSE_PROJECT_NAME", "ctxtestprivate");
    sandbox.write("compose.yaml", file);
    sandbox
}

const SHOP: &str = "
services:
  web: &quick
    image: IMAGE
    command: [sleep, '1000']
    stop_signal: SIGKILL
    network_mode: none
    depends_on: {db: {condition: service_healthy}}
  db:
    <<: *quick
    depends_on: []
    healthcheck: {test: 'true', interval: 100ms}
    volumes: ['data:/data']
volumes: {data: {}}
";

#[test]
fn an_engine_is_restarted_while_a_project_comes_up() {
    let Some(private) = Private::start() else { return };
    let image = Engine::reach().expect("it was there a moment ago").image();
    let mut sandbox = sandbox(&private, &SHOP.replace("IMAGE", &image));
    let (host, socket) = (format!("unix://{}", private.socket()), private.socket());
    let private = Arc::new(Mutex::new(private));
    for (round, place) in [4, 6, 9].into_iter().enumerate() {
        // Who stands between never ends, and must not keep the engine alive.
        let engine = Arc::downgrade(&private);
        let restart = move |request| {
            if let (true, Some(engine)) = (request == place, engine.upgrade()) {
                engine.lock().expect("nobody has failed with it").restart();
            }
            Deed::Pass
        };
        let between = Between::new(&socket, sandbox.home().join(format!("{round}.sock")), restart);
        sandbox.set("DOCKER_HOST", format!("unix://{}", between.socket.display()));
        let run = sandbox.run(&["up", "-d"]);
        assert!(between.take() >= place, "it was restarted");
        assert!(private.lock().expect("it comes back").answers());
        assert!(
            run.code == 0 || run.stderr.contains("error: ") && !run.stderr.contains("panicked"),
            "{}",
            run.stderr
        );
        sandbox.set("DOCKER_HOST", &host);
        sandbox.ok(&["up", "-d", "--wait"]);
        let states = sandbox.ok(&["ps", "-a", "--format", "{{.Service}}={{.State}}"]).stdout;
        assert_eq!(states, "db=running\nweb=running\n", "restarted at request {place}");
        let again = sandbox.ok(&["up", "-d"]).stderr;
        assert!(
            !again.contains("Recreate") && !again.contains("Start"),
            "nothing is left to do\n{again}"
        );
        sandbox.ok(&["down", "-v"]);
    }
}

#[test]
fn an_engine_has_no_room_left() {
    let Some(private) = Private::start() else { return };
    let Some(registry) = Registry::open() else { return };
    let shared = Engine::reach().expect("it was there a moment ago");
    let image = format!("{}/web", registry.address);
    shared.docker(&["tag", &shared.image(), &image]);
    let pushed = shared.try_docker(&["push", &image]);
    shared.docker(&["rmi", &image]);
    pushed.expect("it can be pushed");
    private.docker(&["rmi", "-f", &shared.image()]);
    let file =
        "services: {web: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, network_mode: none, scale: N}}";
    let file = file.replace("IMAGE", &image);
    let sandbox = sandbox(&private, &file.replace('N', "1"));

    private.fill(true);
    let pull = sandbox.run(&["up", "-d"]);
    assert!(
        pull.code == 1 && pull.stderr.contains("disk is too full for"),
        "{}",
        pull.stderr
    );
    private.fill(false);
    sandbox.ok(&["up", "-d"]);

    sandbox.write("compose.yaml", file.replace('N', "3"));
    private.fill(true);
    let create = sandbox.run(&["up", "-d"]);
    assert!(
        create.code == 1 && create.stderr.contains("docker system prune"),
        "it says what to do\n{}",
        create.stderr
    );
    private.fill(false);
    sandbox.ok(&["up", "-d"]);
    let running = sandbox.ok(&["ps", "--format", "{{.Name}} {{.State}}"]).stdout;
    assert_eq!(running.matches(" running").count(), 3, "{running}");
    sandbox.ok(&["down"]);
}
