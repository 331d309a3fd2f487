//! The VPC and the subnets that a deployment goes into.

use std::collections::BTreeMap;

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

/// One subnet in each of `count` zones: those of `kept` (what the stack already uses) before others, then public ones,
/// then by id, so that the choice is the same the next time.
pub fn choose(subnets: &[Subnet], count: usize, kept: &[String]) -> Result<Vec<String>> {
    let by_id: BTreeMap<&str, &Subnet> = subnets.iter().map(|subnet| (subnet.id.as_str(), subnet)).collect();
    let mut candidates: Vec<&Subnet> = kept.iter().filter_map(|id| by_id.get(id.as_str()).copied()).collect();
    let mut others: Vec<&Subnet> = by_id.into_values().collect();
    others.sort_by_key(|subnet| (!subnet.public, &subnet.zone));
    candidates.extend(others);

    let mut zones: Vec<&str> = Vec::new();
    let mut chosen = Vec::new();
    for subnet in candidates {
        if chosen.len() < count && !zones.contains(&subnet.zone.as_str()) {
            zones.push(&subnet.zone);
            chosen.push(subnet.id.clone());
        }
    }
    if chosen.len() < count {
        return Err(Error::new(format!(
            "the VPC has subnets in {} availability zones, and the project needs {count}",
            chosen.len()
        )));
    }
    Ok(chosen)
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

    #[test]
    fn takes_one_public_subnet_of_each_zone_whatever_the_order_of_the_answer() {
        let mut subnets = vpc();
        assert_eq!(choose(&subnets, 2, &[]).unwrap(), ["subnet-2", "subnet-3"]);
        subnets.reverse();
        assert_eq!(choose(&subnets, 2, &[]).unwrap(), ["subnet-2", "subnet-3"]);
    }

    #[test]
    fn keeps_what_the_stack_uses() {
        let kept = ["subnet-4".to_owned(), "subnet-gone".to_owned(), "subnet-1".to_owned()];
        assert_eq!(choose(&vpc(), 2, &kept).unwrap(), ["subnet-4", "subnet-1"]);
        assert_eq!(choose(&vpc(), 3, &kept).unwrap(), ["subnet-4", "subnet-1", "subnet-3"]);
    }

    #[test]
    fn too_few_zones_are_an_error() {
        let error = choose(&vpc()[3..], 2, &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the VPC has subnets in 1 availability zones, and the project needs 2"
        );
    }

    #[test]
    fn local_zones_are_not_availability_zones() {
        assert!(in_availability_zone("us-west-2a", "us-west-2"));
        assert!(!in_availability_zone("us-west-2-lax-1a", "us-west-2"));
    }
}
