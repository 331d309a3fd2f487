//! Domains: their certificates, and the records that lead to a load balancer.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::fact;
use super::plan::{Certificate, Listener, Place, Publications};
use super::protocol::Kind;
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{LoadBalancerFact, Purpose, Value, fragment, names};
use crate::ecs::draft::Draft;

/// The certificates of a listener, those that have to be requested among them.
///
/// Each has a key beside it, which is its own whatever other certificates there are.
pub(super) fn certificates(listener: &Listener, draft: &mut Draft) -> Vec<(String, Value)> {
    let certificates = listener.certificates.iter();
    let values = certificates.map(|certificate| match certificate {
        Certificate::Arn(arn) => (digest(arn), arn.clone().into()),
        Certificate::Requested(domains) => (digest(&domains.join(" ")), request(domains, listener.span, draft)),
    });
    values.collect()
}

fn digest(text: &str) -> String {
    Sha256::digest(text)
        .iter()
        .take(3)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn request(domains: &[String], span: Span, draft: &mut Draft) -> Value {
    let prefix = match domains {
        [domain] => names::logical_id(domain),
        [first, ..] => names::logical_id(first) + &digest(&domains.join(" ")),
        [] => String::new(),
    };
    let id = format!("{prefix}Certificate");
    if draft.template.document.resources.contains_key(&id) {
        return Value::reference(id);
    }
    let first = domains.first().cloned().unwrap_or_default();
    draft.add(&fragment::CERTIFICATE, &prefix, [("Domain", first.into())], span);
    if domains.len() > 1 {
        let others = Value::list(domains[1..].iter().cloned());
        draft.properties(&id).set("SubjectAlternativeNames", others);
    }
    for domain in domains {
        let zone = hosted_zone(domain, draft);
        let option = [("DomainName", domain.clone().into()), ("HostedZoneId", zone)];
        draft
            .properties(&id)
            .push("DomainValidationOptions", Value::map(option));
    }
    Value::reference(id)
}

/// A record for each domain that leads to one of the load balancers.
pub(super) fn records(plan: &Publications, draft: &mut Draft) {
    let mut known: BTreeMap<String, (Kind, Span)> = BTreeMap::new();
    for target in &plan.targets {
        let Place::Made { kind, .. } = target.place else {
            continue;
        };
        for domain in &target.settings.domains {
            let name = &domain.value;
            match known.get(name) {
                Some((other, _)) if *other == kind => continue,
                Some((_, span)) => {
                    let message =
                        format!("`{name}` cannot lead to two load balancers, one for HTTP and one for other protocols");
                    let hint = "give the other port a domain of its own";
                    draft.say(
                        Diagnostic::error(domain.span, message)
                            .hint(hint)
                            .note(*span, "the other port"),
                    );
                    continue;
                }
                None => known.insert(name.clone(), (kind, domain.span)),
            };
            let holes = [
                ("HostedZoneId", hosted_zone(name, draft)),
                ("DnsName", fact(kind, LoadBalancerFact::DnsName, plan, draft)),
                ("AliasZoneId", fact(kind, LoadBalancerFact::Zone, plan, draft)),
                ("Domain", name.clone().into()),
            ];
            draft.add(&fragment::RECORD, &names::logical_id(name), holes, domain.span);
        }
    }
}

/// `x-aws-hosted_zone`, or a Parameter for the zone in which a domain stands.
fn hosted_zone(domain: &str, draft: &mut Draft) -> Value {
    if let Some(zone) = draft.project.extensions.get("x-aws-hosted_zone")
        && let Some(zone) = zone.as_str()
    {
        return zone.to_owned().into();
    }
    let mut declaration = fragment::RECORD.parameter("HostedZoneId");
    declaration.set("Description", format!("Id of the hosted zone in which {domain} stands"));
    let purpose = Purpose::HostedZone {
        domain: domain.to_owned(),
    };
    draft.parameter(
        format!("{}HostedZoneId", names::logical_id(domain)),
        purpose,
        declaration,
    )
}
