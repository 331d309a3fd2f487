//! What changes in services without their stack: new deployments and other numbers of tasks, from there to their end.

use std::time::Duration;

use aws_sdk_ecs::operation::update_service::builders::UpdateServiceFluentBuilder;
use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service as Described};
use jiff::Timestamp;

use super::causes::Cause;
use super::pace::Pace;
use super::services::{self, DESCRIBED_AT_ONCE, Service};
use super::stabilising::{Stabilising, primary};
use super::{Account, failure, tasks, trouble};
use crate::error::Result;
use crate::progress::Progress;

/// Between two looks, for each request that they take.
const LONGEST: Duration = Duration::from_secs(1);

/// What is changed in a service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// How many tasks it has.
    Count(i32),
    /// Its tasks, by others of the same definition.
    Redeploy,
    /// Its tasks, by those of this definition.
    Definition(String),
}

impl Change {
    /// What happens, and what has happened then.
    fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Count(0) => ("Stopping", "Stopped"),
            Self::Count(_) => ("Scaling", "Running"),
            Self::Redeploy | Self::Definition(_) => ("Replacing its tasks", "Tasks replaced"),
        }
    }
}

/// A service that changes.
#[derive(Debug)]
pub struct Rollout {
    service: Service,
    arn: String,
    change: Change,
    /// The id of its deployment.
    deployment: String,
    since: Option<Timestamp>,
}

/// A service that did not become stable, and why; nothing where nothing is known.
#[derive(Debug)]
pub struct Unstable {
    pub service: String,
    pub causes: Vec<Cause>,
    /// Whether ECS goes on trying.
    pub goes_on: bool,
}

impl Rollout {
    /// Asks ECS for it.
    pub async fn begin(account: &Account, service: Service, change: Change, progress: &Progress) -> Result<Self> {
        let request = asked(account, &service, &change);
        let updated = request.send().await.map_err(|error| {
            let what = format!("cannot change service `{}`", service.key);
            account.access.failed(what, &error)
        })?;
        progress.working(id(&service), change.words().0);
        let updated = updated.service.unwrap_or_else(|| Described::builder().build());
        let newest = primary(&updated);
        let time = |deployment: &Deployment| {
            let changed = deployment.updated_at().filter(|_| matches!(change, Change::Count(_)));
            tasks::time(changed.or(deployment.created_at()))
        };
        Ok(Self {
            deployment: newest.and_then(|deployment| deployment.id.clone()).unwrap_or_default(),
            since: newest.and_then(time),
            arn: updated.service_arn.unwrap_or_default(),
            service,
            change,
        })
    }

    /// `None` while it goes on, then whether it was a success.
    fn succeeded(&self, services: &[Described]) -> Option<bool> {
        let service = services.iter().find(|service| service.service_arn() == Some(&self.arn));
        if matches!(self.change, Change::Count(_)) {
            return is_settled(service?).then_some(true);
        }
        let mut deployments = service.map_or(&[][..], Described::deployments).iter();
        let mine = deployments.find(|deployment| deployment.id() == Some(&self.deployment));
        match mine.and_then(Deployment::rollout_state) {
            Some(DeploymentRolloutState::Completed) => Some(true),
            Some(DeploymentRolloutState::InProgress) => None,
            // One that failed, or that another has taken the place of.
            _ => Some(false),
        }
    }
}

fn asked(account: &Account, service: &Service, change: &Change) -> UpdateServiceFluentBuilder {
    let request = account.ecs.update_service().cluster(&service.name.cluster);
    let request = request.service(&service.name.service);
    match change {
        Change::Count(count) => request.desired_count(*count),
        Change::Redeploy => request.force_new_deployment(true),
        Change::Definition(arn) => request.task_definition(arn),
    }
}

fn id(service: &Service) -> String {
    format!("Service {}", service.key)
}

fn is_settled(service: &Described) -> bool {
    service.running_count() == service.desired_count()
        && service.pending_count() == 0
        && service.deployments().len() <= 1
}

/// Waits until all are done, or until one of them will not be, and tells what they do meanwhile.
pub async fn follow(account: &Account, mut rollouts: Vec<Rollout>, progress: &Progress) -> Result<Option<Unstable>> {
    // The more requests a look takes, the fewer looks there are.
    let requests = rollouts.len().div_ceil(DESCRIBED_AT_ONCE).max(1);
    let mut pace = Pace::up_to(LONGEST * u32::try_from(requests).unwrap_or(u32::MAX));
    let mut stabilising = Stabilising::new();
    for rollout in &rollouts {
        stabilising.begin(&rollout.arn, &id(&rollout.service), rollout.since);
    }
    while !rollouts.is_empty() {
        pace.wait().await;
        let services = match services::look(account, rollouts.iter().map(|rollout| &rollout.service.name)).await {
            Ok(services) => services,
            Err(error) if failure::passes(&error) && pace.back_off() => continue,
            Err(error) => return Err(account.access.failed("cannot look at the services", &error)),
        };
        pace.answered();
        let (going, ended): (Vec<_>, Vec<_>) = rollouts
            .into_iter()
            .partition(|rollout| rollout.succeeded(&services).is_none());
        rollouts = going;
        for rollout in ended {
            let seen = stabilising.end(&rollout.arn);
            if rollout.succeeded(&services) == Some(true) {
                progress.done(id(&rollout.service), rollout.change.words().1);
                continue;
            }
            progress.failed(id(&rollout.service), "Its tasks did not become stable");
            let found = Box::pin(trouble::of_service(account, &rollout.service.name, rollout.since)).await;
            return Ok(Some(Unstable {
                service: rollout.service.key,
                causes: trouble::merged(seen, found),
                goes_on: false,
            }));
        }
        let (news, looping) = stabilising.see(account, &services, progress).await;
        if news {
            pace.hurry();
        }
        if let Some(looping) = looping {
            let mut its = rollouts.iter().filter(|rollout| rollout.arn == looping.arn);
            let service = its
                .next()
                .map(|rollout| rollout.service.key.clone())
                .unwrap_or_default();
            return Ok(Some(Unstable {
                service,
                causes: looping.causes,
                goes_on: true,
            }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_settled_when_its_old_tasks_are_gone_as_well() {
        let service = |running, deployments: usize| {
            let deployment = Deployment::builder().build();
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
