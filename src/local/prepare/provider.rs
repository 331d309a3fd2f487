//! Services that a program of the user's machine provides, by the protocol of Docker Compose.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::pin;
use std::process::Stdio;

use futures_util::future::try_join_all;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::{Sources, last_lines, set};
use crate::backend::Io;
use crate::compose::{Project, Provider, Service, canonical};
use crate::context::{is_program, plugin};
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};

/// What a provider is asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::local) enum Verb {
    Up,
    Down,
    /// Only of those that say that they can.
    Stop,
}

impl Verb {
    fn words(self) -> [&'static str; 3] {
        match self {
            Self::Up => ["up", "Creating", "Created"],
            Self::Down => ["down", "Removing", "Removed"],
            Self::Stop => ["stop", "Stopping", "Stopped"],
        }
    }
}

/// One line of what a provider says.
#[derive(Deserialize)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
}

/// What a provider says about itself; one that says nothing takes every option.
#[derive(Deserialize, Default, Debug)]
#[serde(default)]
struct Metadata {
    description: String,
    up: Parameters,
    down: Parameters,
    stop: Option<Parameters>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
struct Parameters {
    parameters: Option<Vec<Parameter>>,
}

#[derive(Deserialize, Default, Debug)]
#[serde(default)]
struct Parameter {
    name: String,
    required: bool,
}

impl Sources<'_> {
    /// Brings all provided services up, each after those that it depends on, and gives their variables to those who
    /// depend on them.
    pub(super) async fn provide(&self, project: &mut Project, io: &Io) -> Result<()> {
        let mut left: Vec<_> = provided(project);
        while !left.is_empty() {
            let waits = |name: &String| {
                let on = &project.services[name].depends_on;
                on.keys().any(|other| left.contains(other))
            };
            let (mut later, mut now): (Vec<_>, Vec<_>) = left.iter().cloned().partition(waits);
            if now.is_empty() {
                now = std::mem::take(&mut later);
            }
            let all = now
                .iter()
                .map(|name| self.run(project, &project.services[name], Verb::Up, io));
            let variables = try_join_all(all).await?;
            for (name, variables) in now.iter().zip(variables) {
                let dependents = project.services.values_mut();
                for service in dependents.filter(|service| service.depends_on.contains_key(name)) {
                    for (variable, value) in &variables {
                        set(service, variable.clone(), value);
                    }
                }
            }
            left = later;
        }
        Ok(())
    }

    /// Tells all providers of a project that it is stopped or gone.
    pub(in crate::local) async fn tell(&self, project: &Project, verb: Verb, io: &Io) -> Result<()> {
        for name in provided(project).iter().rev() {
            self.run(project, &project.services[name], verb, io).await?;
        }
        Ok(())
    }

    /// The variables that a provider sets.
    async fn run(&self, project: &Project, service: &Service, verb: Verb, io: &Io) -> Result<BTreeMap<String, String>> {
        let Some(provider) = &service.provider else {
            return Ok(BTreeMap::new());
        };
        let failed = |message: String| Diagnostic::error(provider.span, message);
        let program = self.find(project, provider).ok_or_else(|| -> Error {
            let kind = &provider.provider_type.value;
            let place = provider.provider_type.span.or(provider.span);
            vec![
                Diagnostic::error(place, format!("there is no provider `{kind}`")).hint(format!(
                    "install the docker CLI's plugin `docker-{kind}`, or a program `{kind}` in the PATH"
                )),
            ]
            .into()
        })?;
        let metadata = self.metadata(&program, project).await;
        let arguments = match arguments(&project.name, service, provider, &metadata, verb) {
            Ok(Some(arguments)) => arguments,
            Ok(None) => return Ok(BTreeMap::new()),
            Err(missing) => {
                let message = format!(
                    "provider `{}` needs the option `{missing}`",
                    provider.provider_type.value
                );
                return Err(vec![failed(message).hint("give it in `options`")].into());
            }
        };
        let [_, doing, done] = verb.words();
        let object = format!("Service {}", service.name);
        io.progress.working(&object, doing);
        let mut command = self.command(&program, project);
        let spawned = command.args(arguments).stdin(Stdio::piped()).spawn();
        let mut child =
            spawned.map_err(|error| Error::new(format!("cannot run {}", program.display())).because(&error))?;
        let (mut input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let read = async {
            let mut variables = BTreeMap::new();
            let mut lines = output.map(|output| BufReader::new(output).lines());
            while let Some(line) = match &mut lines {
                Some(lines) => lines.next_line().await.ok().flatten(),
                None => None,
            } {
                if line.trim().is_empty() {
                    continue;
                }
                let stranger = || format!("it says `{line}`, which is not what providers say");
                let Said { kind, message } = serde_json::from_str(&line).map_err(|_| stranger())?;
                match kind.as_str() {
                    "error" => return Err(message),
                    "info" => io.progress.working(&object, message.lines().next().unwrap_or_default()),
                    "debug" => {}
                    // For those who depend on the service: under its name, or as it is.
                    "setenv" => {
                        let (name, value) = variable(&message)?;
                        variables.insert(format!("{}_{name}", service.name.to_uppercase()), value);
                    }
                    "rawsetenv" => {
                        let (name, value) = variable(&message)?;
                        variables.insert(name, value);
                    }
                    "get-service-config" => {
                        if let Some(input) = &mut input {
                            let answer = canonical::service_json(service) + "\n";
                            // Who asks and does not listen says so by its status.
                            let _ = input.write_all(answer.as_bytes()).await;
                        }
                    }
                    _ => return Err(stranger()),
                }
            }
            drop(input);
            Ok(variables)
        };
        let complaints = async {
            let mut text = String::new();
            if let Some(mut errors) = errors {
                let _ = errors.read_to_string(&mut text).await;
            }
            text
        };
        let (mut read, mut complaints) = (pin!(read), pin!(complaints));
        let (variables, complaints) = tokio::select! {
            variables = &mut read => {
                if variables.is_err() {
                    // One that has failed is not waited for, and neither is what it has started.
                    let _ = child.start_kill();
                    (variables, String::new())
                } else {
                    (variables, complaints.await)
                }
            }
            complaints = &mut complaints => (read.await, complaints),
        };
        let status = child
            .wait()
            .await
            .map_err(|error| Error::new(format!("cannot wait for {}", program.display())).because(&error))?;
        let who = format!(
            "provider `{}` of service `{}`",
            provider.provider_type.value, service.name
        );
        let wrong = match variables {
            Ok(variables) if status.success() => {
                io.progress.done(&object, done);
                return Ok(variables);
            }
            Ok(_) => {
                let code = status
                    .code()
                    .map_or_else(|| "no status".to_owned(), |code| format!("status {code}"));
                let diagnostic = failed(format!("{who} exited with {code}"));
                match last_lines(&complaints) {
                    said if said.is_empty() => diagnostic,
                    said => diagnostic.hint(format!("its last lines: {said}")),
                }
            }
            Err(said) => failed(format!("{who} failed: {}", said.trim())),
        };
        io.progress.failed(&object, "Error");
        Err(vec![wrong].into())
    }

    /// The docker CLI's plugin of that name, or a program in the PATH.
    fn find(&self, project: &Project, provider: &Provider) -> Option<PathBuf> {
        let name = provider.provider_type.value.as_str();
        if name.is_empty() || name == "compose" {
            return None;
        }
        let in_path = || {
            let path = project.environment.get("PATH")?;
            let mut programs = std::env::split_paths(path).map(|folder| folder.join(name));
            programs.find(|program| is_program(program))
        };
        plugin(name, self.docker_config.as_deref()).or_else(in_path)
    }

    async fn metadata(&self, program: &std::path::Path, project: &Project) -> Metadata {
        let output = self.command(program, project).args(["compose", "metadata"]).output();
        match output.await {
            Ok(output) if output.status.success() => serde_json::from_slice(&output.stdout).unwrap_or_default(),
            _ => Metadata::default(),
        }
    }
}

/// The names of the services that somebody provides.
fn provided(project: &Project) -> Vec<String> {
    let services = project.services.values().filter(|service| service.provider.is_some());
    services.map(|service| service.name.clone()).collect()
}

/// What a provider is called with; nothing where it has nothing to do.
///
/// # Errors
///
/// The name of an option that it needs.
fn arguments(
    project: &str,
    service: &Service,
    provider: &Provider,
    metadata: &Metadata,
    verb: Verb,
) -> Result<Option<Vec<String>>, String> {
    let parameters = match verb {
        Verb::Up => &metadata.up,
        Verb::Down => &metadata.down,
        Verb::Stop => match &metadata.stop {
            Some(stop) => stop,
            None => return Ok(None),
        },
    };
    let says_nothing =
        metadata.description.is_empty() && metadata.up.parameters.is_none() && metadata.down.parameters.is_none();
    let known = parameters.parameters.as_deref().unwrap_or_default();
    if let Some(missing) = known
        .iter()
        .find(|known| !says_nothing && known.required && !provider.options.contains_key(&known.name))
    {
        return Err(missing.name.clone());
    }
    let mut arguments = vec![
        "compose".to_owned(),
        format!("--project-name={project}"),
        verb.words()[0].to_owned(),
    ];
    for (name, values) in &provider.options {
        if says_nothing || known.iter().any(|known| known.name == *name) {
            arguments.extend(values.iter().map(|value| format!("--{name}={}", value.value)));
        }
    }
    arguments.push(service.name.clone());
    Ok(Some(arguments))
}

fn variable(said: &str) -> Result<(String, String), String> {
    let pair = said.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or("it sets a variable without a name".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::variable;

    #[test]
    fn variables() {
        let pair = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(variable("URL=x=y"), pair("URL", "x=y"));
        assert_eq!(variable("EMPTY="), pair("EMPTY", ""));
        assert!(variable("=x").is_err() && variable("x").is_err());
    }
}
