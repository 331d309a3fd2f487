//! The engine and registries: what a registry does not answer at once, and what only the engine knows.

use std::collections::BTreeSet;
use std::net::ToSocketAddrs;
use std::sync::Mutex;

use serde_json::json;

use crate::scene::Scene;
use crate::support::registry::{Registry, digest_of};
use crate::support::server::Server;
use crate::support::skip;

const CONFIG: &str =
    "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";

const UNKNOWN: &str = "{\"errors\": [{\"code\": \"MANIFEST_UNKNOWN\", \"message\": \"manifest unknown\"}]}";

/// A registry with one image without layers, which cannot answer the first time that it is asked about a manifest.
fn tired_registry() -> Server {
    let kind = "application/vnd.docker.distribution.manifest.v2+json";
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": CONFIG.len(),
            "digest": digest_of(CONFIG.as_bytes()),
        },
        "layers": [],
    })
    .to_string();
    let asked = Mutex::new(BTreeSet::new());
    Server::start(move |_, request| {
        let mut words = request.line.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let first = path.contains("/manifests/") && asked.lock().unwrap().insert(method.to_owned());
        let digest = format!(
            "Content-Type: {kind}\r\nDocker-Content-Digest: {}\r\n",
            digest_of(manifest.as_bytes())
        );
        match method {
            _ if first => (503, String::new(), String::new()),
            _ if path.contains("/none/") => (404, String::new(), UNKNOWN.to_owned()),
            "PUT" => (201, digest, String::new()),
            _ if path.contains("/manifests/") => (200, digest, manifest.clone()),
            _ if path.contains("/blobs/") => (200, String::new(), CONFIG.to_owned()),
            _ => (200, String::new(), String::new()),
        }
    })
}

#[test]
fn a_registry_that_cannot_answer_now_is_asked_again() {
    let registry = tired_registry();
    let image = format!("{}/shop/web:1", registry.address);
    let compose =
        format!("services: {{web: {{image: '{image}', build: {{dockerfile_inline: \"FROM scratch\\nLABEL a=b\"}}}}}}");
    let Some(scene) = Scene::new(&compose) else { return };
    scene.ok(&["build"]);
    for (verb, done) in [("push", "Pushed"), ("pull", "Pulled")] {
        let told = scene.ok(&[verb]).stderr;
        assert!(
            told.contains("Attempt 2 of 4") && told.contains("503") && told.contains(&format!("web:1  {done}")),
            "{told}"
        );
        scene.engine.docker(&["rmi", "-f", &image]);
    }
    // What is refused for good is not asked for again.
    scene.rewrite(&format!(
        "services: {{web: {{image: '{}/shop/none/web:1'}}}}",
        registry.address
    ));
    let told = scene.sandbox.fails(&["pull"]).stderr;
    assert!(told.contains("has no image") && !told.contains("Attempt"), "{told}");
}

/// The engine takes registries on this machine for insecure ones, by whatever name; `ctx` would not.
#[test]
fn a_registry_that_only_the_engine_knows_is_asked_through_it() {
    let Some(registry) = Registry::open() else { return };
    let (_, port) = registry.address.split_once(':').unwrap();
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = format!("{}:{port}", name.trim());
    let is_here = |host: &str| {
        let mut addresses = host.to_socket_addrs().ok()?;
        addresses
            .next()
            .filter(|address| address.ip().is_loopback() && address.is_ipv4())
    };
    if is_here(&host).is_none() {
        return skip::always("this machine's name does not lead to 127.0.0.0/8");
    }
    let digest = registry.push_image("shop/web", "1");
    let Some(mut scene) = Scene::new(&format!("services: {{web: {{image: '{host}/shop/web:1'}}}}")) else {
        return;
    };
    let printed = scene.ok(&["config", "--resolve-image-digests"]).stdout;
    assert!(printed.contains(&format!("{host}/shop/web:1@{digest}")), "{printed}");
    // What the engine does not know either is what the registry itself failed with.
    scene.rewrite(&format!("services: {{web: {{image: '{host}/shop/web:2'}}}}"));
    let told = scene.sandbox.fails(&["config", "--resolve-image-digests"]).stderr;
    assert!(
        told.contains(&format!("the registry `{host}` cannot be reached")),
        "{told}"
    );
    scene.sandbox.set("DOCKER_HOST", "unix:///nonexistent.sock");
    scene.rewrite(&format!("services: {{web: {{image: '{host}/shop/web:1'}}}}"));
    let told = scene.sandbox.fails(&["config", "--resolve-image-digests"]).stderr;
    assert!(
        told.contains("cannot be reached") && !told.contains("nonexistent"),
        "{told}"
    );
}

/// Docker's settings name proxies for builds and containers, as `docker` and Docker Compose hand them on.
#[test]
fn builds_and_containers_learn_of_the_proxies_in_dockers_settings() {
    let Some(mut scene) = Scene::new(
        "
services:
  web:
    build: {dockerfile_inline: \"FROM IMAGE\\nRUN echo $$HTTP_PROXY $$no_proxy > /said\\nCMD cat /said; echo $$HTTP_PROXY $$http_proxy $$NO_PROXY $$no_proxy\"}
    environment: {no_proxy: mine}
",
    ) else {
        return;
    };
    let settings = scene.sandbox.home().join(".docker");
    std::fs::create_dir_all(&settings).unwrap();
    let proxies =
        "{\"proxies\": {\"default\": {\"httpProxy\": \"http://proxy.example:3128\", \"noProxy\": \"local\"}}}";
    std::fs::write(settings.join("config.json"), proxies).unwrap();
    for buildkit in ["1", "0"] {
        scene.sandbox.set("DOCKER_BUILDKIT", buildkit);
        scene.ok(&["build", "--no-cache"]);
        scene.ok(&["up", "-d"]);
        scene.ok(&["wait", "web"]);
        let said = scene.ok(&["logs", "--no-log-prefix"]).stdout;
        let proxy = "http://proxy.example:3128";
        assert_eq!(said, format!("{proxy} local\n{proxy} {proxy} local mine\n"));
        scene.ok(&["down", "--rmi", "local"]);
    }
}
