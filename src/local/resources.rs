//! What a container may use of the machine: processors, memory, processes, devices.

use bollard::models::{
    DeviceMapping, DeviceRequest, HostConfig, ResourcesBlkioWeightDevice, ResourcesUlimits, ThrottleDevice,
};

use super::container::{pairs, some, string};
use crate::compose::{self, ByteSize, Service, Spanned, Text};

/// The limits of a service: its own attributes, and over them those of `deploy.resources`.
pub(super) fn limits(service: &Service) -> HostConfig {
    let number = |value: Option<Spanned<i64>>| value.map(|value| value.value);
    let bytes = |value: Option<Spanned<ByteSize>>| value.map(|value| value.value.0);
    let deploy = service.deploy.as_ref();
    let limits = deploy.and_then(|deploy| deploy.limits.as_ref());
    let reserved = deploy.and_then(|deploy| deploy.reservations.as_ref());
    let (devices, device_ids) = devices(service);
    let mut requests: Vec<_> = service
        .gpus
        .iter()
        .map(|request| device_request(request, true))
        .collect();
    requests.extend(
        reserved
            .iter()
            .flat_map(|reserved| &reserved.devices)
            .map(|request| device_request(request, false)),
    );
    requests.extend(device_ids);
    HostConfig {
        nano_cpus: limits
            .and_then(|limits| limits.cpus)
            .or(service.cpus)
            .map(|cpus| nano_cpus(cpus.value)),
        memory: bytes(limits.and_then(|limits| limits.memory).or(service.mem_limit)),
        pids_limit: number(limits.and_then(|limits| limits.pids).or(service.pids_limit)),
        memory_reservation: bytes(
            reserved
                .and_then(|reserved| reserved.memory)
                .or(service.mem_reservation),
        ),
        memory_swap: bytes(service.memswap_limit),
        memory_swappiness: bytes(service.mem_swappiness),
        cpu_count: number(service.cpu_count),
        #[allow(
            clippy::cast_possible_truncation,
            reason = "a percentage, which the engine wants whole"
        )]
        cpu_percent: service.cpu_percent.map(|percent| percent.value as i64),
        cpu_period: number(service.cpu_period),
        cpu_quota: number(service.cpu_quota),
        cpu_realtime_period: number(service.cpu_rt_period),
        cpu_realtime_runtime: number(service.cpu_rt_runtime),
        cpu_shares: number(service.cpu_shares),
        cpuset_cpus: string(service.cpuset.as_ref()),
        cgroup_parent: string(service.cgroup_parent.as_ref()),
        oom_kill_disable: service.oom_kill_disable.map(|disable| disable.value),
        oom_score_adj: number(service.oom_score_adj),
        shm_size: bytes(service.shm_size),
        ulimits: some(
            service
                .ulimits
                .iter()
                .map(|(name, limit)| ulimit(name, limit))
                .collect(),
        ),
        devices: some(devices),
        device_cgroup_rules: some(
            service
                .device_cgroup_rules
                .iter()
                .map(|rule| rule.value.clone())
                .collect(),
        ),
        device_requests: some(requests),
        ..blkio(service)
    }
}

fn blkio(service: &Service) -> HostConfig {
    let Some(blkio) = &service.blkio_config else {
        return HostConfig::default();
    };
    let throttle = |devices: &[(Text, Spanned<ByteSize>)]| {
        let device = |(path, rate): &(Text, Spanned<ByteSize>)| ThrottleDevice {
            path: Some(path.value.clone()),
            rate: Some(rate.value.0),
        };
        some(devices.iter().map(device).collect())
    };
    let weights = blkio
        .weight_device
        .iter()
        .map(|(path, weight)| ResourcesBlkioWeightDevice {
            path: Some(path.value.clone()),
            weight: usize::try_from(weight.value).ok(),
        });
    HostConfig {
        blkio_weight: blkio.weight.and_then(|weight| u16::try_from(weight.value).ok()),
        blkio_weight_device: some(weights.collect()),
        blkio_device_read_bps: throttle(&blkio.device_read_bps),
        blkio_device_write_bps: throttle(&blkio.device_write_bps),
        blkio_device_read_iops: throttle(&blkio.device_read_iops),
        blkio_device_write_iops: throttle(&blkio.device_write_iops),
        ..HostConfig::default()
    }
}

fn ulimit(name: &str, limit: &compose::Ulimit) -> ResourcesUlimits {
    ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: limit.single.or(limit.soft),
        hard: limit.single.or(limit.hard),
    }
}

/// Device files, and requests for devices that a CDI driver names (`vendor.com/class=name`).
fn devices(service: &Service) -> (Vec<DeviceMapping>, Option<DeviceRequest>) {
    let (named, files): (Vec<_>, Vec<_>) = service
        .devices
        .iter()
        .partition(|device| device.source.contains('=') && !device.source.starts_with('/'));
    let mapping = |device: &compose::Device| DeviceMapping {
        path_on_host: Some(device.source.value.clone()),
        path_in_container: Some(device.target.as_ref().unwrap_or(&device.source).value.clone()),
        cgroup_permissions: Some(string(device.permissions.as_ref()).unwrap_or_else(|| "rwm".to_owned())),
    };
    let request = (!named.is_empty()).then(|| DeviceRequest {
        driver: Some("cdi".to_owned()),
        device_ids: Some(named.iter().map(|device| device.source.value.clone()).collect()),
        ..DeviceRequest::default()
    });
    (files.into_iter().map(mapping).collect(), request)
}

fn device_request(request: &compose::DeviceRequest, gpu: bool) -> DeviceRequest {
    let mut capabilities: Vec<_> = request
        .capabilities
        .iter()
        .map(|capability| capability.value.clone())
        .collect();
    if gpu && !capabilities.iter().any(|capability| capability == "gpu") {
        capabilities.push("gpu".to_owned());
    }
    let device_ids = some(request.device_ids.iter().map(|id| id.value.clone()).collect());
    // Without a number and without names, all.
    let all = device_ids.is_none().then_some(-1);
    DeviceRequest {
        driver: string(request.driver.as_ref()),
        count: request.count.map(|count| count.value).or(all),
        device_ids,
        capabilities: Some(vec![capabilities]),
        options: pairs(&request.options),
    }
}

/// Billionths of a processor. The number is read again as it was written, since 0.1 is no binary fraction.
#[allow(clippy::cast_possible_truncation, reason = "an engine has fewer than 2³² processors")]
fn nano_cpus(cpus: f32) -> i64 {
    let written: f64 = cpus.to_string().parse().unwrap_or_default();
    (written * 1e9).round() as i64
}
