//! A service's container, as the engine is asked to make it.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig,
    NetworkingConfig, RestartPolicy, RestartPolicyNameEnum,
};

use super::mounts::{self, Copied};
use super::{addresses, labels, names, ports, resources};
use crate::compose::{CredentialSpec, Healthcheck, Mapping, Project, Service, ServiceNetwork, Text, Texts};
use crate::diagnostic::{Diagnostic, Span};
use crate::endpoint;
use crate::engine::Api;

/// All that making one container takes.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) body: ContainerCreateBody,
    /// Networks besides the one in the body, by name: older engines attach to one at creation.
    pub(super) networks: Vec<(String, EndpointSettings)>,
    /// Files that are copied into it before it starts.
    pub(super) files: Vec<Copied>,
}

/// What one container differs in from the others of its service.
#[derive(Debug)]
pub(super) struct Instance<'a> {
    pub(super) number: u32,
    pub(super) image_id: &'a str,
    pub(super) hash: String,
    /// The container that it takes the place of, and whose nameless volumes it takes over.
    pub(super) replaces: Option<&'a super::observed::Container>,
    /// Whether it does not take them over.
    pub(super) renew_volumes: bool,
}

/// The container of a service whose `service:` references have been resolved.
pub(super) fn container(project: &Project, service: &Service, instance: &Instance<'_>) -> Container {
    let name = names::container(project, service, instance.number);
    let replaced = instance.replaces.map(|old| old.name.as_str());
    let mut labels = labels::container(
        project,
        service,
        instance.number,
        instance.hash.clone(),
        instance.image_id,
        replaced,
    );
    let stdin = service.stdin_open.is_some_and(|open| open.value);
    let mut networks = endpoints(project, service, &name, instance.number);
    let first = (!networks.is_empty()).then(|| networks.remove(0));
    let mounted = mounts::mounts(project, service, instance.replaces.filter(|_| !instance.renew_volumes));
    if let Some(seal) = mounts::seal(project, service) {
        labels.insert(labels::FILES.to_owned(), seal);
    }
    let host_config = HostConfig {
        network_mode: Some(match (&service.network_mode, &first) {
            (Some(mode), _) => mode.value.clone(),
            (None, Some((name, _))) => name.clone(),
            (None, None) => "none".to_owned(),
        }),
        binds: some(mounted.binds),
        mounts: some(mounted.long),
        tmpfs: some_map(mounted.tmpfs),
        volumes_from: strings(&service.volumes_from),
        port_bindings: some_map(ports::bindings(service)),
        restart_policy: restart_policy(service),
        cap_add: strings(&service.cap_add),
        cap_drop: strings(&service.cap_drop),
        dns: strings(&service.dns),
        dns_options: strings(&service.dns_opt),
        dns_search: strings(&service.dns_search),
        extra_hosts: some(extra_hosts(service)),
        group_add: strings(&service.group_add),
        links: strings(&service.external_links).filter(|_| service.networks.is_empty()),
        init: service.init.map(|init| init.value),
        ipc_mode: string(service.ipc.as_ref()),
        pid_mode: string(service.pid.as_ref()),
        uts_mode: string(service.uts.as_ref()),
        userns_mode: string(service.userns_mode.as_ref()),
        cgroupns_mode: service.cgroup.as_ref().and_then(|mode| mode.parse().ok()),
        isolation: service.isolation.as_ref().and_then(|isolation| isolation.parse().ok()),
        privileged: service.privileged.map(|privileged| privileged.value),
        readonly_rootfs: service.read_only.map(|read_only| read_only.value),
        runtime: string(service.runtime.as_ref()),
        storage_opt: pairs(&service.storage_opt),
        sysctls: pairs(&service.sysctls),
        annotations: pairs(&service.annotations),
        log_config: service.logging.as_ref().map(|logging| HostConfigLogConfig {
            typ: string(logging.driver.as_ref()),
            config: pairs(&logging.options),
        }),
        ..security(project, service, resources::limits(service))
    };
    let endpoints_config = first.map(|endpoint| HashMap::from([endpoint]));
    let body = ContainerCreateBody {
        hostname: string(service.hostname.as_ref()),
        domainname: string(service.domainname.as_ref()),
        user: string(service.user.as_ref()),
        attach_stdin: Some(false),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        exposed_ports: some(ports::exposed(service)),
        tty: service.tty.map(|tty| tty.value),
        open_stdin: Some(stdin),
        env: some(environment(service)),
        cmd: service.command.as_ref().map(|command| command.value.clone()),
        entrypoint: service.entrypoint.as_ref().map(|entrypoint| entrypoint.value.clone()),
        healthcheck: service.healthcheck.as_ref().map(healthcheck),
        image: Some(names::image(project, service)),
        working_dir: string(service.working_dir.as_ref()),
        labels: Some(labels),
        stop_signal: string(service.stop_signal.as_ref()),
        stop_timeout: service.stop_grace_period.map(|period| whole_seconds(period.value.0)),
        host_config: Some(host_config),
        networking_config: endpoints_config.map(|config| NetworkingConfig {
            endpoints_config: Some(config),
        }),
        ..ContainerCreateBody::default()
    };
    Container {
        body,
        networks,
        files: mounted.files,
    }
}

/// What a service asks of an engine that not every one can do, by the API version that can.
pub(super) fn gates(project: &Project, service: &Service) -> Vec<(Span, &'static str, Api)> {
    let mut gates = Vec::new();
    let mut gate = |span: Option<Span>, what, minor| gates.extend(span.map(|span| (span, what, Api(minor))));
    let first = |values: &Mapping| values.values().next().map(|value| value.span);
    gate(first(&service.annotations), "`annotations`", 43);
    gate(
        service.mac_address.as_ref().map(|address| address.span),
        "`mac_address`",
        44,
    );
    gate(
        service
            .healthcheck
            .as_ref()
            .and_then(|check| check.start_interval)
            .map(|at| at.span),
        "`start_interval`",
        44,
    );
    for network in service.networks.values() {
        gate(
            network.mac_address.as_ref().map(|address| address.span),
            "`mac_address`",
            44,
        );
        gate(network.gw_priority.map(|priority| priority.span), "`gw_priority`", 48);
        gate(
            network.interface_name.as_ref().map(|name| name.span),
            "`interface_name`",
            49,
        );
    }
    for mount in &service.volumes {
        let subpath = mount.volume.as_ref().and_then(|volume| volume.subpath.as_ref());
        gate(subpath.map(|path| path.span), "`subpath`", 45);
        gate(
            (mount.mount_type.value == "image").then_some(mount.span),
            "mounting an image",
            48,
        );
        let recursive = mount.bind.as_ref().and_then(|bind| bind.recursive.as_ref());
        gate(recursive.map(|recursive| recursive.span), "`bind.recursive`", 44);
    }
    for key in service.networks.keys() {
        let ipv4 = project.networks.get(key).and_then(|network| network.enable_ipv4);
        gate(ipv4.map(|on| on.span), "`enable_ipv4`", 47);
    }
    gates
}

/// A service's gates that an engine does not pass, as mistakes in the file.
pub(super) fn refused(project: &Project, engine: Api) -> Vec<Diagnostic> {
    let gates = project.services.values().flat_map(|service| gates(project, service));
    let refuse = |(span, what, needed): (Span, &str, Api)| {
        Diagnostic::error(
            span,
            format!("{what} needs an engine with API {needed}; this one has {engine}"),
        )
        .hint("update the engine, or leave it out")
    };
    gates.filter(|(_, _, needed)| *needed > engine).map(refuse).collect()
}

/// The attachments to networks, by the networks' names, the one that gives the default route first.
fn endpoints(project: &Project, service: &Service, container: &str, number: u32) -> Vec<(String, EndpointSettings)> {
    if service.network_mode.is_some() {
        return Vec::new();
    }
    let mut keys: Vec<_> = service.networks.iter().collect();
    let priority = |network: &ServiceNetwork| network.priority.map_or(0, |priority| priority.value);
    keys.sort_by(|(a, at), (b, bt)| priority(bt).cmp(&priority(at)).then_with(|| a.cmp(b)));
    let links = links(project, service);
    let endpoint = |(key, network): (&String, &ServiceNetwork)| {
        let name = project
            .networks
            .get(key)
            .map_or_else(|| key.clone(), |network| network.name.value.clone());
        let mut aliases = vec![container.to_owned(), service.name.clone()];
        if key == endpoint::NETWORK {
            // Services find each other in the networks that the file puts them into.
            aliases.clear();
        }
        aliases.extend(network.aliases.iter().map(|alias| alias.value.clone()));
        let mac_address = network.mac_address.as_ref().or(service.mac_address.as_ref());
        let mut driver_opts = pairs(&network.driver_opts);
        if let Some(interface) = &network.interface_name {
            let key = "com.docker.network.endpoint.ifname".to_owned();
            driver_opts.get_or_insert_default().insert(key, interface.value.clone());
        }
        let ipam = EndpointIpamConfig {
            ipv4_address: string(network.ipv4_address.as_ref()),
            ipv6_address: string(network.ipv6_address.as_ref()),
            link_local_ips: some(addresses::link_local(key, network, container, number)),
        };
        let settings = EndpointSettings {
            ipam_config: (ipam != EndpointIpamConfig::default()).then_some(ipam),
            links: some(links.clone()),
            mac_address: string(mac_address),
            aliases: Some(aliases),
            driver_opts,
            gw_priority: network.gw_priority.map(|priority| priority.value),
            ..EndpointSettings::default()
        };
        (name, settings)
    };
    keys.into_iter().map(endpoint).collect()
}

/// `links` and `external_links` as the engine has them: `container:alias`.
fn links(project: &Project, service: &Service) -> Vec<String> {
    let mut links = Vec::new();
    for link in &service.links {
        let (name, alias) = link.split_once(':').unwrap_or((link, link));
        let Some(linked) = project.services.get(name) else {
            continue;
        };
        for number in 1..=u32::try_from(linked.replicas()).unwrap_or(0) {
            let container = names::container(project, linked, number);
            links.push(format!("{container}:{alias}"));
            links.push(format!("{container}:{name}-{number}"));
            links.push(format!("{container}:{container}"));
        }
    }
    links.extend(service.external_links.iter().map(|link| {
        let (name, alias) = link.split_once(':').unwrap_or((link, link));
        format!("{name}:{alias}")
    }));
    links
}

fn environment(service: &Service) -> Vec<String> {
    let variable = |(name, value): (&String, &crate::compose::Spanned<Option<String>>)| match &value.value {
        Some(value) => format!("{name}={value}"),
        // Takes a variable of the image away.
        None => name.clone(),
    };
    service.environment.iter().map(variable).collect()
}

fn healthcheck(check: &Healthcheck) -> HealthConfig {
    let nanoseconds = |time: Option<crate::compose::Spanned<crate::compose::Duration>>| {
        time.map(|time| i64::try_from(time.value.0.as_nanos()).unwrap_or(i64::MAX))
    };
    HealthConfig {
        test: if check.is_disabled() {
            Some(vec!["NONE".to_owned()])
        } else {
            check.test.as_ref().map(|test| test.value.clone())
        },
        interval: nanoseconds(check.interval),
        timeout: nanoseconds(check.timeout),
        retries: check.retries.map(|retries| retries.value),
        start_period: nanoseconds(check.start_period),
        start_interval: nanoseconds(check.start_interval),
    }
}

/// `restart`, or what `deploy.restart_policy` says instead.
fn restart_policy(service: &Service) -> Option<RestartPolicy> {
    let policy = service
        .deploy
        .as_ref()
        .and_then(|deploy| deploy.restart_policy.as_ref());
    let (name, attempts) = match (policy, &service.restart) {
        (Some(policy), _) => {
            let condition = policy
                .condition
                .as_ref()
                .map_or("any", |condition| condition.value.as_str());
            (condition, policy.max_attempts.map(|attempts| attempts.value))
        }
        (None, Some(restart)) => match restart.split_once(':') {
            Some((name, attempts)) => (name, attempts.parse().ok()),
            None => (restart.as_str(), None),
        },
        (None, None) => return None,
    };
    let name = match name {
        "any" => RestartPolicyNameEnum::ALWAYS,
        "none" => RestartPolicyNameEnum::NO,
        other => other.parse().ok()?,
    };
    let retries = attempts.filter(|_| name == RestartPolicyNameEnum::ON_FAILURE);
    Some(RestartPolicy {
        name: Some(name),
        maximum_retry_count: retries,
    })
}

/// `host:address`, as the engine writes it to `/etc/hosts`.
fn extra_hosts(service: &Service) -> Vec<String> {
    let host = |(name, addresses): (&String, &Texts)| {
        let of = |address: &Text| format!("{name}:{}", address.value);
        addresses.iter().map(of).collect::<Vec<_>>()
    };
    service.extra_hosts.iter().flat_map(host).collect()
}

/// `security_opt`, of which `systempaths=unconfined` is no option of the engine but two of its lists left empty.
fn security(project: &Project, service: &Service, host_config: HostConfig) -> HostConfig {
    let open = |option: &&Text| matches!(option.as_str(), "systempaths=unconfined" | "systempaths:unconfined");
    let unconfined = service.security_opt.iter().any(|option| open(&option));
    let options = service.security_opt.iter().filter(|option| !open(option));
    // `label:type:x` is an older spelling of `label=type:x`.
    let option = |option: &Text| match option.split_once(':') {
        Some((key, value)) if !option.contains('=') => format!("{key}={value}"),
        _ => option.value.clone(),
    };
    let specified = service
        .credential_spec
        .as_ref()
        .and_then(|spec| credentials(project, spec));
    HostConfig {
        security_opt: some(options.map(option).chain(specified).collect()),
        masked_paths: unconfined.then(Vec::new),
        readonly_paths: unconfined.then(Vec::new),
        ..host_config
    }
}

/// `credential_spec`, which only engines on Windows take.
fn credentials(project: &Project, spec: &CredentialSpec) -> Option<String> {
    let content = |config: &Text| project.configs.get(&config.value)?.content.as_ref();
    let said = match spec {
        CredentialSpec { file: Some(file), .. } => format!("file://{}", file.value),
        CredentialSpec {
            registry: Some(key), ..
        } => format!("registry://{}", key.value),
        CredentialSpec {
            config: Some(config), ..
        } => format!("raw://{}", content(config)?.value),
        _ => return None,
    };
    Some(format!("credentialspec={said}"))
}

/// The engine counts grace in whole seconds; a fraction is rounded up, so that nothing is killed early.
pub(super) fn whole_seconds(time: std::time::Duration) -> i64 {
    i64::try_from(crate::compose::Duration(time).as_secs_rounded_up()).unwrap_or(i64::MAX)
}

pub(super) fn string(text: Option<&Text>) -> Option<String> {
    text.map(|text| text.value.clone()).filter(|text| !text.is_empty())
}

fn strings(texts: &Texts) -> Option<Vec<String>> {
    some(texts.iter().map(|text| text.value.clone()).collect())
}

pub(super) fn pairs(values: &Mapping) -> Option<HashMap<String, String>> {
    some_map(
        values
            .iter()
            .map(|(key, value)| (key.clone(), value.value.clone()))
            .collect(),
    )
}

/// The engine tells an empty list from none at places; nothing of Compose's is empty on purpose.
pub(super) fn some<T>(values: Vec<T>) -> Option<Vec<T>> {
    (!values.is_empty()).then_some(values)
}

fn some_map<T>(values: HashMap<String, T>) -> Option<HashMap<String, T>> {
    (!values.is_empty()).then_some(values)
}
