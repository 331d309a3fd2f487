//! The hosted zones of Route 53 in which domains stand.

use aws_sdk_route53::types::HostedZone;

use super::Account;
use crate::error::{Error, Result};

/// The id of the public zone in which a domain stands: the one with the longest name.
pub async fn of_domain(account: &Account, domain: &str) -> Result<String> {
    for name in enclosing(domain) {
        // In the order of their names: if there are zones of this name, they come first, public ones and private ones.
        let answer = account.route53.list_hosted_zones_by_name().dns_name(name).send().await;
        let answer = answer.map_err(|error| {
            account
                .access
                .failed(format!("cannot look for the hosted zone of `{domain}`"), &error)
        })?;
        if let Some(id) = public(answer.hosted_zones(), name) {
            return Ok(id);
        }
    }
    Err(Error::new(format!(
        "account {} has no hosted zone in which `{domain}` could stand",
        account.id
    ))
    .hint("name it with `x-aws-hosted_zone: Z…`, or make it: `aws route53 create-hosted-zone`"))
}

/// `a.b.c` stands in `a.b.c`, in `b.c`, or in `c`.
fn enclosing(domain: &str) -> impl Iterator<Item = &str> {
    let domain = domain.trim_start_matches("*.");
    let dots = domain.match_indices('.').map(|(at, _)| &domain[at + 1..]);
    std::iter::once(domain).chain(dots)
}

fn public(zones: &[HostedZone], name: &str) -> Option<String> {
    let is_it = |zone: &&HostedZone| {
        let private = zone
            .config()
            .is_some_and(aws_sdk_route53::types::HostedZoneConfig::private_zone);
        !private && zone.name().trim_end_matches('.').eq_ignore_ascii_case(name)
    };
    let id = zones.iter().find(is_it)?.id();
    Some(id.rsplit('/').next().unwrap_or(id).to_owned())
}

#[cfg(test)]
mod tests {
    use aws_sdk_route53::types::HostedZoneConfig;

    use super::*;

    fn zone(name: &str, id: &str, private: bool) -> HostedZone {
        let config = HostedZoneConfig::builder().private_zone(private).build();
        let zone = HostedZone::builder().name(name).id(format!("/hostedzone/{id}"));
        zone.caller_reference("1").config(config).build().unwrap()
    }

    #[test]
    fn the_longest_name_comes_first() {
        let names: Vec<_> = enclosing("*.shop.example.com").collect();
        assert_eq!(names, ["shop.example.com", "example.com", "com"]);
    }

    #[test]
    fn a_zone_of_the_name_is_taken_unless_it_is_private() {
        let zones = [
            zone("example.com.", "Z1", true),
            zone("example.com.", "Z2", false),
            zone("org.", "Z3", false),
        ];
        assert_eq!(public(&zones, "Example.com").as_deref(), Some("Z2"));
        assert_eq!(public(&zones, "com"), None);
    }
}
