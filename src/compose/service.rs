//! A service of a project, with every attribute of the Compose specification.
//!
//! Fields stand in the order in which Docker Compose's own model declares them, because the `config-hash` label is
//! the digest of that order.
//!
//! Long because a service has that many attributes.

use indexmap::IndexMap;

use super::project::{Extensions, Mapping};
use super::{ByteSize, Duration, Node, Spanned};
use crate::diagnostic::Span;

pub type Text = Spanned<String>;
pub type Texts = Vec<Spanned<String>>;

#[derive(Clone, PartialEq, Debug)]
pub struct Service {
    pub name: String,
    /// Where the service's key stands.
    pub span: Span,

    pub profiles: Texts,
    pub annotations: Mapping,
    pub attach: Option<Spanned<bool>>,
    pub build: Option<Build>,
    pub develop: Option<Develop>,
    pub blkio_config: Option<Blkio>,
    pub cap_add: Texts,
    pub cap_drop: Texts,
    pub cgroup_parent: Option<Text>,
    pub cgroup: Option<Text>,
    pub cpu_count: Option<Spanned<i64>>,
    pub cpu_percent: Option<Spanned<f32>>,
    pub cpu_period: Option<Spanned<i64>>,
    pub cpu_quota: Option<Spanned<i64>>,
    pub cpu_rt_period: Option<Spanned<i64>>,
    pub cpu_rt_runtime: Option<Spanned<i64>>,
    pub cpus: Option<Spanned<f32>>,
    pub cpuset: Option<Text>,
    pub cpu_shares: Option<Spanned<i64>>,
    /// The image's own when absent; none when empty.
    pub command: Option<Spanned<Vec<String>>>,
    pub configs: Vec<FileReference>,
    pub container_name: Option<Text>,
    pub credential_spec: Option<CredentialSpec>,
    pub depends_on: IndexMap<String, Dependency>,
    pub deploy: Option<Deploy>,
    pub device_cgroup_rules: Texts,
    pub devices: Vec<Device>,
    pub dns: Texts,
    pub dns_opt: Texts,
    pub dns_search: Texts,
    pub domainname: Option<Text>,
    /// The image's own when absent; none when empty.
    pub entrypoint: Option<Spanned<Vec<String>>>,
    pub provider: Option<Provider>,
    /// With `env_file` merged in. A variable without a value is unset in the container.
    pub environment: IndexMap<String, Spanned<Option<String>>>,
    pub env_file: Vec<EnvFile>,
    pub expose: Texts,
    pub extends: Option<Extends>,
    pub external_links: Texts,
    /// Host name → addresses.
    pub extra_hosts: IndexMap<String, Vec<Text>>,
    pub group_add: Texts,
    pub gpus: Vec<DeviceRequest>,
    pub hostname: Option<Text>,
    pub healthcheck: Option<Healthcheck>,
    pub image: Option<Text>,
    pub init: Option<Spanned<bool>>,
    pub ipc: Option<Text>,
    pub isolation: Option<Text>,
    pub labels: Mapping,
    pub label_file: Texts,
    pub links: Texts,
    pub logging: Option<Logging>,
    pub mem_limit: Option<Spanned<ByteSize>>,
    pub mem_reservation: Option<Spanned<ByteSize>>,
    pub memswap_limit: Option<Spanned<ByteSize>>,
    pub mem_swappiness: Option<Spanned<ByteSize>>,
    pub mac_address: Option<Text>,
    pub models: IndexMap<String, ServiceModel>,
    pub network_mode: Option<Text>,
    pub networks: IndexMap<String, ServiceNetwork>,
    pub oom_kill_disable: Option<Spanned<bool>>,
    pub oom_score_adj: Option<Spanned<i64>>,
    pub pid: Option<Text>,
    pub pids_limit: Option<Spanned<i64>>,
    pub platform: Option<Text>,
    pub ports: Vec<Port>,
    pub privileged: Option<Spanned<bool>>,
    pub pull_policy: Option<Text>,
    pub pull_refresh_after: Option<Text>,
    pub read_only: Option<Spanned<bool>>,
    pub restart: Option<Text>,
    pub runtime: Option<Text>,
    pub scale: Option<Spanned<i64>>,
    pub secrets: Vec<FileReference>,
    pub security_opt: Texts,
    pub shm_size: Option<Spanned<ByteSize>>,
    pub stdin_open: Option<Spanned<bool>>,
    pub stop_grace_period: Option<Spanned<Duration>>,
    pub stop_signal: Option<Text>,
    pub storage_opt: Mapping,
    pub sysctls: Mapping,
    pub tmpfs: Texts,
    pub tty: Option<Spanned<bool>>,
    pub ulimits: IndexMap<String, Ulimit>,
    pub use_api_socket: Option<Spanned<bool>>,
    pub user: Option<Text>,
    pub userns_mode: Option<Text>,
    pub uts: Option<Text>,
    pub volumes: Vec<Mount>,
    pub volumes_from: Texts,
    pub working_dir: Option<Text>,
    pub pre_start: Vec<Hook>,
    pub post_start: Vec<Hook>,
    pub pre_stop: Vec<Hook>,
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

#[derive(Clone, PartialEq, Debug)]
pub struct Build {
    pub span: Span,
    /// An absolute path, or a URL.
    pub context: Option<Text>,
    pub dockerfile: Option<Text>,
    pub dockerfile_inline: Option<Text>,
    pub entitlements: Texts,
    /// A build argument without a value has been dropped.
    pub args: Mapping,
    pub provenance: Option<Text>,
    pub sbom: Option<Text>,
    /// Key (`default`, or an id) → path, empty for the agent's own.
    pub ssh: Mapping,
    pub labels: Mapping,
    pub cache_from: Texts,
    pub cache_to: Texts,
    pub no_cache: Option<Spanned<bool>>,
    pub no_cache_filter: Texts,
    pub additional_contexts: Mapping,
    pub pull: Option<Spanned<bool>>,
    pub extra_hosts: IndexMap<String, Vec<Text>>,
    pub isolation: Option<Text>,
    pub network: Option<Text>,
    pub target: Option<Text>,
    pub secrets: Vec<FileReference>,
    pub shm_size: Option<Spanned<ByteSize>>,
    pub tags: Texts,
    pub ulimits: IndexMap<String, Ulimit>,
    pub platforms: Texts,
    pub privileged: Option<Spanned<bool>>,
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Develop {
    pub span: Span,
    pub watch: Vec<Watch>,
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Watch {
    pub span: Span,
    pub path: Text,
    pub action: Text,
    pub target: Option<Text>,
    pub exec: Option<Hook>,
    pub include: Texts,
    pub ignore: Texts,
    pub initial_sync: Option<Spanned<bool>>,
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
#[derive(Clone, PartialEq, Debug)]
pub struct FileReference {
    pub span: Span,
    /// The key of the top-level secret or config.
    pub source: Text,
    /// Where it is mounted.
    pub target: Option<Text>,
    pub uid: Option<Text>,
    pub gid: Option<Text>,
    /// Permission bits.
    pub mode: Option<Spanned<u32>>,
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Debug)]
pub struct CredentialSpec {
    pub span: Span,
    pub config: Option<Text>,
    pub file: Option<Text>,
    pub registry: Option<Text>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Dependency {
    pub span: Span,
    pub condition: Spanned<Condition>,
    /// Restart the service when the dependency is restarted.
    pub restart: bool,
    pub required: bool,
    pub extensions: Extensions,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    Started,
    Healthy,
    CompletedSuccessfully,
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
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Debug)]
pub struct UpdateConfig {
    pub span: Span,
    pub parallelism: Option<Spanned<i64>>,
    pub delay: Option<Spanned<Duration>>,
    pub failure_action: Option<Text>,
    pub monitor: Option<Spanned<Duration>>,
    pub max_failure_ratio: Option<Spanned<f32>>,
    pub order: Option<Text>,
    pub extensions: Extensions,
}

/// `deploy.resources.limits` or `.reservations`.
#[derive(Clone, PartialEq, Debug)]
pub struct Resource {
    pub span: Span,
    pub cpus: Option<Spanned<f32>>,
    pub memory: Option<Spanned<ByteSize>>,
    pub pids: Option<Spanned<i64>>,
    pub devices: Vec<DeviceRequest>,
    pub generic_resources: Vec<GenericResource>,
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Debug)]
pub struct GenericResource {
    pub span: Span,
    pub kind: Option<Text>,
    pub value: Option<Spanned<i64>>,
}

/// A reservation of devices; `count` −1 means all.
#[derive(Clone, PartialEq, Debug)]
pub struct DeviceRequest {
    pub span: Span,
    pub capabilities: Texts,
    pub driver: Option<Text>,
    pub count: Option<Spanned<i64>>,
    pub device_ids: Texts,
    pub options: Mapping,
}

#[derive(Clone, PartialEq, Debug)]
pub struct RestartPolicy {
    pub span: Span,
    pub condition: Option<Text>,
    pub delay: Option<Spanned<Duration>>,
    pub max_attempts: Option<Spanned<i64>>,
    pub window: Option<Spanned<Duration>>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Placement {
    pub span: Span,
    pub constraints: Texts,
    pub preferences: Vec<Text>,
    pub max_replicas_per_node: Option<Spanned<i64>>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Device {
    pub span: Span,
    pub source: Text,
    pub target: Option<Text>,
    pub permissions: Option<Text>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Provider {
    pub span: Span,
    pub provider_type: Text,
    pub options: IndexMap<String, Texts>,
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Debug)]
pub struct EnvFile {
    pub span: Span,
    /// Absolute.
    pub path: Text,
    pub required: bool,
    pub format: Option<Text>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Extends {
    pub span: Span,
    pub file: Option<Text>,
    pub service: Text,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Healthcheck {
    pub span: Span,
    /// Begins with `NONE`, `CMD` or `CMD-SHELL`; the image's own when absent.
    pub test: Option<Spanned<Vec<String>>>,
    pub timeout: Option<Spanned<Duration>>,
    pub interval: Option<Spanned<Duration>>,
    pub retries: Option<Spanned<i64>>,
    pub start_period: Option<Spanned<Duration>>,
    pub start_interval: Option<Spanned<Duration>>,
    pub disable: Option<Spanned<bool>>,
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

#[derive(Clone, PartialEq, Debug)]
pub struct Logging {
    pub span: Span,
    pub driver: Option<Text>,
    pub options: Mapping,
    pub extensions: Extensions,
}

/// A service's use of a model.
#[derive(Clone, PartialEq, Debug)]
pub struct ServiceModel {
    pub span: Span,
    pub endpoint_var: Option<Text>,
    pub model_var: Option<Text>,
}

/// A service's attachment to a network.
#[derive(Clone, PartialEq, Debug)]
pub struct ServiceNetwork {
    pub span: Span,
    pub aliases: Texts,
    pub driver_opts: Mapping,
    pub gw_priority: Option<Spanned<i64>>,
    pub interface_name: Option<Text>,
    pub ipv4_address: Option<Text>,
    pub ipv6_address: Option<Text>,
    pub link_local_ips: Texts,
    pub mac_address: Option<Text>,
    pub priority: Option<Spanned<i64>>,
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Port {
    pub span: Span,
    pub name: Option<Text>,
    /// `ingress` or `host`.
    pub mode: Text,
    pub host_ip: Option<Text>,
    pub target: Spanned<u16>,
    /// A port or a range of ports; any free one when absent.
    pub published: Option<Text>,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: Text,
    pub app_protocol: Option<Text>,
    pub extensions: Extensions,
}

/// An entry of a service's `volumes`.
#[derive(Clone, PartialEq, Debug)]
pub struct Mount {
    pub span: Span,
    /// `volume`, `bind`, `tmpfs`, `npipe`, `cluster` or `image`.
    pub mount_type: Text,
    /// The key of a top-level volume, or an absolute path; none for an anonymous volume.
    pub source: Option<Text>,
    pub target: Option<Text>,
    pub read_only: Option<Spanned<bool>>,
    pub consistency: Option<Text>,
    pub bind: Option<MountBind>,
    pub volume: Option<MountVolume>,
    pub tmpfs: Option<MountTmpfs>,
    pub image: Option<MountImage>,
    pub extensions: Extensions,
}

#[derive(Clone, PartialEq, Debug)]
pub struct MountBind {
    pub selinux: Option<Text>,
    pub propagation: Option<Text>,
    pub create_host_path: bool,
    pub recursive: Option<Text>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct MountVolume {
    pub labels: Mapping,
    pub nocopy: Option<Spanned<bool>>,
    pub subpath: Option<Text>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct MountTmpfs {
    pub size: Option<Spanned<ByteSize>>,
    /// Permission bits.
    pub mode: Option<Spanned<u32>>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct MountImage {
    pub subpath: Option<Text>,
}

/// One number for both limits, or one each.
#[derive(Clone, PartialEq, Debug)]
pub struct Ulimit {
    pub span: Span,
    pub single: Option<i64>,
    pub soft: Option<i64>,
    pub hard: Option<i64>,
}

/// A command that runs beside the container's own at a moment of its life.
#[derive(Clone, PartialEq, Debug)]
pub struct Hook {
    pub span: Span,
    pub command: Spanned<Vec<String>>,
    pub user: Option<Text>,
    pub privileged: Option<Spanned<bool>>,
    pub working_dir: Option<Text>,
    pub environment: IndexMap<String, Spanned<Option<String>>>,
    /// What the specification lets a hook say beyond this (`pre_start` containers have an image), as written.
    pub other: Option<Node>,
}
