//! Images are deployed as what their registries say that their tags mean.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};

use crate::support::engine::Engine;
use crate::support::registry::{PASSWORD, Registry, USER, digest_of};
use crate::support::server::Server;
use crate::world::World;

/// A service of each image.
fn project(images: &[&str]) -> String {
    let service = |(index, image): (usize, &&str)| format!("  s{index}:\n    image: {image}\n");
    let services: String = images.iter().enumerate().map(service).collect();
    format!("services:\n{services}name: shop\n")
}

/// What `docker login` stores.
fn log_in(world: &World, registry: &str, login: &Value) {
    let settings = json!({"currentContext": "lab", "auths": {registry: login}});
    let folder = world.sandbox.home().join(".docker");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.json"), settings.to_string()).unwrap();
}

#[test]
fn a_tag_is_deployed_as_its_digest_and_follows_it_when_it_moves() {
    let (Some(world), Some(registry)) = (World::new(), Registry::open()) else {
        return;
    };
    let name = format!("{}/shop/web", registry.address);
    let image = format!("{name}:v1");
    world.sandbox.write("compose.yaml", project(&[&image]));
    let first = registry.push_image_for("shop/web", "v1", "linux/amd64");
    world.ok(&["up"]);
    assert_eq!(world.parameters("shop")["S0Image"], format!("{name}@{first}"));
    for command in [&["up"][..], &["diff"]] {
        let again = world.ok(command);
        assert!(
            format!("{}{}", again.stdout, again.stderr)
                .to_lowercase()
                .contains("no changes")
        );
    }

    let second = registry.push_index("shop/web", "v1", &["linux/amd64", "linux/arm64"]);
    let diff = world.sandbox.run(&["diff"]);
    assert!(
        diff.code == 2 && diff.stdout.contains(&second[..40]),
        "{}{}",
        diff.stdout,
        diff.stderr
    );
    world.ok(&["up"]);
    assert_eq!(world.parameters("shop")["S0Image"], format!("{name}@{second}"));

    // A registry's bad day replaces no tasks; another tag is deployed as what it is.
    drop(registry);
    let run = world.ok(&["up"]);
    assert!(run.stderr.contains("No changes"), "{}", run.stderr);
    assert!(
        run.stderr.contains("keeps the digest that is deployed"),
        "{}",
        run.stderr
    );
    world.sandbox.write("compose.yaml", project(&[&format!("{name}:v2")]));
    let run = world.ok(&["up"]);
    let expected = format!("Connection refused (os error 111); `{name}:v2` is deployed by tag");
    assert!(run.stderr.contains(&expected), "{}", run.stderr);
    assert_eq!(world.parameters("shop")["S0Image"], format!("{name}:v2"));
}

#[test]
fn nobody_is_asked_who_must_not_be() {
    let (Some(world), Some(registry)) = (World::new(), Registry::open()) else {
        return;
    };
    let image = format!("{}/shop/web:v1", registry.address);
    world.sandbox.write("compose.yaml", project(&[&image]));
    world.ok(&["up", "--resolve-image", "never"]);
    assert_eq!(world.parameters("shop")["S0Image"], image);
    world.ok(&["up", "--resolve-image", "never", "--parameter", "S0Image=nginx"]);
    assert_eq!(world.parameters("shop")["S0Image"], "nginx");
}

#[test]
fn an_image_that_is_not_there_or_not_for_the_tasks_is_an_error_before_anything_is_made() {
    let (Some(world), Some(registry)) = (World::new(), Registry::open()) else {
        return;
    };
    let at = |name: &str| format!("{}/{name}", registry.address);
    registry.push_image_for("arm", "1", "linux/arm64");
    registry.push_index("windows", "1", &["windows/amd64"]);
    registry.push_index("good", "1", &["linux/amd64", "linux/arm64"]);
    let pinned = registry.push_image_for("pinned", "1", "linux/s390x");
    let images = [
        at("arm:1"),
        at("windows:1"),
        at("good:1"),
        at(&format!("pinned@{pinned}")),
        at("missing:1"),
        "Wrong".to_owned(),
    ];
    let images: Vec<_> = images.iter().map(String::as_str).collect();
    world.sandbox.write("compose.yaml", project(&images));
    let run = world.sandbox.run(&["up"]);
    assert!(run.stderr.contains("`Wrong` is no name of an image"), "{}", run.stderr);
    world.sandbox.write("compose.yaml", project(&images[..5]));
    for command in ["up", "diff"] {
        let run = world.sandbox.run(&[command]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        for (line, says) in [
            (
                3,
                "arm:1` is for `linux/arm64`, and the tasks of `s0` run on `linux/amd64`",
            ),
            (3, "say `platform: linux/arm64`, or name an image for `linux/amd64`"),
            (5, "windows:1` is for `windows/amd64`"),
            (9, "is for `linux/s390x`, and the tasks of `s3` run on `linux/amd64`"),
            (11, "has no `"),
        ] {
            assert!(run.stderr.contains(says), "{says}\n{}", run.stderr);
            assert!(run.stderr.contains(&format!("compose.yaml:{line}:")), "{}", run.stderr);
        }
        assert!(!run.stderr.contains("good:1"), "{}", run.stderr);
    }
    assert!(world.lab.stacks().is_empty());

    let file = project(&images[..1]).replace("name:", "    platform: linux/arm64\nname:");
    world.sandbox.write("compose.yaml", file);
    world.ok(&["up"]);
}

#[test]
fn a_private_image_is_resolved_with_what_docker_login_stored() {
    let (Some(world), Some(registry)) = (World::new(), Registry::closed()) else {
        return;
    };
    let image = format!("{}/app:1", registry.address);
    world.sandbox.write("compose.yaml", project(&[&image]));
    let digest = registry.push_image("app", "1");
    // Tasks may be allowed what whoever deploys is not.
    let run = world.ok(&["up"]);
    assert!(run.stderr.contains("refuses access to `app`"), "{}", run.stderr);
    assert_eq!(world.parameters("shop")["S0Image"], image);
    log_in(
        &world,
        &registry.address,
        &json!({"username": USER, "password": PASSWORD}),
    );
    world.ok(&["up"]);
    assert_eq!(
        world.parameters("shop")["S0Image"],
        format!("{}/app@{digest}", registry.address)
    );
}

/// Images that are pushed by hand go out from the default context's engine.
#[test]
fn an_engine_pushes_to_ecr_as_who_the_context_is() {
    let Some(mut world) = World::new() else { return };
    let logins: Arc<Mutex<BTreeMap<String, Value>>> = Arc::default();
    let seen = Arc::clone(&logins);
    let engine = Server::start(move |_, request| {
        if let Some((image, _)) = request.line.split_once("/push") {
            let login = request.headers.get("x-registry-auth").cloned().unwrap_or_default();
            let login = URL_SAFE.decode(login).unwrap();
            let image = image.trim_start_matches("POST /images/").to_owned();
            let login = serde_json::from_slice(&login).unwrap_or_default();
            seen.lock().unwrap().insert(image, login);
        }
        (200, String::new(), "{\"status\": \"Pushed\"}\n".to_owned())
    });
    // The laboratory has no ECR Public.
    let public = Server::start(|_, request| {
        let token = STANDARD.encode("AWS:of the public");
        let data = json!({"authorizationData": {"authorizationToken": token, "expiresAt": 1}});
        match request.headers.get("x-amz-target").map(String::as_str) {
            Some("SpencerFrontendService.GetAuthorizationToken") => (200, String::new(), data.to_string()),
            _ => (400, String::new(), "{}".to_owned()),
        }
    });
    let endpoint = format!("http://{}", public.address);
    world.sandbox.set("AWS_ENDPOINT_URL_ECR_PUBLIC", endpoint);
    let own = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web";
    let (shared, other) = ("public.ecr.aws/me/web", "registry.example/web");
    let compose = format!(
        "services:\n  web: {{build: ., image: '{own}:1'}}\n  other: {{build: ., image: '{other}:1'}}\n  shared: {{build: ., image: '{shared}:1'}}\nname: shop\n"
    );
    world.sandbox.write("compose.yaml", compose);
    world.sandbox.set("DOCKER_HOST", format!("tcp://{}", engine.address));
    let run = world.ok(&["-c", "lab", "push"]);
    assert!(run.stderr.contains("shop/web:1  Pushed"), "{}", run.stderr);
    let logins = logins.lock().unwrap();
    assert_eq!(logins[own]["username"], "AWS");
    assert!(
        logins[own]["password"]
            .as_str()
            .is_some_and(|password| !password.is_empty())
    );
    assert_eq!(logins[other]["username"], Value::Null);
    assert_eq!(logins[shared]["password"], "of the public");
}

/// What one service builds and another only uses is one image, by one digest.
#[test]
fn a_service_gets_the_image_that_another_one_builds() {
    let (Some(world), Some(engine)) = (World::new(), Engine::reach()) else {
        return;
    };
    let compose = format!(
        "
name: shop
x-stay: &stay {{command: [sh, -c, 'trap exit TERM; while :; do sleep 0.1; done']}}
services:
  web: {{<<: *stay, image: 'ctxtest/shared:1', build: {{dockerfile_inline: 'FROM {}'}}}}
  worker: {{<<: *stay, image: 'ctxtest/shared:1'}}
",
        engine.image()
    );
    world.sandbox.write("compose.yaml", compose);
    world.ok(&["up"]);
    let parameters = world.parameters("shop");
    assert!(parameters["WebImage"].contains("@sha256:"), "{parameters:?}");
    assert_eq!(parameters["WebImage"], parameters["WorkerImage"]);
    let again = world.ok(&["up"]).stderr;
    assert!(again.contains("No changes"), "{again}");
    let compared = world.ok(&["diff"]).stderr;
    assert!(
        compared.contains("Image ctxtest/shared:1  Not built: the one that is deployed is compared"),
        "{compared}"
    );
    world.ok(&["down", "--rmi", "all"]);
    let _ = engine.try_docker(&["rmi", "-f", "ctxtest/shared:1"]);
}

#[test]
fn a_busy_registry_is_asked_again_when_it_wants_to_be() {
    let Some(world) = World::new() else { return };
    let asked = Mutex::new(0);
    let digest = digest_of(b"{}");
    let says = format!("Docker-Content-Digest: {digest}\r\n");
    let server = Server::start(move |_, request| {
        if !request.line.starts_with("HEAD") {
            return (200, String::new(), "{}".to_owned());
        }
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        match *asked {
            1 => (429, "Retry-After: 0\r\n".to_owned(), String::new()),
            2 => (503, String::new(), String::new()),
            _ => (200, says.clone(), String::new()),
        }
    });
    world
        .sandbox
        .write("compose.yaml", project(&[&format!("{}/app:1", server.address)]));
    world.ok(&["up"]);
    assert_eq!(
        world.parameters("shop")["S0Image"],
        format!("{}/app@{digest}", server.address)
    );
}

#[test]
fn stored_credentials_go_along_as_a_secret_and_nowhere_else() {
    let (Some(world), Some(registry)) = (World::new(), Registry::closed()) else {
        return;
    };
    let image = format!("{}/app:1", registry.address);
    world.sandbox.write("compose.yaml", project(&[&image, "redis:7"]));
    registry.push_image("app", "1");
    for command in ["up", "diff", "convert"] {
        let run = world.sandbox.fails(&[command, "--with-registry-auth"]);
        assert!(run.stderr.contains("nobody is logged in at `"), "{}", run.stderr);
    }
    log_in(
        &world,
        &registry.address,
        &json!({"auth": "bWU6", "identitytoken": "t"}),
    );
    let run = world.fails(&["up", "--with-registry-auth"]);
    assert!(run.stderr.contains("ECS takes only passwords"), "{}", run.stderr);
    assert!(run.stderr.contains("compose.yaml:3:"), "{}", run.stderr);

    log_in(
        &world,
        &registry.address,
        &json!({"username": USER, "password": PASSWORD}),
    );
    let first = world.ok(&["up", "--with-registry-auth"]);
    let key = format!("registry/{}", registry.address.replace(':', "_"));
    assert_eq!(world.lab.secrets(), [format!("shop/{key}")]);
    let value: Value = serde_json::from_str(&world.secret(&format!("shop/{key}"))).unwrap();
    assert_eq!(value, json!({"username": USER, "password": PASSWORD}));
    let template = world.template("shop");
    assert_eq!(template, world.sandbox.ok(&["convert", "--with-registry-auth"]).stdout);
    assert_eq!(template.matches("RepositoryCredentials:").count(), 1, "{template}");
    assert!(!format!("{template}{}", first.stderr).contains(PASSWORD));

    let again = world.ok(&["up", "--with-registry-auth"]);
    assert!(again.stderr.contains("No changes"), "{}", again.stderr);
    assert!(
        again.stderr.contains(&format!("Secret {key}  Unchanged")),
        "{}",
        again.stderr
    );

    let without = world.ok(&["up"]);
    assert!(
        without.stderr.contains("`--with-registry-auth` keeps them"),
        "{}",
        without.stderr
    );
    assert!(world.lab.secrets().is_empty());
    world.ok(&["up", "--with-registry-auth"]);
    world.ok(&["down"]);
    assert!(world.lab.secrets().is_empty());
}
