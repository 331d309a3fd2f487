//! A new deployment of a service that has not changed: its tasks are replaced, and their image is pulled again.

use std::time::Duration;

use aws_sdk_ecs::types::{DeploymentRolloutState, Service as EcsService};

use super::pace::Pace;
use super::services::{self, DESCRIBED_AT_ONCE, Service};
use super::{Account, explain, tasks};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// Between two looks, for each request that they take.
const LONGEST: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct Rollout {
    service: Service,
    /// The id of its deployment.
    id: String,
}

impl Rollout {
    pub async fn begin(account: &Account, service: Service) -> Result<Self> {
        let updated = account
            .ecs
            .update_service()
            .cluster(&service.name.cluster)
            .service(&service.name.service)
            .force_new_deployment(true)
            .send()
            .await
            .map_err(|error| {
                let what = format!("cannot replace the tasks of service `{}`", service.key);
                account.access.failed(what, &error)
            })?;
        let deployments = updated
            .service
            .and_then(|service| service.deployments)
            .unwrap_or_default();
        let newest = deployments
            .into_iter()
            .find(|deployment| deployment.status() == Some("PRIMARY"));
        let id = newest.and_then(|deployment| deployment.id).unwrap_or_default();
        Ok(Self { service, id })
    }

    /// `None` while it goes on, then whether it was a success.
    fn succeeded(&self, services: &[EcsService]) -> Option<bool> {
        let deployments = services.iter().flat_map(EcsService::deployments);
        let mut mine = deployments.filter(|deployment| deployment.id() == Some(&self.id));
        match mine.next().and_then(|deployment| deployment.rollout_state()) {
            Some(DeploymentRolloutState::Completed) => Some(true),
            Some(DeploymentRolloutState::InProgress) => None,
            // One that failed, or that another has taken the place of.
            _ => Some(false),
        }
    }

    async fn failure(&self, account: &Account) -> Error {
        let failed = Error::new(format!(
            "the new tasks of service `{}` did not become stable",
            self.service.key
        ));
        match tasks::stopped(account, &self.service.name)
            .await
            .unwrap_or_default()
            .first()
        {
            Some(task) => {
                let said = explain::task(task);
                let hint = explain::hint(&said).unwrap_or("`ctx logs` shows what the containers wrote");
                failed.because(&Error::new(said)).hint(hint)
            }
            None => failed.hint("`ctx ps -a` and `ctx logs` show why"),
        }
    }
}

/// Waits until all are done.
pub async fn follow(account: &Account, mut rollouts: Vec<Rollout>, progress: &Progress) -> Result<()> {
    // The more requests a look takes, the fewer looks there are.
    let requests = rollouts.len().div_ceil(DESCRIBED_AT_ONCE).max(1);
    let mut pace = Pace::up_to(LONGEST * u32::try_from(requests).unwrap_or(u32::MAX));
    while !rollouts.is_empty() {
        pace.wait().await;
        let services = services::look(account, rollouts.iter().map(|rollout| &rollout.service.name)).await;
        let services = services.map_err(|error| account.access.failed("cannot look at the services", &error))?;
        let mut going = Vec::new();
        for rollout in rollouts {
            let id = format!("Service {}", rollout.service.key);
            match rollout.succeeded(&services) {
                None => going.push(rollout),
                Some(true) => progress.done(id, "Tasks replaced"),
                Some(false) => {
                    progress.failed(id, "Tasks not replaced");
                    return Err(rollout.failure(account).await);
                }
            }
        }
        rollouts = going;
    }
    Ok(())
}
