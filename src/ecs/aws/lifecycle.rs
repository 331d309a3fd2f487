//! Starting, stopping and scaling services that are deployed. The template stays as it is: what is done here lasts until
//! an `up` that changes the service.

use aws_sdk_ecs::types::{DesiredStatus, Service as Described};

use super::rollout::{self, Change, Rollout, Unstable};
use super::services::{self, Service};
use super::{Account, stack, tasks};
use crate::backend::{Io, Lifecycle};
use crate::error::{Error, Result};

/// Does it, and waits until the services are as wanted, or until one of them will not be. `replicas` tells how many
/// tasks a service shall have.
pub async fn apply(
    account: &Account,
    name: &str,
    replicas: impl Fn(&str) -> i64,
    verb: &Lifecycle,
    wanted: &[String],
    io: &Io,
) -> Result<Option<Unstable>> {
    if let Lifecycle::Kill(Some(signal)) = verb {
        return Err(
            Error::new(format!("cannot send {signal} on ECS: a task can only be stopped")).hint(
                "`ctx kill` without `--signal` stops tasks; `ctx exec SERVICE kill -SIGNAL 1` sends one to a process",
            ),
        );
    }
    let found = lasting(account, name, wanted).await?;
    if *verb == Lifecycle::Kill(None) {
        for service in &found {
            kill(account, service, io).await?;
        }
        return Ok(None);
    }
    let mut changes = Vec::new();
    for service in found {
        let now = describe(account, &service).await?;
        if let Some(change) = change(verb, now.desired_count(), replicas(&service.key)) {
            changes.push((service, change));
        }
    }
    carry_out(account, changes, io).await
}

/// Gives services other numbers of tasks.
pub async fn scale(account: &Account, name: &str, counts: &[(String, i64)], io: &Io) -> Result<Option<Unstable>> {
    let keys: Vec<_> = counts.iter().map(|(key, _)| key.clone()).collect();
    let found = lasting(account, name, &keys).await?;
    let count = |service: &Service| {
        counts
            .iter()
            .rev()
            .find(|(key, _)| *key == service.key)
            .map(|(_, count)| *count)
    };
    let mut changes = Vec::new();
    for service in found {
        let count = count(&service)
            .and_then(|count| i32::try_from(count).ok())
            .unwrap_or(i32::MAX);
        changes.push((service, Change::Count(count)));
    }
    carry_out(account, changes, io).await
}

/// What a verb means for a service that shall have `desired` tasks, and `replicas` by its file.
fn change(verb: &Lifecycle, desired: i32, replicas: i64) -> Option<Change> {
    match verb {
        Lifecycle::Start => {
            let count = i32::try_from(replicas.max(1)).unwrap_or(i32::MAX);
            (desired == 0).then_some(Change::Count(count))
        }
        Lifecycle::Stop => (desired > 0).then_some(Change::Count(0)),
        // What is stopped is started by a restart, as on an engine.
        Lifecycle::Restart { .. } if desired == 0 => change(&Lifecycle::Start, desired, replicas),
        Lifecycle::Restart { .. } => Some(Change::Redeploy),
        Lifecycle::Kill(_) => None,
    }
}

/// The services of a project that ECS keeps running.
pub async fn lasting(account: &Account, name: &str, wanted: &[String]) -> Result<Vec<Service>> {
    let mut found = services::of_project(account, name, wanted).await?;
    if found.is_empty() {
        return Err(stack::missing(name));
    }
    let is_named = |service: &Service| wanted.contains(&service.key);
    if let Some(service) = found
        .iter()
        .find(|service| service.family.is_some() && is_named(service))
    {
        return Err(Error::new(format!(
            "service `{}` is a job, whose tasks start and end by themselves",
            service.key
        )));
    }
    if let Some(service) = found
        .iter()
        .find(|service| service.sidecar.is_some() && is_named(service))
    {
        let message = format!(
            "service `{}` lives in the tasks of another and cannot be started or stopped alone",
            service.key
        );
        return Err(Error::new(message).hint("name the service that it shares its network with"));
    }
    found.retain(|service| service.family.is_none() && service.sidecar.is_none());
    Ok(found)
}

async fn carry_out(account: &Account, changes: Vec<(Service, Change)>, io: &Io) -> Result<Option<Unstable>> {
    let mut rollouts = Vec::new();
    for (service, change) in changes {
        rollouts.push(Rollout::begin(account, service, change, &io.progress).await?);
    }
    tokio::select! {
        unstable = Box::pin(rollout::follow(account, rollouts, &io.progress)) => unstable,
        // ECS goes on by itself.
        () = io.interrupts.reached(1) => Err(Error::INTERRUPTED),
    }
}

async fn kill(account: &Account, service: &Service, io: &Io) -> Result<()> {
    for task in service.tasks(account, DesiredStatus::Running).await? {
        let arn = task.task_arn().unwrap_or_default();
        let request = account
            .ecs
            .stop_task()
            .cluster(&service.name.cluster)
            .task(arn)
            .reason("ctx kill");
        let sent = request.send().await;
        sent.map_err(|error| {
            account
                .access
                .failed(format!("cannot stop task `{}`", tasks::id(arn)), &error)
        })?;
        io.progress.done(format!("Task {}", tasks::id(arn)), "Killed");
    }
    Ok(())
}

async fn describe(account: &Account, service: &Service) -> Result<Described> {
    let name = &service.name;
    let request = account
        .ecs
        .describe_services()
        .cluster(&name.cluster)
        .services(&name.service);
    let described = request.send().await;
    let described = described.map_err(|error| {
        account
            .access
            .failed(format!("cannot look at service `{}`", service.key), &error)
    })?;
    let mut services = described.services.unwrap_or_default().into_iter();
    services
        .next()
        .ok_or_else(|| Error::new(format!("ECS has no service `{}` any more", service.key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_as_wanted_changes() {
        let restart = Lifecycle::Restart { alone: false };
        assert_eq!(change(&Lifecycle::Start, 0, 3), Some(Change::Count(3)));
        assert_eq!(change(&Lifecycle::Start, 0, 0), Some(Change::Count(1)));
        assert_eq!(change(&Lifecycle::Start, 2, 3), None);
        assert_eq!(change(&Lifecycle::Stop, 2, 3), Some(Change::Count(0)));
        assert_eq!(change(&Lifecycle::Stop, 0, 3), None);
        assert_eq!(change(&restart, 2, 3), Some(Change::Redeploy));
        assert_eq!(change(&restart, 0, 3), Some(Change::Count(3)));
    }
}
