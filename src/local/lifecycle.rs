//! Starting, stopping and signalling the containers that a project has: planned from labels alone, so that it works
//! without a Compose file, and when that file does not load.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bollard::query_parameters::WaitContainerOptions;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::Engine;
use super::events::Events;
use super::execute::Execution;
use super::hooks;
use super::observed::{Container, Observed};
use super::plan::{Goal, Operation, Plan, Step};
use super::prepare;
use super::reconcile::needs_stop;
use crate::backend::{Io, Lifecycle};
use crate::compose::{Condition, Project};
use crate::diagnostic::nearest;
use crate::engine::Connection;
use crate::error::{Error, Result};

/// What is to be done with containers that are there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verb {
    Start,
    Stop,
    /// With those that asked (`depends_on: {x: {restart: true}}`) to restart with what they depend on, unless `alone`.
    Restart {
        alone: bool,
    },
    /// Sends a signal; the engine's own choice is KILL.
    Kill(Option<String>),
    Pause,
    Unpause,
    /// Takes away those that do not run, with their nameless volumes if wanted.
    Remove {
        volumes: bool,
    },
}

impl From<Lifecycle> for Verb {
    fn from(verb: Lifecycle) -> Self {
        match verb {
            Lifecycle::Start => Self::Start,
            Lifecycle::Stop => Self::Stop,
            Lifecycle::Restart { alone } => Self::Restart { alone },
            Lifecycle::Kill(signal) => Self::Kill(signal),
        }
    }
}

impl Verb {
    /// The command's name.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart { .. } => "restart",
            Self::Kill(_) => "kill",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Remove { .. } => "prune",
        }
    }

    /// Whether containers that `run` has made count too.
    fn reaches_one_offs(&self) -> bool {
        matches!(self, Self::Stop | Self::Kill(_) | Self::Remove { .. })
    }
}

/// Plans a verb for the containers of the named services, or of all.
#[must_use]
pub fn plan<'a>(verb: &Verb, containers: &'a [Container], services: &[String]) -> Plan<'a> {
    let named = |container: &Container| services.is_empty() || services.contains(&container.service);
    let follows = |container: &Container| {
        *verb == Verb::Restart { alone: false }
            && container.is_running()
            && container
                .depends_on
                .iter()
                .any(|on| on.restart && services.contains(&on.service))
    };
    let chosen: Vec<_> = containers
        .iter()
        .filter(|container| named(container) || follows(container))
        .filter(|container| verb.reaches_one_offs() || !container.one_off)
        .collect();
    let mut plan = Plan::default();
    match verb {
        Verb::Stop => stop(&chosen, &mut plan),
        Verb::Start => start(&chosen, &mut plan, &BTreeMap::new()),
        Verb::Restart { .. } => {
            let stopped = by_dependents(&chosen, &mut |container, after| {
                Some(plan.push(Operation::Stop { container }, after.to_vec()))
            });
            start(&chosen, &mut plan, &stopped);
        }
        Verb::Kill(signal) => {
            for container in chosen.into_iter().filter(|container| needs_stop(container)) {
                let signal = signal.clone();
                plan.push(Operation::Kill { container, signal }, vec![]);
            }
        }
        Verb::Pause => {
            for container in chosen.into_iter().filter(|container| container.is_running()) {
                plan.push(Operation::Pause { container }, vec![]);
            }
        }
        Verb::Unpause => {
            for container in chosen.into_iter().filter(|container| container.state == "paused") {
                plan.push(Operation::Unpause { container }, vec![]);
            }
        }
        Verb::Remove { volumes } => {
            for container in chosen.into_iter().filter(|container| !needs_stop(container)) {
                let volumes = *volumes;
                plan.push(Operation::Remove { container, volumes }, vec![]);
            }
        }
    }
    plan
}

fn stop<'a>(containers: &[&'a Container], plan: &mut Plan<'a>) {
    by_dependents(containers, &mut |container, after| {
        needs_stop(container).then(|| plan.push(Operation::Stop { container }, after.to_vec()))
    });
}

/// Starts what does not run, after what it depends on, and under the conditions that its label repeats.
fn start<'a>(containers: &[&'a Container], plan: &mut Plan<'a>, stopped: &BTreeMap<&'a str, Vec<usize>>) {
    let mut started: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for service in in_order(containers) {
        for container in containers.iter().filter(|container| container.service == service) {
            let mut after = stopped.get(service).cloned().unwrap_or_default();
            for on in &container.depends_on {
                let names: Vec<_> = containers
                    .iter()
                    .filter(|other| other.service == on.service)
                    .map(|other| other.name.clone())
                    .collect();
                let before = started.get(on.service.as_str()).cloned().unwrap_or_default();
                if on.condition == Condition::Started || names.is_empty() || before.is_empty() {
                    after.extend(before);
                    continue;
                }
                let wait = Operation::Wait {
                    service: &on.service,
                    goal: Goal::Condition(on.condition),
                    containers: names,
                    required: true,
                };
                after.push(plan.push(wait, before));
            }
            let runs = matches!(container.state.as_str(), "running" | "paused" | "restarting");
            if runs && stopped.is_empty() {
                plan.running.push(container.name.clone());
                continue;
            }
            let mut step = plan.push(Operation::StartAgain { container }, after);
            if !container.hooks.post_start.is_empty() {
                let (name, hooks) = (container.name.clone(), container.hooks.clone());
                step = plan.push(Operation::PostStart { service, name, hooks }, vec![step]);
            }
            started.entry(service).or_default().push(step);
        }
    }
}

/// The services, each after those that it depends on. Labels may lie; a cycle is broken at its first service.
fn in_order<'a>(containers: &[&'a Container]) -> Vec<&'a str> {
    fn visit<'a>(service: &'a str, containers: &[&'a Container], seen: &mut Vec<&'a str>, order: &mut Vec<&'a str>) {
        if seen.contains(&service) {
            return;
        }
        seen.push(service);
        for container in containers.iter().filter(|container| container.service == service) {
            for on in &container.depends_on {
                visit(&on.service, containers, seen, order);
            }
        }
        order.push(service);
    }
    let (mut seen, mut order) = (Vec::new(), Vec::new());
    for container in containers {
        visit(&container.service, containers, &mut seen, &mut order);
    }
    order
}

/// Visits each service's containers after those of the services that depend on it. The visitor gets the steps that
/// those took, and gives its own, if any. The result is each service's last steps.
pub(super) fn by_dependents<'a>(
    containers: &[&'a Container],
    visit: &mut dyn FnMut(&'a Container, &[usize]) -> Option<usize>,
) -> BTreeMap<&'a str, Vec<usize>> {
    let mut steps: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for service in in_order(containers).into_iter().rev() {
        let depends = |other: &&&'a Container| other.depends_on.iter().any(|on| on.service == service);
        let mut before: Vec<_> = containers
            .iter()
            .filter(depends)
            .flat_map(|other| steps.get(other.service.as_str()).into_iter().flatten().copied())
            .collect();
        before.sort_unstable();
        before.dedup();
        let mut own = Vec::new();
        for container in containers.iter().filter(|container| container.service == service) {
            own.extend(visit(container, &before));
        }
        // Where there is nothing to do, the services below wait for what this one would have waited for.
        steps.insert(service, if own.is_empty() { before } else { own });
    }
    steps
}

impl Engine {
    /// Does something with the containers that a project has. `files` are what the project is now, if that is known.
    ///
    /// # Errors
    ///
    /// That the project has no container of a service that is named.
    pub async fn carry_out(
        &self,
        project: &str,
        files: Option<&Project>,
        verb: &Verb,
        services: &[String],
        timeout: Option<Duration>,
        io: &Io,
    ) -> Result<()> {
        let mut containers = self.containers_of(project, services).await?;
        if let Some(files) = files {
            hooks::adopt(&mut containers, files);
        }
        let plan = plan(verb, &containers, services);
        let events = Events::new();
        let execution = Execution::new(&self.connection, io, &events).timeout(timeout);
        let nothing = Observed::default();
        tokio::select! {
            result = execution.run_interruptibly(&plan, &nothing) => result?,
            error = events.listen(&self.connection, project), if plan.waits() => return Err(error),
        }
        match files.filter(|_| *verb == Verb::Stop && services.is_empty()) {
            Some(files) => self.sources().tell(files, prepare::Verb::Stop, io).await,
            None => Ok(()),
        }
    }

    /// What a verb would do, a line a step.
    pub async fn preview(
        &self,
        project: &str,
        files: Option<&Project>,
        verb: &Verb,
        services: &[String],
    ) -> Result<String> {
        let mut containers = self.containers_of(project, services).await?;
        if let Some(files) = files {
            hooks::adopt(&mut containers, files);
        }
        Ok(plan(verb, &containers, services).to_string())
    }

    /// The names of the containers that [`Verb::Remove`] would take away.
    pub async fn removable(&self, project: &str, services: &[String]) -> Result<Vec<String>> {
        let containers = self.containers_of(project, services).await?;
        let plan = plan(&Verb::Remove { volumes: false }, &containers, services);
        let name = |step: &Step<'_>| match &step.operation {
            Operation::Remove { container, .. } => Some(container.name.clone()),
            _ => None,
        };
        Ok(plan.steps.iter().filter_map(name).collect())
    }

    /// Waits until the containers of services end, or only until the first does; the exit status of the last one.
    pub async fn wait(
        &self,
        project: &str,
        services: &[String],
        first: bool,
        ended: impl Fn(&str, i64),
    ) -> Result<i64> {
        let containers = self.containers_of(project, services).await?;
        let mut waits: FuturesUnordered<_> = containers
            .iter()
            .filter(|container| services.contains(&container.service) && !container.one_off)
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

    /// The project's containers; all named services have one.
    pub(super) async fn containers_of(&self, project: &str, services: &[String]) -> Result<Vec<Container>> {
        let containers = self.connection.project_containers(project).await?;
        let mut containers: Vec<_> = containers.iter().map(Container::read).collect();
        containers.sort_by(|a, b| (&a.service, a.number, &a.name).cmp(&(&b.service, b.number, &b.name)));
        for service in services {
            if !containers.iter().any(|container| container.service == *service) {
                let error = Error::new(format!("project {project} has no container of service `{service}`"));
                let known: BTreeSet<_> = containers.iter().map(|container| container.service.as_str()).collect();
                return Err(match nearest(service, known.iter().copied()) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None if known.is_empty() => {
                        error.hint("`ctx projects --all` lists the projects that have containers")
                    }
                    None => error.hint("`ctx ps --all` lists those that it has"),
                });
            }
        }
        Ok(containers)
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
