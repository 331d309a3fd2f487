//! Services.
//!
//! Long because a service has that many attributes.

use indexmap::IndexMap;

use super::{Decoder, entries, extensions, inner, mapping, text, texts, variables, words};
use crate::compose::project::Extensions;
use crate::compose::service::{
    Blkio, Build, Condition, CredentialSpec, Dependency, Deploy, Develop, Device, DeviceRequest, Discrete, EnvFile,
    Extends, FileReference, GenericResource, Healthcheck, Hook, Logging, Mount, MountBind, MountImage, MountTmpfs,
    MountVolume, Placement, Port, Preference, Provider, Resource, RestartPolicy, Service, ServiceModel, ServiceNetwork,
    Text, Ulimit, UpdateConfig, Watch,
};
use crate::compose::{ByteSize, Map, Node, Spanned, Value, forms};
use crate::diagnostic::{Diagnostic, Span};

pub(in crate::compose) fn service(name: &str, map: &Map, span: Span, diagnostics: &mut Vec<Diagnostic>) -> Service {
    let mut decoder = Decoder { diagnostics };
    let d = &mut decoder;
    Service {
        name: name.to_owned(),
        span,
        profiles: texts(map, "profiles"),
        annotations: mapping(map, "annotations"),
        attach: d.boolean(map, "attach"),
        build: inner(map, "build").map(|(build, span)| d.build(build, span)),
        develop: inner(map, "develop").map(|(develop, span)| d.develop(develop, span)),
        blkio_config: inner(map, "blkio_config").map(|(blkio, span)| d.blkio(blkio, span)),
        cap_add: texts(map, "cap_add"),
        cap_drop: texts(map, "cap_drop"),
        cgroup_parent: text(map, "cgroup_parent"),
        cgroup: text(map, "cgroup"),
        cpu_count: d.integer(map, "cpu_count"),
        cpu_percent: d.float(map, "cpu_percent"),
        cpu_period: d.integer(map, "cpu_period"),
        cpu_quota: d.integer(map, "cpu_quota"),
        cpu_rt_period: d.integer(map, "cpu_rt_period"),
        cpu_rt_runtime: d.integer(map, "cpu_rt_runtime"),
        cpus: d.float(map, "cpus"),
        cpuset: text(map, "cpuset"),
        cpu_shares: d.integer(map, "cpu_shares"),
        command: words(map, "command"),
        configs: d.references(map, "configs"),
        container_name: text(map, "container_name"),
        credential_spec: inner(map, "credential_spec").map(|(spec, span)| CredentialSpec {
            span,
            config: text(spec, "config"),
            file: text(spec, "file"),
            registry: text(spec, "registry"),
            extensions: extensions(spec),
        }),
        depends_on: d.dependencies(map),
        deploy: inner(map, "deploy").map(|(deploy, span)| d.deploy(deploy, span)),
        device_cgroup_rules: texts(map, "device_cgroup_rules"),
        devices: entries(map, "devices")
            .map(|(device, span)| Device {
                span,
                source: text(device, "source").unwrap_or_else(|| Spanned::nowhere(String::new())),
                target: text(device, "target"),
                permissions: text(device, "permissions"),
                extensions: extensions(device),
            })
            .collect(),
        dns: texts(map, "dns"),
        dns_opt: texts(map, "dns_opt"),
        dns_search: texts(map, "dns_search"),
        domainname: text(map, "domainname"),
        entrypoint: words(map, "entrypoint"),
        provider: inner(map, "provider").map(|(provider, span)| read_provider(provider, span)),
        environment: variables(map, "environment"),
        env_file: entries(map, "env_file")
            .map(|(file, span)| EnvFile {
                span,
                path: text(file, "path").unwrap_or_else(|| Spanned::nowhere(String::new())),
                required: d.boolean(file, "required").is_none_or(|required| required.value),
                format: text(file, "format"),
            })
            .collect(),
        expose: texts(map, "expose"),
        extends: inner(map, "extends").map(|(extends, span)| Extends {
            span,
            file: text(extends, "file"),
            service: text(extends, "service").unwrap_or_else(|| Spanned::nowhere(String::new())),
        }),
        external_links: texts(map, "external_links"),
        extra_hosts: hosts(map),
        group_add: texts(map, "group_add"),
        gpus: d.device_requests(map, "gpus"),
        hostname: text(map, "hostname"),
        healthcheck: inner(map, "healthcheck").map(|(check, span)| d.healthcheck(check, span)),
        image: text(map, "image"),
        init: d.boolean(map, "init"),
        ipc: text(map, "ipc"),
        isolation: text(map, "isolation"),
        labels: mapping(map, "labels"),
        label_file: texts(map, "label_file"),
        links: texts(map, "links"),
        logging: inner(map, "logging").map(|(logging, span)| Logging {
            span,
            driver: text(logging, "driver"),
            options: mapping(logging, "options"),
            extensions: extensions(logging),
        }),
        mem_limit: d.bytes(map, "mem_limit"),
        mem_reservation: d.bytes(map, "mem_reservation"),
        memswap_limit: d.bytes(map, "memswap_limit"),
        mem_swappiness: d.bytes(map, "mem_swappiness"),
        mac_address: text(map, "mac_address"),
        models: named(map, "models", |model, span| ServiceModel {
            span,
            unsaid: model.is_none(),
            endpoint_var: model.and_then(|model| text(model, "endpoint_var")),
            model_var: model.and_then(|model| text(model, "model_var")),
            extensions: model.map(extensions).unwrap_or_default(),
        }),
        network_mode: text(map, "network_mode"),
        networks: named(map, "networks", |network, span| d.service_network(network, span)),
        oom_kill_disable: d.boolean(map, "oom_kill_disable"),
        oom_score_adj: d.integer(map, "oom_score_adj"),
        pid: text(map, "pid"),
        pids_limit: d.integer(map, "pids_limit"),
        platform: text(map, "platform"),
        ports: d.ports(map),
        privileged: d.boolean(map, "privileged"),
        pull_policy: text(map, "pull_policy"),
        pull_refresh_after: text(map, "pull_refresh_after"),
        read_only: d.boolean(map, "read_only"),
        restart: text(map, "restart"),
        runtime: text(map, "runtime"),
        scale: d.integer(map, "scale"),
        secrets: d.references(map, "secrets"),
        security_opt: texts(map, "security_opt"),
        shm_size: d.bytes(map, "shm_size"),
        stdin_open: d.boolean(map, "stdin_open"),
        stop_grace_period: d.duration(map, "stop_grace_period"),
        stop_signal: text(map, "stop_signal"),
        storage_opt: mapping(map, "storage_opt"),
        sysctls: mapping(map, "sysctls"),
        tmpfs: texts(map, "tmpfs"),
        tty: d.boolean(map, "tty"),
        ulimits: d.ulimits(map),
        use_api_socket: d.boolean(map, "use_api_socket"),
        user: text(map, "user"),
        userns_mode: text(map, "userns_mode"),
        uts: text(map, "uts"),
        volumes: d.mounts(map),
        volumes_from: texts(map, "volumes_from"),
        working_dir: text(map, "working_dir"),
        pre_start: d.hooks(map, "pre_start"),
        post_start: d.hooks(map, "post_start"),
        pre_stop: d.hooks(map, "pre_stop"),
        extensions: extensions(map),
    }
}

impl Decoder<'_> {
    fn build(&mut self, map: &Map, span: Span) -> Build {
        Build {
            span,
            context: text(map, "context"),
            dockerfile: text(map, "dockerfile"),
            dockerfile_inline: text(map, "dockerfile_inline"),
            entitlements: texts(map, "entitlements"),
            args: mapping(map, "args"),
            provenance: text(map, "provenance"),
            sbom: text(map, "sbom"),
            ssh: mapping(map, "ssh"),
            labels: mapping(map, "labels"),
            cache_from: texts(map, "cache_from"),
            cache_to: texts(map, "cache_to"),
            no_cache: self.boolean(map, "no_cache"),
            no_cache_filter: texts(map, "no_cache_filter"),
            additional_contexts: mapping(map, "additional_contexts"),
            pull: self.boolean(map, "pull"),
            extra_hosts: hosts(map),
            isolation: text(map, "isolation"),
            network: text(map, "network"),
            target: text(map, "target"),
            secrets: self.references(map, "secrets"),
            shm_size: self.bytes(map, "shm_size"),
            tags: texts(map, "tags"),
            ulimits: self.ulimits(map),
            platforms: texts(map, "platforms"),
            privileged: self.boolean(map, "privileged"),
            extensions: extensions(map),
        }
    }

    fn develop(&mut self, map: &Map, span: Span) -> Develop {
        let watch = entries(map, "watch").map(|(rule, span)| Watch {
            span,
            path: required_text(rule, "path"),
            action: required_text(rule, "action"),
            target: text(rule, "target"),
            exec: inner(rule, "exec").map(|(hook, span)| self.hook(hook, span)),
            include: texts(rule, "include"),
            ignore: texts(rule, "ignore"),
            initial_sync: self.boolean(rule, "initial_sync"),
            extensions: extensions(rule),
        });
        Develop {
            span,
            watch: watch.collect(),
            extensions: extensions(map),
        }
    }

    fn blkio(&mut self, map: &Map, span: Span) -> Blkio {
        Blkio {
            span,
            weight: self.integer(map, "weight"),
            weight_device: entries(map, "weight_device")
                .filter_map(|(device, _)| Some((required_text(device, "path"), self.integer(device, "weight")?)))
                .collect(),
            device_read_bps: self.throttles(map, "device_read_bps"),
            device_read_iops: self.throttles(map, "device_read_iops"),
            device_write_bps: self.throttles(map, "device_write_bps"),
            device_write_iops: self.throttles(map, "device_write_iops"),
        }
    }

    fn throttles(&mut self, map: &Map, name: &str) -> Vec<(Text, Spanned<ByteSize>)> {
        entries(map, name)
            .filter_map(|(device, _)| Some((required_text(device, "path"), self.bytes(device, "rate")?)))
            .collect()
    }

    fn references(&mut self, map: &Map, name: &str) -> Vec<FileReference> {
        entries(map, name)
            .map(|(reference, span)| FileReference {
                span,
                source: required_text(reference, "source"),
                target: text(reference, "target"),
                uid: text(reference, "uid"),
                gid: text(reference, "gid"),
                mode: self.mode(reference, "mode"),
                extensions: extensions(reference),
            })
            .collect()
    }

    fn dependencies(&mut self, map: &Map) -> IndexMap<String, Dependency> {
        let entries = map.get("depends_on").and_then(|entry| entry.node.as_map());
        let read = |(name, entry): (&String, &crate::compose::Entry)| {
            let map = entry.node.as_map()?;
            let condition = text(map, "condition")?;
            let dependency = Dependency {
                span: entry.key,
                condition: Spanned::new(
                    Condition::parse(&condition).unwrap_or(Condition::Started),
                    condition.span,
                ),
                restart: self.boolean(map, "restart").is_some_and(|restart| restart.value),
                required: self.boolean(map, "required").is_none_or(|required| required.value),
                extensions: extensions(map),
            };
            Some((name.clone(), dependency))
        };
        entries.into_iter().flatten().filter_map(read).collect()
    }

    fn deploy(&mut self, map: &Map, span: Span) -> Deploy {
        let resources = inner(map, "resources").map(|(resources, _)| resources);
        let mut resource = |name: &str| {
            let (map, span) = inner(resources?, name)?;
            Some(self.resource(map, span))
        };
        let (limits, reservations) = (resource("limits"), resource("reservations"));
        Deploy {
            span,
            mode: text(map, "mode"),
            replicas: self.integer(map, "replicas"),
            labels: mapping(map, "labels"),
            update_config: inner(map, "update_config").map(|(config, span)| self.update_config(config, span)),
            rollback_config: inner(map, "rollback_config").map(|(config, span)| self.update_config(config, span)),
            limits,
            reservations,
            restart_policy: inner(map, "restart_policy").map(|(policy, span)| RestartPolicy {
                span,
                condition: text(policy, "condition"),
                delay: self.duration(policy, "delay"),
                max_attempts: self.count(policy, "max_attempts"),
                window: self.duration(policy, "window"),
                extensions: extensions(policy),
            }),
            placement: inner(map, "placement").map(|(placement, span)| Placement {
                span,
                constraints: texts(placement, "constraints"),
                preferences: entries(placement, "preferences")
                    .map(|(preference, _)| Preference {
                        spread: text(preference, "spread"),
                        extensions: extensions(preference),
                    })
                    .collect(),
                max_replicas_per_node: self.count(placement, "max_replicas_per_node"),
                extensions: extensions(placement),
            }),
            endpoint_mode: text(map, "endpoint_mode"),
            resources_extensions: resources.map(extensions).unwrap_or_default(),
            extensions: extensions(map),
        }
    }

    fn resource(&mut self, map: &Map, span: Span) -> Resource {
        Resource {
            span,
            cpus: self.float(map, "cpus"),
            memory: self.bytes(map, "memory"),
            pids: self.integer(map, "pids"),
            devices: self.device_requests(map, "devices"),
            generic_resources: entries(map, "generic_resources")
                .map(|(resource, span)| GenericResource {
                    span,
                    discrete: inner(resource, "discrete_resource_spec").map(|(spec, _)| Discrete {
                        kind: text(spec, "kind"),
                        value: self.integer(spec, "value"),
                        extensions: extensions(spec),
                    }),
                    extensions: extensions(resource),
                })
                .collect(),
            extensions: extensions(map),
        }
    }

    fn update_config(&mut self, map: &Map, span: Span) -> UpdateConfig {
        UpdateConfig {
            span,
            parallelism: self.count(map, "parallelism"),
            delay: self.duration(map, "delay"),
            failure_action: text(map, "failure_action"),
            monitor: self.duration(map, "monitor"),
            max_failure_ratio: self.float(map, "max_failure_ratio"),
            order: text(map, "order"),
            extensions: extensions(map),
        }
    }

    fn device_requests(&mut self, map: &Map, name: &str) -> Vec<DeviceRequest> {
        entries(map, name)
            .map(|(request, span)| DeviceRequest {
                span,
                capabilities: texts(request, "capabilities"),
                driver: text(request, "driver"),
                count: self.integer(request, "count"),
                device_ids: texts(request, "device_ids"),
                options: mapping(request, "options"),
                extensions: extensions(request),
            })
            .collect()
    }

    fn healthcheck(&mut self, map: &Map, span: Span) -> Healthcheck {
        Healthcheck {
            span,
            test: words(map, "test"),
            timeout: self.duration(map, "timeout"),
            interval: self.duration(map, "interval"),
            retries: self.count(map, "retries"),
            start_period: self.duration(map, "start_period"),
            start_interval: self.duration(map, "start_interval"),
            disable: self.boolean(map, "disable"),
            extensions: extensions(map),
        }
    }

    fn service_network(&mut self, map: Option<&Map>, span: Span) -> ServiceNetwork {
        let empty = Map::default();
        let unsaid = map.is_none();
        let map = map.unwrap_or(&empty);
        ServiceNetwork {
            span,
            unsaid,
            aliases: texts(map, "aliases"),
            driver_opts: mapping(map, "driver_opts"),
            gw_priority: self.integer(map, "gw_priority"),
            interface_name: text(map, "interface_name"),
            ipv4_address: text(map, "ipv4_address"),
            ipv6_address: text(map, "ipv6_address"),
            link_local_ips: texts(map, "link_local_ips"),
            mac_address: text(map, "mac_address"),
            priority: self.integer(map, "priority"),
            extensions: extensions(map),
        }
    }

    fn ports(&mut self, map: &Map) -> Vec<Port> {
        let read = |(port, span): (&Map, Span)| {
            let Some(target) = self.integer(port, "target") else {
                if !port.contains_key("target") {
                    self.diagnostics.push(Diagnostic::error(
                        span,
                        "a port needs `target`, the port in the container",
                    ));
                }
                return None;
            };
            let Some(number) = u16::try_from(target.value).ok().filter(|number| *number > 0) else {
                self.diagnostics.push(Diagnostic::error(
                    target.span,
                    format!("`{}` is no port: they go from 1 to 65535", target.value),
                ));
                return None;
            };
            let or =
                |name: &str, default: &str| text(port, name).unwrap_or_else(|| Spanned::nowhere(default.to_owned()));
            Some(Port {
                span,
                name: text(port, "name"),
                mode: or("mode", "ingress"),
                host_ip: text(port, "host_ip"),
                target: Spanned::new(number, target.span),
                published: text(port, "published").filter(|published| !published.is_empty()),
                protocol: or("protocol", "tcp"),
                app_protocol: text(port, "app_protocol"),
                extensions: extensions(port),
            })
        };
        let ports: Vec<_> = map
            .get("ports")
            .and_then(|entry| entry.node.as_list())
            .unwrap_or_default()
            .iter()
            .collect();
        ports
            .into_iter()
            .filter_map(|node| Some((node.as_map()?, node.span)))
            .filter_map(read)
            .collect()
    }

    fn mounts(&mut self, map: &Map) -> Vec<Mount> {
        entries(map, "volumes")
            .map(|(mount, span)| Mount {
                span,
                mount_type: required_text(mount, "type"),
                source: text(mount, "source"),
                target: text(mount, "target"),
                read_only: self.boolean(mount, "read_only"),
                consistency: text(mount, "consistency"),
                bind: inner(mount, "bind").map(|(bind, _)| MountBind {
                    selinux: text(bind, "selinux"),
                    propagation: text(bind, "propagation"),
                    create_host_path: self.boolean(bind, "create_host_path").is_none_or(|create| create.value),
                    creates_by_default: bind.get("create_host_path").is_none(),
                    recursive: text(bind, "recursive"),
                    extensions: extensions(bind),
                }),
                volume: inner(mount, "volume").map(|(volume, _)| MountVolume {
                    labels: mapping(volume, "labels"),
                    nocopy: self.boolean(volume, "nocopy"),
                    subpath: text(volume, "subpath"),
                    extensions: extensions(volume),
                }),
                tmpfs: inner(mount, "tmpfs").map(|(tmpfs, _)| MountTmpfs {
                    size: self.size_of_memory(tmpfs),
                    mode: self.mode(tmpfs, "mode"),
                    extensions: extensions(tmpfs),
                }),
                image: inner(mount, "image").map(|(image, _)| MountImage {
                    subpath: text(image, "subpath"),
                    extensions: extensions(image),
                }),
                extensions: extensions(mount),
            })
            .collect()
    }

    fn size_of_memory(&mut self, tmpfs: &Map) -> Option<Spanned<ByteSize>> {
        let size = self.bytes(tmpfs, "size")?;
        if size.value.0 < 0 {
            self.wrong(&tmpfs.get("size")?.node, "size", "zero or more");
        }
        Some(size)
    }

    fn ulimits(&mut self, map: &Map) -> IndexMap<String, Ulimit> {
        let limits = inner(map, "ulimits").map(|(limits, _)| limits);
        let read = |(name, entry): (&String, &crate::compose::Entry)| {
            let span = entry.node.span.or(entry.key);
            let number = |value: Option<Spanned<i64>>| value.map(|value| value.value);
            let limit = match entry.node.as_map() {
                Some(map) => Ulimit {
                    span,
                    single: None,
                    soft: number(self.integer(map, "soft")),
                    hard: number(self.integer(map, "hard")),
                    extensions: extensions(map),
                },
                None => Ulimit {
                    span,
                    single: number(self.integer(limits?, name)),
                    soft: None,
                    hard: None,
                    extensions: Extensions::new(),
                },
            };
            Some((name.clone(), limit))
        };
        limits.into_iter().flatten().filter_map(read).collect()
    }

    fn hooks(&mut self, map: &Map, name: &str) -> Vec<Hook> {
        entries(map, name).map(|(hook, span)| self.hook(hook, span)).collect()
    }

    fn hook(&mut self, map: &Map, span: Span) -> Hook {
        Hook {
            span,
            command: words(map, "command").unwrap_or_else(|| Spanned::nowhere(Vec::new())),
            user: text(map, "user"),
            privileged: self.boolean(map, "privileged"),
            working_dir: text(map, "working_dir"),
            environment: variables(map, "environment"),
            image: text(map, "image"),
            per_replica: self.boolean(map, "per_replica"),
            extensions: extensions(map),
        }
    }
}

/// A mapping of names to mappings or null.
fn named<T>(map: &Map, name: &str, mut read: impl FnMut(Option<&Map>, Span) -> T) -> IndexMap<String, T> {
    let entries = inner(map, name).map(|(entries, _)| entries);
    let read = |(name, entry): (&String, &crate::compose::Entry)| {
        let span = entry.key.or(entry.node.span);
        (name.clone(), read(entry.node.as_map(), span))
    };
    entries.into_iter().flatten().map(read).collect()
}

fn hosts(map: &Map) -> IndexMap<String, Vec<Text>> {
    let hosts = inner(map, "extra_hosts").map(|(hosts, _)| hosts);
    let hosts = hosts.into_iter().flatten().map(|(host, entry)| {
        let addresses = entry.node.as_list().unwrap_or_default().iter();
        let addresses = addresses.filter_map(|node| Some(Spanned::new(node.as_str()?.to_owned(), node.span)));
        (host.clone(), addresses.collect())
    });
    hosts.collect()
}

/// A text that validation has seen.
fn required_text(map: &Map, name: &str) -> Text {
    text(map, name).unwrap_or_else(|| Spanned::nowhere(String::new()))
}

fn read_provider(map: &Map, span: Span) -> Provider {
    let options = inner(map, "options").map(|(options, _)| options);
    let text = |node: &Node| Some(Spanned::new(forms::text_of(&node.value)?, node.span));
    let options = options.into_iter().flatten().map(|(name, entry)| {
        let values = match &entry.node.value {
            Value::List(list) => list.iter().filter_map(text).collect(),
            _ => text(&entry.node).into_iter().collect(),
        };
        (name.clone(), values)
    });
    Provider {
        span,
        options: options.collect(),
        provider_type: required_text(map, "type"),
        extensions: extensions(map),
    }
}
