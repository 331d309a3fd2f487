//! The VPC and the subnets.

use aws_sdk_ec2::types::Filter;

use super::WEB;
use crate::support::deadline::block_on;
use crate::world::World;

#[test]
fn the_default_vpc_and_two_of_its_zones_are_taken() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    let (vpc, subnets) = world.default_network();
    let parameters = world.parameters("shop");
    assert_eq!(parameters["VpcId"], vpc);
    assert!(subnets.contains(&parameters["Subnet1"]) && subnets.contains(&parameters["Subnet2"]));
    let client = aws_sdk_ec2::Client::new(&world.lab.aws());
    let zones = block_on(
        client
            .describe_subnets()
            .subnet_ids(&parameters["Subnet1"])
            .subnet_ids(&parameters["Subnet2"])
            .send(),
    );
    let zones = zones.unwrap();
    let zones: Vec<_> = zones
        .subnets()
        .iter()
        .map(|subnet| subnet.availability_zone())
        .collect();
    assert!(zones.len() == 2 && zones[0] != zones[1], "{zones:?}");
}

#[test]
fn a_new_subnet_does_not_move_a_stack() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    let (vpc, subnets) = world.default_network();
    // The last one would not have been chosen.
    let last = subnets.last().unwrap();
    world.ok(&["up", "--parameter", &format!("Subnet1={last}")]);
    let before = world.parameters("shop");
    assert_eq!(&before["Subnet1"], last);
    let client = aws_sdk_ec2::Client::new(&world.lab.aws());
    let request = client.create_subnet().vpc_id(vpc).cidr_block("172.31.240.0/24");
    block_on(request.availability_zone("eu-central-1a").send()).unwrap();
    assert!(world.ok(&["up"]).stderr.contains("No changes"));
    assert_eq!(world.parameters("shop"), before);
}

#[test]
fn without_a_default_vpc_the_way_out_is_named() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    let (vpc, subnets) = world.default_network();
    let client = aws_sdk_ec2::Client::new(&world.lab.aws());
    for subnet in &subnets {
        block_on(client.delete_subnet().subnet_id(subnet).send()).unwrap();
    }
    let run = world.fails(&["up"]);
    assert!(
        run.stderr.contains("the VPC has subnets in 0 availability zones"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("`--parameter Subnet1=subnet-…`"), "{}", run.stderr);

    let attached = Filter::builder().name("attachment.vpc-id").values(&vpc).build();
    let gateways = block_on(client.describe_internet_gateways().filters(attached).send()).unwrap();
    for gateway in gateways.internet_gateways() {
        let id = gateway.internet_gateway_id().unwrap();
        block_on(
            client
                .detach_internet_gateway()
                .vpc_id(&vpc)
                .internet_gateway_id(id)
                .send(),
        )
        .unwrap();
    }
    block_on(client.delete_vpc().vpc_id(&vpc).send()).unwrap();
    let run = world.fails(&["up"]);
    assert!(
        run.stderr.contains("region `eu-central-1` has no default VPC"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("`--parameter VpcId=vpc-…`"), "{}", run.stderr);
    assert!(world.lab.stacks().is_empty());
}
