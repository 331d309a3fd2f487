//! What happened to a project: to its stack, to its services, to their tasks; in the order of time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_ecs::types::{DesiredStatus, Service as Described, Task};
use jiff::{SignedDuration, Timestamp};

use super::events::{self, Event};
use super::services::{self, Service};
use super::stack::Stack;
use super::{Account, explain, stack, tasks};
use crate::backend::{EventsOptions, Happening, Tell};
use crate::error::Result;

/// Between two looks of a follower.
const PAUSE: Duration = Duration::from_secs(3);
/// The clocks of CloudFormation and of ECS differ.
const APART: SignedDuration = SignedDuration::from_secs(2);
/// How far back a follower looks for what was told late.
const LATE: SignedDuration = SignedDuration::from_secs(15);

/// Tells what happened, each once; with `follow` until the stack is gone.
pub async fn tell(account: &Account, project: &str, options: &EventsOptions, tell: &Tell) -> Result<()> {
    let Some(stack) = stack::find(account, project).await? else {
        return Err(stack::missing(project));
    };
    stack::check_ours(account, &stack, project).await?;
    if !options.services.is_empty() {
        Box::pin(services::of_project(account, project, &options.services)).await?;
    }
    let mut told = BTreeSet::new();
    let mut since = options.since;
    loop {
        let happenings = look(account, project, &stack, since).await?;
        let gone = happenings
            .iter()
            .any(|one| one.kind == "stack" && one.action == "DELETE_COMPLETE");
        for happening in happenings {
            let early = options.until.is_none_or(|until| happening.time < until);
            let wanted = options.services.is_empty()
                || happening
                    .service
                    .as_ref()
                    .is_some_and(|service| options.services.contains(service));
            if early && wanted && !told.contains(&happening) {
                tell(happening.clone())?;
            }
            since = since.max(happening.time.checked_sub(LATE).ok());
            told.insert(happening);
        }
        told.retain(|happening: &Happening| since.is_none_or(|since| happening.time >= since));
        let over = options.until.is_some_and(|until| until <= Timestamp::now());
        if !options.follow || gone || over {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// All that is known since a moment, or, without one, since the last deployment began.
async fn look(account: &Account, project: &str, stack: &Stack, since: Option<Timestamp>) -> Result<Vec<Happening>> {
    let of_stack = events::history(account, &stack.id, since).await?;
    let first = of_stack.first().and_then(|event| event.time);
    let begun = since.or_else(|| first?.checked_sub(APART).ok());
    let services = match Box::pin(services::of_project(account, project, &[])).await {
        Ok(services) => services,
        // The stack may go while somebody looks.
        Err(_) if since.is_some() => Vec::new(),
        Err(error) => return Err(error),
    };
    let names: BTreeSet<_> = services
        .iter()
        .filter(|service| service.family.is_none())
        .map(|service| &service.name)
        .collect();
    let described = Box::pin(services::look(account, names.iter().copied()))
        .await
        .unwrap_or_default();
    let clusters: BTreeSet<&str> = services.iter().map(|service| service.name.cluster.as_str()).collect();
    let mut stopped = Vec::new();
    for cluster in clusters.into_iter().filter(|cluster| !cluster.is_empty()) {
        stopped.extend(
            tasks::of_cluster(account, cluster, DesiredStatus::Stopped)
                .await
                .unwrap_or_default(),
        );
    }
    let mut happenings: Vec<Happening> = of_stack.iter().filter_map(|event| of_event(event, &services)).collect();
    happenings.extend(described.iter().flat_map(|described| of_service(described, &services)));
    happenings.extend(stopped.into_iter().filter_map(|task| of_task(task, &services)));
    happenings.retain(|happening| begun.is_none_or(|begun| happening.time >= begun));
    // What has the same time stays as it was told.
    happenings.sort_by_key(|happening| happening.time);
    Ok(happenings)
}

fn of_event(event: &Event, services: &[Service]) -> Option<Happening> {
    let service = services.iter().find(|service| service.logical_id == event.logical_id);
    let mut attributes = BTreeMap::new();
    if !event.of_stack {
        attributes.insert("type".to_owned(), event.kind.clone());
    }
    if event.reason.is_some() {
        attributes.insert("reason".to_owned(), explain::reason(event).to_owned());
    }
    Some(Happening {
        time: event.time?,
        kind: if event.of_stack { "stack" } else { "resource" },
        action: event.status.clone(),
        id: event.logical_id.clone(),
        service: service.map(|service| service.key.clone()),
        attributes,
    })
}

/// What ECS says of a service.
fn of_service<'d>(described: &'d Described, services: &'d [Service]) -> impl Iterator<Item = Happening> + 'd {
    let name = described.service_name().unwrap_or_default();
    let key = services
        .iter()
        .find(|service| service.name.service == name)
        .map(|service| &service.key);
    described.events().iter().filter_map(move |event| {
        let message = event.message()?;
        // It begins with the name of the service, which is long and known.
        let said = message.strip_prefix(&format!("(service {name}) ")).unwrap_or(message);
        Some(Happening {
            time: tasks::time(event.created_at())?,
            kind: "service",
            action: "message".to_owned(),
            id: key.map_or(name, String::as_str).to_owned(),
            service: key.cloned(),
            attributes: BTreeMap::from([("message".to_owned(), said.trim_end_matches('.').to_owned())]),
        })
    })
}

/// The end of a task.
fn of_task(task: Task, services: &[Service]) -> Option<Happening> {
    let group = task.group.clone().unwrap_or_default();
    let whose = services.iter().find(|service| match &service.family {
        Some(family) => group == format!("family:{family}"),
        None => group == format!("service:{}", service.name.service),
    })?;
    let stopped = tasks::read_all(vec![task]).pop()?;
    let mut attributes = BTreeMap::new();
    let ended = stopped
        .containers
        .iter()
        .filter_map(|container| Some((&container.name, container.exit_code?)));
    for (name, code) in ended.filter(|(_, code)| *code != 0) {
        attributes.insert(format!("exitCode.{name}"), code.to_string());
    }
    if let Some(reason) = &stopped.reason {
        attributes.insert("reason".to_owned(), reason.clone());
    }
    Some(Happening {
        time: stopped.at?,
        kind: "task",
        action: "stop".to_owned(),
        id: stopped.id,
        service: Some(whose.key.clone()),
        attributes,
    })
}
