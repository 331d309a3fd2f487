//! What services run on, and how many of them: the laboratory records both.

use crate::support::deadline::block_on;
use crate::world::World;

#[test]
fn a_service_runs_on_spare_capacity_and_scales() {
    let Some(world) = World::new() else { return };
    world.sandbox.write(
        "compose.yaml",
        "name: shop
x-aws-insights: enhanced
x-aws-dashboard: true
services:
  web:
    image: nginx
    ports: ['80:80']
    x-aws-capacity: {fargate: 1, spot: 3, base: 2}
    volumes: ['scratch:/data']
    deploy:
      replicas: 2
      x-aws-autoscaling: {min: 2, max: 5, cpu: 60, requests: 500, schedules: [{at: rate(1 day), min: 3}]}
volumes:
  scratch: {x-aws-ebs: {size: 30}}
",
    );
    let refused = world.fails(&["up"]).stderr;
    assert!(refused.contains("does not run on spare capacity"), "{refused}");

    let file = world.sandbox.ok(&["config"]).stdout;
    world.sandbox.write(
        "compose.yaml",
        file.replace("base: 2", "base: 2\n      with_volumes: true"),
    );
    world.ok(&["up"]);
    let ecs = aws_sdk_ecs::Client::new(&world.lab.aws());
    let service = &services(&ecs)[0];
    let strategy: Vec<_> = service.capacity_provider_strategy().iter().collect();
    let strategy: Vec<_> = strategy
        .iter()
        .map(|item| (item.capacity_provider(), item.base(), item.weight()))
        .collect();
    assert_eq!(strategy, [("FARGATE", 2, 1), ("FARGATE_SPOT", 0, 3)]);
    assert_eq!(service.launch_type(), None);
    let clusters = block_on(ecs.describe_clusters().clusters("shop").send()).unwrap();
    let mut providers = clusters.clusters()[0].capacity_providers().to_vec();
    providers.sort();
    assert_eq!(providers, ["FARGATE", "FARGATE_SPOT"]);

    let types = world.resource_types("shop");
    for expected in [
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CloudWatch::Dashboard",
    ] {
        assert!(
            types.iter().any(|it| it == expected),
            "{expected} is missing in {types:?}"
        );
    }
    world.ok(&["down"]);
    assert_eq!(world.lab.stacks(), [""; 0]);
}

#[test]
fn a_service_has_instances_of_its_own() {
    let Some(world) = World::new() else { return };
    world.sandbox.write(
        "compose.yaml",
        "name: shop
services:
  train: {image: cuda, gpus: all}
  agent: {image: agent, x-aws-capacity: ec2, deploy: {mode: global}}
",
    );
    world.ok(&["up"]);
    let ecs = aws_sdk_ecs::Client::new(&world.lab.aws());
    for service in services(&ecs) {
        let bound = service.capacity_provider_strategy().first();
        let bound = bound.map(aws_sdk_ecs::types::CapacityProviderStrategyItem::capacity_provider);
        if service
            .scheduling_strategy()
            .is_some_and(|strategy| strategy.as_str() == "DAEMON")
        {
            assert_eq!(bound, None);
        } else {
            assert_eq!(bound, Some("compose-shop-train"));
        }
    }
    world.ok(&["down"]);
    assert_eq!(world.lab.stacks(), [""; 0]);
}

fn services(ecs: &aws_sdk_ecs::Client) -> Vec<aws_sdk_ecs::types::Service> {
    let listed = block_on(ecs.list_services().cluster("shop").send()).unwrap();
    let described = ecs
        .describe_services()
        .cluster("shop")
        .set_services(listed.service_arns);
    block_on(described.send()).unwrap().services.unwrap_or_default()
}
