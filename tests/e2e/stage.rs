//! An example in a sandbox of its own, before one of the targets.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use crate::support::deadline;
use crate::support::engine::{Engine, TestProject, Turn};
use crate::support::http::{self, Page};
use crate::support::lab::Lab;
use crate::support::sandbox::{Run, Sandbox};

/// How long a page may take to be there after `up` has ended.
const PATIENCE: Duration = Duration::from_secs(20);

/// What prepares the tasks in the laboratory.
pub const INIT_IMAGE: &str = "InitImage=ctx-test/busybox:1";

pub struct OnEcs {
    pub lab: Lab,
    pub sandbox: Sandbox,
}

pub struct OnEngine {
    pub sandbox: Sandbox,
    pub project: TestProject,
    pub port: u16,
    _turn: Turn,
}

/// A sandbox whose project is a copy of an example; the tests' own override file, where there is one, comes last.
pub fn example(name: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    copy(&root.join("examples").join(name), &sandbox.project().join(name));
    let own = root.join("tests/e2e/overrides").join(name).with_extension("yaml");
    let folder = sandbox.project().join(name);
    let mut files = vec!["compose.yaml".to_owned()];
    if own.exists() {
        fs::copy(own, folder.join("compose.tests.yaml")).unwrap();
        for more in ["compose.override.yaml", "compose.tests.yaml"] {
            if folder.join(more).exists() {
                files.push(more.to_owned());
            }
        }
        let files: Vec<_> = files
            .iter()
            .map(|file| folder.join(file).display().to_string())
            .collect();
        sandbox.set("COMPOSE_FILE", files.join(":"));
    }
    sandbox
        .set("BASE_IMAGE", "ctx-test/busybox:1")
        .set("WEB_IMAGE", "ctx-test/web:1")
        .set("REDIS_IMAGE", "ctx-test/redis:1")
        .set("POSTGRES_IMAGE", "ctx-test/postgres:1");
    sandbox.enter(name);
    sandbox
}

impl OnEcs {
    /// `None` where there is no laboratory with containers; the test was reported as skipped.
    pub fn new(example_name: &str) -> Option<Self> {
        Self::before(example(example_name))
    }

    /// The same for a Compose file of the test's own.
    pub fn with(file: &str) -> Option<Self> {
        let mut sandbox = Sandbox::new();
        sandbox.enter("shop");
        sandbox.write("compose.yaml", file);
        Self::before(sandbox)
    }

    fn before(mut sandbox: Sandbox) -> Option<Self> {
        let lab = Lab::with_containers()?;
        lab.furnish(&mut sandbox);
        sandbox.ok(&["create", "ecs", "myecscontext", "--from-env"]);
        sandbox.ok(&["use", "myecscontext"]);
        Some(Self { lab, sandbox })
    }

    /// `ctx up`, with an image for what prepares the tasks and for the services named in `images`.
    #[track_caller]
    pub fn up(&self, images: &[&str]) -> Run {
        let mut arguments = vec!["--progress", "plain", "up", "--parameter", INIT_IMAGE];
        for image in images {
            arguments.extend(["--parameter", image]);
        }
        let run = self.sandbox.run(&arguments);
        assert_eq!(
            run.code,
            0,
            "ctx up failed\n{}\n{}\n{}",
            run.stdout,
            run.stderr,
            self.lab.log()
        );
        run
    }

    /// Fetches a page of the service through the load balancer that `ctx ps` shows.
    #[track_caller]
    pub fn page(&self, service: &str, path: &str) -> Page {
        let replicas = replicas(&self.sandbox);
        let publisher = &replicas[service]["Publishers"][0];
        let host = format!("{}:{}", publisher["URL"].as_str().unwrap(), publisher["PublishedPort"]);
        let page = deadline::within(PATIENCE, || {
            self.lab.fetch(&host, path).ok().filter(|page| page.status < 500)
        });
        page.unwrap_or_else(|| {
            panic!(
                "no page at {host}{path}: {:?}\n{}",
                self.lab.fetch(&host, path),
                self.lab.log()
            )
        })
    }

    /// The id of the service's one task.
    #[track_caller]
    pub fn task(&self, service: &str) -> String {
        replicas(&self.sandbox)[service]["ID"].as_str().unwrap().to_owned()
    }

    /// `ctx down`, after which nothing is left but volumes.
    #[track_caller]
    pub fn down(&self) {
        assert_ne!(
            self.lab.containers(),
            Vec::<String>::new(),
            "there is something to remove"
        );
        self.sandbox.ok(&["--progress", "plain", "down"]);
        assert_eq!(self.lab.stacks(), Vec::<String>::new());
        assert_eq!(self.lab.secrets(), Vec::<String>::new());
        assert_eq!(self.lab.log_groups(), Vec::<String>::new());
        assert_eq!(self.lab.containers(), Vec::<String>::new());
    }
}

impl OnEngine {
    /// `None` where there is no engine; the test was reported as skipped.
    pub fn new(example_name: &str) -> Option<Self> {
        let engine = Engine::reach()?;
        let turn = Turn::take();
        let project = engine.project();
        let port = free_port();
        let mut sandbox = example(example_name);
        engine.furnish(&mut sandbox);
        sandbox
            .set("COMPOSE_PROJECT_NAME", project.name())
            .set("WEB_PORT", port.to_string());
        Some(Self {
            sandbox,
            project,
            port,
            _turn: turn,
        })
    }

    #[track_caller]
    pub fn up(&self) -> Run {
        self.sandbox.ok(&["--progress", "plain", "up", "-d"])
    }

    /// Fetches a page from a port that the project publishes.
    #[track_caller]
    #[allow(clippy::unused_self, reason = "only a project that is up has pages")]
    pub fn page(&self, port: u16, path: &str) -> Page {
        let address = format!("127.0.0.1:{port}");
        let fetch = || http::get(&address, "localhost", path);
        let page = deadline::within(PATIENCE, || fetch().ok().filter(|page| page.status < 500));
        page.unwrap_or_else(|| panic!("no page at {address}{path}: {:?}", fetch()))
    }

    /// The id of the service's one container.
    #[track_caller]
    pub fn container(&self, service: &str) -> String {
        replicas(&self.sandbox)[service]["ID"].as_str().unwrap().to_owned()
    }

    /// `ctx down`, after which nothing is left but volumes.
    #[track_caller]
    pub fn down(&self) {
        assert_ne!(
            self.project.containers(),
            Vec::<String>::new(),
            "there is something to remove"
        );
        self.sandbox.ok(&["--progress", "plain", "down"]);
        assert_eq!(self.project.containers(), Vec::<String>::new());
        assert_eq!(self.project.networks(), Vec::<String>::new());
    }
}

/// What `ctx logs` shows of a service, as soon as it contains `text`.
#[track_caller]
pub fn logs(sandbox: &Sandbox, service: &str, text: &str) -> String {
    let read = || sandbox.ok(&["logs", service]).stdout;
    let found = deadline::within(PATIENCE, || Some(read()).filter(|said| said.contains(text)));
    found.unwrap_or_else(|| panic!("`{text}` is not in the output of {service}:\n{}", read()))
}

/// What `ctx ps` says, by service.
#[track_caller]
fn replicas(sandbox: &Sandbox) -> BTreeMap<String, serde_json::Value> {
    let said = sandbox.ok(&["ps", "--format", "json"]).stdout;
    let replicas = said
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON lines"));
    replicas
        .map(|replica| (replica["Service"].as_str().unwrap_or_default().to_owned(), replica))
        .collect()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
