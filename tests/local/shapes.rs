//! Shapes of projects, each with something that the configuration's hash, the comparison or the order of work depends
//! on. `IMAGE` is an image that is there; `[sleep, '1000']` runs until it is stopped.

pub(crate) const SHAPES: &[(&str, &str)] = &[
    ("plain", "services: {a: {image: IMAGE, command: [sleep, '1000']}}"),
    (
        "volumes: named, nameless, a folder",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], volumes: ['vol:/v', /n, './:/here:ro', {type: tmpfs, target: /t, tmpfs: {size: 1m}}]}}\nvolumes: {vol: {}}",
    ),
    (
        "ports and networks",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], expose: [9], ports: ['80', '127.0.0.1::81/udp'], networks: {n: {aliases: [x, y]}, m: {priority: 5}}}}\nnetworks: {n: {labels: {k: v}}, m: {driver: bridge, internal: true}}",
    ),
    (
        "environment, labels and <html>",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], environment: {A: '<&>', B: , C: 'x y'}, labels: {l: '1', k: '<'}, hostname: h, user: root, working_dir: /tmp}}",
    ),
    (
        "limits",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], cpus: 0.5, mem_limit: 64m, pids_limit: 50, shm_size: 1m, ulimits: {nofile: {soft: 100, hard: 200}, nproc: 99}, stop_grace_period: 1m30s, sysctls: {net.core.somaxconn: 99}}}",
    ),
    (
        "limits of a deployment",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], deploy: {resources: {limits: {cpus: '0.25', memory: 32m, pids: 20}, reservations: {memory: 16m}}, restart_policy: {condition: on-failure, max_attempts: 2}, labels: {x: y}}}}",
    ),
    (
        "conditions and health",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], depends_on: {b: {condition: service_healthy}}}, b: {image: IMAGE, command: [sleep, '1000'], healthcheck: {test: [CMD, sh, -c, 'exit 0'], interval: 100ms, retries: 9}}}",
    ),
    (
        "shared namespaces, volumes_from",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], ipc: shareable}, b: {image: IMAGE, command: [sleep, '1000'], network_mode: 'service:a', ipc: 'service:a'}, c: {image: IMAGE, command: [sleep, '1000'], volumes_from: [a]}}",
    ),
    (
        "secrets, configs, logging, restart",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], secrets: [s], configs: [{source: c, target: /c, mode: 0440}], logging: {driver: json-file, options: {max-size: 1m}}, restart: unless-stopped, init: true, cap_add: [NET_ADMIN], dns: [1.1.1.1], extra_hosts: ['h:1.2.3.4'], tmpfs: /t, security_opt: ['no-new-privileges:true'], read_only: true}}\nsecrets: {s: {file: ./compose.yaml}}\nconfigs: {c: {file: ./compose.yaml}}",
    ),
    (
        "replicas, links, a terminal",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], deploy: {replicas: 2}, entrypoint: []}, b: {image: IMAGE, stop_signal: SIGKILL, command: sleep 1000, links: [a, 'a:other'], tty: true, stdin_open: true, profiles: []}}",
    ),
    (
        "an entrypoint, a name of its own",
        "services: {a: {image: IMAGE, entrypoint: sleep, command: ['1000'], stop_signal: SIGKILL, container_name: PROJECT-mine}}",
    ),
    (
        "a device, groups, a domain",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], devices: ['/dev/null:/dev/xnull:rw'], device_cgroup_rules: ['c 1:3 mr'], group_add: ['7', '8'], domainname: d.example, dns_search: [s.example], dns_opt: [ndots:2]}}",
    ),
    (
        "no network, and the host's",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], network_mode: none}, b: {image: IMAGE, command: [sleep, '1000'], network_mode: host, uts: host}}",
    ),
    (
        "namespaces of the host",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], pid: host, ipc: private, cgroup: private}}",
    ),
    (
        "names of networks and volumes",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], networks: [n], volumes: ['vv:/v', {type: volume, source: w, target: /w, volume: {nocopy: true}, read_only: true}]}}\nnetworks: {n: {name: PROJECT-net}}\nvolumes: {vv: {name: PROJECT-vol, labels: [a=b]}, w: {driver: local, driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}}",
    ),
    (
        "a subnet and an address",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], networks: {n: {ipv4_address: 10.199.SUBNET.9}}}}\nnetworks: {n: {ipam: {driver: default, config: [{subnet: 10.199.SUBNET.0/24, gateway: 10.199.SUBNET.1, aux_addresses: {x: 10.199.SUBNET.5}}]}}}",
    ),
    (
        "files of variables",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], env_file: [{path: one.env}, {path: none.env, required: false}], environment: [B=mine, C]}}",
    ),
    (
        "lists for maps",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], labels: [a=b, c], sysctls: [net.core.somaxconn=99], extra_hosts: [h=1.2.3.4, 'i:::1'], storage_opt: {}, annotations: {}}}",
    ),
    (
        "no health check, one with a shell",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], healthcheck: {disable: true}}, b: {image: IMAGE, command: [sleep, '1000'], healthcheck: {test: 'true || false', interval: 1m30s, timeout: 1s, start_period: 500ms}}}",
    ),
    (
        "a job that others wait for",
        "services: {job: {image: IMAGE, command: [sh, -c, 'exit 0']}, a: {image: IMAGE, command: [sleep, '1000'], depends_on: {job: {condition: service_completed_successfully}}}}",
    ),
    (
        "a job that nobody waits for",
        "services: {job: {image: IMAGE, command: [sh, -c, 'exit 0'], restart: 'no'}, a: {image: IMAGE, command: [sleep, '1000']}}",
    ),
    (
        "a chain, with restart and without need",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], depends_on: {b: {condition: service_started, restart: true}}}, b: {image: IMAGE, command: [sleep, '1000'], depends_on: {c: {condition: service_started, required: false}}}, c: {image: IMAGE, command: [sleep, '1000']}}",
    ),
    (
        "a profile that is off",
        "services: {a: {image: IMAGE, command: [sleep, '1000']}, b: {image: IMAGE, command: [sleep, '1000'], profiles: [debug]}}",
    ),
    (
        "extends, anchors, extensions",
        "x-common: &common {image: IMAGE, stop_signal: SIGKILL, x-mine: [1]}\nservices: {base: {<<: *common, command: [sleep, '1000'], environment: {A: '1'}, labels: {k: v}}, a: {extends: {service: base}, environment: {B: '2'}, x-own: {y: 1}}}",
    ),
    (
        "tmpfs",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], tmpfs: ['/x:size=1m,mode=1777', /y], volumes: [{type: tmpfs, target: /z, tmpfs: {size: 1048576, mode: 0700}}]}}",
    ),
    (
        "bind mounts, the long way",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], volumes: [{type: bind, source: ., target: /x, bind: {create_host_path: false}}, {type: bind, source: ., target: /y, bind: {propagation: rprivate}}, {type: bind, source: ., target: /z, read_only: true, bind: {create_host_path: true}}, '.:/w:z']}}",
    ),
    (
        "shares of processors and memory",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], cpu_shares: 100, cpuset: '0', cpu_period: 100000, cpu_quota: 50000, oom_score_adj: 100, mem_reservation: 16m, mem_limit: 64m, memswap_limit: 128m, blkio_config: {weight: 300}}}",
    ),
    (
        "capabilities, privileges",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], cap_drop: [ALL], cap_add: [CHOWN, SETUID]}, b: {image: IMAGE, command: [sleep, '1000'], privileged: false, security_opt: ['seccomp:unconfined']}}",
    ),
    (
        "contents of configs and secrets",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], configs: [c, {source: e, target: /etc/e, uid: '1', gid: '2', mode: 0400}], secrets: [{source: s, target: renamed}]}}\nconfigs: {c: {content: 'hello $$x'}, e: {environment: HOME}}\nsecrets: {s: {environment: HOME}}",
    ),
    (
        "ports, the long way, and ranges",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], ports: [{name: web, target: 80, protocol: tcp, app_protocol: http, mode: host}, {target: 81, host_ip: 127.0.0.1}, '90-91'], expose: ['9000-9002', 7/udp]}}",
    ),
    (
        "develop, attach, logging without",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], attach: false, logging: {driver: none}, restart: 'on-failure:3', develop: {watch: [{path: ., action: sync, target: /src, ignore: [x/]}]}}}",
    ),
    (
        "three of one, none of another",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], scale: 3}, b: {image: IMAGE, command: [sleep, '1000'], deploy: {replicas: 0}}}",
    ),
    (
        "something that could be built",
        "services: {a: {image: IMAGE, build: {context: ., dockerfile_inline: FROM scratch, args: {A: b}, labels: {x: y}}, command: [sleep, '1000'], pull_policy: never, platform: linux/amd64}}",
    ),
    (
        "an optional dependency that takes no part",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], depends_on: {b: {condition: service_started, required: false}}}, b: {image: IMAGE, profiles: [x]}}",
    ),
];
