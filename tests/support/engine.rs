//! A real Docker engine for tests, and images for it that are made here: no registry is asked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, OnceLock};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{deadline, sandbox::Sandbox, skip};

/// Projects of tests begin so; nothing else is ever removed.
const PREFIX: &str = "ctxtest";

/// The program in the images, and the names by which it is called there.
const PROGRAM: &str = include_str!("../images/program.rs");
const NAMES: &[&str] = &["pause", "web", "redis-server", "redis-cli", "postgres", "pg_isready"];
/// Programs of this machine that are in the images too: a shell, and what one says in a shell.
const TOOLS: &[&str] = &[
    "sh", "base64", "cat", "chmod", "chown", "dirname", "grep", "ls", "mkdir", "sed", "sleep",
];

/// The images: name and what `docker import --change` says about it. None has a name that a registry could know.
const IMAGES: &[(&str, &[&str])] = &[
    ("ctx-test/web:1", &["CMD [\"web\"]", "ENV VERSION=1", "EXPOSE 80"]),
    ("ctx-test/web:2", &["CMD [\"web\"]", "ENV VERSION=2", "EXPOSE 80"]),
    ("ctx-test/redis:1", &["CMD [\"redis-server\"]", "EXPOSE 6379"]),
    ("ctx-test/postgres:1", &["CMD [\"postgres\"]", "EXPOSE 5432"]),
    ("ctx-test/init:1", &["CMD [\"sh\"]"]),
];

/// An engine that answered, and that has the images.
#[derive(Clone)]
pub struct Engine {
    host: String,
}

impl Engine {
    /// The machine's engine. `None` where there is none; the test was reported as skipped then.
    pub fn reach() -> Option<Self> {
        static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
        let engine = ENGINE.get_or_init(|| {
            let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
            let engine = Engine { host };
            engine.try_docker(&["version", "--format", "{{.Server.Version}}"])?;
            engine.make_images()?;
            Ok(engine)
        });
        match engine {
            Ok(engine) => Some(engine.clone()),
            Err(reason) => {
                skip::or_fail(&format!("no Docker engine: {reason}"));
                None
            }
        }
    }

    /// Where it listens.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Makes the sandbox's `ctx` meet this engine.
    pub fn furnish(&self, sandbox: &mut Sandbox) {
        sandbox.set("DOCKER_HOST", &self.host);
    }

    /// A project of this test's own, removed with all that belongs to it when it goes out of scope.
    pub fn project(&self) -> TestProject {
        static PROJECTS: AtomicU32 = AtomicU32::new(1);
        let number = PROJECTS.fetch_add(1, Ordering::Relaxed);
        TestProject {
            engine: self.clone(),
            name: format!("{PREFIX}{}x{number}", std::process::id()),
        }
    }

    /// An image with every program, for those who do not care which.
    #[allow(clippy::unused_self, reason = "only an engine that was reached has it")]
    pub fn image(&self) -> String {
        IMAGES[0].0.to_owned()
    }

    /// Makes `ctx-test/busybox:1`, which prepares tasks: nothing but this machine's static busybox under its names.
    /// `None` where there is none; the test was reported as skipped then.
    pub fn make_busybox(&self) -> Option<()> {
        const IMAGE: &str = "ctx-test/busybox:1";
        static MADE: OnceLock<Result<(), String>> = OnceLock::new();
        let make = || {
            if self.try_docker(&["image", "inspect", IMAGE]).is_ok() {
                return Ok(());
            }
            let work = tempfile::tempdir().map_err(|error| error.to_string())?;
            let bin = work.path().join("root/bin");
            fs::create_dir_all(&bin).map_err(|error| error.to_string())?;
            let from = ["/bin/busybox", "/usr/bin/busybox"]
                .into_iter()
                .find(|path| Path::new(path).exists());
            let from = from.ok_or("no busybox is here (Debian: apt-get install busybox-static)")?;
            fs::copy(from, bin.join("busybox")).map_err(|error| error.to_string())?;
            run(Command::new(from).args(["--install", "-s"]).arg(&bin))?;
            for link in fs::read_dir(&bin).map_err(|error| error.to_string())?.flatten() {
                if link.path().is_symlink() {
                    fs::remove_file(link.path()).map_err(|error| error.to_string())?;
                    std::os::unix::fs::symlink("busybox", link.path()).map_err(|error| error.to_string())?;
                }
            }
            for folder in ["etc", "tmp"] {
                fs::create_dir_all(work.path().join("root").join(folder)).map_err(|error| error.to_string())?;
            }
            let archive = pack(work.path())?;
            self.try_docker(&[
                "import",
                "--change",
                "CMD [\"sh\"]",
                &archive.display().to_string(),
                IMAGE,
            ])
            .map(drop)
        };
        match MADE.get_or_init(make) {
            Ok(()) => Some(()),
            Err(reason) => {
                skip::or_fail(reason);
                None
            }
        }
    }

    /// Runs the docker command line and gives what it prints.
    #[track_caller]
    pub fn docker(&self, arguments: &[&str]) -> String {
        self.try_docker(arguments)
            .unwrap_or_else(|error| panic!("docker {}: {error}", arguments.join(" ")))
    }

    pub fn try_docker(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = self.command(arguments);
        let output = deadline::output(&mut command).map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
        }
    }

    /// The names of the containers with a label, running or not.
    pub fn containers(&self, label: &str) -> Vec<String> {
        self.lines(&[
            "ps",
            "-a",
            "--filter",
            &format!("label={label}"),
            "--format",
            "{{.Names}}",
        ])
    }

    /// Removes the containers, networks and volumes with a label, as far as they can be removed.
    pub fn remove_labelled(&self, label: &str) {
        let filter = format!("label={label}");
        for (list, remove) in [
            (&["ps", "-aq", "--filter"][..], &["rm", "-fv"][..]),
            (&["network", "ls", "-q", "--filter"], &["network", "rm"]),
            (&["volume", "ls", "-q", "--filter"], &["volume", "rm", "-f"]),
        ] {
            let found = self.lines(&[list, &[filter.as_str()]].concat());
            if !found.is_empty() {
                let found: Vec<&str> = found.iter().map(String::as_str).collect();
                let _ = self.try_docker(&[remove, &found].concat());
            }
        }
    }

    fn lines(&self, arguments: &[&str]) -> Vec<String> {
        self.try_docker(arguments)
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command
            .args(arguments)
            .env("DOCKER_HOST", &self.host)
            .env_remove("DOCKER_CONTEXT");
        command
    }

    /// Makes the images that the engine lacks or that were made from another program. They stay, as a cache.
    fn make_images(&self) -> Result<(), String> {
        let digest = Sha256::digest(format!("{PROGRAM}{TOOLS:?}{IMAGES:?}"));
        let digest = digest
            .iter()
            .take(8)
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let made = |image: &str| {
            self.try_docker(&[
                "image",
                "inspect",
                "--format",
                "{{index .Config.Labels \"ctx-test\"}}",
                image,
            ])
            .is_ok_and(|label| label == digest)
        };
        let lacking: Vec<_> = IMAGES.iter().filter(|(image, _)| !made(image)).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let work = tempfile::tempdir().map_err(|error| error.to_string())?;
        let archive = archive(work.path())?;
        for (image, changes) in lacking {
            let label = format!("LABEL ctx-test={digest}");
            let mut arguments = vec!["import", "--change", &label];
            for change in *changes {
                arguments.extend(["--change", change]);
            }
            let archive = archive.display().to_string();
            arguments.extend([archive.as_str(), image]);
            self.try_docker(&arguments)
                .map_err(|error| format!("cannot import {image}: {error}"))?;
        }
        // Those that had the names before.
        let _ = self.try_docker(&["image", "prune", "-f", "--filter", "label=ctx-test"]);
        Ok(())
    }
}

/// A Compose project on the engine.
pub struct TestProject {
    engine: Engine,
    name: String,
}

impl TestProject {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn label(&self) -> String {
        format!("com.docker.compose.project={}", self.name)
    }

    pub fn containers(&self) -> Vec<String> {
        self.engine.containers(&self.label())
    }

    /// The volumes without a name of the project's containers, which only `down -v` removes.
    pub fn anonymous_volumes(&self) -> Vec<String> {
        let containers = self.containers();
        let inspect = ["inspect", "--format", "{{range .Mounts}}{{println .Name}}{{end}}"];
        let containers: Vec<&str> = containers.iter().map(String::as_str).collect();
        let mut volumes = self.engine.lines(&[&inspect, &containers[..]].concat());
        volumes.retain(|name| name.len() == 64 && name.chars().all(|letter| letter.is_ascii_hexdigit()));
        volumes
    }

    pub fn networks(&self) -> Vec<String> {
        let filter = format!("label={}", self.label());
        self.engine
            .lines(&["network", "ls", "--filter", &filter, "--format", "{{.Name}}"])
    }

    pub fn volumes(&self) -> Vec<String> {
        let filter = format!("label={}", self.label());
        self.engine
            .lines(&["volume", "ls", "--filter", &filter, "--format", "{{.Name}}"])
    }
}

impl Drop for TestProject {
    fn drop(&mut self) {
        self.engine.remove_labelled(&self.label());
    }
}

/// One of the few turns that there are for tests that fill the engine.
pub struct Turn(());

static TURNS: (Mutex<u32>, Condvar) = (Mutex::new(3), Condvar::new());

impl Turn {
    /// Waits for a turn, which ends when it goes out of scope.
    pub fn take() -> Self {
        let free = TURNS.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut free = TURNS
            .1
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *free -= 1;
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TURNS.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += 1;
        TURNS.1.notify_one();
    }
}

/// A root file system in a tar archive: the program under its names, the tools, and the libraries that they load.
///
/// The libraries are this machine's own, so names resolve as they do here; a static glibc could not do that.
fn archive(work: &Path) -> Result<PathBuf, String> {
    let (source, program) = (work.join("program.rs"), work.join("program"));
    fs::write(&source, PROGRAM).map_err(|error| error.to_string())?;
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    run(Command::new(rustc)
        .args(["--edition", "2024", "-O", "-C", "strip=symbols", "-o"])
        .arg(&program)
        .arg(&source))?;

    let root = work.join("root");
    let copy = |from: &Path, to: &str| -> Result<(), String> {
        let to = root.join(to.trim_start_matches('/'));
        fs::create_dir_all(to.parent().expect("a file below the root")).map_err(|error| error.to_string())?;
        fs::copy(from, &to)
            .map(drop)
            .map_err(|error| format!("{}: {error}", from.display()))
    };
    copy(&program, "/bin/program")?;
    for name in NAMES {
        std::os::unix::fs::symlink("program", root.join("bin").join(name)).map_err(|error| error.to_string())?;
    }
    let mut executables = vec![program];
    for tool in TOOLS {
        let found = ["/bin", "/usr/bin"]
            .map(|folder| Path::new(folder).join(tool))
            .into_iter()
            .find(|path| path.exists());
        let found = found.ok_or_else(|| format!("no {tool} is here"))?;
        copy(&found, &format!("/bin/{tool}"))?;
        executables.push(found);
    }
    for executable in executables {
        for library in libraries(&executable)? {
            copy(Path::new(&library), &library)?;
        }
    }
    for folder in ["tmp", "data", "etc"] {
        fs::create_dir_all(root.join(folder)).map_err(|error| error.to_string())?;
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n").map_err(|error| error.to_string())?;
    fs::write(root.join("etc/nsswitch.conf"), "hosts: files dns\n").map_err(|error| error.to_string())?;

    pack(work)
}

fn pack(work: &Path) -> Result<PathBuf, String> {
    let archive = work.join("root.tar");
    run(Command::new("tar")
        .args(["--owner=0", "--group=0", "-cf"])
        .arg(&archive)
        .arg("-C")
        .arg(work.join("root"))
        .arg("."))?;
    Ok(archive)
}

/// The absolute paths of what an executable loads, its loader among them.
fn libraries(executable: &Path) -> Result<Vec<String>, String> {
    let listing = run(Command::new("ldd").arg(executable))?;
    Ok(listing
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(str::to_owned)
        .collect())
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = deadline::output_within(Duration::from_mins(3), command.stdin(Stdio::null()));
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}
