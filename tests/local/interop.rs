//! `ctx` and Docker Compose on the same project in turn: neither makes anew what the other made.

use crate::scene::Scene;

/// Shapes of services, each with something that the configuration's hash or the comparison depends on.
const SHAPES: &[(&str, &str)] = &[
    ("plain", "services: {a: {image: IMAGE, command: [sleep, '1000']}}"),
    (
        "a volume, an anonymous one, a folder",
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
        "a shared namespace",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], ipc: shareable}, b: {image: IMAGE, command: [sleep, '1000'], network_mode: 'service:a', ipc: 'service:a'}, c: {image: IMAGE, command: [sleep, '1000'], volumes_from: [a]}}",
    ),
    (
        "secrets, configs, logging, restart",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], secrets: [s], configs: [{source: c, target: /c, mode: 0440}], logging: {driver: json-file, options: {max-size: 1m}}, restart: unless-stopped, init: true, cap_add: [NET_ADMIN], dns: [1.1.1.1], extra_hosts: ['h:1.2.3.4'], tmpfs: /t, security_opt: ['no-new-privileges:true'], read_only: true}}\nsecrets: {s: {file: ./compose.yaml}}\nconfigs: {c: {file: ./compose.yaml}}",
    ),
    (
        "replicas and a name",
        "services: {a: {image: IMAGE, command: [sleep, '1000'], deploy: {replicas: 2}, entrypoint: []}, b: {image: IMAGE, stop_signal: SIGKILL, command: sleep 1000, links: [a], tty: true, stdin_open: true, profiles: []}}",
    ),
];

#[test]
fn docker_compose_leaves_alone_what_ctx_made() {
    for (shape, file) in SHAPES {
        let Some(scene) = Scene::new(&quick(file)) else { return };
        scene.ok(&["up", "-d"]);
        let before = scene.ids();
        let Some(said) = scene.docker_compose(&["up", "-d"]) else {
            return;
        };
        assert_eq!(scene.ids(), before, "{shape}:\n{said}");
        scene.docker_compose(&["down", "-v"]);
        assert!(
            scene.project.containers().is_empty(),
            "{shape}: docker compose takes down what ctx made"
        );
    }
}

#[test]
fn ctx_leaves_alone_what_docker_compose_made() {
    for (shape, file) in SHAPES {
        let Some(scene) = Scene::new(&quick(file)) else { return };
        if scene.docker_compose(&["up", "-d"]).is_none() {
            return;
        }
        let before = scene.ids();
        let said = scene.ok(&["up", "-d"]);
        assert_eq!(scene.ids(), before, "{shape}:\n{}", said.stderr);
        scene.ok(&["down", "-v"]);
        assert!(
            scene.project.containers().is_empty(),
            "{shape}: ctx takes down what docker compose made"
        );
    }
}

#[test]
fn docker_compose_lists_what_ctx_made() {
    let Some(scene) = Scene::new(SHAPES[0].1) else { return };
    scene.ok(&["up", "-d"]);
    let Some(listed) = scene.docker_compose(&["ps", "--format", "{{.Name}} {{.Service}} {{.State}}"]) else {
        return;
    };
    assert_eq!(listed.trim(), format!("{} a running", scene.container("a-1")));
    scene.docker_compose(&["down", "-v"]);
}

/// Nothing here needs ten seconds to stop.
fn quick(file: &str) -> String {
    file.replace(
        "command: [sleep, '1000']",
        "stop_signal: SIGKILL, command: [sleep, '1000']",
    )
}
