//! Making a container: its body, its networks, the files that are copied into it.

use std::sync::PoisonError;
use std::time::Duration;

use bollard::body_full;
use bollard::models::{ContainerStateStatusEnum, NetworkConnectRequest};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, RemoveContainerOptions, UploadToContainerOptions,
};

use super::super::container::{Container as Made, Instance, container};
use super::super::observed::{Container, Observed};
use super::super::plan::{Creation, Operation, Plan};
use super::super::{archive, failure, hash, labels};
use super::Execution;
use super::complete::complete;
use crate::compose::{Project, Service};
use crate::engine::{Api, Connection, is_missing, message};
use crate::error::Result;
use crate::progress::{Event, State};

/// With this API and newer ones a container is attached to all its networks when it is made.
const MANY_NETWORKS: Api = Api(44);

fn is_taken(error: &bollard::errors::Error) -> bool {
    let conflict = matches!(
        error,
        bollard::errors::Error::DockerResponseServerError { status_code: 409, .. }
    );
    conflict && message(error).contains("is already in use by container")
}

/// How long the engine may take to make a container that nobody waits for any more.
const LONGEST_CREATION: Duration = Duration::from_secs(5);

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
        complete(self.connection, project, service, &mut container.body)?;
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
        // Asked only if it matters.
        let api = match container.networks.len() {
            0 => MANY_NETWORKS,
            _ => self.connection.api().await?,
        };
        let mut make = async || {
            let made = make(self.connection, api, name, service, &mut container).await;
            let id = match made {
                // Of a run that was cut off, the engine may have come to its last request after we had looked.
                Err(error) if is_taken(&error) && self.clear(project, service, name).await => {
                    make(self.connection, api, name, service, &mut container).await?
                }
                made => made?,
            };
            let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
            ids.entry(service.name.clone()).or_default().insert(*number, id);
            Ok(())
        };
        let result = self.told(&object, done, make().await);
        match result {
            Ok(()) => Ok(()),
            Err(error) => Err(failure::create(self.connection, project, service, name, &error).await),
        }
    }

    /// Takes away a container of this service that never ran, and that has a name which is wanted now.
    async fn clear(&self, project: &Project, service: &Service, name: &str) -> bool {
        let docker = &self.connection.docker;
        // The name is taken before the container is there.
        let mut patience = Duration::from_millis(10);
        let found = loop {
            match docker.inspect_container(name, None::<InspectContainerOptions>).await {
                Ok(found) => break found,
                Err(error) if is_missing(&error) && patience < LONGEST_CREATION => tokio::time::sleep(patience).await,
                Err(_) => return false,
            }
            patience *= 2;
        };
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        let own =
            labels.get(labels::PROJECT) == Some(&project.name) && labels.get(labels::SERVICE) == Some(&service.name);
        let fresh = found.state.and_then(|state| state.status) == Some(ContainerStateStatusEnum::CREATED);
        let options = RemoveContainerOptions {
            v: true,
            ..RemoveContainerOptions::default()
        };
        own && fresh && docker.remove_container(name, Some(options)).await.is_ok()
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

    pub(in crate::local) fn first_id(&self, service: &str) -> Option<String> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.get(service)?.values().next().cloned()
    }
}

/// Makes a container with its networks and files; its id.
pub(in crate::local) async fn make(
    connection: &Connection,
    api: Api,
    name: &str,
    service: &Service,
    container: &mut Made,
) -> Result<String, bollard::errors::Error> {
    if !container.networks.is_empty() && api >= MANY_NETWORKS {
        let first = container.body.networking_config.get_or_insert_default();
        let endpoints = first.endpoints_config.get_or_insert_default();
        endpoints.extend(container.networks.drain(..));
    }
    let platform = service
        .platform
        .as_ref()
        .map_or_else(String::new, |platform| platform.value.clone());
    let options = CreateContainerOptions {
        name: Some(name.to_owned()),
        platform,
    };
    let docker = &connection.docker;
    let created = docker.create_container(Some(options), container.body.clone()).await?;
    for (network, endpoint) in &container.networks {
        let request = NetworkConnectRequest {
            container: created.id.clone(),
            endpoint_config: Some(endpoint.clone()),
        };
        let connect = || docker.connect_network(network, request.clone());
        connection.on_networks(connect).await?;
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
    Ok(created.id)
}
