//! From what a project says and what an engine has to what must be done: a pure function.

use std::collections::BTreeMap;

use super::dependencies::{Needs, in_order, needs};
use super::observed::{Container, Observed};
use super::plan::{Creation, Operation, Plan};
use super::shared::{network_request, volume_request};
use super::{hash, names};
use crate::backend::UpOptions;
use crate::compose::{Condition, Mount, Project, Service};
use crate::diagnostic::Diagnostic;

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
    replaced: bool,
    /// The waits that others needed so far.
    waits: Vec<(Condition, usize)>,
}

impl<'a> Planner<'a> {
    fn networks(&mut self) {
        for (key, network) in &self.project.networks {
            let used = |service: &Service| service.network_mode.is_none() && service.networks.contains_key(key);
            if !self.project.services.values().any(used) {
                continue;
            }
            let name = network.name.value.clone();
            let create = || Operation::CreateNetwork(Box::new(network_request(self.project, key, network)));
            match self.observed.networks.get(&name) {
                None if network.external => self.plan.errors.push(
                    Diagnostic::error(
                        network.name.span.or(network.span),
                        format!("the engine has no network `{name}`"),
                    )
                    .hint(format!("it is external: `docker network create {name}` makes it")),
                ),
                None => drop(self.networks.insert(key, self.plan.push(create(), vec![]))),
                Some(_) if network.external => {}
                Some(found) if found.project != self.project.name => self.plan.warnings.push((
                    format!("Network {name}"),
                    "was not made for this project; `external: true` says that this is meant".to_owned(),
                )),
                Some(found) if hash::network(network).contains(&found.hash) => {}
                Some(found) => {
                    // A network cannot be changed, nor removed while it has containers.
                    let mut gone = Vec::new();
                    let id = &found.id;
                    for container in self
                        .observed
                        .containers
                        .iter()
                        .filter(|container| container.networks.contains(id))
                    {
                        let mut after = vec![];
                        if needs_stop(container) {
                            after.push(self.plan.push(Operation::Stop { container }, vec![]));
                        }
                        let disconnect = Operation::Disconnect {
                            network: name.clone(),
                            container,
                        };
                        gone.push(self.plan.push(disconnect, after));
                    }
                    let remove = Operation::RemoveNetwork { id: id.clone(), name };
                    let removed = self.plan.push(remove, gone);
                    self.networks.insert(key, self.plan.push(create(), vec![removed]));
                }
            }
        }
    }

    fn volumes(&mut self) {
        for (key, volume) in &self.project.volumes {
            let used = |service: &Service| service.volumes.iter().any(|mount| named_volume(mount) == Some(key));
            if !self.project.services.values().any(used) {
                continue;
            }
            let name = volume.name.value.clone();
            let warning = match self.observed.volumes.get(&name) {
                None if volume.external => {
                    let message = format!("the engine has no volume `{name}`");
                    let error = Diagnostic::error(volume.name.span.or(volume.span), message)
                        .hint(format!("it is external: `docker volume create {name}` makes it"));
                    self.plan.errors.push(error);
                    continue;
                }
                None => {
                    let create = Operation::CreateVolume(Box::new(volume_request(self.project, key, volume)));
                    self.volumes.insert(key, self.plan.push(create, vec![]));
                    continue;
                }
                Some(_) if volume.external => continue,
                Some(found) if found.project != self.project.name => {
                    "was not made for this project; `external: true` says that this is meant"
                }
                Some(found) if found.hash.is_empty() || hash::volume(volume).contains(&found.hash) => continue,
                Some(_) => {
                    "has other settings than the files say, and keeps them with its data; `down -v` removes both"
                }
            };
            self.plan.warnings.push((format!("Volume {name}"), warning.to_owned()));
        }
    }

    fn service(&mut self, service: &'a Service) {
        if service.provider.is_some() {
            return;
        }
        let needs = needs(self.project, service);
        let mut mine: Vec<_> = self
            .observed
            .of(&service.name)
            .map(|container| (container, self.obsolete(service, &needs, container)))
            .collect();
        // The first stay, as far as they are wanted: those that are up to date, then the lowest numbers.
        mine.sort_by_key(|(container, reason)| (reason.is_some(), container.number));
        let wanted = usize::try_from(service.replicas()).unwrap_or(0);
        let next = mine.iter().map(|(container, _)| container.number).max().unwrap_or(0) + 1;
        let surplus = mine.split_off(wanted.min(mine.len()));
        let mut outcome = Outcome::default();
        let ready = self.conditions(&needs);
        let restart = needs.iter().any(|needed| {
            needed.restart
                && self
                    .services
                    .get(needed.service)
                    .is_some_and(|dependency| dependency.replaced)
        });

        let removed: Vec<_> = surplus.iter().map(|(container, _)| self.remove(container)).collect();
        for (container, reason) in &mine {
            let name = names::container(self.project, service, container.number);
            if let Some(reason) = reason.as_ref().filter(|_| !self.options.no_recreate) {
                self.replace(service, &needs, container, reason, &ready, &mut outcome);
            } else {
                self.keep(service, container, &name, restart, &removed, &ready, &mut outcome);
            }
            outcome.names.push(name);
        }
        for number in (next..).take(wanted - mine.len()) {
            let name = names::container(self.project, service, number);
            let create = self.create(service, number, name.clone());
            let mut after = self.materials(service, &needs);
            after.extend(&removed);
            let created = self.plan.push(Operation::CreateContainer(create), after);
            let start = Operation::Start {
                service,
                name: name.clone(),
                again: None,
            };
            let after = ready.iter().copied().chain([created]).collect();
            outcome.creates.push(created);
            outcome.starts.push(self.plan.push(start, after));
            outcome.names.push(name);
        }
        self.services.insert(&service.name, outcome);
    }

    /// Why a container is not what the files say, if it is not.
    fn obsolete(&self, service: &Service, needs: &[Needs<'_>], container: &Container) -> Option<String> {
        if self.options.force_recreate {
            return Some("forced".to_owned());
        }
        for needed in needs.iter().filter(|needed| needed.shares) {
            if self
                .services
                .get(needed.service)
                .is_some_and(|parent| parent.kept.is_empty())
            {
                return Some(format!("`{}`, which it is bound to, is made anew", needed.service));
            }
        }
        let ids = |name: &str| self.services.get(name).and_then(|parent| parent.kept.first().cloned());
        if !hash::service(&hash::resolved(service, ids)).contains(&container.hash) {
            return Some("its configuration changed".to_owned());
        }
        let image = names::image(self.project, service);
        if self
            .observed
            .images
            .get(&image)
            .is_some_and(|id| *id != container.image_id)
        {
            return Some("its image changed".to_owned());
        }
        if service.network_mode.is_none() {
            for key in service.networks.keys() {
                let network = self.project.networks.get(key)?;
                let attached = || {
                    let found = self.observed.networks.get(&network.name.value);
                    found.is_some_and(|found| container.networks.contains(&found.id))
                };
                if self.networks.contains_key(key.as_str()) || !attached() {
                    return Some(format!("it is not attached to network {}", network.name.value));
                }
            }
        }
        for mount in &service.volumes {
            let Some(volume) = named_volume(mount).and_then(|key| self.project.volumes.get(key)) else {
                continue;
            };
            let name = &volume.name.value;
            if !container
                .mounts
                .iter()
                .any(|mounted| mounted.kind == "volume" && mounted.name == *name)
            {
                return Some(format!("it does not mount volume {name}"));
            }
        }
        None
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

    /// The steps after which a service may start: its dependencies' conditions.
    fn conditions(&mut self, needs: &[Needs<'a>]) -> Vec<usize> {
        let mut steps = Vec::new();
        for needed in needs {
            let Some(dependency) = self.services.get_mut(needed.service) else {
                continue;
            };
            if needed.condition == Condition::Started {
                steps.extend(&dependency.starts);
                continue;
            }
            let known = dependency
                .waits
                .iter()
                .find(|(condition, _)| *condition == needed.condition);
            let step = known.map(|(_, step)| *step).unwrap_or_else(|| {
                let wait = Operation::Wait {
                    service: needed.service,
                    condition: needed.condition,
                    containers: dependency.names.clone(),
                    required: needed.required,
                };
                let step = self.plan.push(wait, dependency.starts.clone());
                dependency.waits.push((needed.condition, step));
                step
            });
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
        needs: &[Needs<'a>],
        old: &'a Container,
        reason: &str,
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
        let created = self.plan.push(create, self.materials(service, needs));
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
        outcome.starts.push(self.plan.push(
            Operation::Start {
                service,
                name,
                again: None,
            },
            after,
        ));
        outcome.replaced = true;
    }

    #[allow(clippy::too_many_arguments, reason = "one caller; a struct would only rename them")]
    fn keep(
        &mut self,
        service: &'a Service,
        container: &'a Container,
        name: &str,
        restart: bool,
        removed: &[usize],
        ready: &[usize],
        outcome: &mut Outcome,
    ) {
        outcome.kept.push(container.id.clone());
        let mut after: Vec<_> = ready.to_vec();
        // A run that was cut off may have left it under its temporary name.
        let renamed = container.name != name && container.name.ends_with(&format!("_{name}"));
        if renamed {
            let rename = Operation::Rename {
                from: container.name.clone(),
                to: name.to_owned(),
            };
            let step = self.plan.push(rename, removed.to_vec());
            outcome.creates.push(step);
            after.push(step);
        }
        let running = matches!(container.state.as_str(), "running" | "restarting" | "paused");
        if running && !restart {
            self.plan.running.push(name.to_owned());
            return;
        }
        // What ran to its end for those that waited for it has done its work.
        if container.state == "exited" && container.status.exit_code == Some(0) && self.is_awaited(&service.name) {
            return;
        }
        if running {
            after.push(self.plan.push(Operation::Stop { container }, vec![]));
        }
        let start = Operation::Start {
            service,
            name: name.to_owned(),
            again: Some(container),
        };
        outcome.starts.push(self.plan.push(start, after));
    }

    fn is_awaited(&self, service: &str) -> bool {
        let awaits = |other: &Service| {
            let on = other.depends_on.get(service);
            on.is_some_and(|on| on.condition.value == Condition::CompletedSuccessfully)
        };
        self.project.services.values().any(awaits)
    }

    fn remove(&mut self, container: &'a Container) -> usize {
        let mut after = vec![];
        if needs_stop(container) {
            after.push(self.plan.push(Operation::Stop { container }, vec![]));
        }
        self.plan.push(
            Operation::Remove {
                container,
                volumes: false,
            },
            after,
        )
    }

    fn orphans(&mut self) {
        let orphans: Vec<_> = self.observed.orphans(self.project).collect();
        if self.options.remove_orphans {
            for container in orphans {
                self.remove(container);
            }
        } else if !orphans.is_empty() {
            let names: Vec<_> = orphans.iter().map(|container| container.name.as_str()).collect();
            let about = format!(
                "of services that the files do not name: {}; `--remove-orphans` removes them",
                names.join(", ")
            );
            self.plan.warnings.push(("Containers".to_owned(), about));
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

/// The key of the top-level volume that a mount names.
pub(super) fn named_volume(mount: &Mount) -> Option<&str> {
    if mount.mount_type.value != "volume" {
        return None;
    }
    mount.source.as_ref().map(|source| source.value.as_str())
}
