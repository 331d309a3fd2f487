//! A folder with a HOME of its own, in which `ctx` runs with an environment that the machine's does not leak into.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::deadline;

/// How long a run of `ctx` may take before the test fails: no test needs a tenth of it.
const PATIENCE: Duration = Duration::from_mins(5);

pub struct Sandbox {
    directory: TempDir,
    /// Below the directory; `ctx` runs there.
    project: PathBuf,
    environment: BTreeMap<String, String>,
}

/// What a run of `ctx` gave.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    pub fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("ctx-test-")
            .tempdir()
            .expect("a temporary folder");
        let home = directory.path().join("home");
        std::fs::create_dir_all(&home).unwrap();
        std::fs::create_dir_all(directory.path().join("project")).unwrap();
        let mut environment = BTreeMap::from([
            ("HOME".to_owned(), home.display().to_string()),
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()),
        ]);
        // Nothing that the test did not ask for reaches a real engine.
        environment.insert("DOCKER_HOST".to_owned(), "unix:///nonexistent.sock".to_owned());
        // Nor does anything reach a registry that is not on this machine.
        environment.insert("HTTPS_PROXY".to_owned(), "http://127.0.0.1:9".to_owned());
        let project = PathBuf::from("project");
        Self {
            directory,
            project,
            environment,
        }
    }

    /// The project's folder, in which `ctx` runs.
    pub fn project(&self) -> PathBuf {
        self.directory.path().join(&self.project)
    }

    /// Makes a folder below the project's folder the project's folder.
    pub fn enter(&mut self, folder: &str) {
        self.project.push(folder);
        std::fs::create_dir_all(self.project()).unwrap();
    }

    pub fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// Writes a file below the project's folder.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.project().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.environment.remove(name);
        self
    }

    /// A command of `ctx` in the sandbox, for tests that need more than [`Sandbox::run`].
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctx"));
        command
            .args(arguments)
            .current_dir(self.project())
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        let output = deadline::output_within(PATIENCE, &mut self.command(arguments)).expect("ctx starts and ends");
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs `ctx` and wants it to succeed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(
            run.code,
            0,
            "ctx {} failed\n{}\n{}",
            arguments.join(" "),
            run.stdout,
            run.stderr
        );
        run
    }

    /// Runs `ctx` and wants it to fail, but not to crash.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert!(
            run.code > 0,
            "ctx {} did not fail (status {})\n{}\n{}",
            arguments.join(" "),
            run.code,
            run.stdout,
            run.stderr
        );
        assert!(
            !run.stderr.contains("panicked at"),
            "ctx {} crashed\n{}",
            arguments.join(" "),
            run.stderr
        );
        run
    }
}
