//! Tasks of their own for one command: they are made as a service's, and ECS keeps none of them running.

mod log;
mod passing;
mod started;

pub use started::{Ended, Started};

use aws_sdk_ecs::types::{
    DesiredStatus, Service as Described, ServiceField, ServiceManagedEbsVolumeConfiguration, Tag, Task, TaskField,
    TaskManagedEbsVolumeConfiguration, TaskManagedEbsVolumeTerminationPolicy, TaskVolumeConfiguration,
};

use super::one_off::{self, OneOff};
use super::pace::Pace;
use super::services::{self, Service};
use super::{Account, definitions, failure, stabilising, stack, tags, tasks};
use crate::backend::Run;
use crate::error::{Error, Result};
use log::Log;

/// Whether a task was started for one command.
pub(super) fn is_one_off(task: &Task) -> bool {
    task.started_by().is_some_and(|by| by.starts_with("ctx-run/"))
}

/// Whose tasks of their own ECS shall list.
fn started_by(project: &str) -> String {
    format!("ctx-run/{project}").chars().take(128).collect()
}

/// Starts the task.
pub async fn start(account: &Account, project: &str, service: &str, run: &Run) -> Result<Started> {
    one_off::check(run)?;
    let services = services::of_project(account, project, &[service.to_owned()]).await?;
    let Some(found) = services.first() else {
        return Err(stack::missing(project));
    };
    let container = found.main_container().and_then(|container| container.name());
    let container = container.unwrap_or_default().to_owned();
    let one_off = one_off::one_off(&found.definition, &container, run)?;
    let described = if found.family.is_some() {
        Box::pin(passing::described(account, project, found)).await?
    } else {
        describe(account, found).await?
    };
    let arn = run_task(account, project, found, &described, one_off, run).await?;
    Ok(Started {
        id: tasks::id(&arn).to_owned(),
        service: service.to_owned(),
        cluster: found.name.cluster.clone(),
        log: Log::of(found, &container, tasks::id(&arn)),
        arn,
        container,
        terminal: run.tty,
        unheard: run.unheard,
    })
}

async fn describe(account: &Account, service: &Service) -> Result<Described> {
    let request = account.ecs.describe_services().cluster(&service.name.cluster);
    let request = request.services(&service.name.service).include(ServiceField::Tags);
    let answer = request.send().await;
    let answer = answer.map_err(|error| {
        let what = format!("cannot look at service `{}`", service.key);
        account.access.failed(what, &error)
    })?;
    let mut services = answer.services.unwrap_or_default().into_iter();
    services
        .next()
        .ok_or_else(|| Error::new(format!("ECS has no service `{}` any more", service.key)))
}

async fn run_task(
    account: &Account,
    project: &str,
    service: &Service,
    described: &Described,
    one_off: OneOff,
    run: &Run,
) -> Result<String> {
    let tags = tags_of(project, &service.key, described, run);
    let own = match one_off.definition {
        Some(definition) => Some(definitions::register(account, definition, tags.clone()).await?),
        None => None,
    };
    let deployed = service.definition.task_definition_arn();
    let strategy = described
        .capacity_provider_strategy
        .clone()
        .filter(|strategy| !strategy.is_empty());
    let launch_type = described.launch_type.clone().filter(|_| strategy.is_none());
    let request = account
        .ecs
        .run_task()
        .cluster(&service.name.cluster)
        .task_definition(own.as_deref().or(deployed).unwrap_or_default())
        .count(1)
        .started_by(started_by(project))
        .set_network_configuration(described.network_configuration.clone())
        .set_capacity_provider_strategy(strategy)
        .set_launch_type(launch_type)
        .set_platform_version(described.platform_version.clone().filter(|version| !version.is_empty()))
        .set_placement_constraints(described.placement_constraints.clone())
        .set_placement_strategy(described.placement_strategy.clone())
        .set_volume_configurations(volumes(described))
        .enable_execute_command(described.enable_execute_command())
        .enable_ecs_managed_tags(described.enable_ecs_managed_tags())
        .overrides(one_off.overrides)
        .set_tags(Some(tags));
    let answer = request.send().await;
    if let Some(own) = own {
        // What has been started goes on without it.
        definitions::deregister(account, &own).await?;
    }
    let failed = || format!("cannot run a task of service `{}`", service.key);
    let answer = answer.map_err(|error| account.access.failed(failed(), &error))?;
    let refused = answer.failures.unwrap_or_default().into_iter().next();
    let started = answer.tasks.unwrap_or_default().into_iter().next();
    started.and_then(|task| task.task_arn).ok_or_else(|| {
        let why = refused
            .and_then(|failure| failure.detail.or(failure.reason))
            .unwrap_or_default();
        let error = Error::new(format!("{}: {}", failed(), failure::sentence(&why)));
        error.hint("AWS has no place for it at the moment, or none of its instances has")
    })
}

/// The project's tags and the service's, and those by which the task is told from the service's own.
fn tags_of(project: &str, service: &str, described: &Described, run: &Run) -> Vec<Tag> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name.to_owned(), value.to_owned())
    };
    let of_service = described
        .tags()
        .iter()
        .filter_map(|tag| Some((tag.key.clone()?, tag.value.clone()?)));
    let named = run.name.iter().map(|name| ("Name".to_owned(), name.clone()));
    let own = [
        (tags::PROJECT.to_owned(), project.to_owned()),
        (tags::SERVICE.to_owned(), service.to_owned()),
        (tags::ONE_OFF.to_owned(), "True".to_owned()),
    ];
    let mut all: Vec<(String, String)> = Vec::new();
    let given = of_service.filter(|(name, _)| !name.starts_with("aws:"));
    for (name, value) in given.chain(run.labels.iter().map(pair)).chain(named).chain(own) {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => all.push((name, value)),
        }
    }
    let tag = |(name, value): (String, String)| Tag::builder().key(name).value(value).build();
    all.into_iter().map(tag).collect()
}

/// The volumes that ECS makes for each task; they are gone with it.
fn volumes(described: &Described) -> Option<Vec<TaskVolumeConfiguration>> {
    let of_service = &stabilising::primary(described)?.volume_configurations;
    let own = of_service.iter().flatten().map(|volume| {
        let managed = volume.managed_ebs_volume.clone().map(of_task);
        let own = TaskVolumeConfiguration::builder().name(&volume.name);
        own.set_managed_ebs_volume(managed.transpose().ok().flatten())
            .build()
            .ok()
    });
    own.collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
}

fn of_task(
    volume: ServiceManagedEbsVolumeConfiguration,
) -> std::result::Result<TaskManagedEbsVolumeConfiguration, aws_sdk_ecs::error::BuildError> {
    let ends = TaskManagedEbsVolumeTerminationPolicy::builder().delete_on_termination(true);
    TaskManagedEbsVolumeConfiguration::builder()
        .set_encrypted(volume.encrypted)
        .set_kms_key_id(volume.kms_key_id)
        .set_volume_type(volume.volume_type)
        .set_size_in_gib(volume.size_in_gib)
        .set_snapshot_id(volume.snapshot_id)
        .set_volume_initialization_rate(volume.volume_initialization_rate)
        .set_iops(volume.iops)
        .set_throughput(volume.throughput)
        .set_tag_specifications(volume.tag_specifications)
        .set_filesystem_type(volume.filesystem_type)
        .role_arn(volume.role_arn)
        .termination_policy(ends.build()?)
        .build()
}

async fn stop(account: &Account, cluster: &str, arn: &str, reason: &str) -> Result<()> {
    let request = account.ecs.stop_task().cluster(cluster).task(arn).reason(reason);
    let answer = request.send().await;
    answer.map_err(|error| {
        let what = format!("cannot stop task `{}`", tasks::id(arn));
        account.access.failed(what, &error)
    })?;
    Ok(())
}

/// The tasks of their own that a project has in a cluster, each with its service.
pub async fn of_project(
    account: &Account,
    project: &str,
    cluster: &str,
    desired: DesiredStatus,
) -> Result<Vec<(String, Task)>> {
    let failed = || format!("cannot list the tasks of project `{project}`");
    let mut pages = account
        .ecs
        .list_tasks()
        .cluster(cluster)
        .started_by(started_by(project))
        .desired_status(desired)
        .into_paginator()
        .items()
        .send();
    let mut arns = Vec::new();
    while let Some(arn) = pages.next().await {
        match arn {
            Ok(arn) => arns.push(arn),
            Err(error) if failure::is(&error, "ClusterNotFoundException") => return Ok(Vec::new()),
            Err(error) => return Err(account.access.failed(failed(), &error)),
        }
    }
    let mut found = Vec::new();
    for some in arns.chunks(tasks::DESCRIBED_AT_ONCE) {
        let request = account.ecs.describe_tasks().cluster(cluster).include(TaskField::Tags);
        let answer = request.set_tasks(Some(some.to_vec())).send().await;
        let answer = answer.map_err(|error| account.access.failed(failed(), &error))?;
        found.extend(answer.tasks.unwrap_or_default().into_iter().filter_map(|task| {
            let tag = |name: &str| task.tags().iter().find(|tag| tag.key() == Some(name))?.value();
            let service = tag(tags::SERVICE).filter(|_| tag(tags::PROJECT) == Some(project));
            service.map(str::to_owned).map(|service| (service, task))
        }));
    }
    Ok(found)
}

/// Stops those that run and waits until they are gone, so that nothing of the project is in use any more; their ids.
pub async fn stop_all(account: &Account, project: &str, cluster: &str) -> Result<Vec<String>> {
    let mut stopped = Vec::new();
    for (_, task) in of_project(account, project, cluster, DesiredStatus::Running).await? {
        let arn = task.task_arn.unwrap_or_default();
        stop(account, cluster, &arn, "ctx down").await?;
        stopped.push(tasks::id(&arn).to_owned());
    }
    let mut pace = Pace::new();
    while !stopped.is_empty() {
        let ending = of_project(account, project, cluster, DesiredStatus::Stopped).await?;
        if ending.iter().all(|(_, task)| task.last_status() == Some("STOPPED")) {
            break;
        }
        pace.wait().await;
    }
    Ok(stopped)
}
