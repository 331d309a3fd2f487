//! A service of a project, with every attribute of the Compose specification.
//!
//! Fields stand in the order in which Docker Compose's own model declares them, because the `config-hash` label is
//! the digest of that order.
//!
//! Long because a service has that many attributes.

use indexmap::IndexMap;
use serde::Serialize;

use super::canonical::{
    discrete, float, hook_command, hosts, is_true, models, networks, octal, sorted, ssh, watch_hook, zero,
};
use super::project::{Extensions, Mapping};
use super::{ByteSize, Duration, Spanned};
use crate::diagnostic::Span;

pub type Text = Spanned<String>;
pub type Texts = Vec<Spanned<String>>;

#[derive(Clone, Default, PartialEq, Serialize, Debug)]
pub struct Service {
    #[serde(skip)]
    pub name: String,
    /// Where the service's key stands.
    #[serde(skip)]
    pub span: Span,

    #[serde(skip_serializing_if = "zero")]
    pub profiles: Texts,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub annotations: Mapping,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attach: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Build>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub develop: Option<Develop>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blkio_config: Option<Blkio>,
    #[serde(skip_serializing_if = "zero")]
    pub cap_add: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub cap_drop: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub cgroup_parent: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub cgroup: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub cpu_count: Option<Spanned<i64>>,
    #[serde(serialize_with = "float", skip_serializing_if = "zero")]
    pub cpu_percent: Option<Spanned<f32>>,
    #[serde(skip_serializing_if = "zero")]
    pub cpu_period: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "zero")]
    pub cpu_quota: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "zero")]
    pub cpu_rt_period: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "zero")]
    pub cpu_rt_runtime: Option<Spanned<i64>>,
    #[serde(serialize_with = "float", skip_serializing_if = "zero")]
    pub cpus: Option<Spanned<f32>>,
    #[serde(skip_serializing_if = "zero")]
    pub cpuset: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub cpu_shares: Option<Spanned<i64>>,
    /// The image's own when absent; none when empty.
    pub command: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "zero")]
    pub configs: Vec<FileReference>,
    #[serde(skip_serializing_if = "zero")]
    pub container_name: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_spec: Option<CredentialSpec>,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub depends_on: IndexMap<String, Dependency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy: Option<Deploy>,
    #[serde(skip_serializing_if = "zero")]
    pub device_cgroup_rules: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub devices: Vec<Device>,
    #[serde(skip_serializing_if = "zero")]
    pub dns: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub dns_opt: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub dns_search: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub domainname: Option<Text>,
    /// The image's own when absent; none when empty.
    pub entrypoint: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
    /// With `env_file` merged in. A variable without a value is unset in the container.
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub environment: IndexMap<String, Spanned<Option<String>>>,
    #[serde(skip_serializing_if = "zero")]
    pub env_file: Vec<EnvFile>,
    #[serde(skip_serializing_if = "zero")]
    pub expose: Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extends: Option<Extends>,
    #[serde(skip_serializing_if = "zero")]
    pub external_links: Texts,
    /// Host name → addresses.
    #[serde(serialize_with = "hosts", skip_serializing_if = "zero")]
    pub extra_hosts: IndexMap<String, Vec<Text>>,
    #[serde(skip_serializing_if = "zero")]
    pub group_add: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub gpus: Vec<DeviceRequest>,
    #[serde(skip_serializing_if = "zero")]
    pub hostname: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    #[serde(skip_serializing_if = "zero")]
    pub image: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "zero")]
    pub ipc: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub isolation: Option<Text>,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub labels: Mapping,
    #[serde(skip_serializing_if = "zero")]
    pub label_file: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub links: Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,
    #[serde(skip_serializing_if = "zero")]
    pub mem_limit: Option<Spanned<ByteSize>>,
    #[serde(skip_serializing_if = "zero")]
    pub mem_reservation: Option<Spanned<ByteSize>>,
    #[serde(skip_serializing_if = "zero")]
    pub memswap_limit: Option<Spanned<ByteSize>>,
    #[serde(skip_serializing_if = "zero")]
    pub mem_swappiness: Option<Spanned<ByteSize>>,
    #[serde(skip_serializing_if = "zero")]
    pub mac_address: Option<Text>,
    #[serde(serialize_with = "models", skip_serializing_if = "zero")]
    pub models: IndexMap<String, ServiceModel>,
    #[serde(skip_serializing_if = "zero")]
    pub network_mode: Option<Text>,
    #[serde(serialize_with = "networks", skip_serializing_if = "zero")]
    pub networks: IndexMap<String, ServiceNetwork>,
    #[serde(skip_serializing_if = "zero")]
    pub oom_kill_disable: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "zero")]
    pub oom_score_adj: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "zero")]
    pub pid: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub pids_limit: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "zero")]
    pub platform: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub ports: Vec<Port>,
    #[serde(skip_serializing_if = "zero")]
    pub privileged: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "zero")]
    pub pull_policy: Option<Text>,
    #[serde(skip)]
    pub pull_refresh_after: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub read_only: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "zero")]
    pub restart: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub runtime: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "zero")]
    pub secrets: Vec<FileReference>,
    #[serde(skip_serializing_if = "zero")]
    pub security_opt: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub shm_size: Option<Spanned<ByteSize>>,
    #[serde(skip_serializing_if = "zero")]
    pub stdin_open: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_grace_period: Option<Spanned<Duration>>,
    #[serde(skip_serializing_if = "zero")]
    pub stop_signal: Option<Text>,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub storage_opt: Mapping,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub sysctls: Mapping,
    #[serde(skip_serializing_if = "zero")]
    pub tmpfs: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub tty: Option<Spanned<bool>>,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub ulimits: IndexMap<String, Ulimit>,
    #[serde(skip_serializing_if = "zero")]
    pub use_api_socket: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "zero")]
    pub user: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub userns_mode: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub uts: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub volumes: Vec<Mount>,
    #[serde(skip_serializing_if = "zero")]
    pub volumes_from: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub working_dir: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub pre_start: Vec<Hook>,
    #[serde(skip_serializing_if = "zero")]
    pub post_start: Vec<Hook>,
    #[serde(skip_serializing_if = "zero")]
    pub pre_stop: Vec<Hook>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

impl Service {
    /// How many containers the service has: `scale`, else `deploy.replicas`, else one.
    #[must_use]
    pub fn replicas(&self) -> i64 {
        let deployed = self.deploy.as_ref().and_then(|deploy| deploy.replicas);
        self.scale.or(deployed).map_or(1, |scale| scale.value)
    }
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Build {
    #[serde(skip)]
    pub span: Span,
    /// An absolute path, or a URL.
    #[serde(skip_serializing_if = "zero")]
    pub context: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub dockerfile: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub dockerfile_inline: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub entitlements: Texts,
    /// A build argument without a value has been dropped.
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub args: Mapping,
    #[serde(skip_serializing_if = "zero")]
    pub provenance: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub sbom: Option<Text>,
    /// Key (`default`, or an id) → path, empty for the agent's own.
    #[serde(serialize_with = "ssh", skip_serializing_if = "zero")]
    pub ssh: Mapping,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub labels: Mapping,
    #[serde(skip_serializing_if = "zero")]
    pub cache_from: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub cache_to: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub no_cache: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "zero")]
    pub no_cache_filter: Texts,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub additional_contexts: Mapping,
    #[serde(skip_serializing_if = "zero")]
    pub pull: Option<Spanned<bool>>,
    #[serde(serialize_with = "hosts", skip_serializing_if = "zero")]
    pub extra_hosts: IndexMap<String, Vec<Text>>,
    #[serde(skip_serializing_if = "zero")]
    pub isolation: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub network: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub target: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub secrets: Vec<FileReference>,
    #[serde(skip_serializing_if = "zero")]
    pub shm_size: Option<Spanned<ByteSize>>,
    #[serde(skip_serializing_if = "zero")]
    pub tags: Texts,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub ulimits: IndexMap<String, Ulimit>,
    #[serde(skip_serializing_if = "zero")]
    pub platforms: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub privileged: Option<Spanned<bool>>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Develop {
    #[serde(skip)]
    pub span: Span,
    #[serde(skip_serializing_if = "zero")]
    pub watch: Vec<Watch>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Watch {
    #[serde(skip)]
    pub span: Span,
    #[serde(skip_serializing_if = "zero")]
    pub path: Text,
    #[serde(skip_serializing_if = "zero")]
    pub action: Text,
    #[serde(skip_serializing_if = "zero")]
    pub target: Option<Text>,
    #[serde(serialize_with = "watch_hook")]
    pub exec: Option<Hook>,
    #[serde(skip_serializing_if = "zero")]
    pub include: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub ignore: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub initial_sync: Option<Spanned<bool>>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Blkio {
    pub span: Span,
    pub weight: Option<Spanned<i64>>,
    pub weight_device: Vec<(Text, Spanned<i64>)>,
    pub device_read_bps: Vec<(Text, Spanned<ByteSize>)>,
    pub device_read_iops: Vec<(Text, Spanned<ByteSize>)>,
    pub device_write_bps: Vec<(Text, Spanned<ByteSize>)>,
    pub device_write_iops: Vec<(Text, Spanned<ByteSize>)>,
}

/// A service's use of a secret or config.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct FileReference {
    #[serde(skip)]
    pub span: Span,
    /// The key of the top-level secret or config.
    #[serde(skip_serializing_if = "zero")]
    pub source: Text,
    /// Where it is mounted.
    #[serde(skip_serializing_if = "zero")]
    pub target: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub uid: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub gid: Option<Text>,
    /// Permission bits.
    #[serde(serialize_with = "octal", skip_serializing_if = "Option::is_none")]
    pub mode: Option<Spanned<u32>>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct CredentialSpec {
    #[serde(skip)]
    pub span: Span,
    #[serde(skip_serializing_if = "zero")]
    pub config: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub file: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub registry: Option<Text>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Dependency {
    #[serde(skip)]
    pub span: Span,
    pub condition: Spanned<Condition>,
    /// Restart the service when the dependency is restarted.
    #[serde(skip_serializing_if = "zero")]
    pub restart: bool,
    pub required: bool,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    Started,
    Healthy,
    CompletedSuccessfully,
}

impl Serialize for Condition {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Condition {
    /// The specification's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "service_started",
            Self::Healthy => "service_healthy",
            Self::CompletedSuccessfully => "service_completed_successfully",
        }
    }

    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Started, Self::Healthy, Self::CompletedSuccessfully]
            .into_iter()
            .find(|condition| condition.as_str() == word)
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Deploy {
    pub span: Span,
    pub mode: Option<Text>,
    pub replicas: Option<Spanned<i64>>,
    pub labels: Mapping,
    pub update_config: Option<UpdateConfig>,
    pub rollback_config: Option<UpdateConfig>,
    pub limits: Option<Resource>,
    pub reservations: Option<Resource>,
    pub restart_policy: Option<RestartPolicy>,
    pub placement: Option<Placement>,
    pub endpoint_mode: Option<Text>,
    /// What stands beside `limits` and `reservations`.
    pub resources_extensions: Extensions,
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct UpdateConfig {
    #[serde(skip)]
    pub span: Span,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "zero")]
    pub delay: Option<Spanned<Duration>>,
    #[serde(skip_serializing_if = "zero")]
    pub failure_action: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub monitor: Option<Spanned<Duration>>,
    #[serde(serialize_with = "float", skip_serializing_if = "zero")]
    pub max_failure_ratio: Option<Spanned<f32>>,
    #[serde(skip_serializing_if = "zero")]
    pub order: Option<Text>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

/// `deploy.resources.limits` or `.reservations`.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Resource {
    #[serde(skip)]
    pub span: Span,
    #[serde(serialize_with = "float", skip_serializing_if = "zero")]
    pub cpus: Option<Spanned<f32>>,
    #[serde(skip_serializing_if = "zero")]
    pub memory: Option<Spanned<ByteSize>>,
    #[serde(skip_serializing_if = "zero")]
    pub pids: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "zero")]
    pub devices: Vec<DeviceRequest>,
    #[serde(skip_serializing_if = "zero")]
    pub generic_resources: Vec<GenericResource>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct GenericResource {
    #[serde(skip)]
    pub span: Span,
    #[serde(rename = "discrete_resource_spec", serialize_with = "discrete")]
    pub discrete: Option<Discrete>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

/// So many of something that can be counted.
#[derive(Clone, PartialEq, Debug)]
pub struct Discrete {
    pub kind: Option<Text>,
    pub value: Option<Spanned<i64>>,
    pub extensions: Extensions,
}

/// A reservation of devices; `count` −1 means all.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct DeviceRequest {
    #[serde(skip)]
    pub span: Span,
    #[serde(skip_serializing_if = "zero")]
    pub capabilities: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub driver: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub count: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "zero")]
    pub device_ids: Texts,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub options: Mapping,
    /// Docker Compose does not print them.
    #[serde(skip)]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct RestartPolicy {
    #[serde(skip)]
    pub span: Span,
    #[serde(skip_serializing_if = "zero")]
    pub condition: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Spanned<Duration>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Spanned<Duration>>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Placement {
    #[serde(skip)]
    pub span: Span,
    #[serde(skip_serializing_if = "zero")]
    pub constraints: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub preferences: Vec<Preference>,
    #[serde(skip_serializing_if = "zero")]
    pub max_replicas_per_node: Option<Spanned<i64>>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Preference {
    #[serde(skip_serializing_if = "zero")]
    pub spread: Option<Text>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Device {
    #[serde(skip)]
    pub span: Span,
    #[serde(skip_serializing_if = "zero")]
    pub source: Text,
    #[serde(skip_serializing_if = "zero")]
    pub target: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub permissions: Option<Text>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Provider {
    #[serde(skip)]
    pub span: Span,
    #[serde(rename = "type", skip_serializing_if = "zero")]
    pub provider_type: Text,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub options: IndexMap<String, Texts>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct EnvFile {
    #[serde(skip)]
    pub span: Span,
    /// Absolute.
    #[serde(skip_serializing_if = "zero")]
    pub path: Text,
    #[serde(skip_serializing_if = "is_true")]
    pub required: bool,
    #[serde(skip_serializing_if = "zero")]
    pub format: Option<Text>,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Extends {
    #[serde(skip)]
    pub span: Span,
    #[serde(skip_serializing_if = "zero")]
    pub file: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub service: Text,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Healthcheck {
    #[serde(skip)]
    pub span: Span,
    /// Begins with `NONE`, `CMD` or `CMD-SHELL`; the image's own when absent.
    #[serde(skip_serializing_if = "zero")]
    pub test: Option<Spanned<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Spanned<Duration>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Spanned<Duration>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_period: Option<Spanned<Duration>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_interval: Option<Spanned<Duration>>,
    #[serde(skip_serializing_if = "zero")]
    pub disable: Option<Spanned<bool>>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

impl Healthcheck {
    /// Whether the file turns the check off, also the image's own.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.disable.is_some_and(|disable| disable.value)
            || self
                .test
                .as_ref()
                .is_some_and(|test| test.first().is_some_and(|word| word == "NONE"))
    }
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Logging {
    #[serde(skip)]
    pub span: Span,
    #[serde(skip_serializing_if = "zero")]
    pub driver: Option<Text>,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub options: Mapping,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

/// A service's use of a model.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct ServiceModel {
    #[serde(skip)]
    pub span: Span,
    /// Whether the file only names the model.
    #[serde(skip)]
    pub unsaid: bool,
    #[serde(skip_serializing_if = "zero")]
    pub endpoint_var: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub model_var: Option<Text>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

/// A service's attachment to a network.
#[derive(Clone, Default, PartialEq, Serialize, Debug)]
pub struct ServiceNetwork {
    #[serde(skip)]
    pub span: Span,
    /// Whether the file only names the network. What is hashed tells that from an empty mapping.
    #[serde(skip)]
    pub unsaid: bool,
    #[serde(skip_serializing_if = "zero")]
    pub aliases: Texts,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub driver_opts: Mapping,
    #[serde(skip_serializing_if = "zero")]
    pub gw_priority: Option<Spanned<i64>>,
    #[serde(skip_serializing_if = "zero")]
    pub interface_name: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub ipv4_address: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub ipv6_address: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub link_local_ips: Texts,
    #[serde(skip_serializing_if = "zero")]
    pub mac_address: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub priority: Option<Spanned<i64>>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Port {
    #[serde(skip)]
    pub span: Span,
    #[serde(skip_serializing_if = "zero")]
    pub name: Option<Text>,
    /// `ingress` or `host`.
    #[serde(skip_serializing_if = "zero")]
    pub mode: Text,
    #[serde(skip_serializing_if = "zero")]
    pub host_ip: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub target: Spanned<u16>,
    /// A port or a range of ports; any free one when absent.
    #[serde(skip_serializing_if = "zero")]
    pub published: Option<Text>,
    /// `tcp`, `udp` or `sctp`.
    #[serde(skip_serializing_if = "zero")]
    pub protocol: Text,
    #[serde(skip_serializing_if = "zero")]
    pub app_protocol: Option<Text>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

/// An entry of a service's `volumes`.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Mount {
    #[serde(skip)]
    pub span: Span,
    /// `volume`, `bind`, `tmpfs`, `npipe`, `cluster` or `image`.
    #[serde(rename = "type", skip_serializing_if = "zero")]
    pub mount_type: Text,
    /// The key of a top-level volume, or an absolute path; none for an anonymous volume.
    #[serde(skip_serializing_if = "zero")]
    pub source: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub target: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub read_only: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "zero")]
    pub consistency: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind: Option<MountBind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<MountVolume>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tmpfs: Option<MountTmpfs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<MountImage>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct MountBind {
    #[serde(skip_serializing_if = "zero")]
    pub selinux: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub propagation: Option<Text>,
    #[serde(skip_serializing_if = "is_true")]
    pub create_host_path: bool,
    /// Whether `create_host_path` is true only because nothing else was said.
    #[serde(skip)]
    pub creates_by_default: bool,
    #[serde(skip_serializing_if = "zero")]
    pub recursive: Option<Text>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct MountVolume {
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub labels: Mapping,
    #[serde(skip_serializing_if = "zero")]
    pub nocopy: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "zero")]
    pub subpath: Option<Text>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct MountTmpfs {
    #[serde(skip_serializing_if = "zero")]
    pub size: Option<Spanned<ByteSize>>,
    /// Permission bits.
    #[serde(skip_serializing_if = "zero")]
    pub mode: Option<Spanned<u32>>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct MountImage {
    #[serde(skip_serializing_if = "zero")]
    pub subpath: Option<Text>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}

/// One number for both limits, or one each.
#[derive(Clone, PartialEq, Debug)]
pub struct Ulimit {
    pub span: Span,
    pub single: Option<i64>,
    pub soft: Option<i64>,
    pub hard: Option<i64>,
    pub extensions: Extensions,
}

/// A command that runs beside the container's own at a moment of its life.
#[derive(Clone, PartialEq, Serialize, Debug)]
pub struct Hook {
    #[serde(skip)]
    pub span: Span,
    #[serde(serialize_with = "hook_command")]
    pub command: Spanned<Vec<String>>,
    #[serde(skip_serializing_if = "zero")]
    pub user: Option<Text>,
    #[serde(skip_serializing_if = "zero")]
    pub privileged: Option<Spanned<bool>>,
    #[serde(skip_serializing_if = "zero")]
    pub working_dir: Option<Text>,
    #[serde(serialize_with = "sorted", skip_serializing_if = "zero")]
    pub environment: IndexMap<String, Spanned<Option<String>>>,
    /// The image of a `pre_start` container; the service's own when the file names none.
    #[serde(skip_serializing_if = "zero")]
    pub image: Option<Text>,
    /// Whether a `pre_start` container runs once for each replica rather than once for the service.
    #[serde(skip_serializing_if = "zero")]
    pub per_replica: Option<Spanned<bool>>,
    #[serde(rename = "#extensions", skip_serializing_if = "zero")]
    pub extensions: Extensions,
}
