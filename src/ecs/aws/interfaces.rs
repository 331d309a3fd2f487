//! The network interfaces of tasks: at which address a task is reached itself, and on which ports.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{IpPermission, NetworkInterface};
use aws_sdk_ecs::types::Task;

use super::Account;
use crate::error::Result;

/// How many interfaces or groups are described at a time.
const DESCRIBED_AT_ONCE: usize = 100;

/// Where a task is reached itself.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Interface {
    /// Its public address, or its private one if it has no other.
    pub address: String,
    /// The protocols and ranges of ports on which addresses are let in, not only members of groups.
    open: Vec<(String, i32, i32)>,
}

impl Interface {
    #[must_use]
    pub fn is_open(&self, protocol: &str, port: u16) -> bool {
        let port = i32::from(port);
        let mut open = self.open.iter();
        open.any(|(its, first, last)| its == "-1" || its == protocol && (*first..=*last).contains(&port))
    }
}

/// By the ids of the tasks' interfaces.
pub type Interfaces = BTreeMap<String, Interface>;

pub async fn of_tasks(account: &Account, tasks: &[Task]) -> Result<Interfaces> {
    let ids: BTreeSet<&str> = tasks.iter().filter_map(id).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let mut found = Vec::new();
    for some in ids.chunks(DESCRIBED_AT_ONCE) {
        // By a filter: an interface that has just gone with its task is no error.
        let filter = aws_sdk_ec2::types::Filter::builder().name("network-interface-id");
        let filter = filter.set_values(Some(some.iter().map(|id| (*id).to_owned()).collect()));
        let request = account.ec2.describe_network_interfaces().filters(filter.build());
        let mut pages = request.into_paginator().items().send();
        while let Some(interface) = pages.next().await {
            let what = "cannot look at the tasks' network interfaces";
            found.push(interface.map_err(|error| account.access.failed(what, &error))?);
        }
    }
    let groups: BTreeSet<&str> = found.iter().flat_map(groups).collect();
    let groups: Vec<&str> = groups.into_iter().collect();
    let mut rules: BTreeMap<String, Vec<(String, i32, i32)>> = BTreeMap::new();
    for some in groups.chunks(DESCRIBED_AT_ONCE) {
        let request = account.ec2.describe_security_groups();
        let request = request.set_group_ids(Some(some.iter().map(|id| (*id).to_owned()).collect()));
        let answer = request.send().await;
        let answer = answer.map_err(|error| {
            account
                .access
                .failed("cannot look at the tasks' security groups", &error)
        })?;
        for group in answer.security_groups() {
            let open = group.ip_permissions().iter().filter_map(open).collect();
            rules.insert(group.group_id().unwrap_or_default().to_owned(), open);
        }
    }
    let interfaces = found.iter().filter_map(|interface| {
        let open = groups_of(interface, &rules);
        let public = interface.association().and_then(|association| association.public_ip());
        let address = public.or(interface.private_ip_address())?.to_owned();
        Some((
            interface.network_interface_id()?.to_owned(),
            Interface { address, open },
        ))
    });
    Ok(interfaces.collect())
}

/// The id of a task's interface.
#[must_use]
pub fn id(task: &Task) -> Option<&str> {
    let details = task
        .attachments()
        .iter()
        .flat_map(aws_sdk_ecs::types::Attachment::details);
    let mut ids = details.filter(|detail| detail.name() == Some("networkInterfaceId"));
    ids.next()?.value()
}

fn groups(interface: &NetworkInterface) -> impl Iterator<Item = &str> {
    interface.groups().iter().filter_map(|group| group.group_id())
}

fn groups_of(
    interface: &NetworkInterface,
    rules: &BTreeMap<String, Vec<(String, i32, i32)>>,
) -> Vec<(String, i32, i32)> {
    groups(interface)
        .filter_map(|id| rules.get(id))
        .flatten()
        .cloned()
        .collect()
}

/// What a rule opens to addresses.
fn open(rule: &IpPermission) -> Option<(String, i32, i32)> {
    let addresses = !rule.ip_ranges().is_empty() || !rule.ipv6_ranges().is_empty();
    let protocol = rule.ip_protocol().filter(|_| addresses)?;
    Some((
        protocol.to_owned(),
        rule.from_port().unwrap_or(0),
        rule.to_port().unwrap_or(i32::from(u16::MAX)),
    ))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{IpRange, UserIdGroupPair};

    use super::*;

    #[test]
    fn a_rule_for_members_of_a_group_opens_nothing_to_others() {
        let rule = || {
            IpPermission::builder()
                .ip_protocol("udp")
                .from_port(10_000)
                .to_port(10_010)
        };
        let members = rule().user_id_group_pairs(UserIdGroupPair::builder().group_id("sg-1").build());
        assert_eq!(open(&members.build()), None);
        let everybody = rule().ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build());
        let interface = Interface {
            address: "198.51.100.7".into(),
            open: vec![open(&everybody.build()).unwrap()],
        };
        assert!(interface.is_open("udp", 10_000) && interface.is_open("udp", 10_010));
        assert!(!interface.is_open("tcp", 10_000) && !interface.is_open("udp", 10_011));
    }
}
