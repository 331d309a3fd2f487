//! `run`: one container beside those of a service, for one command.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use bollard::query_parameters::{RemoveContainerOptions, StartContainerOptions};

use super::container::{self, Instance, container};
use super::events::Events;
use super::execute::Execution;
use super::execute::complete::complete;
use super::execute::create::make;
use super::hooks::{self, Hooks};
use super::join::{Attach, ended};
use super::{Engine, addresses, failure, hash, labels, names, reconcile};
use crate::backend::{Console, Deed, DetachKeys, Io, Run, UpOptions, unrunnable};
use crate::compose::{Mount, Project, Service, Spanned};
use crate::engine::{is_missing, message};
use crate::error::{Error, Result};

impl Engine {
    /// Brings up what a service depends on, as far as it is in the project, and runs a container of its own for it.
    /// `started` is told the container's name if the command does not stay; else the result is its exit status.
    pub async fn run(
        &self,
        project: &Project,
        service: &str,
        run: &Run,
        open: impl FnOnce() -> Result<Console>,
        started: impl FnOnce(&str) -> Result<()>,
        io: &Io,
    ) -> Result<u8> {
        let options = UpOptions {
            beside: Some(service.to_owned()),
            build: run.build,
            quiet_pull: run.quiet_pull,
            quiet_build: run.quiet_build,
            remove_orphans: run.remove_orphans,
            ignore_orphans: !run.remove_orphans,
            ..UpOptions::default()
        };
        if io.rehearsal.is_some() {
            let deed = Deed::Run {
                service: service.to_owned(),
                command: run.command.clone(),
            };
            let before = self.preview_up(project, &options).await?;
            io.only_tells(format!("{before}{deed}"))?;
            return Ok(0);
        }
        let prepared = self.sources().prepared(project, io).await?;
        let project = prepared.as_ref();
        let observed = self.furnish(project, &options, io).await?;
        let Some(mine) = project.services.get(service) else {
            return Err(Error::new(format!("there is no service `{service}`")));
        };
        let plan = reconcile(project, &observed, &options);
        if !plan.errors.is_empty() {
            return Err(plan.errors.into());
        }
        let events = Events::new();
        let execution = Execution::new(&self.connection, io, &events);
        tokio::select! {
            done = execution.run_interruptibly(&plan, &observed) => done?,
            error = events.listen(&self.connection, &project.name), if plan.waits() => return Err(error),
        }

        let slug = slug();
        let name = run.name.clone();
        let between = project.separator();
        let name = name.unwrap_or_else(|| format!("{}{between}{service}{between}run{between}{slug}", project.name));
        let one_off = one_off(mine, run, &name);
        let resolved = hash::resolved(&one_off, |name| execution.first_id(name));
        let image_id = observed.images.get(&names::image(project, mine));
        let instance = Instance {
            number: 1,
            image_id: image_id.map_or("", String::as_str),
            hash: hash::service_hashes(&resolved).swap_remove(0),
            replaces: None,
            renew_volumes: false,
        };
        let mut made = container(project, &resolved, &instance);
        dress(&mut made, run, &name, slug);
        complete(&self.connection, project, mine, &mut made.body)?;
        let api = self.connection.api().await?;
        let id = make(&self.connection, api, &name, mine, &mut made).await;
        let id = match id {
            Ok(id) => id,
            Err(error) => return Err(failure::create(&self.connection, project, mine, &name, &error).await),
        };
        let before = hooks::before(mine, true);
        if let Err(error) = Box::pin(execution.pre_start(project, mine, &name, &before)).await {
            // It has never run; nobody can learn more from it.
            let _ = self.connection.docker.remove_container(&id, Some(REMOVAL)).await;
            return Err(error);
        }
        let after = Hooks::of(mine).post_start;
        let tell = |wrong: Option<String>| {
            if let Some(wrong) = wrong {
                io.progress.warning(format!("Container {name}"), wrong);
            }
        };
        let beside = execution.post_start_beside(service, &name, &after);
        if run.detach {
            self.start_one_off(mine, &name, &id).await?;
            tell(beside.await);
            return started(&name).map(|()| 0);
        }
        let attach = Attach {
            detach_keys: DetachKeys::default(),
            stdin: run.stdin,
            signals: true,
        };
        let joined = async {
            // Before it starts, so that nothing of what it says is missed.
            let attached = self.hold(&id, &attach).await?;
            self.start_one_off(mine, &name, &id).await?;
            io.progress.rest();
            let join = self.join(&id, &attach, attached, open()?);
            let (status, wrong) = tokio::join!(ended(join, self.connection.exit_status(&id)), beside);
            tell(wrong);
            status
        };
        let ended = Box::pin(joined).await;
        if matches!(ended, Ok(None)) {
            // What somebody has left goes on, and nobody is there any more to see its end.
            if run.remove {
                let about = format!("goes on; `docker attach {name}` joins it, `docker rm -f {name}` ends it");
                io.progress.warning(format!("Container {name}"), about);
            }
            return Ok(0);
        }
        if run.remove {
            let removed = self.connection.docker.remove_container(&id, Some(REMOVAL)).await;
            if let Err(error) = removed
                && !is_missing(&error)
            {
                io.progress.warning(format!("Container {name}"), message(&error));
            }
        }
        ended.map(Option::unwrap_or_default)
    }

    async fn start_one_off(&self, service: &Service, name: &str, id: &str) -> Result<()> {
        let docker = &self.connection.docker;
        let start = || docker.start_container(id, None::<StartContainerOptions>);
        let Err(error) = self.connection.on_networks(start).await else {
            return Ok(());
        };
        let failed = failure::run(&self.connection, service, name, &error).await;
        // It has never run; nobody can learn more from it.
        let _ = docker.remove_container(id, Some(REMOVAL)).await;
        Err(failed.exit_with(unrunnable(&message(&error))))
    }
}

const REMOVAL: RemoveContainerOptions = RemoveContainerOptions {
    force: true,
    v: true,
    link: false,
};

/// The service as the container has it.
fn one_off(service: &Service, run: &Run, name: &str) -> Service {
    let texts = |texts: &[String]| texts.iter().cloned().map(Spanned::nowhere).collect::<Vec<_>>();
    let text = |text: &Option<String>| text.clone().map(Spanned::nowhere);
    let mut service = service.clone();
    service.container_name = Some(Spanned::nowhere(name.to_owned()));
    service.restart = None;
    service.scale = None;
    if let Some(deploy) = &mut service.deploy {
        deploy.restart_policy = None;
        deploy.replicas = None;
    }
    if let Some(entrypoint) = &run.entrypoint {
        service.entrypoint = Some(Spanned::nowhere(entrypoint.clone()));
        // As with an image: another entry point does not take the old one's arguments.
        service.command = Some(Spanned::nowhere(Vec::new()));
    }
    if !run.command.is_empty() {
        service.command = Some(Spanned::nowhere(run.command.clone()));
    }
    for (name, value) in pairs(&run.environment) {
        service.environment.insert(name, Spanned::nowhere(Some(value)));
    }
    for (name, value) in pairs(&run.labels) {
        service.labels.insert(name, Spanned::nowhere(value));
    }
    service.user = text(&run.user).or(service.user);
    service.working_dir = text(&run.workdir).or(service.working_dir);
    service.cap_add.extend(texts(&run.cap_add));
    service.cap_drop.extend(texts(&run.cap_drop));
    if !run.service_ports {
        service.ports.clear();
    }
    service.ports.extend(run.ports.iter().cloned());
    let replaced = |mount: &Mount| run.volumes.iter().any(|other| other.target == mount.target);
    service.volumes.retain(|mount| !replaced(mount));
    service.volumes.extend(run.volumes.iter().cloned());
    service.tty = Some(Spanned::nowhere(run.tty));
    service.stdin_open = Some(Spanned::nowhere(run.stdin));
    service
}

fn pairs(texts: &[String]) -> impl Iterator<Item = (String, String)> {
    texts.iter().map(|text| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name.to_owned(), value.to_owned())
    })
}

/// What no service says: that it is made for one command, and for whom.
fn dress(made: &mut container::Container, run: &Run, name: &str, slug: String) {
    let labels = made.body.labels.get_or_insert_default();
    labels.insert(labels::ONE_OFF.to_owned(), "True".to_owned());
    labels.insert(labels::SLUG.to_owned(), slug);
    made.body.attach_stdin = Some(run.stdin && !run.detach);
    made.body.stdin_once = Some(run.stdin && !run.detach);
    if let Some(host) = &mut made.body.host_config {
        // Who stays removes it, once the exit status is known.
        host.auto_remove = Some(run.remove && run.detach);
    }
    addresses::beside(made, name);
    if !run.aliases {
        let config = made.body.networking_config.as_mut();
        let first = config.and_then(|config| config.endpoints_config.as_mut());
        let others = made.networks.iter_mut().map(|(_, endpoint)| endpoint);
        for endpoint in first.into_iter().flat_map(HashMap::values_mut).chain(others) {
            endpoint.aliases = Some(vec![name.to_owned()]);
        }
    }
}

/// Twelve digits that no other container has.
fn slug() -> String {
    let mut digits = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
    digits.truncate(12);
    digits
}
