//! The task that a command wants into.

use aws_sdk_ecs::types::{DesiredStatus, Task};

use super::{Account, run, services, stack, tasks};
use crate::error::{Error, Result};

const WHERE_THEY_ARE: &str = "`ctx ps --all` tells what became of its tasks";

/// The error where a service's tasks let nobody in.
pub(super) type Shut<'a> = &'a (dyn Fn() -> Error + Sync);

/// A container of a service in a task that runs.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) cluster: String,
    /// The task's ARN.
    pub(super) task: String,
    pub(super) container: String,
    /// What the container's runtime calls it.
    pub(super) runtime: String,
    /// Whether the task was started for sessions.
    pub(super) open: bool,
}

impl Running {
    /// Of the service's tasks that run the nth by age, or the first.
    pub(super) async fn find(account: &Account, project: &str, service: &str, index: Option<u32>) -> Result<Self> {
        let mut running = Self::all(account, project, service, false).await?;
        let count = running.len();
        let at = usize::try_from(index.unwrap_or(1).max(1) - 1).unwrap_or(usize::MAX);
        if at < count {
            return Ok(running.swap_remove(at));
        }
        let Some(index) = index else {
            return Err(Self::none(service));
        };
        let count = if count == 1 {
            "there is 1".to_owned()
        } else {
            format!("there are {count}")
        };
        let message = format!("service `{service}` has no task {index} that runs: {count}");
        Err(Error::new(message).hint(WHERE_THEY_ARE))
    }

    /// The error where none runs.
    pub(super) fn none(service: &str) -> Error {
        Error::new(format!("service `{service}` has no task that runs")).hint(WHERE_THEY_ARE)
    }

    /// Those of all tasks of a service that run, the oldest first; with those, if wanted, that `ctx run` has started.
    pub(super) async fn all(account: &Account, project: &str, service: &str, one_offs: bool) -> Result<Vec<Self>> {
        let services = services::of_project(account, project, &[service.to_owned()]).await?;
        let Some(found) = services.first() else {
            return Err(stack::missing(project));
        };
        let container = found
            .main_container()
            .and_then(|container| container.name())
            .unwrap_or_default();
        let mut running = found.tasks(account, DesiredStatus::Running).await?;
        if one_offs {
            let all = run::of_project(account, project, &found.name.cluster, DesiredStatus::Running).await?;
            running.extend(all.into_iter().filter(|(of, _)| of == service).map(|(_, task)| task));
        }
        running.sort_by_key(|task| (tasks::time(task.created_at()), task.task_arn.clone()));
        // Of a job, those of `ctx run` may be among its own.
        running.dedup_by(|one, other| one.task_arn == other.task_arn);
        let read = |task: &Task| Self::read(task, &found.name.cluster, container);
        Ok(running.iter().filter_map(read).collect())
    }

    fn read(task: &Task, cluster: &str, name: &str) -> Option<Self> {
        let mut containers = task.containers().iter();
        let container = containers.find(|of| of.name() == Some(name) && of.last_status() == Some("RUNNING"))?;
        Some(Self {
            cluster: cluster.to_owned(),
            task: task.task_arn()?.to_owned(),
            container: name.to_owned(),
            runtime: container.runtime_id().unwrap_or_default().to_owned(),
            open: task.enable_execute_command(),
        })
    }

    /// The last part of the task's ARN.
    pub(super) fn id(&self) -> &str {
        self.task.rsplit('/').next().unwrap_or_default()
    }
}
