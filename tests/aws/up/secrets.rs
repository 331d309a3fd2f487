//! File secrets: kept in Secrets Manager, and nowhere else.

use std::sync::atomic::{AtomicBool, Ordering};

use super::WEB;
use crate::proxy::{Answer, Proxy};
use crate::support::deadline::block_on;
use crate::world::World;

const VALUE: &str = "correct horse battery staple";

fn with_secret() -> String {
    let secrets = "\nsecrets: {password: {file: ./password}}\n";
    WEB.replace("image: redis:7", "image: redis:7\n    secrets: [password]") + secrets
}

fn value(world: &World) -> String {
    let client = aws_sdk_secretsmanager::Client::new(&world.lab.aws());
    let secret = block_on(client.get_secret_value().secret_id("shop/password").send()).unwrap();
    secret.secret_string().unwrap().to_owned()
}

#[test]
fn a_secret_is_written_only_when_its_file_has_changed() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", with_secret());
    world.sandbox.write("password", VALUE);
    let first = world.ok(&["up"]);
    assert!(first.stderr.contains("Secret password  Created"), "{}", first.stderr);
    assert_eq!(value(&world), VALUE);
    let second = world.ok(&["up"]);
    assert!(
        second.stderr.contains("Secret password  Unchanged"),
        "{}",
        second.stderr
    );

    world.sandbox.write("password", "another");
    let third = world.ok(&["up"]);
    assert!(third.stderr.contains("Secret password  Updated"), "{}", third.stderr);
    assert_eq!(value(&world), "another");
    // The stack does not change, and the tasks have to all the same.
    assert!(third.stderr.contains("Stack shop  No changes"), "{}", third.stderr);
    let replaced = |run: &str, service: &str| run.contains(&format!("Service {service}  Tasks replaced"));
    assert!(replaced(&third.stderr, "cache"), "{}", third.stderr);
    assert!(!replaced(&third.stderr, "web"), "only what uses it: {}", third.stderr);
    let fourth = world.ok(&["up"]);
    assert!(
        fourth.stderr.contains("Secret password  Unchanged"),
        "{}",
        fourth.stderr
    );
    assert!(!replaced(&fourth.stderr, "cache"), "{}", fourth.stderr);
    assert_eq!(world.lab.secrets(), ["shop/password"]);
}

#[test]
fn its_value_is_nowhere_else() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", with_secret());
    world.sandbox.write("password", VALUE);
    let run = world.ok(&["up"]);
    let template = block_on(world.cloudformation().get_template().stack_name("shop").send()).unwrap();
    let stacks = block_on(world.cloudformation().describe_stacks().send()).unwrap();
    let client = aws_sdk_secretsmanager::Client::new(&world.lab.aws());
    let secret = block_on(client.describe_secret().secret_id("shop/password").send()).unwrap();
    let everything = format!("{} {} {template:?} {stacks:?} {secret:?}", run.stdout, run.stderr);
    assert!(!everything.contains(VALUE));
}

#[test]
fn what_is_no_text_is_encoded() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", with_secret());
    world.sandbox.write("password", [0u8, 159, 146, 150]);
    world.ok(&["up"]);
    assert_eq!(value(&world), "data:;base64,AJ+Slg==");
}

#[test]
fn down_removes_it_at_once_so_that_up_can_make_it_again() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", with_secret());
    world.sandbox.write("password", VALUE);
    world.ok(&["up"]);
    world.ok(&["down"]);
    assert!(world.lab.secrets().is_empty());
    assert!(world.ok(&["up"]).stderr.contains("Secret password  Created"));
}

#[test]
fn a_secret_that_the_file_no_longer_has_goes_after_the_update() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", with_secret());
    world.sandbox.write("password", VALUE);
    world.ok(&["up"]);
    world.sandbox.write("compose.yaml", WEB);
    assert!(world.ok(&["up"]).stderr.contains("Secret password  Removed"));
    assert!(world.lab.secrets().is_empty());
}

#[test]
fn a_secret_that_another_up_makes_first_is_taken() {
    let Some(mut world) = World::new() else { return };
    world.sandbox.write("compose.yaml", with_secret());
    world.sandbox.write("password", VALUE);
    world.ok(&["up"]);
    let unseen = Answer::Instead("400 Bad Request", r#"{"__type": "ResourceNotFoundException"}"#);
    let first = AtomicBool::new(true);
    let proxy = Proxy::before(world.lab.url(), move |asked| {
        (asked.action == "DescribeSecret" && first.swap(false, Ordering::Relaxed)).then(|| unseen.clone())
    });
    world.sandbox.set("AWS_ENDPOINT_URL", &proxy.url);
    assert!(world.ok(&["up"]).stderr.contains("Secret password  Unchanged"));
    assert!(proxy.calls().contains(&"CreateSecret".to_owned()));
}

#[test]
fn a_secret_of_that_name_that_is_not_ours_is_left_alone() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", with_secret());
    world.sandbox.write("password", VALUE);
    let client = aws_sdk_secretsmanager::Client::new(&world.lab.aws());
    block_on(
        client
            .create_secret()
            .name("shop/password")
            .secret_string("theirs")
            .send(),
    )
    .unwrap();
    let run = world.fails(&["up"]);
    assert!(
        run.stderr.contains("there is a secret `shop/password` already"),
        "{}",
        run.stderr
    );
    assert_eq!(value(&world), "theirs");
    assert!(world.lab.stacks().is_empty());
}

#[test]
fn a_file_that_is_too_large_or_not_there_is_named_at_its_line() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", with_secret());
    world.sandbox.write("password", "x".repeat(65_537));
    let run = world.fails(&["up"]);
    assert!(
        run.stderr.contains("secret `password` has 65537 bytes"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("compose.yaml:11:"), "{}", run.stderr);
    std::fs::remove_file(world.sandbox.project().join("password")).unwrap();
    let run = world.fails(&["up"]);
    assert!(
        run.stderr.contains("password") && run.stderr.contains("compose.yaml:11:"),
        "{}",
        run.stderr
    );
    assert!(world.lab.stacks().is_empty() && world.lab.secrets().is_empty());
}

#[test]
fn an_external_secret_is_found_by_its_name() {
    let Some(world) = World::new() else { return };
    let project = WEB.replace("image: redis:7", "image: redis:7\n    secrets: [token]");
    let project = project + "\nsecrets: {token: {external: true, name: team/token}}\n";
    world.sandbox.write("compose.yaml", project);
    let client = aws_sdk_secretsmanager::Client::new(&world.lab.aws());
    let make = |name: &str| block_on(client.create_secret().name(name).secret_string(VALUE).send()).unwrap();
    make("team/token-of-others");
    let run = world.fails(&["up"]);
    assert!(
        run.stderr.contains("Secrets Manager has no secret `team/token`"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("`--parameter TokenSecretArn=arn:…`"),
        "{}",
        run.stderr
    );

    let shared = make("team/token");
    world.ok(&["up"]);
    assert_eq!(Some(world.parameters("shop")["TokenSecretArn"].as_str()), shared.arn());
    world.ok(&["down"]);
    assert_eq!(world.lab.secrets().len(), 2, "it is not this project's to delete");
}
