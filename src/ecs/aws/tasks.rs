//! The tasks of services: those that run, and those that ended.

use std::collections::BTreeMap;

use aws_sdk_ecs::operation::list_tasks::builders::ListTasksFluentBuilder;
use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{DesiredStatus, HealthStatus, Task, TaskStopCode};
use jiff::Timestamp;

use super::Account;
use super::services::ServiceName;
use crate::error::Result;

/// How many tasks ECS describes at a time.
pub(super) const DESCRIBED_AT_ONCE: usize = 100;

/// A task that ended, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoppedTask {
    pub id: String,
    pub reason: Option<String>,
    pub containers: Vec<StoppedContainer>,
    /// The ARN of its definition.
    pub definition: String,
    /// ECS's word for who or what ended it.
    pub code: Option<TaskStopCode>,
    pub at: Option<Timestamp>,
}

impl StoppedTask {
    /// Whether it ended because somebody, or the service itself, wanted that.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        let said = self.reason.as_deref().unwrap_or_default();
        let scheduled = said.contains("Scaling activity initiated by") || said.contains("scaling down");
        self.code == Some(TaskStopCode::UserInitiated) || scheduled
    }
}

#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct StoppedContainer {
    pub name: String,
    pub image: String,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
    pub unhealthy: bool,
    /// How much memory it may have, in MiB.
    pub memory: Option<i64>,
}

/// The first letters of a task's id: they tell it apart from the service's few others.
#[must_use]
pub fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

/// The tasks of a service that ended within the last hour, the newest first.
pub async fn stopped(account: &Account, name: &ServiceName) -> Result<Vec<StoppedTask>> {
    let tasks = of_service(account, name, DesiredStatus::Stopped).await?;
    Ok(read_all(tasks))
}

/// Those of all services of a cluster.
pub async fn stopped_in(account: &Account, cluster: &str) -> Result<BTreeMap<ServiceName, Vec<StoppedTask>>> {
    let mut by_service: BTreeMap<ServiceName, Vec<Task>> = BTreeMap::new();
    for task in of_cluster(account, cluster, DesiredStatus::Stopped).await? {
        if let Some(service) = task.group().and_then(|group| group.strip_prefix("service:")) {
            let name = ServiceName {
                cluster: cluster.to_owned(),
                service: service.to_owned(),
            };
            by_service.entry(name).or_default().push(task);
        }
    }
    let read = |(name, tasks)| (name, read_all(tasks));
    Ok(by_service.into_iter().map(read).collect())
}

/// Tasks that ended, the newest first.
#[must_use]
pub fn read_all(tasks: Vec<Task>) -> Vec<StoppedTask> {
    let mut stopped: Vec<StoppedTask> = tasks.into_iter().map(read_stopped).collect();
    stopped.sort_by_key(|task| std::cmp::Reverse(task.at));
    stopped
}

/// A service's tasks which shall run (or shall not), in no particular order.
pub async fn of_service(account: &Account, name: &ServiceName, desired: DesiredStatus) -> Result<Vec<Task>> {
    let listing = account.ecs.list_tasks().service_name(&name.service);
    describe(account, listing, &name.cluster, &name.service, desired).await
}

/// The tasks of a family of task definitions, which no service need keep running.
pub async fn of_family(account: &Account, cluster: &str, family: &str, desired: DesiredStatus) -> Result<Vec<Task>> {
    let listing = account.ecs.list_tasks().family(family);
    describe(account, listing, cluster, family, desired).await
}

/// All tasks of a cluster.
pub async fn of_cluster(account: &Account, cluster: &str, desired: DesiredStatus) -> Result<Vec<Task>> {
    describe(account, account.ecs.list_tasks(), cluster, cluster, desired).await
}

async fn describe(
    account: &Account,
    listing: ListTasksFluentBuilder,
    cluster: &str,
    whose: &str,
    desired: DesiredStatus,
) -> Result<Vec<Task>> {
    let failed = || format!("cannot list the tasks of service `{whose}`");
    let mut pages = listing
        .cluster(cluster)
        .desired_status(desired)
        .into_paginator()
        .items()
        .send();
    let mut arns = Vec::new();
    while let Some(arn) = pages.next().await {
        arns.push(arn.map_err(|error| account.access.failed(failed(), &error))?);
    }
    let mut tasks = Vec::new();
    for some in arns.chunks(DESCRIBED_AT_ONCE) {
        let described = account
            .ecs
            .describe_tasks()
            .cluster(cluster)
            .set_tasks(Some(some.to_vec()))
            .send()
            .await
            .map_err(|error| account.access.failed(failed(), &error))?;
        tasks.extend(described.tasks.unwrap_or_default());
    }
    Ok(tasks)
}

/// A time of ECS.
#[must_use]
pub fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    Timestamp::from_millisecond(time?.to_millis().ok()?).ok()
}

/// The last part of a task's ARN.
#[must_use]
pub fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn read_stopped(task: Task) -> StoppedTask {
    StoppedTask {
        id: id(task.task_arn.as_deref().unwrap_or_default()).to_owned(),
        reason: task.stopped_reason.filter(|reason| !reason.is_empty()),
        code: task.stop_code,
        at: time(task.stopped_at.as_ref()),
        definition: task.task_definition_arn.unwrap_or_default(),
        containers: task
            .containers
            .unwrap_or_default()
            .into_iter()
            .map(|container| StoppedContainer {
                name: container.name.unwrap_or_default(),
                image: container.image.unwrap_or_default(),
                exit_code: container.exit_code,
                reason: container.reason.filter(|reason| !reason.is_empty()),
                unhealthy: container.health_status == Some(HealthStatus::Unhealthy),
                memory: container
                    .memory
                    .and_then(|memory| memory.parse().ok())
                    .filter(|memory| *memory > 0),
            })
            .collect(),
    }
}
