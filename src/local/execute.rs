//! Does what a plan says. Decides nothing: which step waits for which stands in the plan.
//!
//! Long because each step of a plan has its own call to the engine.

pub(super) mod complete;
pub(super) mod create;
mod hooks;
mod network;

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Mutex;
use std::thread::available_parallelism;
use std::time::Duration;

use bollard::models::NetworkDisconnectRequest;
use bollard::query_parameters::{
    KillContainerOptions, RemoveContainerOptions, RemoveVolumeOptions, RenameContainerOptions, StartContainerOptions,
    StopContainerOptions,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Semaphore, watch};

use super::attach::{Attachments, Before};
use super::container::whole_seconds;
use super::events::Events;
use super::failure;
use super::observed::{Container, Observed};
use super::plan::{Goal, Operation, Plan};
use crate::backend::Io;
use crate::engine::{Connection, is_missing, message};
use crate::error::{Error, Result};
use crate::progress::{Event, State};

/// Requests under way at a time unless the user says otherwise. To start a container is mostly to wait, so that the
/// engine gains from many; beyond some they would only wait there instead of here.
const PARALLEL: usize = 64;

/// Containers being made at a time where the machine does not say how many cores it has.
const CREATIONS: usize = 2;

/// Containers being stopped at a time, as long as they end: the engine takes a third longer for thirty at once.
const STOPS: usize = 8;

/// When no container has stopped for so long, the requests wait for the containers rather than for the engine.
const ENGINE_TIME: Duration = Duration::from_millis(200);

/// After this time it is said for whom a stop waits.
const UNNOTICED: Duration = Duration::from_secs(1);

/// What a plan is carried out with.
pub(super) struct Execution<'a> {
    connection: &'a Connection,
    io: &'a Io,
    events: &'a Events,
    /// Where the output of containers that are started goes, if anywhere.
    attachments: Option<Attachments<'a>>,
    /// How long containers may take to stop, if that is not up to them.
    timeout: Option<Duration>,
    /// Whether nameless volumes are not handed on.
    renew_volumes: bool,
    /// Ids of each service's containers by number, those that were there and those made since.
    ids: Mutex<HashMap<String, BTreeMap<u32, String>>>,
    slots: Semaphore,
    /// To make a container is work, and to start one is to wait: with few being made at a time the first starts
    /// begin early, and go on beside the making of the others.
    creations: Semaphore,
    stops: Semaphore,
    /// Changes with each container that has stopped.
    stopped: watch::Sender<()>,
    /// Turns true when nothing more shall begin.
    halted: watch::Sender<bool>,
}

impl<'a> Execution<'a> {
    pub(super) fn new(connection: &'a Connection, io: &'a Io, events: &'a Events) -> Self {
        Self {
            connection,
            io,
            events,
            attachments: None,
            timeout: None,
            renew_volumes: false,
            ids: Mutex::default(),
            slots: Semaphore::new(io.parallel.map_or(PARALLEL, NonZeroUsize::get)),
            creations: Semaphore::new(
                available_parallelism()
                    .map_or(CREATIONS, NonZeroUsize::get)
                    .max(CREATIONS),
            ),
            stops: Semaphore::new(STOPS),
            stopped: watch::Sender::new(()),
            halted: watch::Sender::new(false),
        }
    }

    pub(super) fn attached(self, attachments: Attachments<'a>) -> Self {
        Self {
            attachments: Some(attachments),
            ..self
        }
    }

    pub(super) fn renewing_volumes(self, renew_volumes: bool) -> Self {
        Self { renew_volumes, ..self }
    }

    pub(super) fn timeout(self, timeout: Option<Duration>) -> Self {
        Self { timeout, ..self }
    }

    /// Carries the plan out. After a failure what has begun is finished and nothing more begins, but
    /// what is being restarted.
    pub(super) async fn run(&self, plan: &Plan<'_>, observed: &Observed) -> Result<()> {
        self.remember(plan, observed);
        for (object, about) in &plan.warnings {
            self.io.progress.warning(object, about);
        }
        for name in &plan.running {
            self.io.progress.done(format!("Container {name}"), "Running");
        }
        self.steps(plan).await
    }

    /// As [`Self::run`], where the first interrupt lets what has begun end and the second does not.
    pub(super) async fn run_interruptibly(&self, plan: &Plan<'_>, observed: &Observed) -> Result<()> {
        let interrupted = async {
            self.io.interrupts.reached(1).await;
            self.halted.send_replace(true);
            let text = "waiting for what has begun; press Ctrl-C again to leave at once";
            self.io.progress.working("Interrupted", text);
            self.io.interrupts.reached(2).await;
        };
        tokio::select! {
            result = self.run(plan, observed) => result,
            () = interrupted => Err(Error::INTERRUPTED),
        }
    }

    /// What lets nothing more begin once it is true.
    pub(super) fn halt(&self) -> watch::Sender<bool> {
        self.halted.clone()
    }

    async fn steps(&self, plan: &Plan<'_>) -> Result<()> {
        let mut missing: Vec<_> = plan.steps.iter().map(|step| step.after.len()).collect();
        let mut then = vec![Vec::new(); plan.steps.len()];
        for (place, step) in plan.steps.iter().enumerate() {
            step.after.iter().for_each(|before| then[*before].push(place));
        }
        let mut under_way = FuturesUnordered::new();
        for (place, step) in plan.steps.iter().enumerate() {
            if step.after.is_empty() {
                under_way.push(self.numbered(place, plan));
            }
        }
        let mut failure = None;
        while let Some((place, result)) = under_way.next().await {
            if let Err(error) = result {
                self.halted.send_replace(true);
                failure.get_or_insert(error);
                continue;
            }
            let halted = *self.halted.borrow();
            // A restart has stopped what would stay stopped; only a wait is over before its time.
            let restarts = failure.is_some() && !matches!(plan.steps[place].operation, Operation::Wait { .. });
            for next in &then[place] {
                let again = restarts && matches!(plan.steps[*next].operation, Operation::StartAgain { .. });
                if halted && !again {
                    continue;
                }
                missing[*next] -= 1;
                if missing[*next] == 0 {
                    under_way.push(self.numbered(*next, plan));
                }
            }
        }
        match failure {
            Some(error) => Err(error),
            None if *self.halted.borrow() => Err(Error::INTERRUPTED),
            None => Ok(()),
        }
    }

    async fn numbered(&self, place: usize, plan: &Plan<'_>) -> (usize, Result<()>) {
        (place, Box::pin(self.perform(&plan.steps[place].operation)).await)
    }

    async fn perform(&self, operation: &Operation<'_>) -> Result<()> {
        if let Operation::Wait {
            goal,
            containers,
            required,
            ..
        } = operation
        {
            let mut halted = self.halted.subscribe();
            return tokio::select! {
                result = self.wait(*goal, containers, *required) => result,
                _ = halted.wait_for(|halted| *halted) => Ok(()),
            };
        }
        let turn = match operation {
            Operation::CreateContainer(_) => Some(self.creations.acquire().await),
            Operation::Stop { .. } => Some(self.stops.acquire().await),
            _ => None,
        };
        let slot = self.slots.acquire().await;
        let docker = &self.connection.docker;
        match operation {
            Operation::CreateNetwork(request) => {
                let create = async || self.connection.make_network(request).await;
                self.doing(&format!("Network {}", request.name), ["Creating", "Created"], create)
                    .await
            }
            Operation::CreateVolume(request) => {
                let name = request.name.as_deref().unwrap_or_default();
                let create = async || docker.create_volume((**request).clone()).await.map(drop);
                self.doing(&format!("Volume {name}"), ["Creating", "Created"], create)
                    .await
            }
            Operation::RemoveNetwork { id, name } => {
                let remove = async || docker.remove_network(id).await;
                self.removing(&format!("Network {name}"), remove).await
            }
            Operation::RemoveVolume { name } => {
                let remove = async || docker.remove_volume(name, None::<RemoveVolumeOptions>).await;
                self.removing(&format!("Volume {}", short(name)), remove).await
            }
            Operation::Disconnect { network, container } => {
                let request = NetworkDisconnectRequest {
                    container: container.id.clone(),
                    force: Some(true),
                };
                let result = docker.disconnect_network(network, request).await;
                result.map_err(|error| {
                    self.connection
                        .failed(format!("cannot disconnect {} from {network}", container.name), &error)
                })
            }
            Operation::CreateContainer(creation) => Box::pin(self.create(creation)).await,
            Operation::Start { service, name, again } => {
                let object = format!("Container {name}");
                let before = match again {
                    Some(_) if self.attachments.is_some() => self.connection.before(name).await?,
                    _ => Before::default(),
                };
                let start = || docker.start_container(name, None::<StartContainerOptions>);
                let start = async || self.connection.on_networks(start).await;
                if let Err(error) = self.telling(&object, ["Starting", "Started"], start).await {
                    return Err(failure::start(self.connection, service, name, &error).await);
                }
                if let Some(attachments) = &self.attachments {
                    attachments.add(service, name, before, false);
                }
                Ok(())
            }
            Operation::PreStart {
                project,
                service,
                name,
                hooks,
            } => {
                // Its time is the hook's, not the engine's.
                drop(slot);
                Box::pin(self.pre_start(project, service, name, hooks)).await
            }
            Operation::PostStart { service, name, hooks } => {
                drop(slot);
                Box::pin(self.post_start(service, name, &hooks.post_start)).await
            }
            Operation::Stop { container } => {
                let mut stop = pin!(self.stop(container));
                let mut others = self.stopped.subscribe();
                loop {
                    tokio::select! {
                        result = &mut stop => {
                            self.stopped.send_replace(());
                            return result;
                        }
                        _ = others.changed() => {}
                        () = tokio::time::sleep(ENGINE_TIME) => break,
                    }
                }
                drop((turn, slot));
                stop.await
            }
            Operation::StartAgain { container } => {
                let object = format!("Container {}", container.name);
                let start = async || {
                    docker
                        .start_container(&container.id, None::<StartContainerOptions>)
                        .await
                };
                let started = self.telling(&object, ["Starting", "Started"], start).await;
                match started {
                    Ok(()) => Ok(()),
                    Err(error) => Err(failure::start_again(self.connection, &container.name, &error).await),
                }
            }
            Operation::Kill { container, signal } => {
                let options = KillContainerOptions {
                    signal: signal.clone().unwrap_or_else(|| "SIGKILL".to_owned()),
                };
                let kill = async || docker.kill_container(&container.id, Some(options.clone())).await;
                self.doing(&format!("Container {}", container.name), ["Killing", "Killed"], kill)
                    .await
            }
            Operation::Pause { container } => {
                let pause = async || docker.pause_container(&container.id).await;
                self.doing(&format!("Container {}", container.name), ["Pausing", "Paused"], pause)
                    .await
            }
            Operation::Unpause { container } => {
                let unpause = async || docker.unpause_container(&container.id).await;
                self.doing(
                    &format!("Container {}", container.name),
                    ["Unpausing", "Unpaused"],
                    unpause,
                )
                .await
            }
            Operation::Remove { container, volumes } => {
                let options = RemoveContainerOptions {
                    force: true,
                    v: *volumes,
                    link: false,
                };
                let remove = async || docker.remove_container(&container.id, Some(options.clone())).await;
                self.removing(&format!("Container {}", container.name), remove).await
            }
            Operation::Rename { from, to } => {
                let options = RenameContainerOptions { name: to.clone() };
                let result = docker.rename_container(from, options).await;
                result.map_err(|error| {
                    self.connection
                        .failed(format!("cannot rename container {from}"), &error)
                })?;
                self.io.progress.done(format!("Container {to}"), "Recreated");
                Ok(())
            }
            Operation::Wait { .. } => Ok(()),
        }
    }

    async fn stop(&self, container: &Container) -> Result<()> {
        Box::pin(self.pre_stop(container)).await;
        let timeout = self.timeout.map(|timeout| match timeout {
            Duration::MAX => -1,
            _ => i32::try_from(whole_seconds(timeout)).unwrap_or(i32::MAX),
        });
        let options = StopContainerOptions {
            t: timeout,
            signal: None,
        };
        let stop = async || match self
            .connection
            .docker
            .stop_container(&container.id, Some(options.clone()))
            .await
        {
            Err(error) if is_missing(&error) => Ok(()),
            result => result,
        };
        let object = format!("Container {}", container.name);
        let mut stopping = pin!(self.doing(&object, ["Stopping", "Stopped"], stop));
        tokio::select! {
            result = &mut stopping => return result,
            () = tokio::time::sleep(UNNOTICED) => {}
        }
        let most = match self.timeout {
            Some(Duration::MAX) => "for ever".to_owned(),
            Some(timeout) => format!("{} s at most", whole_seconds(timeout)),
            None => "as long as its `stop_grace_period` says".to_owned(),
        };
        self.io.progress.event(Event {
            id: object.clone(),
            state: State::Working,
            text: "Stopping".to_owned(),
            detail: Some(format!("waiting for it to end, {most}")),
        });
        stopping.await
    }

    async fn wait(&self, goal: Goal, containers: &[String], required: bool) -> Result<()> {
        for name in containers {
            let object = format!("Container {name}");
            self.io.progress.working(&object, "Waiting");
            match self.events.wait(self.connection, name, goal).await {
                Ok(word) => self.io.progress.done(object, word),
                Err(error) if required => {
                    self.io.progress.failed(object, "Error");
                    return Err(error);
                }
                Err(error) => self.io.progress.warning(object, error.to_string()),
            }
        }
        Ok(())
    }

    /// A request with its words before and after.
    async fn doing(
        &self,
        object: &str,
        words: [&str; 2],
        request: impl AsyncFnOnce() -> Result<(), bollard::errors::Error>,
    ) -> Result<()> {
        let what = || {
            let (kind, name) = object.split_once(' ').unwrap_or((object, ""));
            let verb = match words[0] {
                "Creating" => "create",
                "Removing" => "remove",
                "Stopping" => "stop",
                "Killing" => "kill",
                "Pausing" => "pause",
                "Unpausing" => "unpause",
                _ => "change",
            };
            format!("cannot {verb} {} {name}", kind.to_lowercase())
        };
        let result = self.telling(object, words, request).await;
        result.map_err(|error| self.connection.failed(what(), &error))
    }

    /// As [`Self::doing`], for those who know more about what can go wrong.
    async fn telling(
        &self,
        object: &str,
        [doing, done]: [&str; 2],
        request: impl AsyncFnOnce() -> Result<(), bollard::errors::Error>,
    ) -> Result<(), bollard::errors::Error> {
        self.io.progress.working(object, doing);
        self.told(object, done, request().await)
    }

    /// Says how a request ended.
    fn told(
        &self,
        object: &str,
        done: &str,
        result: Result<(), bollard::errors::Error>,
    ) -> Result<(), bollard::errors::Error> {
        match &result {
            Ok(()) if done.is_empty() => {}
            Ok(()) => self.io.progress.done(object, done),
            Err(error) => self.io.progress.failed(object, message(error)),
        }
        result
    }

    /// As [`Self::doing`], where gone already is as good, and what others still use stays.
    async fn removing(
        &self,
        object: &str,
        request: impl AsyncFnOnce() -> Result<(), bollard::errors::Error>,
    ) -> Result<()> {
        let mut in_use = None;
        let words = ["Removing", "Removed"];
        let removed = self.doing(object, words, async || match request().await {
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) if !object.starts_with("Container") && is_in_use(&error) => {
                in_use = Some(message(&error));
                Ok(())
            }
            result => result,
        });
        removed.await?;
        if in_use.is_some() {
            self.io.progress.warning(object, "Resource is still in use");
        }
        Ok(())
    }
}

fn is_in_use(error: &bollard::errors::Error) -> bool {
    let text = message(error);
    ["has active endpoints", "volume is in use"]
        .iter()
        .any(|why| text.contains(why))
}

/// A name for people: of those that the engine made up, the first digits are enough.
fn short(volume: &str) -> &str {
    if volume.len() == 64 {
        volume.get(..12).unwrap_or(volume)
    } else {
        volume
    }
}
