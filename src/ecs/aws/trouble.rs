//! Asks ECS, the load balancers and the log why a service does not become stable.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::Service;
use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetHealthStateEnum};
use jiff::{SignedDuration, Timestamp};

use super::causes::{self, Cause, SickTarget};
use super::services::ServiceName;
use super::tasks::{self, StoppedTask};
use super::{Account, last_lines};

/// Most tasks of a service end for the same reason, which is told once.
const ENOUGH: usize = 3;

/// The clocks of CloudFormation and of ECS differ.
pub const APART: SignedDuration = SignedDuration::from_secs(2);

/// What is wrong with a service, the most probable cause first; nothing when nothing is known.
///
/// What happened before `since` counts for nothing. Whoever asks this has a failure to explain: that AWS does not answer
/// as well is not what the user has to know.
pub async fn of_service(account: &Account, name: &ServiceName, since: Option<Timestamp>) -> Vec<Cause> {
    let stopped = stopped_of(account, &[(name, since)]).await;
    let request = account.ecs.describe_services().cluster(&name.cluster);
    let answer = request.services(&name.service).send().await;
    let service = answer.ok().and_then(|answer| answer.services?.into_iter().next());
    let stopped = stopped.get(name).map_or(&[][..], Vec::as_slice);
    match &service {
        Some(service) => of_described(account, service, stopped, since).await,
        None => distinct(of_stopped(account, stopped).await),
    }
}

/// The same, of a service and tasks of it that ended, which are known.
pub async fn of_described(
    account: &Account,
    service: &Service,
    stopped: &[StoppedTask],
    since: Option<Timestamp>,
) -> Vec<Cause> {
    let since = since.and_then(|since| since.checked_sub(APART).ok());
    let mut causes = of_stopped(account, stopped).await;
    let balanced = sick_targets(account, service).await;
    if !balanced.is_empty() {
        causes = with_targets(account, causes, &balanced, service, stopped).await;
    }
    let events = service.events().iter();
    let recent = events.filter(|event| since.is_none_or(|since| tasks::time(event.created_at()) >= Some(since)));
    let messages = recent.filter_map(|event| event.message());
    // What the load balancer says itself is more than what ECS says of it.
    let of_balancer = |message: &str| !balanced.is_empty() && message.contains("is unhealthy in");
    let told = messages.filter(|message| !of_balancer(message));
    causes.extend(told.filter_map(causes::of_event));
    distinct(causes)
}

/// The tasks of services that ended since then, as far as ECS says it; the newest first. Those of several services are
/// asked for together, so that their number does not count.
pub async fn stopped_of(
    account: &Account,
    services: &[(&ServiceName, Option<Timestamp>)],
) -> BTreeMap<ServiceName, Vec<StoppedTask>> {
    let mut stopped = BTreeMap::new();
    if let [(name, _)] = services {
        let its = tasks::stopped(account, name).await.unwrap_or_default();
        stopped.insert((*name).clone(), its);
    } else {
        let clusters: BTreeSet<&str> = services.iter().map(|(name, _)| name.cluster.as_str()).collect();
        for cluster in clusters {
            stopped.extend(tasks::stopped_in(account, cluster).await.unwrap_or_default());
        }
    }
    for (name, since) in services {
        let since = since.and_then(|since| since.checked_sub(APART).ok());
        let is_new = |task: &StoppedTask| task.at.is_none_or(|at| since.is_none_or(|since| at >= since));
        if let Some(its) = stopped.get_mut(*name) {
            its.retain(is_new);
        }
    }
    stopped
}

/// Why tasks ended, with what their containers wrote.
pub async fn of_stopped(account: &Account, stopped: &[StoppedTask]) -> Vec<Cause> {
    let mut told = BTreeSet::new();
    let mut causes = Vec::new();
    for task in stopped {
        let Some(cause) = causes::of_task(task) else { continue };
        if !told.insert(cause.what.clone()) || told.len() > ENOUGH {
            continue;
        }
        let lines = match &cause.container {
            Some(container) => last_lines::of_task(account, &task.definition, &task.id, container).await,
            None => Vec::new(),
        };
        causes.push(cause.with_lines(&lines));
    }
    causes
}

/// Puts what the load balancer answers in the place of what ECS says of it.
async fn with_targets(
    account: &Account,
    mut causes: Vec<Cause>,
    targets: &[SickTarget],
    service: &Service,
    stopped: &[StoppedTask],
) -> Vec<Cause> {
    let is_of_balancer = |cause: &Cause| cause.attributes == ["ports"];
    let container = service
        .load_balancers()
        .iter()
        .find_map(|balancer| balancer.container_name());
    let mut lines = Vec::new();
    if let (Some(container), Some(task)) = (container, stopped.first()) {
        lines = last_lines::of_task(account, &task.definition, &task.id, container).await;
    }
    if !causes.is_empty() && !causes.iter().any(is_of_balancer) {
        // Targets of tasks that ended by themselves are sick because of that.
        return causes;
    }
    causes.retain(|cause| !is_of_balancer(cause));
    let told = targets.iter().map(|target| {
        let mut cause = causes::of_target(target, &lines);
        cause.container = container.map(str::to_owned);
        cause.with_lines(&lines)
    });
    told.chain(causes).collect()
}

/// The targets of a service's load balancers that get no requests.
async fn sick_targets(account: &Account, service: &Service) -> Vec<SickTarget> {
    let mut sick: Vec<SickTarget> = Vec::new();
    for balancer in service.load_balancers() {
        let Some(group) = balancer.target_group_arn() else {
            continue;
        };
        let request = account.load_balancing.describe_target_health().target_group_arn(group);
        let Ok(answer) = request.send().await else { continue };
        for described in answer.target_health_descriptions() {
            let Some(health) = described.target_health() else {
                continue;
            };
            if health.state() != Some(&TargetHealthStateEnum::Unhealthy) {
                continue;
            }
            let target = SickTarget {
                port: described.target().and_then(TargetDescription::port).unwrap_or_default(),
                reason: health
                    .reason()
                    .map(|reason| reason.as_str().to_owned())
                    .unwrap_or_default(),
                description: health.description().unwrap_or_default().to_owned(),
            };
            if !sick.contains(&target) {
                sick.push(target);
            }
        }
    }
    sick
}

/// What was found before and now, each cause once.
#[must_use]
pub fn merged(before: Vec<Cause>, now: Vec<Cause>) -> Vec<Cause> {
    distinct([before, now].concat())
}

/// Each cause once, in the words that came first.
fn distinct(mut causes: Vec<Cause>) -> Vec<Cause> {
    let mut told = BTreeSet::new();
    // The load balancer has said which check fails and how.
    let balanced = causes
        .iter()
        .filter(|cause| cause.attributes.first() == Some(&"ports"))
        .count();
    if balanced > 1 {
        causes.retain(|cause| cause.what != causes::BALANCED);
    }
    causes.retain(|cause| told.insert(cause.what.clone()));
    causes
}
