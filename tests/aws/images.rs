//! Images are deployed as what their registries say that their tags mean.

use std::sync::Mutex;

use serde_json::{Value, json};

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
