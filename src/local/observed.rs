//! What an engine has of a project: one snapshot, in a few list requests.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::errors::Error as EngineError;
use bollard::models::{self, ContainerSummary, ImageSummary};
use bollard::query_parameters::{ListContainersOptions, ListImagesOptions, ListNetworksOptions, ListVolumesOptions};
use futures_util::future::try_join_all;

use super::hooks::Hooks;
use super::labels;
use crate::compose::{Condition, Project};
use crate::engine::{Connection, is_missing};
use crate::error::Result;

#[derive(Clone, Default, Debug)]
pub struct Observed {
    /// Every container of the project, also one-off and stopped ones, by their names.
    pub containers: Vec<Container>,
    /// Networks by name: the project's, and those that its files name.
    pub networks: BTreeMap<String, Network>,
    /// Volumes by name: the project's, and those that its files name.
    pub volumes: BTreeMap<String, Volume>,
    /// The ids of the images that services name, by the name that the service uses.
    pub images: BTreeMap<String, String>,
}

#[derive(Clone, Default, PartialEq, Debug)]
pub struct Container {
    pub id: String,
    pub name: String,
    pub service: String,
    pub number: u32,
    /// Made by `run` rather than `up`.
    pub one_off: bool,
    /// The engine's word: `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.
    pub state: String,
    pub status: Status,
    pub hash: String,
    /// The id of the image that it was made from.
    pub image_id: String,
    /// Ids of the networks it is attached to; names where the engine gives no ids, and Podman gives names for them.
    pub networks: Vec<String>,
    pub mounts: Vec<Mounted>,
    /// The services that it depends on, as its label says.
    pub depends_on: Vec<On>,
    pub hooks: Hooks,
    /// What the files that were copied into it are known again by; empty if none were, or by Docker Compose.
    pub files: String,
}

/// One dependency of a container.
#[derive(Clone, PartialEq, Debug)]
pub struct On {
    pub service: String,
    pub condition: Condition,
    /// Whether it restarts with the other one.
    pub restart: bool,
}

/// What stands in the engine's human-readable status, which the list carries and an inspection need not repeat.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Status {
    /// `healthy`, `unhealthy` or `starting`; none without a health check.
    pub health: Option<String>,
    pub exit_code: Option<i64>,
}

#[derive(Clone, Default, PartialEq, Debug)]
pub struct Mounted {
    pub kind: String,
    /// The volume's name; empty for other kinds.
    pub name: String,
    pub target: String,
    pub writable: bool,
}

#[derive(Clone, Default, PartialEq, Debug)]
pub struct Network {
    pub id: String,
    /// The project in whose name it was made; empty if by hand.
    pub project: String,
    pub hash: String,
}

#[derive(Clone, Default, PartialEq, Debug)]
pub struct Volume {
    pub project: String,
    pub hash: String,
}

impl Container {
    /// Whether it is attached to a network.
    pub(super) fn is_on(&self, id: &str, name: &str) -> bool {
        self.networks.iter().any(|network| network == id || network == name)
    }

    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }

    /// What the list of containers says of one that belongs to a project.
    pub(super) fn read(summary: &ContainerSummary) -> Self {
        let label = |key: &str| {
            let labels = summary.labels.as_ref();
            labels.and_then(|labels| labels.get(key)).cloned().unwrap_or_default()
        };
        let networks = summary
            .network_settings
            .as_ref()
            .and_then(|settings| settings.networks.as_ref());
        Self {
            id: summary.id.clone().unwrap_or_default(),
            name: name(summary),
            service: label(labels::SERVICE),
            number: label(labels::NUMBER).parse().unwrap_or(0),
            one_off: label(labels::ONE_OFF).eq_ignore_ascii_case("true"),
            state: summary.state.map(|state| state.to_string()).unwrap_or_default(),
            status: Status::read(summary.status.as_deref().unwrap_or_default()),
            hash: label(labels::CONFIG_HASH),
            image_id: label(labels::IMAGE),
            networks: networks
                .into_iter()
                .flatten()
                // Engines before 23 give a container that was never started no ids.
                .map(|(name, endpoint)| {
                    let id = endpoint.network_id.as_ref().filter(|id| !id.is_empty());
                    id.unwrap_or(name).clone()
                })
                .collect(),
            mounts: summary
                .mounts
                .iter()
                .flatten()
                .map(|mount| Mounted {
                    kind: mount.typ.clone().unwrap_or_default(),
                    name: mount.name.clone().unwrap_or_default(),
                    target: mount.destination.clone().unwrap_or_default(),
                    writable: mount.rw.unwrap_or(true),
                })
                .collect(),
            depends_on: label(labels::DEPENDS_ON).split(',').filter_map(On::read).collect(),
            hooks: Hooks::read(&label(labels::HOOKS)).unwrap_or_default(),
            files: label(labels::FILES),
        }
    }
}

impl On {
    /// Reads `db:service_healthy:false`. Older versions of Docker Compose wrote the name alone.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let service = parts.next().filter(|service| !service.is_empty())?.to_owned();
        let condition = parts.next().and_then(Condition::parse).unwrap_or(Condition::Started);
        let restart = parts.next() == Some("true");
        Some(Self {
            service,
            condition,
            restart,
        })
    }
}

impl Status {
    /// Reads `Up 5 minutes (healthy)` and `Exited (137) 2 hours ago`.
    pub fn read(text: &str) -> Self {
        let brackets = text
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'))
            .map(|(inside, _)| inside);
        let health = match brackets {
            Some("healthy" | "unhealthy") => brackets,
            Some("health: starting") => Some("starting"),
            _ => None,
        };
        Self {
            health: health.map(str::to_owned),
            exit_code: brackets.and_then(|inside| inside.parse().ok()),
        }
    }
}

/// A container's name; the engine lists it with a slash, and with more when others link to it.
pub(super) fn name(summary: &ContainerSummary) -> String {
    let names = summary.names.iter().flatten().map(|name| name.trim_start_matches('/'));
    names
        .into_iter()
        .find(|name| !name.contains('/'))
        .unwrap_or_default()
        .to_owned()
}

/// Podman says `stopped`, a word that Docker's API does not have, of what has ended, until it has cleaned up behind it.
const MOMENT: Duration = Duration::from_millis(50);
const PATIENCE: usize = 100;

impl Connection {
    /// All that there is of a project and all that its services ask for, in at most four requests.
    pub(super) async fn observe(&self, project: &Project, images: &[String]) -> Result<Observed> {
        let (containers, networks, volumes, images) = tokio::try_join!(
            self.project_containers(&project.name),
            self.networks_named(project),
            self.volumes_named(project),
            self.images_named(images),
        )?;
        let mut containers: Vec<_> = containers.iter().map(Container::read).collect();
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Observed {
            containers,
            networks,
            volumes,
            images,
        })
    }

    /// The containers that carry a project's label, with those that do not run.
    pub(super) async fn project_containers(&self, project: &str) -> Result<Vec<ContainerSummary>> {
        let options = ListContainersOptions {
            all: true,
            filters: Some(filter(
                "label",
                [project_label(project), labels::CONFIG_HASH.to_owned()],
            )),
            ..ListContainersOptions::default()
        };
        let mut patience = PATIENCE;
        loop {
            match self.docker.list_containers(Some(options.clone())).await {
                Err(EngineError::JsonDataError { message, .. }) if message.contains("`stopped`") && patience > 0 => {
                    patience -= 1;
                    tokio::time::sleep(MOMENT).await;
                }
                listed => {
                    return listed.map_err(|error| self.failed("cannot list the engine's containers", &error));
                }
            }
        }
    }

    /// The networks that carry a project's label.
    pub(super) async fn project_networks(&self, project: &str) -> Result<Vec<models::Network>> {
        let filters = Some(filter("label", [project_label(project)]));
        let networks = self.docker.list_networks(Some(ListNetworksOptions { filters })).await;
        networks.map_err(|error| self.failed("cannot list the engine's networks", &error))
    }

    /// The names of the volumes that carry a project's label.
    pub(super) async fn project_volumes(&self, project: &str) -> Result<Vec<String>> {
        let filters = Some(filter("label", [project_label(project)]));
        let volumes = self.docker.list_volumes(Some(ListVolumesOptions { filters })).await;
        let volumes = volumes.map_err(|error| self.failed("cannot list the engine's volumes", &error))?;
        Ok(volumes
            .volumes
            .into_iter()
            .flatten()
            .map(|volume| volume.name)
            .collect())
    }

    async fn networks_named(&self, project: &Project) -> Result<BTreeMap<String, Network>> {
        let names: Vec<_> = project
            .networks
            .values()
            .map(|network| network.name.value.clone())
            .collect();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let filters = Some(filter("name", names));
        let listed = self.docker.list_networks(Some(ListNetworksOptions { filters })).await;
        let listed = listed.map_err(|error| self.failed("cannot list the engine's networks", &error))?;
        let mut networks = BTreeMap::new();
        for network in listed {
            let label = |key: &str| {
                network
                    .labels
                    .as_ref()
                    .and_then(|labels| labels.get(key))
                    .cloned()
                    .unwrap_or_default()
            };
            let found = Network {
                project: label(labels::PROJECT),
                hash: label(labels::CONFIG_HASH),
                id: network.id.clone().unwrap_or_default(),
            };
            // An engine may have two networks of one name; the project's own goes first.
            let name = network.name.clone().unwrap_or_default();
            if found.project == project.name || !networks.contains_key(&name) {
                networks.insert(name, found);
            }
        }
        Ok(networks)
    }

    async fn volumes_named(&self, project: &Project) -> Result<BTreeMap<String, Volume>> {
        let names: Vec<_> = project
            .volumes
            .values()
            .map(|volume| volume.name.value.clone())
            .collect();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let filters = Some(filter("name", names));
        let listed = self.docker.list_volumes(Some(ListVolumesOptions { filters })).await;
        let listed = listed.map_err(|error| self.failed("cannot list the engine's volumes", &error))?;
        let volume = |volume: models::Volume| {
            let label = |key: &str| volume.labels.get(key).cloned().unwrap_or_default();
            let found = Volume {
                project: label(labels::PROJECT),
                hash: label(labels::CONFIG_HASH),
            };
            (volume.name, found)
        };
        Ok(listed.volumes.into_iter().flatten().map(volume).collect())
    }

    /// The ids of those images that the engine has.
    pub(super) async fn images_named(&self, names: &[String]) -> Result<BTreeMap<String, String>> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let filters = Some(filter("reference", names.iter().map(|name| familiar(name))));
        let options = ListImagesOptions {
            filters,
            ..ListImagesOptions::default()
        };
        let listed = self.docker.list_images(Some(options)).await;
        let listed = listed.map_err(|error| self.failed("cannot list the engine's images", &error))?;
        let listed = &listed;
        let looked = names.iter().map(|name| async move {
            if let Some(image) = listed.iter().find(|image| is_called(image, name)) {
                return Ok(Some((name.clone(), image.id.clone())));
            }
            // It may be an id, or a name that the engine completes in its own way, as Podman does.
            match self.docker.inspect_image(name).await {
                Ok(image) => Ok(Some((name.clone(), image.id.unwrap_or_default()))),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(self.failed(format!("cannot look at image {name}"), &error)),
            }
        });
        Ok(try_join_all(looked).await?.into_iter().flatten().collect())
    }
}

pub(super) fn project_label(project: &str) -> String {
    format!("{}={project}", labels::PROJECT)
}

pub(super) fn filter(key: &str, values: impl IntoIterator<Item = String>) -> HashMap<String, Vec<String>> {
    HashMap::from([(key.to_owned(), values.into_iter().collect())])
}

/// An image's name as the engine lists it: without Docker Hub's host and its `library`, with a tag unless it has a
/// digest.
pub(super) fn familiar(name: &str) -> String {
    let name = name
        .strip_prefix("docker.io/")
        .or_else(|| name.strip_prefix("index.docker.io/"))
        .unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    if let Some((repository, digest)) = name.split_once('@') {
        // With both, the tag is a comment and the digest counts.
        let (repository, _) = split_tag(repository);
        return format!("{repository}@{digest}");
    }
    match split_tag(name) {
        (repository, None) => format!("{repository}:latest"),
        _ => name.to_owned(),
    }
}

/// Splits at the colon of a tag, which a registry's port is not.
fn split_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, None),
    }
}

fn is_called(image: &ImageSummary, name: &str) -> bool {
    let name = familiar(name);
    image.repo_tags.contains(&name) || image.repo_digests.contains(&name) || image.id == name
}

#[cfg(test)]
mod tests {
    use super::{Container, Status, familiar};

    #[test]
    fn a_network_is_known_by_its_id_or_as_podman_says_it() {
        let on = |network: &str| Container {
            networks: vec![network.to_owned()],
            ..Container::default()
        };
        assert!(on("89246829ed64").is_on("89246829ed64", "shop_default"));
        assert!(on("shop_default").is_on("89246829ed64", "shop_default"));
        assert!(!on("d708e5ffbd7a").is_on("89246829ed64", "shop_default"));
    }

    #[test]
    fn familiar_names() {
        assert_eq!(familiar("docker.io/library/redis"), "redis:latest");
        assert_eq!(familiar("redis:7"), "redis:7");
        assert_eq!(familiar("localhost:5000/a/b"), "localhost:5000/a/b:latest");
        assert_eq!(familiar("a/b:1@sha256:0123"), "a/b@sha256:0123");
    }

    #[test]
    fn status_texts() {
        assert_eq!(
            Status::read("Up 5 minutes (healthy)").health.as_deref(),
            Some("healthy")
        );
        assert_eq!(
            Status::read("Up 1 second (health: starting)").health.as_deref(),
            Some("starting")
        );
        assert_eq!(Status::read("Exited (137) 2 hours ago").exit_code, Some(137));
        assert_eq!(Status::read("Up 5 minutes"), Status::default());
    }
}
