//! Starting, stopping and scaling services that are deployed. The template stays as it is: what is done here lasts until
//! an `up` that changes the service.

use aws_sdk_ecs::types::{DesiredStatus, Service as Described};

use super::pace::Pace;
use super::services::{self, Service};
use super::{Account, tasks};
use crate::backend::{Io, Lifecycle};
use crate::error::{Error, Result};

/// What is to be done with one service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Change {
    Count(i32),
    Redeploy,
}

/// Does it, and waits until the services are as wanted. `replicas` tells how many tasks a service shall have.
pub async fn apply(
    account: &Account,
    name: &str,
    replicas: impl Fn(&str) -> i64,
    verb: &Lifecycle,
    wanted: &[String],
    io: &Io,
) -> Result<()> {
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
        return Ok(());
    }
    let mut changes = Vec::new();
    for service in found {
        let now = describe(account, &service).await?;
        if let Some(change) = change(verb, now.desired_count(), replicas(&service.key)) {
            changes.push((service, change));
        }
    }
    carry_out(account, &changes, io).await
}

/// Gives services other numbers of tasks.
pub async fn scale(account: &Account, name: &str, counts: &[(String, i64)], io: &Io) -> Result<()> {
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
    carry_out(account, &changes, io).await
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
async fn lasting(account: &Account, name: &str, wanted: &[String]) -> Result<Vec<Service>> {
    let mut found = services::of_project(account, name, wanted).await?;
    if found.is_empty() {
        return Err(Error::new(format!("project `{name}` does not run here")).hint("`ctx up` deploys it"));
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

async fn carry_out(account: &Account, changes: &[(Service, Change)], io: &Io) -> Result<()> {
    for (service, change) in changes {
        let request = account
            .ecs
            .update_service()
            .cluster(&service.name.cluster)
            .service(&service.name.service);
        let request = match change {
            Change::Count(count) => request.desired_count(*count),
            Change::Redeploy => request.force_new_deployment(true),
        };
        let sent = request.send().await;
        sent.map_err(|error| {
            account
                .access
                .failed(format!("cannot change service `{}`", service.key), &error)
        })?;
        io.progress.working(object(service), words(*change).0);
    }
    let wait = async {
        for (service, change) in changes {
            let mut pace = Pace::new();
            while !is_settled(&describe(account, service).await?) {
                pace.wait().await;
            }
            io.progress.done(object(service), words(*change).1);
        }
        Ok(())
    };
    tokio::select! {
        result = wait => result,
        // ECS goes on by itself.
        () = io.interrupts.reached(1) => Err(Error::INTERRUPTED),
    }
}

fn is_settled(service: &Described) -> bool {
    service.running_count() == service.desired_count()
        && service.pending_count() == 0
        && service.deployments().len() <= 1
}

fn object(service: &Service) -> String {
    format!("Service {}", service.key)
}

fn words(change: Change) -> (&'static str, &'static str) {
    match change {
        Change::Count(0) => ("Stopping", "Stopped"),
        Change::Count(_) => ("Scaling", "Running"),
        Change::Redeploy => ("Restarting", "Restarted"),
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

    #[test]
    fn a_service_is_settled_when_its_old_tasks_are_gone_as_well() {
        let service = |running, deployments: usize| {
            let deployment = aws_sdk_ecs::types::Deployment::builder().build();
            Described::builder()
                .desired_count(1)
                .running_count(running)
                .set_deployments(Some(vec![deployment; deployments]))
                .build()
        };
        assert!(is_settled(&service(1, 1)));
        assert!(!is_settled(&service(1, 2)));
        assert!(!is_settled(&service(0, 1)));
    }
}
