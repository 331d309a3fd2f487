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
fn a_vpc_of_the_projects_own_is_made_and_removed() {
    let Some(world) = World::new() else { return };
    let ec2 = aws_sdk_ec2::Client::new(&world.lab.aws());
    let own = || {
        let tag = Filter::builder()
            .name("tag:com.docker.compose.project")
            .values("shop")
            .build();
        let found = block_on(ec2.describe_vpcs().filters(tag).send()).unwrap();
        found
            .vpcs()
            .iter()
            .map(|vpc| vpc.vpc_id().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let repository = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    for (form, subnets, gateways, endpoints) in [("public", 2, 0, 0), ("nat", 4, 1, 1), ("endpoints", 4, 0, 4)] {
        let vpc = format!("{WEB}\nx-aws-vpc: {{new: {form}}}\n");
        let vpc = vpc.replace("nginx:1.27", &format!("{repository}/nginx:1"));
        world
            .sandbox
            .write("compose.yaml", vpc.replace("redis:7", &format!("{repository}/redis:7")));
        world.ok(&["up", "--parameter", &format!("InitImage={repository}/init:1")]);
        assert!(!world.parameters("shop").contains_key("VpcId"), "{form}");
        let [vpc] = own().try_into().unwrap();

        let within = || Filter::builder().name("vpc-id").values(&vpc).build();
        let found = block_on(ec2.describe_subnets().filters(within()).send()).unwrap();
        assert_eq!(found.subnets().len(), subnets, "{form}");
        let found = block_on(ec2.describe_nat_gateways().filter(within()).send()).unwrap();
        assert_eq!(found.nat_gateways().len(), gateways, "{form}");
        let found = block_on(ec2.describe_vpc_endpoints().filters(within()).send()).unwrap();
        assert_eq!(found.vpc_endpoints().len(), endpoints, "{form}");

        world.ok(&["down"]);
        assert_eq!(own(), Vec::<String>::new(), "{form}");
    }
}

#[test]
fn named_subnets_bring_their_vpc_and_stand_in_different_zones() {
    let Some(world) = World::new() else { return };
    let ec2 = aws_sdk_ec2::Client::new(&world.lab.aws());
    let (default, there) = world.default_network();
    let vpc = block_on(ec2.create_vpc().cidr_block("10.9.0.0/16").send()).unwrap();
    let vpc = vpc.vpc.unwrap().vpc_id.unwrap();
    let made = [("a", 0), ("b", 1), ("b", 2)].map(|(zone, nth)| {
        let request = ec2.create_subnet().vpc_id(&vpc).cidr_block(format!("10.9.{nth}.0/24"));
        let subnet = block_on(request.availability_zone(format!("eu-central-1{zone}")).send()).unwrap();
        subnet.subnet.unwrap().subnet_id.unwrap()
    });
    let fails = |subnets: [&str; 2], vpc: &str, why: &str| {
        let text = format!("{WEB}\nx-aws-subnets: [{}]\n{vpc}\n", subnets.join(", "));
        world.sandbox.write("compose.yaml", text);
        let run = world.fails(&["up"]);
        assert!(run.stderr.contains(why), "{}", run.stderr);
    };
    fails([&made[1], &made[2]], "", "are both in zone `eu-central-1b`");
    fails([&made[0], &there[0]], "", "has no subnet");
    fails([&made[0], &made[1]], &format!("x-aws-vpc: {default}"), "has no subnet");
    // Nothing leads out of this VPC: everything but the tasks can be made.
    fails([&made[0], &made[1]], "", "there is no way from subnet");
    assert_eq!(world.parameters("shop")["VpcId"], vpc);
}

#[test]
fn an_external_network_is_the_group_of_another_project() {
    let Some(world) = World::new() else { return };
    let client = "name: client\nservices: {web: {image: nginx, networks: [shop]}}\nnetworks: {shop: {external: true, name: shop_default}}\n";
    world.sandbox.write("compose.yaml", client);
    let run = world.fails(&["up"]);
    assert!(run.stderr.contains("has no network `shop_default`"), "{}", run.stderr);
    assert!(
        run.stderr.contains("`--parameter ShopNetworkId=sg-…`"),
        "{}",
        run.stderr
    );

    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    world.sandbox.write("compose.yaml", client);
    world.ok(&["up"]);
    let ec2 = aws_sdk_ec2::Client::new(&world.lab.aws());
    let tag = Filter::builder().name("tag:Name").values("shop_default").build();
    let groups = block_on(ec2.describe_security_groups().filters(tag).send()).unwrap();
    let group = groups.security_groups()[0].group_id().unwrap();
    assert_eq!(world.parameters("client")["ShopNetworkId"], group);
}

#[test]
fn tags_reach_the_stack_and_what_it_has() {
    let Some(world) = World::new() else { return };
    world
        .sandbox
        .write("compose.yaml", format!("{WEB}\nx-aws-tags: {{team: shop}}\n"));
    world.ok(&["up"]);
    let stacks = block_on(world.cloudformation().describe_stacks().stack_name("shop").send()).unwrap();
    let is_it = |tag: &aws_sdk_cloudformation::types::Tag| tag.key() == Some("team") && tag.value() == Some("shop");
    assert!(stacks.stacks()[0].tags().iter().any(is_it), "{stacks:?}");
    let ec2 = aws_sdk_ec2::Client::new(&world.lab.aws());
    let tag = Filter::builder().name("tag:team").values("shop").build();
    let groups = block_on(ec2.describe_security_groups().filters(tag).send()).unwrap();
    assert_eq!(
        groups.security_groups().len(),
        3,
        "the network's, the load balancer's and the service's own"
    );
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
    assert!(run.stderr.contains("`x-aws-vpc: new`"), "{}", run.stderr);
    assert!(world.lab.stacks().is_empty());
}
