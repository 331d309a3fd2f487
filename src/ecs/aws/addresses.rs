//! Where load balancers can be reached.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types::{ForwardActionConfig, Listener, LoadBalancer, ProtocolEnum};

use super::Account;
use crate::error::Result;

/// How many target groups or load balancers are described at a time.
const DESCRIBED_AT_ONCE: usize = 20;

/// A load balancer's name and the port on which it listens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Address {
    pub host: String,
    pub port: u16,
    /// `tcp` or `udp`
    pub protocol: String,
}

/// Target group → the addresses that lead to it.
pub type Addresses = BTreeMap<String, Vec<Address>>;

pub async fn of_target_groups(account: &Account, groups: &[String]) -> Result<Addresses> {
    let mut load_balancers = BTreeSet::new();
    for some in groups.chunks(DESCRIBED_AT_ONCE) {
        let mut pages = account
            .load_balancing
            .describe_target_groups()
            .set_target_group_arns(Some(some.to_vec()))
            .into_paginator()
            .items()
            .send();
        while let Some(group) = pages.next().await {
            let group = group.map_err(|error| account.access.failed("cannot look at the target groups", &error))?;
            load_balancers.extend(group.load_balancer_arns.unwrap_or_default());
        }
    }
    let load_balancers: Vec<String> = load_balancers.into_iter().collect();
    let mut addresses = Addresses::new();
    for some in load_balancers.chunks(DESCRIBED_AT_ONCE) {
        let mut pages = account
            .load_balancing
            .describe_load_balancers()
            .set_load_balancer_arns(Some(some.to_vec()))
            .into_paginator()
            .items()
            .send();
        while let Some(balancer) = pages.next().await {
            let balancer =
                balancer.map_err(|error| account.access.failed("cannot look at the load balancers", &error))?;
            let listeners = listeners(account, balancer.load_balancer_arn()).await?;
            add(&mut addresses, &balancer, &listeners);
        }
    }
    Ok(addresses)
}

async fn listeners(account: &Account, load_balancer: Option<&str>) -> Result<Vec<Listener>> {
    let mut pages = account
        .load_balancing
        .describe_listeners()
        .set_load_balancer_arn(load_balancer.map(str::to_owned))
        .into_paginator()
        .items()
        .send();
    let mut listeners = Vec::new();
    while let Some(listener) = pages.next().await {
        listeners.push(listener.map_err(|error| account.access.failed("cannot look at the listeners", &error))?);
    }
    Ok(listeners)
}

fn add(addresses: &mut Addresses, balancer: &LoadBalancer, listeners: &[Listener]) {
    for listener in listeners {
        let Some(port) = listener.port().and_then(|port| u16::try_from(port).ok()) else {
            continue;
        };
        let protocol = match listener.protocol().map(ProtocolEnum::as_str) {
            Some("UDP") => "udp",
            _ => "tcp",
        };
        for action in listener.default_actions() {
            let weighted = action
                .forward_config()
                .into_iter()
                .flat_map(ForwardActionConfig::target_groups);
            let groups = weighted.filter_map(|group| group.target_group_arn());
            for group in groups.chain(action.target_group_arn()).collect::<BTreeSet<_>>() {
                addresses.entry(group.to_owned()).or_default().push(Address {
                    host: balancer.dns_name().unwrap_or_default().to_owned(),
                    port,
                    protocol: protocol.to_owned(),
                });
            }
        }
    }
}
