//! Which containers there are, and which of them asks.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{ContainerInspectResponse, ContainerStatsResponse};
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptions, StatsOptions};
use futures_util::StreamExt;
use futures_util::future::join_all;

use super::metadata::service;
use super::{SERVICE, SOCKET};
use crate::context::DockerEndpoint;
use crate::engine::Connection;
use crate::error::Result;

#[derive(Debug)]
pub(super) struct Containers {
    connection: Connection,
    project: String,
}

impl Containers {
    pub(super) fn of(project: &str) -> Result<Self> {
        let endpoint = DockerEndpoint {
            host: Some(format!("unix://{SOCKET}")),
            ..DockerEndpoint::default()
        };
        Ok(Self {
            connection: Connection::open(&endpoint, None)?,
            project: project.to_owned(),
        })
    }

    /// Everything about the project's containers, but for the endpoint's own.
    pub(super) async fn all(&self) -> Result<Vec<ContainerInspectResponse>> {
        let label = format!("com.docker.compose.project={}", self.project);
        let options = ListContainersOptions {
            all: true,
            filters: Some(HashMap::from([("label".to_owned(), vec![label])])),
            ..ListContainersOptions::default()
        };
        let docker = &self.connection.docker;
        let listed = docker.list_containers(Some(options)).await;
        let listed = listed.map_err(|error| self.connection.failed("cannot list the engine's containers", &error))?;
        let ids = listed.into_iter().filter_map(|container| container.id);
        let inspect = |id: String| async move { docker.inspect_container(&id, None::<InspectContainerOptions>).await };
        // One that is gone meanwhile is none.
        let found = join_all(ids.map(inspect)).await.into_iter().filter_map(Result::ok);
        Ok(found.filter(|container| service(container) != SERVICE).collect())
    }

    /// What a container uses, as the engine says.
    pub(super) async fn usage(&self, id: &str) -> Option<ContainerStatsResponse> {
        let options = StatsOptions {
            stream: false,
            one_shot: false,
        };
        let mut stats = self.connection.docker.stats(id, Some(options));
        stats.next().await?.ok()
    }
}

/// The container that asks: of those of the service that its path names the one whose address it is, or that shares
/// the network of the one whose address it is.
pub(super) fn asking<'a>(
    all: &'a [ContainerInspectResponse],
    from: IpAddr,
    named: Option<&str>,
) -> Option<&'a ContainerInspectResponse> {
    let caller = all.iter().find(|container| has_address(container, from));
    let Some(named) = named else { return caller };
    let mut of_service = all.iter().filter(|container| service(container) == named);
    let at_caller = |container: &&ContainerInspectResponse| {
        let caller = caller.and_then(|caller| caller.id.as_ref());
        caller.is_some() && (container.id.as_ref() == caller || home(container) == caller.map(String::as_str))
    };
    of_service.clone().find(at_caller).or_else(|| of_service.next())
}

/// The containers of the task that a container is in, first the one whose network the others share.
pub(super) fn housemates(
    all: &[ContainerInspectResponse],
    one: &ContainerInspectResponse,
) -> Vec<ContainerInspectResponse> {
    let home_id = home(one).or(one.id.as_deref()).unwrap_or_default();
    let (mut first, others): (Vec<_>, Vec<_>) = all
        .iter()
        .filter(|container| container.id.as_deref() == Some(home_id) || home(container) == Some(home_id))
        .cloned()
        .partition(|container| container.id.as_deref() == Some(home_id));
    first.extend(others);
    first
}

/// The container whose network another one shares.
fn home(container: &ContainerInspectResponse) -> Option<&str> {
    let host = container.host_config.as_ref()?;
    host.network_mode.as_deref()?.strip_prefix("container:")
}

fn has_address(container: &ContainerInspectResponse, address: IpAddr) -> bool {
    let networks = container
        .network_settings
        .as_ref()
        .and_then(|settings| settings.networks.as_ref());
    let text = address.to_string();
    networks.into_iter().flat_map(HashMap::values).any(|network| {
        let given = network.ip_address.as_ref() == Some(&text);
        let asked = network
            .ipam_config
            .as_ref()
            .and_then(|config| config.link_local_ips.as_ref());
        given || asked.is_some_and(|asked| asked.contains(&text))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container(service: &str, id: &str, address: &str, mode: &str) -> ContainerInspectResponse {
        serde_json::from_value(json!({
            "Id": id,
            "Config": {"Labels": {"com.docker.compose.service": service}},
            "HostConfig": {"NetworkMode": mode},
            "NetworkSettings": {"Networks": {"n": {"IPAMConfig": {"LinkLocalIPs": [address]}}}},
        }))
        .unwrap()
    }

    fn all() -> Vec<ContainerInspectResponse> {
        vec![
            container("web", "w1", "169.254.9.1", "shop_default"),
            container("web", "w2", "169.254.9.2", "shop_default"),
            container("proxy", "p1", "", "container:w1"),
            container("proxy", "p2", "", "container:w2"),
        ]
    }

    fn who(from: &str, named: Option<&str>) -> Option<String> {
        let all = all();
        asking(&all, from.parse().unwrap(), named).and_then(|container| container.id.clone())
    }

    #[test]
    fn the_address_tells_replicas_apart() {
        assert_eq!(who("169.254.9.2", Some("web")).as_deref(), Some("w2"));
        assert_eq!(who("169.254.9.2", None).as_deref(), Some("w2"));
        assert_eq!(who("169.254.9.9", None), None);
    }

    #[test]
    fn the_path_tells_those_apart_that_share_an_address() {
        assert_eq!(who("169.254.9.2", Some("proxy")).as_deref(), Some("p2"));
        assert_eq!(
            who("169.254.9.9", Some("proxy")).as_deref(),
            Some("p1"),
            "better than nothing"
        );
        assert_eq!(who("169.254.9.1", Some("db")), None);
    }

    #[test]
    fn a_task_is_what_shares_a_network() {
        let all = all();
        let ids = |one: usize| -> Vec<_> {
            let found = housemates(&all, &all[one]);
            found.into_iter().filter_map(|container| container.id).collect()
        };
        assert_eq!(ids(2), ["w1", "p1"]);
        assert_eq!(ids(1), ["w2", "p2"]);
    }
}
