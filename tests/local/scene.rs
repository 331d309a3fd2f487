//! A project on the real engine: its files in a sandbox, `ctx` and `docker compose` beside each other.

use std::process::Command;

use crate::support::deadline;
use crate::support::engine::{Engine, TestProject, Turn};
use crate::support::sandbox::{Run, Sandbox};
use crate::support::skip;

pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    pub(crate) engine: Engine,
    pub(crate) project: TestProject,
    _turn: Turn,
}

impl Scene {
    /// `None` where there is no engine; the test was reported as skipped then. `IMAGE` in the file is an image that
    /// is there.
    pub(crate) fn new(compose: &str) -> Option<Self> {
        let engine = Engine::reach()?;
        let turn = Turn::take();
        let mut sandbox = Sandbox::new();
        engine.furnish(&mut sandbox);
        let project = engine.project();
        sandbox.set("COMPOSE_PROJECT_NAME", project.name());
        let scene = Self {
            sandbox,
            engine,
            project,
            _turn: turn,
        };
        scene.rewrite(compose);
        Some(scene)
    }

    /// `PROJECT` in the file is the project's name, `SUBNET` a number between 0 and 255 that no other test has now.
    pub(crate) fn rewrite(&self, compose: &str) {
        let compose = compose
            .replace("IMAGE", &self.engine.image())
            .replace("PROJECT", self.project.name())
            .replace("SUBNET", &(std::process::id() % 256).to_string());
        self.sandbox.write("compose.yaml", compose);
    }

    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> Run {
        self.sandbox.ok(arguments)
    }

    /// Runs `ctx`, which may fail: what it says.
    pub(crate) fn tried(&self, arguments: &[&str]) -> Result<String, String> {
        let run = self.sandbox.run(arguments);
        let text = run.stdout + &run.stderr;
        if run.code == 0 { Ok(text) } else { Err(text) }
    }

    /// Whether the plugin is installed; if not, the test was reported as skipped.
    pub(crate) fn has_docker_compose(&self) -> bool {
        let there = self.engine.try_docker(&["compose", "version"]).is_ok();
        if !there {
            skip::always("there is no `docker compose` to compare with");
        }
        there
    }

    /// Runs `docker compose`. `None` where the plugin is not installed; the test was reported as skipped then.
    #[track_caller]
    pub(crate) fn docker_compose(&self, arguments: &[&str]) -> Option<String> {
        let said = self.has_docker_compose().then(|| self.try_docker_compose(arguments))?;
        Some(said.unwrap_or_else(|said| panic!("docker compose {}: {said}", arguments.join(" "))))
    }

    /// Runs `docker compose`, which may fail: what it says.
    pub(crate) fn try_docker_compose(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new("docker");
        command
            .arg("compose")
            .args(["-p", self.project.name()])
            .args(arguments)
            .env("DOCKER_HOST", self.engine.host())
            .current_dir(self.sandbox.project());
        let output = deadline::output(&mut command).expect("docker compose ends");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(text) } else { Err(text) }
    }

    /// The project's name for one of its objects: `web-1`, `default`.
    pub(crate) fn name(&self, object: &str, separator: char) -> String {
        format!("{}{separator}{object}", self.project.name())
    }

    pub(crate) fn container(&self, replica: &str) -> String {
        self.name(replica, '-')
    }

    #[track_caller]
    pub(crate) fn inspect(&self, replica: &str, format: &str) -> String {
        self.engine
            .docker(&["inspect", "--format", format, &self.container(replica)])
    }

    #[track_caller]
    pub(crate) fn id(&self, replica: &str) -> String {
        self.inspect(replica, "{{.Id}}")
    }

    /// Ids of all containers of the project, by name.
    pub(crate) fn ids(&self) -> Vec<(String, String)> {
        let mut names = self.project.containers();
        names.sort();
        names
            .into_iter()
            .map(|name| {
                (
                    name.clone(),
                    self.engine
                        .docker(&["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", &name]),
                )
            })
            .collect()
    }

    /// As [`Scene::ids`], without those that have done what they are for.
    pub(crate) fn ids_but_jobs(&self) -> Vec<(String, String)> {
        let runs = self.running();
        let mut ids = self.ids();
        ids.retain(|(name, _)| runs.contains(name));
        ids
    }

    /// The names of the containers that run, without those of services called `job`, which are about to end.
    pub(crate) fn running(&self) -> Vec<String> {
        let filter = format!("label={}", self.project.label());
        let listed = self
            .engine
            .docker(&["ps", "--filter", &filter, "--format", "{{.Names}}"]);
        let mut names: Vec<_> = listed.lines().map(str::to_owned).collect();
        names.retain(|name| !name.contains("-job-"));
        names.sort();
        names
    }
}
