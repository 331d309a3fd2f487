//! Registries that want tokens, which another server gives out: a server of the test's own, strict in what it takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::registry::{PASSWORD, USER, digest_of};
use crate::support::sandbox::Sandbox;
use crate::support::server::Server;

const IDENTITY: &str = "identity-token";

const MANIFEST: &str = "{\"schemaVersion\": 2}";

/// A registry whose repositories below `private` are for `USER`, and for who has the identity token.
fn registry() -> Server {
    Server::start(|own, asked| {
        let (method, path) = asked.line.split_once(' ').unwrap();
        let path = path.split(' ').next().unwrap();
        let plain = |status| (status, String::new(), String::new());
        if let Some(query) = path.strip_prefix("/token") {
            let question = if method == "POST" { &asked.body } else { query };
            let scope = question.split(['?', '&']).find_map(|pair| pair.strip_prefix("scope="));
            let Some(scope) = scope.filter(|_| question.contains("service=test")) else {
                return plain(400);
            };
            let scope = scope.replace("%3A", ":").replace("%2F", "/");
            let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
            let allowed = match method {
                "POST" => asked.body.contains(&format!("refresh_token={IDENTITY}")),
                _ => !scope.starts_with("repository:private/") || asked.authorization() == basic,
            };
            return match (allowed, method) {
                (false, _) => plain(401),
                (true, "POST") => (200, String::new(), json!({"access_token": scope}).to_string()),
                (true, _) => (200, String::new(), json!({"token": scope}).to_string()),
            };
        }
        let repository = path.trim_start_matches("/v2/").split("/manifests/").next().unwrap();
        let scope = format!("repository:{repository}:pull");
        if asked.authorization() != format!("Bearer {scope}") {
            let realm = match repository {
                "unsafe" => "http://example.com/token".to_owned(),
                _ => format!("http://{own}/token"),
            };
            let head = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"test\",scope=\"{scope}\"\r\n");
            return (401, head, String::new());
        }
        let head = match repository {
            "silent" => String::new(),
            _ => format!("Docker-Content-Digest: {}\r\n", digest_of(MANIFEST.as_bytes())),
        };
        (200, head, MANIFEST.to_owned())
    })
}

fn resolve(sandbox: &Sandbox, server: &Server, images: &[&str]) -> crate::support::sandbox::Run {
    let services = images.iter().enumerate();
    let services = services.map(|(index, image)| format!("  s{index}: {{image: \"{}/{image}\"}}\n", server.address));
    sandbox.write("compose.yaml", format!("services:\n{}", services.collect::<String>()));
    sandbox.run(&["config", "--resolve-image-digests", "--images"])
}

#[test]
fn each_tag_is_asked_for_once_with_a_token_for_its_repository() {
    let (sandbox, server) = (Sandbox::new(), registry());
    let run = resolve(&sandbox, &server, &["a:1", "a:1", "a:2", "team/b", "silent"]);
    let digest = digest_of(MANIFEST.as_bytes());
    assert_eq!(run.stdout.matches(&digest).count(), 5, "{}{}", run.stdout, run.stderr);
    let asked: Vec<_> = server
        .granted()
        .into_iter()
        .filter(|line| line.contains("/v2/"))
        .collect();
    assert_eq!(
        asked,
        [
            // A registry that does not say the digest sends what it is the digest of.
            "GET /v2/silent/manifests/latest",
            "HEAD /v2/a/manifests/1",
            "HEAD /v2/a/manifests/2",
            "HEAD /v2/silent/manifests/latest",
            "HEAD /v2/team/b/manifests/latest",
        ]
    );
}

#[test]
fn a_password_or_an_identity_token_is_exchanged_for_a_token() {
    let (sandbox, server) = (Sandbox::new(), registry());
    let run = resolve(&sandbox, &server, &["private/a"]);
    assert!(run.stderr.contains("refuses access to `private/a`"), "{}", run.stderr);
    for login in [
        json!({"username": USER, "password": PASSWORD}),
        json!({"auth": STANDARD.encode("me:"), "identitytoken": IDENTITY}),
        json!({"registrytoken": "repository:private/a:pull"}),
    ] {
        sandbox.write(
            "../home/.docker/config.json",
            json!({"auths": {&server.address: login}}).to_string(),
        );
        let run = resolve(&sandbox, &server, &["private/a"]);
        assert_eq!(run.code, 0, "{login}\n{}", run.stderr);
    }
}

#[test]
fn nobody_gets_a_password_without_encryption() {
    let (sandbox, server) = (Sandbox::new(), registry());
    let login = json!({"username": USER, "password": PASSWORD});
    sandbox.write(
        "../home/.docker/config.json",
        json!({"auths": {&server.address: login}}).to_string(),
    );
    let run = resolve(&sandbox, &server, &["unsafe"]);
    assert!(
        run.stderr.contains("`http://example.com/token`, without encryption"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_a_registry_sends_must_be_what_was_asked_for() {
    const COMPOSE: &str = "services: {a: {image: x}}\n";
    // Blobs lie elsewhere, where nobody needs to know who asks.
    let store = Server::start(|_, asked| match (asked.authorization(), asked.line.contains("good")) {
        ("", true) => (200, String::new(), COMPOSE.to_owned()),
        ("", false) => (200, String::new(), "services: {a: {image: y}}\n".to_owned()),
        _ => (400, String::new(), String::new()),
    });
    let elsewhere = store.address.clone();
    let registry = Server::start(move |_, asked| {
        let name = if asked.line.contains("/v2/good/") {
            "good"
        } else {
            "bad"
        };
        if asked.line.contains("/blobs/") {
            return (307, format!("Location: http://{elsewhere}/{name}\r\n"), String::new());
        }
        let size = if asked.line.contains("/v2/huge/") {
            1 << 40
        } else {
            COMPOSE.len()
        };
        let kind = "application/vnd.docker.compose.file+yaml";
        let layer = json!({"mediaType": kind, "digest": digest_of(COMPOSE.as_bytes()), "size": size});
        let manifest = json!({"artifactType": "application/vnd.docker.compose.project", "layers": [layer]});
        (200, String::new(), manifest.to_string())
    });
    let sandbox = Sandbox::new();
    let load = |name: &str| sandbox.run(&["-f", &format!("oci://{}/{name}", registry.address), "config"]);
    for (name, says) in [
        ("bad", "sends something else than `sha256:"),
        ("huge", "larger than 8 MiB"),
        (
            &format!("good@{}", digest_of(b"other")),
            "sends something else than `sha256:",
        ),
    ] {
        let run = load(name);
        assert_eq!(run.code, 1, "{name}");
        assert!(run.stderr.contains(says), "{name}\n{}", run.stderr);
    }
    let run = load("good");
    assert_eq!(run.code, 0, "{}", run.stderr);
}
