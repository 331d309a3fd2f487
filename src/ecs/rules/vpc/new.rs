//! A VPC of the project's own.

use super::{Form, New, Vpc};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Value, fragment};
use crate::ecs::draft::Draft;

/// A VPC of the project's own, as far as the tasks need it.
pub(super) fn make(draft: &mut Draft) {
    let Vpc::New(new) = &draft.place.vpc else { return };
    let (form, in_each_zone, span) = (new.form, new.nat_in_each_zone, new.span);
    let cidr = new.cidr.clone();
    draft.add(&fragment::VPC, "", [("Cidr", cidr.into())], span);
    if form == Form::Public {
        make_public(draft);
        let routes = (1..=draft.place.zones).map(|zone| format!("Zone{zone}PublicSubnetRoutes"));
        draft.place.ready = ["InternetRoute".to_owned()].into_iter().chain(routes).collect();
        return;
    }
    let public = if form == Form::Nat {
        make_public(draft)
    } else {
        Vec::new()
    };
    let mut tables = Vec::new();
    for zone in 1..=draft.place.zones {
        let prefix = format!("Zone{zone}");
        // Behind the public ones, with room for a third zone.
        let holes = block(zone, zone + 2, draft);
        draft.add(&fragment::PRIVATE_SUBNET, &prefix, holes, span);
        let routes = Value::reference(format!("{prefix}PrivateRoutes"));
        draft.place.ready.push(format!("{prefix}PrivateSubnetRoutes"));
        if form == Form::Nat {
            let (gateway, subnet) = if in_each_zone {
                (prefix.as_str(), &public[zone - 1])
            } else {
                ("Zone1", &public[0])
            };
            let id = format!("{gateway}NatGateway");
            if !draft.template.document.resources.contains_key(&id) {
                draft.add(&fragment::NAT_GATEWAY, gateway, [("SubnetId", subnet.clone())], span);
                let address = format!("{gateway}NatAddress");
                draft
                    .resource(&address)
                    .push_once("DependsOn", "InternetGatewayAttachment");
                for needed in ["InternetRoute".to_owned(), format!("{gateway}PublicSubnetRoutes")] {
                    draft.resource(&id).push_once("DependsOn", needed);
                }
            }
            let holes = [("Routes", routes.clone()), ("NatGatewayId", Value::reference(id))];
            draft.add(&fragment::NAT_ROUTE, &prefix, holes, span);
            draft.place.ready.push(format!("{prefix}NatRoute"));
        }
        tables.push(routes);
    }
    draft.add(&fragment::STORAGE_ENDPOINT, "", [("RouteTables", tables.into())], span);
    draft.place.ready.push("StorageEndpoint".to_owned());
}

/// A public subnet in each zone, and the way to the internet, if they are not there yet.
pub(super) fn make_public(draft: &mut Draft) -> Vec<Value> {
    let span = if let Vpc::New(new) = &draft.place.vpc {
        new.span
    } else {
        Span::NOWHERE
    };
    let subnets = (1..=draft.place.zones).map(|zone| Value::reference(format!("Zone{zone}PublicSubnet")));
    let subnets: Vec<_> = subnets.collect();
    if draft.template.document.resources.contains_key("InternetGateway") {
        return subnets;
    }
    draft.add(&fragment::INTERNET, "", [], span);
    for zone in 1..=draft.place.zones {
        let routes = [("Routes", Value::reference("PublicRoutes"))];
        let holes = block(zone, zone - 1, draft).into_iter().chain(routes);
        draft.add(&fragment::PUBLIC_SUBNET, &format!("Zone{zone}"), holes, span);
    }
    subnets
}

/// An eighth of the VPC's addresses, in a zone.
fn block(zone: usize, block: usize, draft: &Draft) -> [(&'static str, Value); 4] {
    let Vpc::New(New { cidr, .. }) = &draft.place.vpc else {
        unreachable!("only a new VPC has blocks")
    };
    let bits: i64 = cidr.rsplit('/').next().and_then(|bits| bits.parse().ok()).unwrap_or(16);
    let number = |number: usize| Value::from(i64::try_from(number).unwrap_or_default());
    [
        ("Nth", number(zone - 1)),
        ("Block", number(block)),
        ("Addresses", Value::attribute("Vpc", "CidrBlock")),
        ("HostBits", Value::from(32 - bits - 3)),
    ]
}

/// What stands in a VPC of the project's own waits until the ways there are. Where they are endpoints, this makes
/// those that the tasks turned out to need.
pub(super) fn finish(draft: &mut Draft) {
    if draft.is_closed() {
        endpoints(draft);
        images(draft);
    }
    let resources = &draft.template.document.resources;
    let has = |id: &String, path: &[&str]| resources[id].at(&[&["Properties"], path].concat()).is_some();
    let ids: Vec<String> = resources.keys().cloned().collect();
    let tasks =
        |id: &&String| has(id, &["NetworkConfiguration", "AwsvpcConfiguration"]) || has(id, &["VPCZoneIdentifier"]);
    let waiting: Vec<String> = ids.iter().filter(tasks).cloned().collect();
    let balancers: Vec<String> = ids.iter().filter(|id| has(id, &["Scheme"])).cloned().collect();
    let internet = resources.contains_key("InternetRoute");
    for id in waiting {
        for needed in draft.place.ready.clone() {
            draft.resource(&id).push_once("DependsOn", needed);
        }
    }
    for id in balancers.into_iter().filter(|_| internet) {
        draft.resource(&id).push_once("DependsOn", "InternetRoute");
    }
}

/// Endpoints of the AWS services that tasks need to start, and of none else.
fn endpoints(draft: &mut Draft) {
    let span = if let Vpc::New(new) = &draft.place.vpc {
        new.span
    } else {
        Span::NOWHERE
    };
    let group = [("Addresses", Value::attribute("Vpc", "CidrBlock"))];
    draft.add(&fragment::ENDPOINT_GROUP, "", group, span);
    for service in needed(draft) {
        let prefix: String = service.split(['.', '-']).map(capitalized).collect();
        let holes = [
            ("AwsService", service.into()),
            ("GroupId", Value::attribute("EndpointGroup", "GroupId")),
        ];
        draft.add(&fragment::ENDPOINT, &prefix, holes, span);
        draft.place.ready.push(prefix + "Endpoint");
    }
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_ascii_uppercase() + rest
}

/// The AWS services that the tasks need: for images and output all do, for secrets and a shell some.
fn needed(draft: &Draft) -> Vec<&'static str> {
    let mut needed = vec!["ecr.api", "ecr.dkr", "logs"];
    let mut need = |service: &'static str| {
        if !needed.contains(&service) {
            needed.push(service);
        }
    };
    for resource in draft.template.document.resources.values() {
        let Some(properties) = resource.get("Properties") else {
            continue;
        };
        if properties.get("EnableExecuteCommand") == Some(&Value::Bool(true)) {
            need("ssmmessages");
        }
        // Instances join the cluster by themselves.
        if properties.get("VPCZoneIdentifier").is_some() {
            ["ecs", "ecs-agent", "ecs-telemetry"].into_iter().for_each(&mut need);
        }
        for container in properties.get("ContainerDefinitions").map_or(&[][..], Value::as_list) {
            if container.get("RepositoryCredentials").is_some() {
                need("secretsmanager");
            }
            let secrets = container.get("Secrets").map_or(&[][..], Value::as_list).iter();
            for from in secrets.filter_map(|secret| secret.get("ValueFrom")) {
                let parameter = from.as_str().is_some_and(|arn| !arn.contains(":secretsmanager:"));
                need(if parameter { "ssm" } else { "secretsmanager" });
            }
        }
    }
    needed
}

/// Only ECR in the same region can be reached: other registries have no endpoints.
fn images(draft: &mut Draft) {
    let services = draft
        .project
        .services
        .values()
        .filter(|service| service.build.is_none());
    let images = services.filter_map(|service| service.image.as_ref());
    let others: Vec<_> = images.filter(|image| !is_in_ecr(image)).collect();
    for image in others {
        let message = format!(
            "`{}` cannot be pulled: a VPC with `new: endpoints` reaches no registry but ECR",
            image.value
        );
        let hint = "name the image in ECR (a pull-through cache brings it there), or say `new: nat`";
        draft.say(Diagnostic::error(image.span, message).hint(hint));
    }
    if let Some(declaration) = draft.template.document.parameters.get_mut("InitImage") {
        declaration.remove("Default");
        let description = "Image with a shell that prepares each task and ends; in ECR, as nothing else is reached";
        declaration.set("Description", description);
    }
}

/// `123456789012.dkr.ecr.eu-west-1.amazonaws.com/…`, in any partition
fn is_in_ecr(image: &str) -> bool {
    let host = image.split('/').next().unwrap_or_default();
    host.contains(".dkr.ecr.") || host.contains(".dkr-ecr.")
}
