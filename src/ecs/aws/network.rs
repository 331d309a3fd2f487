//! The VPC and the subnets that a deployment goes into.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::Filter;

use super::Account;
use crate::error::{Error, Result};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subnet {
    pub id: String,
    pub zone: String,
    /// Whether what starts in it gets a public address unasked.
    pub public: bool,
}

/// The region's default VPC.
pub async fn default_vpc(account: &Account) -> Result<Option<String>> {
    let mut pages = account
        .ec2
        .describe_vpcs()
        .filters(Filter::builder().name("is-default").values("true").build())
        .into_paginator()
        .items()
        .send();
    match pages.next().await.transpose() {
        Ok(vpc) => Ok(vpc.and_then(|vpc| vpc.vpc_id)),
        Err(error) => Err(account.access.failed("cannot look for the default VPC", &error)),
    }
}

/// A VPC's subnets in availability zones (not those in local or wavelength zones, where Fargate does not run).
pub async fn subnets(account: &Account, vpc: &str) -> Result<Vec<Subnet>> {
    let mut pages = account
        .ec2
        .describe_subnets()
        .filters(Filter::builder().name("vpc-id").values(vpc).build())
        .into_paginator()
        .items()
        .send();
    let mut subnets = Vec::new();
    while let Some(subnet) = pages.next().await {
        let subnet = subnet.map_err(|error| {
            account
                .access
                .failed(format!("cannot list the subnets of VPC `{vpc}`"), &error)
        })?;
        let zone = subnet.availability_zone.unwrap_or_default();
        if let (Some(id), true) = (subnet.subnet_id, in_availability_zone(&zone, &account.region)) {
            subnets.push(Subnet {
                id,
                zone,
                public: subnet.map_public_ip_on_launch.unwrap_or_default(),
            });
        }
    }
    Ok(subnets)
}

/// The VPC that a subnet is in.
pub async fn vpc_of(account: &Account, subnet: &str) -> Result<String> {
    let found = account.ec2.describe_subnets().subnet_ids(subnet).send().await;
    let found = found.map_err(|error| account.access.failed(format!("cannot find subnet `{subnet}`"), &error))?;
    let vpc = found.subnets().iter().find_map(|subnet| subnet.vpc_id.clone());
    vpc.ok_or_else(|| Error::new(format!("region `{}` has no subnet `{subnet}`", account.region)))
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    pub id: String,
    /// Its own name, and that of the network that it stands for.
    pub names: [Option<String>; 2],
}

/// A VPC's security groups.
pub async fn groups(account: &Account, vpc: &str) -> Result<Vec<Group>> {
    let mut pages = account
        .ec2
        .describe_security_groups()
        .filters(Filter::builder().name("vpc-id").values(vpc).build())
        .into_paginator()
        .items()
        .send();
    let mut groups = Vec::new();
    while let Some(group) = pages.next().await {
        let group = group.map_err(|error| {
            let doing = format!("cannot list the security groups of VPC `{vpc}`");
            account.access.failed(doing, &error)
        })?;
        let tag = |key: &str| group.tags().iter().find(|tag| tag.key() == Some(key))?.value();
        let network = tag(super::tags::NETWORK).and(tag("Name")).map(str::to_owned);
        let names = [group.group_name().map(str::to_owned), network];
        let id = group.group_id.unwrap_or_default();
        groups.push(Group { id, names });
    }
    Ok(groups)
}

/// The one group that stands for a network of this name on the target.
pub fn named(groups: &[Group], name: &str, vpc: &str) -> Result<String> {
    let is_it = |group: &&Group| group.names.iter().flatten().any(|own| own == name);
    let found: Vec<&str> = groups.iter().filter(is_it).map(|group| group.id.as_str()).collect();
    match found.as_slice() {
        [id] => Ok((*id).to_owned()),
        [] => Err(Error::new(format!(
            "VPC `{vpc}` has no network `{name}`, nor a security group of this name"
        ))),
        several => {
            let ids = several.join("`, `");
            Err(Error::new(format!(
                "VPC `{vpc}` has several networks `{name}`: `{ids}`"
            )))
        }
    }
}

/// A place for a subnet, with what is known about it already.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Slot {
    /// What the user says.
    pub given: Option<String>,
    /// What the stack has there.
    pub kept: Option<String>,
}

/// A subnet for each slot, each in another zone: what the user says, then what the stack has, then public ones before
/// others and by id, so that the choice is the same the next time.
pub fn choose(subnets: &[Subnet], slots: &[Slot]) -> Result<Vec<String>> {
    let zone_of = |id: &str| {
        subnets
            .iter()
            .find(|subnet| subnet.id == id)
            .map(|subnet| subnet.zone.as_str())
    };
    let mut chosen: Vec<Option<String>> = slots.iter().map(|slot| slot.given.clone()).collect();
    let mut taken: BTreeSet<&str> = chosen.iter().flatten().filter_map(|id| zone_of(id)).collect();
    for (place, slot) in chosen.iter_mut().zip(slots) {
        if let (None, Some(kept)) = (&place, &slot.kept)
            && zone_of(kept).is_some_and(|zone| taken.insert(zone))
        {
            *place = Some(kept.clone());
        }
    }
    let mut others: Vec<&Subnet> = subnets.iter().collect();
    others.sort_by_key(|subnet| (!subnet.public, &subnet.zone, &subnet.id));
    let mut others = others.into_iter();
    for place in chosen.iter_mut().filter(|place| place.is_none()) {
        *place = others
            .find(|subnet| taken.insert(&subnet.zone))
            .map(|subnet| subnet.id.clone());
    }
    let zones: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
    chosen.into_iter().collect::<Option<_>>().ok_or_else(|| {
        let (there, needed) = (zones.len(), slots.len());
        Error::new(format!(
            "the VPC has subnets in {there} availability zones, and the project needs {needed}"
        ))
    })
}

/// Refuses subnets that the VPC does not have, and two in one zone: neither a load balancer nor a volume takes them.
pub fn check(subnets: &[Subnet], chosen: &[String], vpc: &str) -> Result<()> {
    let mut zones: BTreeMap<&str, &str> = BTreeMap::new();
    for id in chosen {
        let Some(subnet) = subnets.iter().find(|subnet| subnet.id == *id) else {
            let message = format!("VPC `{vpc}` has no subnet `{id}` in an availability zone");
            return Err(Error::new(message).hint("name subnets of one VPC"));
        };
        if let Some(other) = zones.insert(&subnet.zone, id) {
            let message = format!("subnets `{other}` and `{id}` are both in zone `{}`", subnet.zone);
            return Err(Error::new(message).hint("name one subnet in each availability zone"));
        }
    }
    Ok(())
}

/// `eu-west-1a`, but not `us-west-2-lax-1a`.
fn in_availability_zone(zone: &str, region: &str) -> bool {
    zone.strip_prefix(region)
        .is_some_and(|rest| rest.len() == 1 && rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(id: &str, zone: &str, public: bool) -> Subnet {
        Subnet {
            id: id.into(),
            zone: zone.into(),
            public,
        }
    }

    fn vpc() -> Vec<Subnet> {
        vec![
            subnet("subnet-5", "a", true),
            subnet("subnet-4", "c", true),
            subnet("subnet-3", "b", true),
            subnet("subnet-2", "a", true),
            subnet("subnet-1", "a", false),
        ]
    }

    fn slots(slots: &[(&str, &str)]) -> Vec<Slot> {
        let some = |id: &str| (!id.is_empty()).then(|| id.to_owned());
        let slot = |(given, kept): &(&str, &str)| Slot {
            given: some(given),
            kept: some(kept),
        };
        slots.iter().map(slot).collect()
    }

    #[test]
    fn takes_one_public_subnet_of_each_zone_whatever_the_order_of_the_answer() {
        let mut subnets = vpc();
        assert_eq!(
            choose(&subnets, &slots(&[("", ""); 2])).unwrap(),
            ["subnet-2", "subnet-3"]
        );
        subnets.reverse();
        assert_eq!(
            choose(&subnets, &slots(&[("", ""); 2])).unwrap(),
            ["subnet-2", "subnet-3"]
        );
    }

    #[test]
    fn keeps_what_the_stack_uses_in_its_place() {
        let kept = slots(&[("", "subnet-gone"), ("", "subnet-1"), ("", "subnet-4")]);
        assert_eq!(choose(&vpc(), &kept).unwrap(), ["subnet-3", "subnet-1", "subnet-4"]);
    }

    #[test]
    fn what_the_user_says_stays_in_its_place_and_the_others_go_elsewhere() {
        let given = slots(&[("", "subnet-2"), ("subnet-1", "subnet-3")]);
        assert_eq!(choose(&vpc(), &given).unwrap(), ["subnet-3", "subnet-1"]);
    }

    #[test]
    fn too_few_zones_are_an_error() {
        let error = choose(&vpc()[3..], &slots(&[("", ""); 2])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the VPC has subnets in 1 availability zones, and the project needs 2"
        );
    }

    #[test]
    fn subnets_of_another_vpc_and_two_in_one_zone_are_refused() {
        let check = |ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            super::check(&vpc(), &ids, "vpc-1").map_err(|error| error.to_string())
        };
        assert_eq!(check(&["subnet-1", "subnet-3"]), Ok(()));
        assert_eq!(
            check(&["subnet-1", "subnet-9"]),
            Err("VPC `vpc-1` has no subnet `subnet-9` in an availability zone".to_owned())
        );
        assert_eq!(
            check(&["subnet-1", "subnet-2"]),
            Err("subnets `subnet-1` and `subnet-2` are both in zone `a`".to_owned())
        );
    }

    #[test]
    fn a_network_is_found_by_its_name_and_only_if_it_is_one() {
        let group = |id: &str, names: [&str; 2]| Group {
            id: id.into(),
            names: names.map(|name| Some(name.to_owned()).filter(|name| !name.is_empty())),
        };
        let groups = [
            group("sg-1", ["shop-FrontNetwork-1", "shop_front"]),
            group("sg-2", ["proxy", ""]),
            group("sg-3", ["stack-1", "twice"]),
            group("sg-4", ["stack-2", "twice"]),
        ];
        let named = |name| super::named(&groups, name, "vpc-1").map_err(|error| error.to_string());
        assert_eq!(named("shop_front"), Ok("sg-1".to_owned()));
        assert_eq!(named("proxy"), Ok("sg-2".to_owned()));
        assert_eq!(
            named("front"),
            Err("VPC `vpc-1` has no network `front`, nor a security group of this name".to_owned())
        );
        assert_eq!(
            named("twice"),
            Err("VPC `vpc-1` has several networks `twice`: `sg-3`, `sg-4`".to_owned())
        );
    }

    #[test]
    fn local_zones_are_not_availability_zones() {
        assert!(in_availability_zone("us-west-2a", "us-west-2"));
        assert!(!in_availability_zone("us-west-2-lax-1a", "us-west-2"));
    }
}
