//! From what a project says and what an engine has to what must be done: a pure function.
//!
//! Long because one decision leads to the next, and none is taken anywhere else.

mod obsolete;
mod shared;

use std::collections::{BTreeMap, BTreeSet};

use super::dependencies::{Needs, in_order, needs};
use super::hooks::{self, Hooks};
use super::names;
use super::observed::{Container, Observed};
use super::plan::{Creation, Goal, Operation, Plan};
use crate::backend::UpOptions;
use crate::compose::{Condition, Project, Service};
use shared::named_volume;

/// Plans how the engine comes to what the project says. Containers that are as they should be stay as they are.
#[must_use]
pub fn reconcile<'a>(project: &'a Project, observed: &'a Observed, options: &'a UpOptions) -> Plan<'a> {
    let mut planner = Planner {
        project,
        observed,
        options,
        plan: Plan::default(),
        networks: BTreeMap::new(),
        volumes: BTreeMap::new(),
        services: BTreeMap::new(),
    };
    planner.networks();
    planner.volumes();
    for service in in_order(project) {
        planner.service(service);
    }
    planner.orphans();
    if options.wait && !options.no_start {
        planner.wait();
    }
    planner.plan
}

struct Planner<'a> {
    project: &'a Project,
    observed: &'a Observed,
    options: &'a UpOptions,
    plan: Plan<'a>,
    /// By key, the step that makes each network that must be made.
    networks: BTreeMap<&'a str, usize>,
    volumes: BTreeMap<&'a str, usize>,
    services: BTreeMap<&'a str, Outcome>,
}

/// What the plan does with a service, for those that need it.
#[derive(Default)]
struct Outcome {
    /// Ids of the containers that stay.
    kept: Vec<String>,
    /// Names of all its containers when the plan is done.
    names: Vec<String>,
    /// The steps that make containers.
    creates: Vec<usize>,
    /// The steps that start containers.
    starts: Vec<usize>,
    /// The step that ran the hooks before the first container starts.
    prepared: Option<usize>,
    replaced: bool,
    /// The waits that others needed so far, and whether they need what is waited for.
    waits: Vec<(Condition, bool, usize)>,
}

impl<'a> Planner<'a> {
    fn service(&mut self, service: &'a Service) {
        if service.provider.is_some() {
            return;
        }
        let needs = needs(self.project, service);
        if self.options.beside.as_ref() == Some(&service.name) {
            self.conditions(&needs);
            return;
        }
        let mut mine: Vec<_> = self
            .observed
            .of(&service.name)
            .map(|container| (container, self.obsolete(service, &needs, container)))
            .collect();
        // A run that was cut off may have left two of one number, the new one under its temporary name.
        let has_name =
            |container: &Container| container.name == names::container(self.project, service, container.number);
        mine.sort_by_key(|(container, reason)| (container.number, reason.is_some(), !has_name(container)));
        let mut leftovers = Vec::new();
        let mut numbers = BTreeSet::new();
        mine.retain(|(container, _)| {
            let first = numbers.insert(container.number);
            if !first {
                leftovers.push(*container);
            }
            first
        });
        // The first stay, as far as they are wanted: those that are up to date, then the lowest numbers.
        mine.sort_by_key(|(container, reason)| (reason.is_some(), container.number));
        let wanted = usize::try_from(service.replicas()).unwrap_or(0);
        let next = mine.iter().map(|(container, _)| container.number).max().unwrap_or(0) + 1;
        let surplus = mine.split_off(wanted.min(mine.len()));
        let mut outcome = Outcome::default();
        // Found out when the first container is to start: nobody waits for the sake of what runs already.
        let mut ready = None;
        let restart = needs.iter().any(|needed| {
            needed.restart
                && self
                    .services
                    .get(needed.service)
                    .is_some_and(|dependency| dependency.replaced)
        });

        let mut removed: Vec<_> = leftovers
            .into_iter()
            .map(|container| self.remove(container, true))
            .collect();
        removed.extend(surplus.iter().map(|(container, _)| self.remove(container, false)));
        for (container, reason) in &mine {
            let name = names::container(self.project, service, container.number);
            if let Some(reason) = reason.as_ref().filter(|_| !self.options.no_recreate) {
                let ready = self.ready(&needs, &mut ready);
                let mut after = self.materials(service, &needs);
                after.extend(&removed);
                self.replace(service, container, reason, after, ready, &mut outcome);
            } else {
                outcome.kept.push(container.id.clone());
                if let Some(mut after) = self.keep(service, container, &name, restart, &removed, &mut outcome) {
                    after.extend(self.ready(&needs, &mut ready));
                    self.start(service, &name, Some(*container), after, &mut outcome);
                }
            }
            outcome.names.push(name);
        }
        for number in (next..).take(wanted - mine.len()) {
            let name = names::container(self.project, service, number);
            let create = self.create(service, number, name.clone());
            let mut after = self.materials(service, &needs);
            after.extend(&removed);
            let created = self.plan.push(Operation::CreateContainer(create), after);
            let after = self
                .ready(&needs, &mut ready)
                .iter()
                .copied()
                .chain([created])
                .collect();
            outcome.creates.push(created);
            self.start(service, &name, None, after, &mut outcome);
            outcome.names.push(name);
        }
        self.services.insert(&service.name, outcome);
    }

    /// Waits at the end until the services are up; a job that others wait for must have ended.
    fn wait(&mut self) {
        for service in in_order(self.project) {
            let Some(outcome) = self.services.get(service.name.as_str()) else {
                continue;
            };
            let wait = Operation::Wait {
                service: &service.name,
                goal: if self.is_awaited(&service.name) {
                    Goal::Condition(Condition::CompletedSuccessfully)
                } else {
                    Goal::Up
                },
                containers: outcome.names.clone(),
                required: true,
            };
            let after = outcome.starts.clone();
            self.plan.push(wait, after);
        }
    }

    fn create(&self, service: &'a Service, number: u32, name: String) -> Creation<'a> {
        let image = names::image(self.project, service);
        Creation {
            project: self.project,
            service,
            number,
            name,
            image_id: self.observed.images.get(&image).cloned().unwrap_or_default(),
            replaces: None,
            reason: String::new(),
        }
    }

    /// As [`Self::conditions`], asked once.
    fn ready<'r>(&mut self, needs: &[Needs<'a>], ready: &'r mut Option<Vec<usize>>) -> &'r [usize] {
        ready.get_or_insert_with(|| self.conditions(needs))
    }

    /// The steps after which a service may start: its dependencies' conditions.
    fn conditions(&mut self, needs: &[Needs<'a>]) -> Vec<usize> {
        let mut steps = Vec::new();
        if self.options.no_start {
            return steps;
        }
        for needed in needs {
            let Some(dependency) = self.services.get_mut(needed.service) else {
                continue;
            };
            if needed.condition == Condition::Started {
                steps.extend(&dependency.starts);
                continue;
            }
            let wanted = (needed.condition, needed.required);
            let known = dependency
                .waits
                .iter()
                .find(|(condition, required, _)| (*condition, *required) == wanted);
            let step = if let Some((_, _, step)) = known {
                *step
            } else {
                let wait = Operation::Wait {
                    service: needed.service,
                    goal: Goal::Condition(needed.condition),
                    containers: dependency.names.clone(),
                    required: needed.required,
                };
                let step = self.plan.push(wait, dependency.starts.clone());
                dependency.waits.push((needed.condition, needed.required, step));
                step
            };
            steps.push(step);
        }
        steps
    }

    /// The steps that make what a container of a service is made with.
    fn materials(&self, service: &Service, needs: &[Needs<'_>]) -> Vec<usize> {
        let mut steps = Vec::new();
        if service.network_mode.is_none() {
            steps.extend(
                service
                    .networks
                    .keys()
                    .filter_map(|key| self.networks.get(key.as_str())),
            );
        }
        steps.extend(
            service
                .volumes
                .iter()
                .filter_map(|mount| self.volumes.get(named_volume(mount)?)),
        );
        for needed in needs.iter().filter(|needed| needed.shares) {
            steps.extend(
                self.services
                    .get(needed.service)
                    .into_iter()
                    .flat_map(|parent| &parent.creates),
            );
        }
        steps
    }

    fn replace(
        &mut self,
        service: &'a Service,
        old: &'a Container,
        reason: &str,
        after: Vec<usize>,
        ready: &[usize],
        outcome: &mut Outcome,
    ) {
        let name = names::container(self.project, service, old.number);
        let temporary = names::temporary(&old.id, &name);
        let create = Operation::CreateContainer(Creation {
            replaces: Some(old),
            reason: reason.to_owned(),
            ..self.create(service, old.number, temporary.clone())
        });
        let created = self.plan.push(create, after);
        let mut last = created;
        // A changed network has stopped it already.
        let stopped = self
            .plan
            .steps
            .iter()
            .any(|step| matches!(&step.operation, Operation::Stop { container } if container.id == old.id));
        if needs_stop(old) && !stopped {
            last = self.plan.push(Operation::Stop { container: old }, vec![last]);
        }
        last = self.plan.push(
            Operation::Remove {
                container: old,
                volumes: true,
            },
            vec![last],
        );
        last = self.plan.push(
            Operation::Rename {
                from: temporary,
                to: name.clone(),
            },
            vec![last],
        );
        outcome.creates.push(last);
        let after = ready.iter().copied().chain([last]).collect();
        self.start(service, &name, None, after, outcome);
        outcome.replaced = true;
    }

    /// Starts a container between its hooks.
    fn start(
        &mut self,
        service: &'a Service,
        name: &str,
        again: Option<&'a Container>,
        mut after: Vec<usize>,
        outcome: &mut Outcome,
    ) {
        if self.options.no_start {
            return;
        }
        let name = name.to_owned();
        let before = hooks::before(service, outcome.prepared.is_none());
        after.extend(outcome.prepared);
        if !before.is_empty() {
            let run = Operation::PreStart {
                project: self.project,
                service,
                name: name.clone(),
                hooks: before,
            };
            let prepared = self.plan.push(run, after.clone());
            outcome.prepared.get_or_insert(prepared);
            after.push(prepared);
        }
        let start = Operation::Start {
            service,
            name: name.clone(),
            again,
        };
        let mut last = self.plan.push(start, after);
        if !service.post_start.is_empty() {
            let (hooks, service) = (Hooks::of(service), service.name.as_str());
            last = self
                .plan
                .push(Operation::PostStart { service, name, hooks }, vec![last]);
        }
        outcome.starts.push(last);
    }

    /// Leaves a container as it is, under its name. The result are the steps after which it is to be started, if it is.
    fn keep(
        &mut self,
        service: &Service,
        container: &'a Container,
        name: &str,
        restart: bool,
        removed: &[usize],
        outcome: &mut Outcome,
    ) -> Option<Vec<usize>> {
        let mut after = Vec::new();
        // A run that was cut off may have left it under its temporary name.
        if container.name != name && container.name.ends_with(&format!("_{name}")) {
            let (from, to) = (container.name.clone(), name.to_owned());
            let step = self.plan.push(Operation::Rename { from, to }, removed.to_vec());
            outcome.creates.push(step);
            after.push(step);
        }
        let running = matches!(container.state.as_str(), "running" | "restarting" | "paused");
        if running && (!restart || self.options.no_start) {
            self.plan.running.push(name.to_owned());
            return None;
        }
        // What ran to its end for those that waited for it has done its work.
        let ended_well = container.state == "exited" && container.status.exit_code == Some(0);
        if ended_well && !self.options.rerun && self.is_awaited(&service.name) {
            return None;
        }
        if running {
            after.push(self.plan.push(Operation::Stop { container }, vec![]));
        }
        Some(after)
    }

    fn is_awaited(&self, service: &str) -> bool {
        let awaits = |other: &Service| {
            let on = other.depends_on.get(service);
            on.is_some_and(|on| on.condition.value == Condition::CompletedSuccessfully)
        };
        self.project.services.values().any(awaits)
    }

    fn remove(&mut self, container: &'a Container, volumes: bool) -> usize {
        let mut after = vec![];
        if needs_stop(container) {
            after.push(self.plan.push(Operation::Stop { container }, vec![]));
        }
        self.plan.push(Operation::Remove { container, volumes }, after)
    }

    fn orphans(&mut self) {
        let orphans: Vec<_> = self.observed.orphans(self.project).collect();
        if self.options.remove_orphans {
            for container in orphans {
                self.remove(container, false);
            }
        } else if !orphans.is_empty() && !self.options.ignore_orphans {
            let (left, strangers): (Vec<_>, Vec<_>) = orphans.into_iter().partition(|container| container.one_off);
            for (whose, containers) in [
                ("of services that the files do not name", strangers),
                ("that `ctx run` has left", left),
            ] {
                let names: Vec<_> = containers.iter().map(|container| container.name.as_str()).collect();
                if !names.is_empty() {
                    let about = format!("{whose}: {}; `--remove-orphans` removes them", names.join(", "));
                    self.plan.warnings.push(("Containers".to_owned(), about));
                }
            }
        }
    }
}

impl Observed {
    /// A service's containers, without one-off ones.
    pub(super) fn of<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Container> {
        self.containers
            .iter()
            .filter(move |container| container.service == service && !container.one_off)
    }

    /// Containers of services that the project does not have, and one-off ones that have ended.
    pub(super) fn orphans<'a>(&'a self, project: &'a Project) -> impl Iterator<Item = &'a Container> {
        self.containers.iter().filter(|container| {
            let name = &container.service;
            if container.one_off {
                return matches!(container.state.as_str(), "exited" | "dead");
            }
            !project.services.contains_key(name) && !project.disabled_services.contains_key(name)
        })
    }
}

pub(super) fn needs_stop(container: &Container) -> bool {
    !matches!(container.state.as_str(), "created" | "exited" | "dead")
}
