//! The names by which services find each other.

use crate::stage::OnEcs;

#[test]
fn services_are_found_by_other_names() {
    let Some(ecs) = OnEcs::new("web-redis") else { return };
    let override_file = "services: {web: {links: [\"redis:store\"], environment: {REDIS_HOST: store}}}";
    ecs.sandbox.write("compose.override.yaml", override_file);

    ecs.up(&[]);
    assert_eq!(ecs.page("web", "/").body, "hello from 1; visits: 1\n");

    ecs.down();
}

#[test]
fn services_are_found_by_service_connect() {
    let Some(ecs) = OnEcs::new("web-redis") else { return };
    let override_file = "services: {redis: {expose: [\"6379\"]}}\nx-aws-service_connect: true";
    ecs.sandbox.write("compose.override.yaml", override_file);
    let template = ecs.sandbox.ok(&["convert"]).stdout;
    assert!(!template.contains("PrivateDnsNamespace"), "{template}");

    // Without an init container, and so without its image.
    ecs.sandbox.ok(&["--progress", "plain", "up"]);
    assert_eq!(ecs.page("web", "/").body, "hello from 1; visits: 1\n");

    ecs.down();
}
