//! What a project's containers, images and volumes are, for the commands that show them.

use std::collections::BTreeMap;

use bollard::models::ContainerSummary;
use bollard::query_parameters::{ListContainersOptions, ListVolumesOptions, TopOptions};
use futures_util::future::try_join_all;

use super::Engine;
use super::lifecycle::none_of;
use super::observed::{self, Container};
use super::{labels, replicas};
use crate::backend::{Image, OwnVolume, Processes, ProjectSummary};
use crate::engine::message;
use crate::error::{Error, Result};

impl Engine {
    /// All projects with containers; those without running ones only if `all`.
    pub(super) async fn list_projects(&self, all: bool) -> Result<Vec<ProjectSummary>> {
        let options = ListContainersOptions {
            all,
            filters: Some(
                BTreeMap::from([(
                    "label".to_owned(),
                    vec![labels::PROJECT.to_owned(), labels::CONFIG_HASH.to_owned()],
                )])
                .into_iter()
                .collect(),
            ),
            ..ListContainersOptions::default()
        };
        let containers = self.connection.docker.list_containers(Some(options)).await;
        let containers =
            containers.map_err(|error| self.connection.failed("cannot list the engine's containers", &error))?;
        let mut projects: BTreeMap<String, ProjectSummary> = BTreeMap::new();
        for container in &containers {
            let name = label(container, labels::PROJECT);
            let project = projects.entry(name.clone()).or_insert_with(|| ProjectSummary {
                name,
                states: BTreeMap::new(),
                files: label(container, labels::CONFIG_FILES),
            });
            let state = container.state.map(|state| state.to_string()).unwrap_or_default();
            *project.states.entry(state).or_default() += 1;
        }
        Ok(projects.into_values().collect())
    }

    /// Where a port of a service's nth container is published on the engine's machine: `0.0.0.0:8080`.
    pub(super) async fn find_port(
        &self,
        project: &str,
        service: &str,
        number: u32,
        target: u16,
        protocol: &str,
    ) -> Result<String> {
        let containers = self.connection.project_containers(project).await?;
        let of_service: Vec<_> = containers
            .iter()
            .map(|container| (Container::read(container), container))
            .filter(|(container, _)| container.service == service && !container.one_off)
            .collect();
        let Some((container, summary)) = of_service.iter().find(|(container, _)| container.number == number) else {
            let all: Vec<_> = containers.iter().map(Container::read).collect();
            return Err(none_of(
                project,
                service,
                (!of_service.is_empty()).then_some(number),
                &all,
            ));
        };
        let ports = replicas::replica(summary).ports;
        let port = ports
            .iter()
            .find(|port| port.target == target && port.protocol == protocol)
            .and_then(|port| Some((&port.host, port.published?)));
        match port {
            Some((host, published)) if host.contains(':') => Ok(format!("[{host}]:{published}")),
            Some((host, published)) => Ok(format!("{host}:{published}")),
            None => {
                let error = Error::new(format!(
                    "port {target}/{protocol} of container {} is not published",
                    container.name
                ));
                Err(error.hint("list it under `ports` of the service"))
            }
        }
    }

    /// The processes of the running containers of the named services, or of all.
    pub(super) async fn list_processes(&self, project: &str, services: &[String]) -> Result<Vec<Processes>> {
        let containers = self.containers_of(project, services).await?;
        let running = containers.iter().filter(|container| {
            container.is_running() && (services.is_empty() || services.contains(&container.service))
        });
        try_join_all(running.map(|container| async {
            let options = TopOptions { ps_args: String::new() };
            let top = self.connection.docker.top_processes(&container.id, Some(options)).await;
            let top = top.map_err(|error| {
                self.connection.failed(
                    format!("cannot list the processes of container {}", container.name),
                    &error,
                )
            })?;
            Ok(Processes {
                service: container.service.clone(),
                number: container.number,
                titles: top.titles.unwrap_or_default(),
                rows: top.processes.unwrap_or_default(),
            })
        }))
        .await
    }

    /// The images of the containers of the named services, or of all.
    pub(super) async fn list_images(&self, project: &str, services: &[String]) -> Result<Vec<Image>> {
        let containers = self.containers_of(project, services).await?;
        let chosen = containers
            .iter()
            .filter(|container| services.is_empty() || services.contains(&container.service));
        try_join_all(chosen.map(|container| async {
            let docker = &self.connection.docker;
            let image = match docker.inspect_image(&container.image_id).await {
                Ok(image) => image,
                Err(error) => {
                    let what = format!("cannot look at the image of container {}", container.name);
                    return Err(Error::new(format!("{what}: {}", message(&error))));
                }
            };
            let tags = image.repo_tags.unwrap_or_default();
            // Of its names the one that the container was made from, if it still has it.
            let made = docker.inspect_container(&container.id, None).await;
            let made_from = made.ok().and_then(|made| made.config?.image);
            let made_from = made_from.map(|name| observed::familiar(&name));
            let tagged = tags.iter().find(|tag| Some(*tag) == made_from.as_ref());
            let tagged = tagged.or(tags.first()).cloned().unwrap_or_default();
            let (repository, tag) = tagged.rsplit_once(':').unwrap_or((&tagged, ""));
            let part = |part: Option<String>| part.filter(|part| !part.is_empty());
            let platform: Vec<_> = [part(image.os), part(image.architecture), part(image.variant)]
                .into_iter()
                .flatten()
                .collect();
            Ok(Image {
                container: container.name.clone(),
                repository: repository.to_owned(),
                tag: tag.to_owned(),
                platform: platform.join("/"),
                id: image.id.unwrap_or_default(),
                size: image.size,
                created: image.created.and_then(|created| created.parse().ok()),
            })
        }))
        .await
    }

    /// The volumes that carry the project's label, of the named services' containers or all.
    pub async fn volumes(&self, project: &str, services: &[String]) -> Result<Vec<OwnVolume>> {
        let used: Vec<_> = if services.is_empty() {
            Vec::new()
        } else {
            let containers = self.containers_of(project, services).await?;
            let of_services = containers
                .iter()
                .filter(|container| services.contains(&container.service));
            of_services
                .flat_map(|container| container.mounts.iter().map(|mount| mount.name.clone()))
                .collect()
        };
        let filters = Some(observed::filter("label", [observed::project_label(project)]));
        let volumes = self
            .connection
            .docker
            .list_volumes(Some(ListVolumesOptions { filters }))
            .await;
        let volumes = volumes.map_err(|error| self.connection.failed("cannot list the engine's volumes", &error))?;
        let mut volumes: Vec<_> = volumes
            .volumes
            .into_iter()
            .flatten()
            .map(|volume| OwnVolume {
                name: volume.name,
                driver: volume.driver,
                labels: volume.labels.into_iter().collect(),
                mountpoint: volume.mountpoint,
                scope: volume.scope.map(|scope| scope.to_string()).unwrap_or_default(),
            })
            .filter(|volume| services.is_empty() || used.contains(&volume.name))
            .collect();
        volumes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(volumes)
    }
}

fn label(container: &ContainerSummary, key: &str) -> String {
    let labels = container.labels.as_ref();
    labels.and_then(|labels| labels.get(key)).cloned().unwrap_or_default()
}
