//! Waiting for containers: until they are up, and until they end.

use std::time::Duration;

use bollard::query_parameters::WaitContainerOptions;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::Engine;
use super::events::Events;
use super::execute::Execution;
use super::observed::{Container, Observed};
use super::plan::{Goal, Operation, Plan};
use crate::backend::{Deed, Deeds, Io};
use crate::engine::Connection;
use crate::error::{Error, Result};

/// Ends when services have had their time.
pub(super) async fn too_late(limit: Option<Duration>) -> Error {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
    let seconds = limit.unwrap_or_default().as_secs();
    Error::new(format!("the services are not up after {seconds} s"))
        .hint("`ctx ps --all` and `ctx logs` may tell why; what has started goes on")
}

impl Engine {
    /// Waits until the containers of services are up, or those of all; jobs until they have ended well.
    pub async fn wait_until_up(
        &self,
        project: &str,
        services: &[String],
        limit: Option<Duration>,
        io: &Io,
    ) -> Result<()> {
        let containers = self.containers_of(project, services).await?;
        let chosen = |container: &&Container| services.is_empty() || services.contains(&container.service);
        let mut plan = Plan::default();
        for container in containers.iter().filter(chosen).filter(|container| !container.one_off) {
            let wait = Operation::Wait {
                service: &container.service,
                goal: Goal::Up,
                containers: vec![container.name.clone()],
                required: true,
            };
            plan.push(wait, vec![]);
        }
        let events = Events::new();
        let execution = Execution::new(&self.connection, io, &events);
        let nothing = Observed::default();
        tokio::select! {
            result = execution.run_interruptibly(&plan, &nothing) => result,
            error = events.listen(&self.connection, project), if plan.waits() => Err(error),
            late = too_late(limit) => Err(late),
        }
    }

    /// Waits until the containers of services end, or only until the first does; the exit status of the last one.
    pub async fn wait(
        &self,
        project: &str,
        services: &[String],
        first: bool,
        ended: impl Fn(&str, i64),
        io: &Io,
    ) -> Result<i64> {
        let containers = self.containers_of(project, services).await?;
        let chosen = || {
            containers
                .iter()
                .filter(|container| services.contains(&container.service) && !container.one_off)
        };
        let deeds = chosen().map(|container| Deed::Wait(container.name.clone()));
        if io.only_tells(Deeds(deeds.collect()))? {
            return Ok(0);
        }
        let mut waits: FuturesUnordered<_> = chosen()
            .map(|container| async move {
                let status = self.connection.exit_status(&container.id).await;
                (container, status)
            })
            .collect();
        let mut last = 0;
        while let Some((container, status)) = waits.next().await {
            last = status?;
            ended(&container.name, last);
            if first {
                break;
            }
        }
        Ok(last)
    }
}

impl Connection {
    /// Waits until a container ends; its exit status.
    pub(super) async fn exit_status(&self, id: &str) -> Result<i64> {
        let status = self.status_of(id).await;
        let status = status.map_err(|error| self.failed(format!("cannot wait for container {id}"), &error))?;
        status.ok_or_else(|| Error::new("the engine stopped waiting").hint("was it restarted? run the command again"))
    }

    /// As [`Self::exit_status`]; none if the engine stopped waiting.
    pub(super) async fn status_of(&self, id: &str) -> Result<Option<i64>, bollard::errors::Error> {
        let mut waits = self.docker.wait_container(id, None::<WaitContainerOptions>);
        match waits.next().await {
            Some(Ok(answer)) => Ok(Some(answer.status_code)),
            // bollard takes any status but zero for an error.
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Ok(Some(code)),
            Some(Err(error)) => Err(error),
            None => Ok(None),
        }
    }
}
