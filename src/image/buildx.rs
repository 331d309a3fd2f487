//! Driving the docker CLI's plugin `buildx`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use super::progress::Steps;
use super::{Bake, BuildOptions};
use crate::backend::Io;
use crate::context::DockerEndpoint;
use crate::error::{Error, Result};

pub(super) struct Plugin<'a> {
    pub(super) program: PathBuf,
    pub(super) endpoint: &'a DockerEndpoint,
    pub(super) docker_config: Option<&'a Path>,
}

impl Plugin<'_> {
    /// Builds all targets in one run.
    pub(super) async fn build(&self, bake: &Bake, options: &BuildOptions, io: &Io) -> Result<String> {
        let failed =
            |error: &std::io::Error| Error::new(format!("cannot run {}", self.program.display())).because(error);
        let mut child = self.command(bake, options).spawn().map_err(|error| failed(&error))?;
        let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            if let Some(mut input) = input {
                // A plugin that does not read the file to its end says why itself.
                let _ = input.write_all(bake.to_json().as_bytes()).await;
            }
        };
        let read = async {
            let mut text = String::new();
            if let Some(mut output) = output {
                let _ = output.read_to_string(&mut text).await;
            }
            text
        };
        let follow = async {
            let mut steps = Steps::new(&bake.targets, &io.progress);
            if let Some(errors) = errors {
                let mut lines = BufReader::new(errors).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    steps.line(&line);
                }
            }
            steps
        };
        let (status, (), output, mut steps) = tokio::join!(child.wait(), write, read, follow);
        let status = status.map_err(|error| failed(&error))?;
        if status.success() {
            if !bake.check {
                steps.done();
            }
            return Ok(output);
        }
        if bake.check && !output.is_empty() {
            // What is wrong with the Dockerfiles is the output itself.
            return Ok(output);
        }
        Err(steps.failure())
    }

    fn command(&self, bake: &Bake, options: &BuildOptions) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["bake", "--file", "-", "--progress", "rawjson"]);
        if let Some(builder) = &options.builder {
            command.args(["--builder", builder]);
        }
        for entitlement in &bake.entitlements {
            command.args(["--allow", entitlement]);
        }
        if let Some(folder) = self.docker_config {
            command.env("DOCKER_CONFIG", folder);
        }
        if let Some(host) = &self.endpoint.host {
            command.env("DOCKER_HOST", host).env_remove("DOCKER_CONTEXT");
            if let Some(tls) = &self.endpoint.tls {
                command.env("DOCKER_CERT_PATH", tls).env("DOCKER_TLS_VERIFY", "1");
            }
        }
        // The paths are those that the Compose file names, wherever they are.
        command.env("BUILDX_BAKE_ENTITLEMENTS_FS", "0");
        command
            .envs(bake.variables.iter().map(|(name, content)| (name, content)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}
