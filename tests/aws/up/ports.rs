//! What is published, and how it is reached.

use aws_sdk_elasticloadbalancingv2::types::LoadBalancer;

use crate::support::deadline::{block_on, within};
use crate::support::http::Page;
use crate::world::World;

const INIT: [&str; 2] = ["--parameter", "InitImage=ctx-test/init:1"];

/// Two services under one domain, the second one below a path.
const DOMAIN: &str = "
services:
  shop:
    image: ctx-test/web:1
    environment: {GREETING: the shop}
    ports: [{target: 80, published: '80', x-aws-domain: shop.example.com}]
  api:
    image: ctx-test/web:1
    environment: {GREETING: the api, PORT: '9000'}
    ports: [{target: 9000, published: '80', x-aws-domain: shop.example.com, x-aws-path: /api}]
";

#[test]
fn requests_go_to_the_service_of_their_domain_and_path() {
    let Some(world) = World::with_containers() else { return };
    world.sandbox.write("compose.yaml", DOMAIN);
    // The zone of the longest name counts, and a private one does not.
    hosted_zone(&world, "com.");
    let zone = hosted_zone(&world, "example.com.");
    let up = world.ok(&[&["-p", "shop", "up"][..], &INIT].concat());
    assert!(up.stderr.contains("https://shop.example.com/api"), "{}", up.stderr);
    let parameters = world.parameters("shop");
    assert!(parameters.values().any(|value| *value == zone), "{parameters:?}");

    let page = |host: &str, path: &str| fetch(&world, host, path);
    assert!(page("shop.example.com:443", "/").body.starts_with("the shop"));
    assert!(page("shop.example.com:443", "/apiary").body.starts_with("the shop"));
    assert!(page("shop.example.com:443", "/api").body.starts_with("the api"));
    assert!(page("shop.example.com:443", "/api/orders").body.starts_with("the api"));
    assert_eq!(
        page("shop.example.com:80", "/").status,
        301,
        "who comes by HTTP is sent to HTTPS"
    );
    let own = load_balancers(&world)[0].dns_name().unwrap().to_owned();
    assert_eq!(page(&format!("{own}:443"), "/").status, 404, "nobody was asked for");

    let listed = world.ok(&["-p", "shop", "ps"]).stdout;
    assert!(listed.contains("shop.example.com:443->9000/tcp"), "{listed}");
}

#[test]
fn both_load_balancers_are_there_where_ports_ask_for_both() {
    let Some(world) = World::new() else { return };
    world.sandbox.write(
        "compose.yaml",
        "
services:
  page: {image: nginx, ports: [{target: 9000, published: '9000', x-aws-protocol: http}]}
  dns: {image: dns, ports: ['53:53/tcp', '53:53/udp']}
  game: {image: game, ports: ['7777:7777/udp']}
",
    );
    world.ok(&["-p", "shop", "up"]);
    let balancers = load_balancers(&world);
    let name = |kind: &str| {
        let mut balancers = balancers.iter();
        let balancer = balancers.find(|balancer| balancer.r#type().is_some_and(|it| it.as_str() == kind));
        balancer
            .unwrap_or_else(|| panic!("no {kind} one"))
            .dns_name()
            .unwrap()
            .to_owned()
    };
    let (application, network) = (name("application"), name("network"));
    let listed = world.ok(&["-p", "shop", "ps"]).stdout;
    for address in [
        format!("{application}:9000->9000/tcp"),
        format!("{network}:53->53/tcp"),
        format!("{network}:53->53/udp"),
        format!("{network}:7777->7777/udp"),
    ] {
        assert!(listed.contains(&address), "`{address}` is missing in\n{listed}");
    }
}

#[test]
fn ports_without_a_load_balancer_are_reached_at_the_task() {
    let Some(world) = World::with_containers() else { return };
    world.sandbox.write(
        "compose.yaml",
        "
services:
  web:
    image: ctx-test/web:1
    expose: ['9000']
    ports: [{target: 80, published: '80', mode: host}]
",
    );
    world.ok(&[&["-p", "shop", "up"][..], &INIT].concat());
    assert!(load_balancers(&world).is_empty());
    let listed = world.ok(&["-p", "shop", "ps"]).stdout;
    let port = listed.split([' ', ',']).find(|word| word.ends_with(":80->80/tcp"));
    // The laboratory's public addresses are of this range.
    assert!(port.is_some_and(|port| port.starts_with("203.0.113.")), "{listed}");
    assert!(
        !listed.contains(":9000->"),
        "what is only exposed is not reached: {listed}"
    );
}

/// A load balancer that somebody else made, with a listener and a security group.
const SHARED: &str = "
Parameters:
  VpcId: {Type: AWS::EC2::VPC::Id}
  Subnet1: {Type: AWS::EC2::Subnet::Id}
  Subnet2: {Type: AWS::EC2::Subnet::Id}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: shared, VpcId: {Ref: VpcId}}
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Name: shared
      Type: application
      SecurityGroups: [{Ref: Group}]
      Subnets: [{Ref: Subnet1}, {Ref: Subnet2}]
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: {Ref: Balancer}
      Port: 8080
      Protocol: HTTP
      DefaultActions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: '404'}}]
";

#[test]
fn a_load_balancer_that_is_there_gets_listeners_and_rules() {
    let Some(world) = World::with_containers() else { return };
    world.stack("infrastructure", SHARED, None);
    let shared = load_balancers(&world).remove(0);
    let listener = {
        let client = aws_sdk_elasticloadbalancingv2::Client::new(&world.lab.aws());
        let request = client
            .describe_listeners()
            .load_balancer_arn(shared.load_balancer_arn().unwrap());
        let listeners = block_on(request.send()).unwrap();
        listeners.listeners()[0].listener_arn().unwrap().to_owned()
    };
    let project = format!(
        "
x-aws-loadbalancer: shared
services:
  web:
    image: ctx-test/web:1
    environment: {{GREETING: the web}}
    ports:
      - {{target: 80, published: '80'}}
      - {{target: 80, x-aws-listener: '{listener}', x-aws-path: /web}}
"
    );
    world.sandbox.write("compose.yaml", project);
    world.ok(&[&["-p", "shop", "up"][..], &INIT].concat());
    assert_eq!(load_balancers(&world).len(), 1, "none is made");
    let parameters = world.parameters("shop");
    assert_eq!(parameters["LoadBalancerArn"], shared.load_balancer_arn().unwrap());
    assert_eq!(parameters["LoadBalancerGroupId"], shared.security_groups()[0]);

    let name = shared.dns_name().unwrap();
    assert!(fetch(&world, &format!("{name}:80"), "/").body.starts_with("the web"));
    assert!(
        fetch(&world, &format!("{name}:8080"), "/web/")
            .body
            .starts_with("the web")
    );
    assert_eq!(
        fetch(&world, &format!("{name}:8080"), "/").status,
        404,
        "what was there stays"
    );
    let listed = world.ok(&["-p", "shop", "ps"]).stdout;
    for port in ["80", "8080"] {
        assert!(listed.contains(&format!("{name}:{port}->80/tcp")), "{listed}");
    }
    world.ok(&["-p", "shop", "down"]);
    assert_eq!(fetch(&world, &format!("{name}:8080"), "/web/").status, 404);
}

#[test]
fn what_is_not_there_or_does_not_fit_is_said_before_anything_is_deployed() {
    let Some(world) = World::new() else { return };
    let fails = |compose: &str, expected: &str| {
        world.sandbox.write("compose.yaml", compose);
        let said = world.fails(&["-p", "shop", "up"]).stderr;
        assert!(said.contains(expected), "{said}");
        assert!(!world.lab.stacks().contains(&"shop".to_owned()));
    };
    let shared = "x-aws-loadbalancer: shared\nservices: {web: {image: nginx, ports: ['80:80']}}";
    fails(shared, "region `eu-central-1` has no load balancer `shared`");
    world.stack("infrastructure", SHARED, None);
    let database = "x-aws-loadbalancer: shared\nservices: {db: {image: db, ports: ['5432:5432']}}";
    fails(
        database,
        "load balancer `shared` is of type application, and the published ports need type network",
    );
    let domain = "services: {web: {image: nginx, ports: [{target: 80, published: '80', x-aws-domain: a.example.com}]}}";
    fails(domain, "has no hosted zone in which `a.example.com` could stand");
}

#[track_caller]
fn fetch(world: &World, host: &str, path: &str) -> Page {
    let fetch = || world.lab.fetch(host, path);
    let page = within(std::time::Duration::from_secs(20), || {
        fetch().ok().filter(|page| page.status < 500)
    });
    page.unwrap_or_else(|| panic!("no page at {host}{path}: {:?}\n{}", fetch(), world.lab.log()))
}

fn load_balancers(world: &World) -> Vec<LoadBalancer> {
    let client = aws_sdk_elasticloadbalancingv2::Client::new(&world.lab.aws());
    let answer = block_on(client.describe_load_balancers().send()).unwrap();
    answer.load_balancers.unwrap_or_default()
}

/// Makes a hosted zone; the result is its id.
fn hosted_zone(world: &World, name: &str) -> String {
    let client = aws_sdk_route53::Client::new(&world.lab.aws());
    let zone = block_on(client.create_hosted_zone().name(name).caller_reference(name).send()).unwrap();
    let zone = zone.hosted_zone().unwrap();
    zone.id().rsplit('/').next().unwrap().to_owned()
}
