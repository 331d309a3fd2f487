//! Where load balancers can be reached.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ForwardActionConfig, Listener, LoadBalancer, ProtocolEnum, Rule, RuleCondition,
};

use super::Account;
use crate::error::Result;

/// How many target groups or load balancers are described at a time.
const DESCRIBED_AT_ONCE: usize = 20;

/// A name that leads to a load balancer, and the port on which it listens.
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
            for listener in listeners(account, balancer.load_balancer_arn()).await? {
                let rules = rules(account, &listener).await?;
                add(&mut addresses, &balancer, &listener, &rules);
            }
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

/// The rules of a listener that has some: only those of application load balancers.
async fn rules(account: &Account, listener: &Listener) -> Result<Vec<Rule>> {
    if !matches!(listener.protocol(), Some(ProtocolEnum::Http | ProtocolEnum::Https)) {
        return Ok(Vec::new());
    }
    let request = account.load_balancing.describe_rules();
    let request = request.set_listener_arn(listener.listener_arn().map(str::to_owned));
    let mut pages = request.into_paginator().items().send();
    let mut rules = Vec::new();
    while let Some(rule) = pages.next().await {
        rules.push(rule.map_err(|error| account.access.failed("cannot look at the rules of a listener", &error))?);
    }
    Ok(rules)
}

fn add(addresses: &mut Addresses, balancer: &LoadBalancer, listener: &Listener, rules: &[Rule]) {
    let Some(port) = listener.port().and_then(|port| u16::try_from(port).ok()) else {
        return;
    };
    let protocols: &[&str] = match listener.protocol().map(ProtocolEnum::as_str) {
        Some("UDP") => &["udp"],
        Some("TCP_UDP") => &["tcp", "udp"],
        _ => &["tcp"],
    };
    let name = balancer.dns_name().unwrap_or_default();
    let mut lead = |actions: &[Action], hosts: &[&str]| {
        for group in actions.iter().flat_map(targets) {
            let known = addresses.entry(group.to_owned()).or_default();
            for (host, protocol) in hosts
                .iter()
                .flat_map(|host| protocols.iter().map(move |protocol| (host, protocol)))
            {
                let address = Address {
                    host: (*host).to_owned(),
                    port,
                    protocol: (*protocol).to_owned(),
                };
                if !known.contains(&address) {
                    known.push(address);
                }
            }
        }
    };
    lead(listener.default_actions(), &[name]);
    for rule in rules {
        // `*.example.com` is no address.
        let hosts = rule.conditions().iter().filter_map(RuleCondition::host_header_config);
        let mut hosts: Vec<&str> = hosts
            .flat_map(aws_sdk_elasticloadbalancingv2::types::HostHeaderConditionConfig::values)
            .map(String::as_str)
            .filter(|host| !host.contains(['*', '?']))
            .collect();
        if hosts.is_empty() {
            hosts.push(name);
        }
        lead(rule.actions(), &hosts);
    }
}

/// The target groups to which an action forwards.
fn targets(action: &Action) -> BTreeSet<&str> {
    let weighted = action
        .forward_config()
        .into_iter()
        .flat_map(ForwardActionConfig::target_groups);
    let groups = weighted.filter_map(|group| group.target_group_arn());
    groups.chain(action.target_group_arn()).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::{ActionTypeEnum, HostHeaderConditionConfig};

    use super::*;

    fn forward(group: &str) -> Action {
        let action = Action::builder().r#type(ActionTypeEnum::Forward);
        action.target_group_arn(group).build()
    }

    fn rule(group: &str, hosts: &[&str]) -> Rule {
        let mut config = HostHeaderConditionConfig::builder();
        for host in hosts {
            config = config.values(*host);
        }
        let condition = RuleCondition::builder().host_header_config(config.build()).build();
        Rule::builder().actions(forward(group)).conditions(condition).build()
    }

    #[test]
    fn every_way_to_a_target_group_is_an_address() {
        let balancer = LoadBalancer::builder().dns_name("lb.example").build();
        let secure = Listener::builder()
            .port(443)
            .protocol(ProtocolEnum::Https)
            .default_actions(forward("blog"));
        let rules = [
            rule("shop", &["shop.example.com", "*.example.com"]),
            rule("any", &["*.example.org"]),
        ];
        let both = Listener::builder()
            .port(53)
            .protocol(ProtocolEnum::TcpUdp)
            .default_actions(forward("dns"));
        let mut addresses = Addresses::new();
        add(&mut addresses, &balancer, &secure.build(), &rules);
        add(&mut addresses, &balancer, &both.build(), &[]);
        let shown = |group: &str| -> Vec<String> {
            let addresses = addresses[group].iter();
            addresses
                .map(|it| format!("{}:{}/{}", it.host, it.port, it.protocol))
                .collect()
        };
        assert_eq!(shown("blog"), ["lb.example:443/tcp"]);
        assert_eq!(shown("shop"), ["shop.example.com:443/tcp"]);
        assert_eq!(shown("any"), ["lb.example:443/tcp"]);
        assert_eq!(shown("dns"), ["lb.example:53/tcp", "lb.example:53/udp"]);
    }
}
