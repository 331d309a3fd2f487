//! What happens to a project's containers, as the engine tells it, and waiting for it.
//!
//! An event only wakes; what is true is asked of the engine then. So nothing is lost between looking and listening,
//! and events that are delivered twice or late do no harm.

use std::collections::HashMap;

use bollard::models::{ContainerInspectResponse, HealthStatusEnum};
use bollard::query_parameters::{EventsOptions, InspectContainerOptions, LogsOptions};
use futures_util::StreamExt;
use tokio::sync::watch;

use super::labels;
use super::plan::Goal;
use crate::compose::Condition;
use crate::engine::{Connection, is_missing};
use crate::error::{Error, Result};

/// What wakes those who wait; two of them in Podman's words too.
const HAPPENINGS: [&str; 6] = ["start", "die", "died", "health_status", "destroy", "remove"];

/// How often something has happened to each container, by name.
#[derive(Debug)]
pub(super) struct Events(watch::Sender<HashMap<String, u64>>);

impl Events {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(HashMap::new()))
    }

    /// Listens to the engine until it ends the stream, which is an error.
    pub(super) async fn listen(&self, connection: &Connection, project: &str) -> Error {
        let filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("label".to_owned(), vec![format!("{}={project}", labels::PROJECT)]),
            ("event".to_owned(), HAPPENINGS.map(str::to_owned).to_vec()),
        ]);
        let options = EventsOptions {
            // All that the engine remembers, so that nothing falls between a look at a container and this request.
            since: Some("1".to_owned()),
            filters: Some(filters),
            ..EventsOptions::default()
        };
        let mut events = connection.docker.events(Some(options));
        while let Some(event) = events.next().await {
            let event = match event {
                Ok(event) => event,
                Err(error) => return connection.failed("lost the engine's events", &error),
            };
            let attributes = event.actor.and_then(|actor| actor.attributes).unwrap_or_default();
            if let Some(name) = attributes.get("name") {
                self.0
                    .send_modify(|counts| *counts.entry(name.clone()).or_default() += 1);
            }
        }
        Error::new("the engine ended its stream of events").hint("was it restarted? run the command again")
    }

    /// Waits until a container reaches a goal; what it is then is the result.
    ///
    /// # Errors
    ///
    /// That it cannot reach the goal any more, and why.
    pub(super) async fn wait(&self, connection: &Connection, name: &str, goal: Goal) -> Result<&'static str> {
        let mut woken = self.of(name);
        loop {
            let options = None::<InspectContainerOptions>;
            let container = connection.docker.inspect_container(name, options).await;
            let container = container.map_err(|error| {
                if is_missing(&error) {
                    return Error::new(format!("container {name} was removed while it was waited for"))
                        .hint("run the command again to make a new one");
                }
                connection.failed(format!("cannot look at container {name}"), &error)
            })?;
            match judge(&container, goal) {
                Verdict::Met(word) => return Ok(word),
                Verdict::Failed(why) => return Err(connection.explain(name, why, &container).await),
                Verdict::NotYet => {}
            }
            woken.next().await?;
        }
    }

    /// What happens to any container from now on.
    pub(super) fn any(&self) -> watch::Receiver<HashMap<String, u64>> {
        self.0.subscribe()
    }

    /// What happens to one container from now on.
    pub(super) fn of(&self, name: &str) -> Woken {
        let counts = self.0.subscribe();
        let seen = counts.borrow().get(name).copied();
        Woken {
            name: name.to_owned(),
            counts,
            seen,
        }
    }
}

/// Wakes at what happens to one container.
#[derive(Debug)]
pub(super) struct Woken {
    name: String,
    counts: watch::Receiver<HashMap<String, u64>>,
    seen: Option<u64>,
}

impl Woken {
    /// Ends when something has happened since the last time, or since the beginning.
    pub(super) async fn next(&mut self) -> Result<()> {
        let Self { name, counts, seen } = self;
        let happened = |counts: &HashMap<String, u64>| counts.get(name).copied() != *seen;
        let now = counts.wait_for(happened).await.map(|counts| counts.get(name).copied());
        *seen = now.map_err(|_| Error::new("lost the engine's events"))?;
        Ok(())
    }
}

enum Verdict {
    Met(&'static str),
    NotYet,
    Failed(String),
}

fn judge(container: &ContainerInspectResponse, goal: Goal) -> Verdict {
    let Some(state) = &container.state else {
        return Verdict::Failed("has no state".to_owned());
    };
    let running = state.running.unwrap_or_default();
    let restarting = state.restarting.unwrap_or_default();
    let started = state.started_at.as_deref().is_some_and(|at| !at.starts_with("0001"));
    let ended = started && !running && !restarting;
    let code = state.exit_code.unwrap_or_default();
    let health = state.health.as_ref().and_then(|health| health.status);
    let unhealthy = || Verdict::Failed("is unhealthy".to_owned());
    match goal {
        Goal::Condition(Condition::Started) if started => Verdict::Met("Started"),
        // A job that has done its work is as good as a server that runs.
        Goal::Condition(Condition::CompletedSuccessfully) | Goal::Up if ended => match code {
            0 => Verdict::Met("Exited"),
            _ => Verdict::Failed(format!("exited with status {code}")),
        },
        Goal::Condition(Condition::Healthy) if ended => {
            Verdict::Failed(format!("exited with status {code} before it was healthy"))
        }
        Goal::Condition(Condition::Healthy) => match health {
            Some(HealthStatusEnum::HEALTHY) => Verdict::Met("Healthy"),
            Some(HealthStatusEnum::UNHEALTHY) => unhealthy(),
            None | Some(HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) if running => {
                Verdict::Failed("has no health check, so it will never be healthy".to_owned())
            }
            _ => Verdict::NotYet,
        },
        Goal::Up => match health {
            Some(HealthStatusEnum::UNHEALTHY) => unhealthy(),
            Some(HealthStatusEnum::STARTING) => Verdict::NotYet,
            Some(HealthStatusEnum::HEALTHY) => Verdict::Met("Healthy"),
            _ if running && !restarting => Verdict::Met("Running"),
            _ => Verdict::NotYet,
        },
        Goal::Condition(Condition::Started | Condition::CompletedSuccessfully) => Verdict::NotYet,
    }
}

impl Connection {
    /// An error about a container with what it said last: its health check, or itself.
    async fn explain(&self, name: &str, why: String, container: &ContainerInspectResponse) -> Error {
        let state = container.state.as_ref();
        let health = state
            .and_then(|state| state.health.as_ref())
            .and_then(|health| health.log.as_ref()?.last());
        let error = Error::new(format!("container {name} {why}"));
        if let Some(probe) = health.filter(|_| why.contains("healthy")) {
            let output = probe.output.as_deref().unwrap_or_default().trim();
            if !output.is_empty() || probe.exit_code.is_some() {
                let status = probe
                    .exit_code
                    .map_or_else(String::new, |code| format!(" (status {code})"));
                return error.hint(format!("its health check said{status}: {}", or_nothing(output)));
            }
        }
        if why.contains("health check") {
            return error.hint("give it a `healthcheck`, or depend on it with `condition: service_started`");
        }
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            tail: "5".to_owned(),
            ..LogsOptions::default()
        };
        let mut lines = self.docker.logs(name, Some(options));
        let mut said = String::new();
        while let Some(Ok(line)) = lines.next().await {
            said.push_str(&line.to_string());
        }
        error.hint(format!("its last lines: {}", or_nothing(said.trim())))
    }
}

fn or_nothing(said: &str) -> &str {
    if said.is_empty() { "(nothing)" } else { said }
}
