//! What ECS tells a task about itself, from what the engine says of its containers.

use std::collections::HashMap;

use bollard::models::{ContainerInspectResponse, EndpointSettings};
use serde_json::{Map, Value, json};

use super::route::Version;
use super::{NETWORK, Settings};
use crate::backend::Task;

const SERVICE_LABEL: &str = "com.docker.compose.service";
/// Stands for an account that nobody named.
const NOBODY: &str = "000000000000";
const ANYWHERE: &str = "us-east-1";
const PARTITION: &str = "aws";

/// The containers of a task, first the one whose network they share.
pub(super) struct Members<'a> {
    pub(super) settings: &'a Settings,
    pub(super) containers: &'a [ContainerInspectResponse],
}

impl Members<'_> {
    /// What `/task` answers.
    pub(super) fn task(&self, version: Version) -> Value {
        let task = self.size();
        let owner = self.containers.first();
        let started = owner.and_then(|owner| owner.created.clone());
        let mut answer = json!({
            "Cluster": self.settings.project,
            "TaskARN": self.task_arn(),
            "Family": task.map_or(self.settings.project.as_str(), |task| task.family.as_str()),
            "Revision": "1",
            "DesiredStatus": "RUNNING",
            "KnownStatus": owner.map_or("STOPPED", status),
            "PullStartedAt": started,
            "PullStoppedAt": started,
            "AvailabilityZone": format!("{}a", self.region()),
            "Containers": self.containers.iter().map(|one| self.container(one, version)).collect::<Vec<_>>(),
        });
        if let Some((cpu, memory)) = task.and_then(|task| Some((task.cpu?, task.memory?))) {
            answer["Limits"] = json!({"CPU": f64::from(cpu) / 1024.0, "Memory": memory});
        }
        if version == Version::Four {
            let on_fargate = task.is_none_or(|task| task.cpu.is_some());
            answer["LaunchType"] = json!(if on_fargate { "FARGATE" } else { "EC2" });
            answer["ServiceName"] = json!(owner.map(service));
            if let Some(task) = task {
                answer["EphemeralStorageMetrics"] = json!({"Reserved": task.disk * 1024});
            }
        }
        answer
    }

    /// What is answered about one of the containers.
    pub(super) fn container(&self, container: &ContainerInspectResponse, version: Version) -> Value {
        let service = service(container);
        let id = container.id.clone().unwrap_or_default();
        let config = container.config.as_ref();
        let mut answer = json!({
            "DockerId": id,
            "Name": service,
            "DockerName": container.name.as_deref().unwrap_or_default().trim_start_matches('/'),
            "Image": config.and_then(|config| config.image.clone()),
            "ImageID": container.image,
            "Labels": self.labels(container, service),
            "DesiredStatus": "RUNNING",
            "KnownStatus": status(container),
            "CreatedAt": container.created,
            "Type": "NORMAL",
            "Limits": self.limits(service),
            "Networks": self.networks(),
        });
        let state = container.state.as_ref();
        if let Some(started) = state
            .and_then(|state| state.started_at.as_ref())
            .filter(|at| has_been(at))
        {
            answer["StartedAt"] = json!(started);
        }
        if status(container) == "STOPPED" {
            answer["FinishedAt"] = json!(state.and_then(|state| state.finished_at.as_ref()));
            answer["ExitCode"] = json!(state.and_then(|state| state.exit_code));
        }
        let health = state.and_then(|state| state.health.as_ref()?.status);
        if let Some(health) = health
            .map(|health| health.to_string())
            .filter(|health| health != "none")
        {
            answer["Health"] =
                json!({"status": if health == "starting" { "UNKNOWN".to_owned() } else { health.to_uppercase() }});
        }
        if version == Version::Four {
            let arn = self.arn(&format!("container/{}/{}/{id}", self.settings.project, self.task_id()));
            answer["ContainerARN"] = json!(arn);
            // Its options may hold secrets.
            let host = container.host_config.as_ref();
            let driver = host.and_then(|host| host.log_config.as_ref()?.typ.clone());
            answer["LogDriver"] = json!(driver);
        }
        answer
    }

    fn labels(&self, container: &ContainerInspectResponse, service: &str) -> Map<String, Value> {
        let own = container.config.as_ref().and_then(|config| config.labels.as_ref());
        let mut labels: Vec<_> = own.into_iter().flatten().collect();
        labels.sort();
        let mut labels: Map<_, _> = labels
            .into_iter()
            .map(|(key, value)| (key.clone(), json!(value)))
            .collect();
        let family = self.size().map_or(service, |task| task.family.as_str());
        for (key, value) in [
            ("cluster", self.settings.project.as_str()),
            ("container-name", service),
            ("task-arn", &self.task_arn()),
            ("task-definition-family", family),
            ("task-definition-version", "1"),
        ] {
            labels.insert(format!("com.amazonaws.ecs.{key}"), json!(value));
        }
        labels
    }

    fn limits(&self, service: &str) -> Value {
        let task = self.size();
        let memory = task.and_then(|task| task.limits.get(service).copied().or(task.memory));
        json!({"CPU": task.and_then(|task| task.cpu).unwrap_or_default(), "Memory": memory})
    }

    /// The addresses of the task, as of its one interface; the endpoint's own network is nobody's business.
    fn networks(&self) -> Vec<Value> {
        let owner = self.containers.first();
        let settings = owner.and_then(|owner| owner.network_settings.as_ref());
        let networks = settings.and_then(|settings| settings.networks.as_ref());
        let mut networks: Vec<_> = networks.into_iter().flat_map(HashMap::iter).collect();
        networks.sort_by_key(|(name, _)| name.as_str());
        let own = format!("{}_{NETWORK}", self.settings.project);
        let address = |network: &EndpointSettings| network.ip_address.clone().filter(|address| !address.is_empty());
        let found = networks
            .into_iter()
            .filter(|(name, network)| **name != own && address(network).is_some());
        let networks = found.enumerate().map(|(index, (_, network))| {
            json!({
                "NetworkMode": "awsvpc",
                "IPv4Addresses": [address(network)],
                "AttachmentIndex": index,
                "MACAddress": network.mac_address,
                "IPv4SubnetCIDRBlock": address(network).zip(network.ip_prefix_len).map(|(address, length)| format!("{address}/{length}")),
                "SubnetGatewayIpv4Address": network.gateway,
            })
        });
        networks.collect()
    }

    fn size(&self) -> Option<&Task> {
        let owner = service(self.containers.first()?);
        let mut tasks = self.settings.tasks.iter();
        tasks.find(|task| task.services.iter().any(|service| service == owner))
    }

    /// ECS has 32 digits, too.
    fn task_id(&self) -> String {
        let id = self.containers.first().and_then(|owner| owner.id.as_ref());
        id.map_or_else(String::new, |id| id.chars().take(32).collect())
    }

    fn task_arn(&self) -> String {
        self.arn(&format!("task/{}/{}", self.settings.project, self.task_id()))
    }

    fn arn(&self, resource: &str) -> String {
        let account = self.settings.account.as_deref().unwrap_or(NOBODY);
        format!("arn:{PARTITION}:ecs:{}:{account}:{resource}", self.region())
    }

    fn region(&self) -> &str {
        self.settings.region.as_deref().unwrap_or(ANYWHERE)
    }
}

pub(super) fn service(container: &ContainerInspectResponse) -> &str {
    let labels = container.config.as_ref().and_then(|config| config.labels.as_ref());
    let label = labels.and_then(|labels| labels.get(SERVICE_LABEL));
    label.map_or("", String::as_str)
}

fn status(container: &ContainerInspectResponse) -> &'static str {
    let state = container.state.as_ref().and_then(|state| state.status);
    match state.map(|state| state.to_string()).as_deref() {
        Some("running" | "paused" | "restarting") => "RUNNING",
        Some("created") => "CREATED",
        _ => "STOPPED",
    }
}

/// The engine writes the year 1 for what has not happened.
fn has_been(time: &str) -> bool {
    !time.is_empty() && !time.starts_with("0001-")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn settings() -> Settings {
        Settings {
            project: "shop".to_owned(),
            context: "dev".to_owned(),
            region: Some("eu-central-1".to_owned()),
            account: None,
            profile: None,
            tasks: vec![Task {
                family: "shop-web".to_owned(),
                services: vec!["web".to_owned(), "proxy".to_owned()],
                cpu: Some(512),
                memory: Some(1024),
                disk: 20,
                limits: BTreeMap::from([("proxy".to_owned(), 300)]),
            }],
        }
    }

    fn container(service: &str, id: &str, state: &str) -> ContainerInspectResponse {
        serde_json::from_value(json!({
            "Id": id,
            "Name": format!("/shop-{service}-1"),
            "Created": "2026-01-02T03:04:05Z",
            "Image": "sha256:1",
            "State": {"Status": state, "StartedAt": "0001-01-01T00:00:00Z", "FinishedAt": "2026-01-02T04:00:00Z", "ExitCode": 3},
            "Config": {"Image": "nginx", "Labels": {SERVICE_LABEL: service, "own": "x"}},
            "HostConfig": {"LogConfig": {"Type": "splunk", "Config": {"splunk-token": "secret"}}},
            "NetworkSettings": {"Networks": {
                "shop_default": {"IPAddress": "172.18.0.3", "IPPrefixLen": 16, "Gateway": "172.18.0.1"},
                "shop_ecs-local": {"IPAddress": "172.19.0.3", "IPPrefixLen": 16},
            }},
        }))
        .unwrap()
    }

    #[test]
    fn a_task_has_its_size_and_all_its_containers() {
        let id = "0123456789abcdef".repeat(4);
        let containers = [container("web", &id, "running"), container("proxy", "2", "exited")];
        let settings = settings();
        let members = Members {
            settings: &settings,
            containers: &containers,
        };
        let task = members.task(Version::Four);
        assert_eq!(task["Limits"], json!({"CPU": 0.5, "Memory": 1024}));
        assert_eq!(task["Family"], "shop-web");
        assert_eq!(task["ServiceName"], "web");
        let arn = "arn:aws:ecs:eu-central-1:000000000000:task/shop/0123456789abcdef0123456789abcdef";
        assert_eq!(task["TaskARN"], arn);
        assert_eq!(task["Containers"][1]["Limits"]["Memory"], 300);
        assert_eq!(task["Containers"][1]["KnownStatus"], "STOPPED");
        assert_eq!(task["Containers"][1]["ExitCode"], 3);
        assert_eq!(task["Containers"][1]["Labels"]["com.amazonaws.ecs.task-arn"], arn);
    }

    #[test]
    fn a_container_shows_its_address_and_no_option_of_its_log() {
        let containers = [container("web", "1", "running")];
        let settings = settings();
        let members = Members {
            settings: &settings,
            containers: &containers,
        };
        let four = members.container(&containers[0], Version::Four);
        assert_eq!(four["Networks"].as_array().map(Vec::len), Some(1));
        assert_eq!(four["Networks"][0]["IPv4Addresses"], json!(["172.18.0.3"]));
        assert_eq!(four["LogDriver"], "splunk");
        assert!(!four.to_string().contains("secret"));
        assert_eq!(four.get("StartedAt"), None);
        let three = members.container(&containers[0], Version::Three);
        assert_eq!(
            (three.get("ContainerARN"), &three["Labels"]["own"]),
            (None, &json!("x"))
        );
    }
}
