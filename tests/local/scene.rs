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

    pub(crate) fn rewrite(&self, compose: &str) {
        self.sandbox
            .write("compose.yaml", compose.replace("IMAGE", &self.engine.image()));
    }

    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> Run {
        self.sandbox.ok(arguments)
    }

    /// Runs `docker compose`. `None` where the plugin is not installed; the test was reported as skipped then.
    pub(crate) fn docker_compose(&self, arguments: &[&str]) -> Option<String> {
        if self.engine.try_docker(&["compose", "version"]).is_err() {
            skip::always("there is no `docker compose` to compare with");
            return None;
        }
        let mut command = Command::new("docker");
        command
            .arg("compose")
            .args(["-p", self.project.name()])
            .args(arguments)
            .current_dir(self.sandbox.project());
        let output = deadline::output(&mut command).expect("docker compose ends");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "docker compose {}: {text}",
            arguments.join(" ")
        );
        Some(text)
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
}
