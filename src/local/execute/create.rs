//! Making a container: its body, its networks, the files that are copied into it.

use std::sync::PoisonError;

use bollard::body_full;
use bollard::models::NetworkConnectRequest;
use bollard::query_parameters::{CreateContainerOptions, UploadToContainerOptions};

use super::super::container::{Instance, container};
use super::super::observed::{Container, Observed};
use super::super::plan::{Creation, Operation, Plan};
use super::super::{archive, failure, hash};
use super::Execution;
use crate::engine::Api;
use crate::error::Result;
use crate::progress::{Event, State};

/// With this API and newer ones a container is attached to all its networks when it is made.
const MANY_NETWORKS: Api = Api(44);

impl Execution<'_> {
    pub(super) async fn create(&self, creation: &Creation<'_>) -> Result<()> {
        let Creation {
            project,
            service,
            number,
            name,
            image_id,
            replaces,
            reason,
        } = creation;
        let resolved = hash::resolved(service, |name| self.first_id(name));
        let hash = hash::service_hashes(&resolved).swap_remove(0);
        let instance = Instance {
            number: *number,
            image_id,
            hash,
            replaces: *replaces,
            renew_volumes: self.renew_volumes,
        };
        let mut container = container(project, &resolved, &instance);
        let object = format!("Container {}", replaces.map_or(name, |old| &old.name));
        // The temporary name is nobody's business; renaming says that it is done.
        let (doing, done) = if replaces.is_some() {
            ("Recreate", "")
        } else {
            ("Creating", "Created")
        };
        self.io.progress.event(Event {
            id: object.clone(),
            state: State::Working,
            text: doing.to_owned(),
            detail: Some(reason.clone()).filter(|reason| !reason.is_empty()),
        });
        if !container.networks.is_empty() && self.connection.api().await? >= MANY_NETWORKS {
            let first = container.body.networking_config.get_or_insert_default();
            first
                .endpoints_config
                .get_or_insert_default()
                .extend(container.networks.drain(..));
        }
        let make = async || {
            let platform = service
                .platform
                .as_ref()
                .map_or_else(String::new, |platform| platform.value.clone());
            let options = CreateContainerOptions {
                name: Some(name.clone()),
                platform,
            };
            let docker = &self.connection.docker;
            let created = docker.create_container(Some(options), container.body.clone()).await?;
            for (network, endpoint) in &container.networks {
                let request = NetworkConnectRequest {
                    container: created.id.clone(),
                    endpoint_config: Some(endpoint.clone()),
                };
                docker.connect_network(network, request).await?;
            }
            if !container.files.is_empty() {
                let archive = archive::archive(&container.files)?;
                let options = UploadToContainerOptions {
                    path: "/".to_owned(),
                    ..UploadToContainerOptions::default()
                };
                docker
                    .upload_to_container(&created.id, Some(options), body_full(archive.into()))
                    .await?;
            }
            let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
            ids.entry(service.name.clone()).or_default().insert(*number, created.id);
            Ok(())
        };
        let result = self.told(&object, done, make().await);
        result.map_err(|error| failure::create(self.connection, project, service, name, &error))
    }

    pub(super) fn remember(&self, plan: &Plan<'_>, observed: &Observed) {
        let removed = |container: &Container| {
            let removes = |operation: &Operation<'_>| matches!(operation, Operation::Remove { container: it, .. } if it.id == container.id);
            plan.steps.iter().any(|step| removes(&step.operation))
        };
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        for container in observed
            .containers
            .iter()
            .filter(|container| !container.one_off && !removed(container))
        {
            ids.entry(container.service.clone())
                .or_default()
                .insert(container.number, container.id.clone());
        }
    }

    pub(super) fn first_id(&self, service: &str) -> Option<String> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.get(service)?.values().next().cloned()
    }
}
