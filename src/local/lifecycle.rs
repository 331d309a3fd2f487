//! Starting, stopping and signalling the containers that a project has: planned from labels alone, so that it works
//! without a Compose file, and when that file does not load.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

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
    /// Takes away those that do not run, or all after a stop, with their nameless volumes if wanted.
    Remove {
        volumes: bool,
        stop: bool,
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

/// Plans a verb for the containers of the named services, or of all. To start one is to start what it depends on.
#[must_use]
pub fn plan<'a>(verb: &Verb, containers: &'a [Container], services: &[String]) -> Plan<'a> {
    let all: Vec<_> = containers.iter().collect();
    let wanted = match verb {
        Verb::Start => in_order(&all, services.iter().map(String::as_str)),
        _ => services.iter().map(String::as_str).collect(),
    };
    let named = |container: &Container| services.is_empty() || wanted.contains(&container.service.as_str());
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
        Verb::Remove { volumes, stop } => {
            let stopped = by_dependents(&chosen, &mut |container, after| {
                (*stop && needs_stop(container)).then(|| plan.push(Operation::Stop { container }, after.to_vec()))
            });
            for container in chosen.into_iter().filter(|container| *stop || !needs_stop(container)) {
                let (volumes, service) = (*volumes, container.service.as_str());
                let after = stopped.get(service).cloned().unwrap_or_default();
                plan.push(Operation::Remove { container, volumes }, after);
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
    for service in in_order(containers, services(containers)) {
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

fn services<'a>(containers: &[&'a Container]) -> impl Iterator<Item = &'a str> {
    containers.iter().map(|container| container.service.as_str())
}

/// The services and all that they depend on, each after those that it depends on. Labels may lie; a cycle is broken at
/// its first service.
fn in_order<'a>(containers: &[&'a Container], services: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
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
    for service in services {
        visit(service, containers, &mut seen, &mut order);
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
    for service in in_order(containers, services(containers)).into_iter().rev() {
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

/// That a project has no container of a service, or none of a number; with what may have been meant.
pub(super) fn none_of(project: &str, service: &str, number: Option<u32>, containers: &[Container]) -> Error {
    let number = number.map_or(String::new(), |number| format!(" {number}"));
    let error = Error::new(format!(
        "project {project} has no container{number} of service `{service}`"
    ));
    let known: BTreeSet<_> = containers.iter().map(|container| container.service.as_str()).collect();
    match nearest(service, known.iter().copied()).filter(|near| *near != service) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => error.hint(MISSING),
        None => error.hint("`ctx ps --all` lists those that it has"),
    }
}

/// What to do about a project without containers.
const MISSING: &str = "`ctx up` makes them; `ctx projects --all` lists the projects that have some";

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
        match verb {
            Verb::Start if containers.is_empty() => {
                return Err(Error::new(format!("project {project} has no containers to start")).hint(MISSING));
            }
            // `prune` says itself that it has found none.
            Verb::Remove { .. } => {}
            _ if containers.is_empty() => {
                let about = "Has no containers; `ctx projects --all` lists those that have";
                io.progress.warning(format!("Project {project}"), about);
            }
            _ => {}
        }
        let plan = plan(verb, &containers, services);
        if io.only_tells(&plan)? {
            return Ok(());
        }
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

    /// The names of the containers that [`Verb::Remove`] would take away; with `stop` also of those that run.
    pub async fn removable(&self, project: &str, services: &[String], stop: bool) -> Result<Vec<String>> {
        let containers = self.containers_of(project, services).await?;
        let remove = Verb::Remove { volumes: false, stop };
        let plan = plan(&remove, &containers, services);
        let name = |step: &Step<'_>| match &step.operation {
            Operation::Remove { container, .. } => Some(container.name.clone()),
            _ => None,
        };
        Ok(plan.steps.iter().filter_map(name).collect())
    }

    /// The project's containers; all named services have one.
    pub(super) async fn containers_of(&self, project: &str, services: &[String]) -> Result<Vec<Container>> {
        let containers = self.connection.project_containers(project).await?;
        let mut containers: Vec<_> = containers.iter().map(Container::read).collect();
        containers.sort_by(|a, b| (&a.service, a.number, &a.name).cmp(&(&b.service, b.number, &b.name)));
        for service in services {
            if !containers.iter().any(|container| container.service == *service) {
                return Err(none_of(project, service, None, &containers));
            }
        }
        Ok(containers)
    }
}
