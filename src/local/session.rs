//! One run of `up`: the plan carried out, and, if attached, the containers' output until they end.

use std::pin::pin;

use bollard::query_parameters::KillContainerOptions;
use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::watch;

use super::attach::{Attachments, Before, follow_all};
use super::events::Events;
use super::execute::Execution;
use super::lifecycle::{self, Verb};
use super::names;
use super::observed::{Container, Observed};
use super::plan::Plan;
use super::reconcile::needs_stop;
use super::waits::too_late;
use crate::backend::{Abort, Io, UpOptions};
use crate::compose::Project;
use crate::engine::{Connection, message};
use crate::error::{Error, Result};

/// The exit status of an `up` that was stopped from the keyboard, as Docker Compose's.
const INTERRUPTED: u8 = 130;

pub(super) struct Session<'a> {
    pub(super) connection: &'a Connection,
    pub(super) project: &'a Project,
    pub(super) options: &'a UpOptions,
    pub(super) io: &'a Io,
}

impl Session<'_> {
    pub(super) async fn detached(&self, plan: &Plan<'_>, observed: &Observed) -> Result<()> {
        let events = Events::new();
        let execution = self.execution(&events);
        let limit = self.options.wait_timeout.filter(|_| self.options.wait);
        tokio::select! {
            result = execution.run_interruptibly(plan, observed) => result,
            error = events.listen(self.connection, &self.project.name), if plan.waits() => Err(error),
            late = too_late(limit) => Err(late),
        }
    }

    fn execution<'e>(&'e self, events: &'e Events) -> Execution<'e> {
        Execution::new(self.connection, self.io, events)
            .timeout(self.options.timeout)
            .renewing_volumes(self.options.renew_volumes)
    }

    /// Ends when all containers have, or when the user has stopped them: then with the status of an interrupt.
    pub(super) async fn attached(&self, plan: &Plan<'_>, observed: &Observed) -> Result<u8> {
        let events = Events::new();
        tokio::select! {
            result = self.followed(plan, observed, &events) => result,
            error = events.listen(self.connection, &self.project.name) => Err(error),
        }
    }

    async fn followed(&self, plan: &Plan<'_>, observed: &Observed, events: &Events) -> Result<u8> {
        let (attachments, announced) = Attachments::new(self.options, self.project);
        self.io.log.expect(&self.replicas(&attachments));
        for container in observed
            .containers
            .iter()
            .filter(|container| plan.running.contains(&container.name))
        {
            if let Some(service) = self.project.services.get(&container.service) {
                attachments.add(service, &container.name, Before::default(), true);
            }
        }
        let execution = self.execution(events).attached(attachments);
        let halt = execution.halt();
        let run = async move {
            match execution.run(plan, observed).await {
                // Halted, and not by a failure: what has begun is followed to its end.
                Err(Error::Exit(_)) => Ok(()),
                result => result,
            }
        };
        let exits = watch::Sender::new(Vec::new());
        let ended_it = |exit: &(String, i64)| match self.options.abort {
            Abort::Never => false,
            Abort::OnExit => true,
            Abort::OnFailure => exit.1 != 0,
        };
        let (name, halted) = (&self.project.name, halt.subscribe());
        let follow = follow_all(self.connection, events, name, self.io, announced, &exits, &halted);
        let mut all = pin!(async { tokio::try_join!(run, follow).map(|_| ()) });
        let mut stopped = pin!(async {
            let mut abort = exits.subscribe();
            tokio::select! {
                () = self.io.interrupts.reached(1) => {
                    self.io
                        .progress
                        .working("Gracefully stopping", "press Ctrl-C again to force");
                }
                _ = abort.wait_for(|exits| exits.iter().any(ended_it)) => {
                    self.io.progress.working("Stopping", "since a container has ended");
                }
            }
            halt.send_replace(true);
            self.stop(events).await
        });
        let interrupted = || self.io.interrupts.reached(1).now_or_never().is_some();
        tokio::select! {
            result = &mut all => {
                result?;
                if interrupted() || exits.borrow().iter().any(ended_it) {
                    stopped.await?;
                }
            }
            result = &mut stopped => {
                result?;
                all.await?;
            }
        }
        if interrupted() {
            return Ok(INTERRUPTED);
        }
        let exits = exits.borrow();
        // Of the service that was chosen, else of the container that has ended it.
        let chosen = |exit: &&(String, i64)| self.options.exit_code_from.as_ref() == Some(&exit.0);
        let exit = exits.iter().find(chosen);
        let exit = exit.or_else(|| exits.iter().find(|exit| ended_it(exit)));
        Ok(exit.map_or(0, |(_, code)| u8::try_from(code & 0xff).unwrap_or(u8::MAX)))
    }

    /// What the containers are called whose output will be shown.
    fn replicas(&self, attachments: &Attachments) -> Vec<String> {
        let mut replicas = Vec::new();
        for service in self.project.services.values() {
            if attachments.show(service) {
                let names = (1..=service.replicas())
                    .map(|number| names::container(self.project, service, u32::try_from(number).unwrap_or(0)));
                replicas.extend(names.map(|name| names::replica(&self.project.name, &name)));
            }
        }
        replicas
    }

    /// Stops the project's containers, and kills them at the next interrupt.
    pub(super) async fn stop(&self, events: &Events) -> Result<()> {
        let containers = self.connection.project_containers(&self.project.name).await?;
        let containers: Vec<_> = containers.iter().map(Container::read).collect();
        let execution = Execution::new(self.connection, self.io, events).timeout(self.options.timeout);
        let (plan, nothing) = (lifecycle::plan(&Verb::Stop, &containers, &[]), Observed::default());
        let killed = async {
            self.io.interrupts.reached(2).await;
            let kill = |container| self.kill(container);
            join_all(containers.iter().filter(|container| needs_stop(container)).map(kill)).await;
        };
        tokio::select! {
            result = execution.run(&plan, &nothing) => result,
            () = killed => Ok(()),
        }
    }

    async fn kill(&self, container: &Container) {
        let object = format!("Container {}", container.name);
        let kill = self
            .connection
            .docker
            .kill_container(&container.id, None::<KillContainerOptions>);
        match kill.await {
            Ok(()) => self.io.progress.done(object, "Killed"),
            Err(error) => self.io.progress.warning(object, message(&error)),
        }
    }
}
