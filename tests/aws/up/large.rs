//! Templates that are too large for a request, and nested stacks.

use std::io::{Read, Write};

use aws_sdk_cloudformation::types::StackResourceSummary;

use crate::support::deadline::block_on;
use crate::world::World;

/// So many services that wait for each other two by two.
fn services(count: usize) -> String {
    let service = |n: usize| {
        let waits = if n % 2 == 1 {
            format!("depends_on: [s{}], ", n - 1)
        } else {
            String::new()
        };
        format!("  s{n}: {{image: nginx, {waits}expose: [80], environment: {{N: '{n}'}}}}\n")
    };
    "name: shop\nservices:\n".to_owned() + &(0..count).map(service).collect::<String>()
}

fn resources(world: &World, stack: &str) -> Vec<StackResourceSummary> {
    let request = world.cloudformation().list_stack_resources().stack_name(stack);
    let pages = block_on(request.into_paginator().items().send().collect::<Result<Vec<_>, _>>());
    pages.unwrap()
}

/// What one request cannot carry goes through the account's bucket, byte for byte.
#[test]
fn a_large_template_goes_through_a_bucket() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", services(40));
    let template = world.ok(&["convert"]).stdout;
    assert!(template.len() > 51_200);
    world.ok(&["up"]);
    let deployed = block_on(world.cloudformation().get_template().stack_name("shop").send()).unwrap();
    assert_eq!(deployed.template_body(), Some(template.as_str()));
    let bucket = format!("ctx-templates-{}-eu-central-1", world.lab.account());
    let made = resources(&world, "ctx-templates");
    assert_eq!(made[0].physical_resource_id(), Some(bucket.as_str()));
    // The bucket is there already, and there is nothing to do.
    let run = world.ok(&["up"]);
    assert!(run.stderr.contains("Stack shop  No changes"), "{}", run.stderr);
    assert_ne!(objects(&world, &bucket), Vec::<String>::new());
    let run = world.ok(&["down"]);
    assert!(
        run.stderr.contains("Templates  Removed from the bucket"),
        "{}",
        run.stderr
    );
    assert_eq!(world.lab.stacks(), ["ctx-templates"]);
    assert_eq!(objects(&world, &bucket), Vec::<String>::new());
}

/// The keys in a bucket.
fn objects(world: &World, bucket: &str) -> Vec<String> {
    let address = world.lab.url().replace("http://", "");
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let scope = format!("{}/20260101/eu-central-1/s3/aws4_request", world.lab.account());
    write!(
        stream,
        "GET /{bucket}?list-type=2 HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential={scope}, SignedHeaders=host, Signature=0\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let keys = answer
        .split("<Key>")
        .skip(1)
        .filter_map(|rest| rest.split_once("</Key>"));
    keys.map(|(key, _)| key.to_owned()).collect()
}

#[test]
fn nested_stacks_are_deployed_followed_and_removed() {
    let Some(world) = World::new() else { return };
    world
        .sandbox
        .write("compose.yaml", services(3) + "x-aws-nested_stacks: true\n");
    let run = world.ok(&["up"]);
    for line in [
        "s0: S0Service  Created",
        "s2: S2Service  Created",
        "s1: S1Stack  Created",
        "Stack shop  Created",
    ] {
        assert_eq!(
            run.stderr.lines().filter(|said| *said == line).count(),
            1,
            "{line}\n{}",
            run.stderr
        );
    }
    // What a service's stack holds is told before the stack is.
    assert!(
        run.stderr.find("S0Service  Created") < run.stderr.find("S0Stack  Created"),
        "{}",
        run.stderr
    );
    let ps = world.ok(&["ps", "--format", "json"]).stdout;
    for service in ["s0", "s1", "s2"] {
        assert!(ps.contains(&format!("\"Service\":\"{service}\"")), "{ps}");
    }

    // A new service leaves the others alone.
    let before = resources(&world, "shop");
    world
        .sandbox
        .write("compose.yaml", services(4) + "x-aws-nested_stacks: true\n");
    let run = world.ok(&["up"]);
    assert!(run.stderr.contains("s3: S3Service  Created"), "{}", run.stderr);
    assert!(!run.stderr.contains("S0Service"), "{}", run.stderr);
    let after = resources(&world, "shop");
    for resource in before {
        assert!(
            after
                .iter()
                .any(|other| other.physical_resource_id() == resource.physical_resource_id()),
            "{resource:?}"
        );
    }
    world.ok(&["down"]);
    assert_eq!(world.lab.stacks(), ["ctx-templates"]);
}

#[test]
fn a_service_in_a_nested_stack_is_changed_and_taken_back_alone() {
    let Some(world) = World::new() else { return };
    let file = services(2) + "x-aws-nested_stacks: true\n";
    world.sandbox.write("compose.yaml", &file);
    world.ok(&["up"]);
    world.sandbox.write("compose.yaml", file.replace("N: '0'", "N: 'zero'"));
    let run = world.ok(&["up"]);
    assert!(run.stderr.contains("s0: S0Service  Updated"), "{}", run.stderr);
    assert!(!run.stderr.contains("S1Service"), "{}", run.stderr);

    world.ok(&["rollback", "--yes", "s0"]);
    let diff = world.sandbox.run(&["diff"]);
    let expected = "Stack shop: 1 to change
  ~ s0: S0Service  ECS::Service  compose.yaml:3
      was rolled back with `ctx rollback`; `ctx up` deploys what the files say
      TaskDefinition: shop-s0:3 → shop-s0:2
";
    assert_eq!((diff.code, diff.stdout.as_str()), (2, expected), "{}", diff.stderr);
    world.ok(&["up"]);
    assert_eq!(world.ok(&["diff"]).stdout, "Stack shop: no changes\n");
}

#[test]
fn a_failure_in_a_nested_stack_is_explained_at_its_service() {
    let Some(world) = World::new() else { return };
    let broken = "
x-aws-cloudformation:
  Resources: {S1Discovery: {Properties: {NamespaceId: nowhere}}}
";
    world
        .sandbox
        .write("compose.yaml", services(2) + "x-aws-nested_stacks: true" + broken);
    let run = world.fails(&["up"]);
    assert!(
        run.stderr.contains("CloudFormation::Stack `S1Stack` of service `s1`")
            && run.stderr.contains("compose.yaml:4:3"),
        "{}",
        run.stderr
    );
}

#[test]
fn services_are_not_moved_between_stacks() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", services(2));
    world.ok(&["up"]);
    world
        .sandbox
        .write("compose.yaml", services(2) + "x-aws-nested_stacks: true\n");
    let run = world.fails(&["up"]);
    let expected = "error: `shop` is one stack and would become nested stacks, which would replace every service\n";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
}
