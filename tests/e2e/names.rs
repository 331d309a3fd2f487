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
