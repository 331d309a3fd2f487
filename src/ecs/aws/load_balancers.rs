//! Load balancers that were there before the stack.

use aws_sdk_elasticloadbalancingv2::types::LoadBalancer;

use super::Account;
use super::failure;
use crate::ecs::cloudformation::LoadBalancerFact;
use crate::error::{Error, Result};

/// What is known about a load balancer.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Known {
    pub arn: String,
    /// `application` or `network`
    pub kind: String,
    pub vpc: String,
    pub groups: Vec<String>,
    pub dns_name: String,
    pub zone: String,
}

/// A load balancer by its name or its ARN.
pub async fn find(account: &Account, which: &str) -> Result<Known> {
    let request = account.load_balancing.describe_load_balancers();
    let request = if which.starts_with("arn:") {
        request.load_balancer_arns(which)
    } else {
        request.names(which)
    };
    let none = || {
        Error::new(format!("region `{}` has no load balancer `{which}`", account.region))
            .hint("`x-aws-loadbalancer` and `x-aws-listener` name one that is there already")
    };
    let answer = match request.send().await {
        Err(error) if failure::is(&error, "LoadBalancerNotFound") => return Err(none()),
        answer => answer.map_err(|error| {
            account
                .access
                .failed(format!("cannot look at load balancer `{which}`"), &error)
        })?,
    };
    answer.load_balancers().first().map(known).ok_or_else(none)
}

fn known(balancer: &LoadBalancer) -> Known {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Known {
        arn: text(balancer.load_balancer_arn()),
        kind: text(
            balancer
                .r#type()
                .map(aws_sdk_elasticloadbalancingv2::types::LoadBalancerTypeEnum::as_str),
        ),
        vpc: text(balancer.vpc_id()),
        groups: balancer.security_groups().to_vec(),
        dns_name: text(balancer.dns_name()),
        zone: text(balancer.canonical_hosted_zone_id()),
    }
}

/// The value that a Parameter asks for. `which` and `kind` are what the file says, or means.
pub fn value(known: &Known, which: &str, kind: &str, fact: LoadBalancerFact) -> Result<String> {
    if known.kind != kind {
        let (is, needed) = (&known.kind, kind);
        return Err(Error::new(format!(
            "load balancer `{which}` is of type {is}, and the published ports need type {needed}"
        ))
        .hint("name another one, or say what the ports speak with `x-aws-protocol`"));
    }
    Ok(match fact {
        LoadBalancerFact::Arn => known.arn.clone(),
        LoadBalancerFact::DnsName => known.dns_name.clone(),
        LoadBalancerFact::Zone => known.zone.clone(),
        LoadBalancerFact::Group => known.groups.first().cloned().ok_or_else(|| {
            Error::new(format!(
                "load balancer `{which}` is in no security group that the tasks could let in"
            ))
            .hint("say from which addresses it calls: `x-aws-loadbalancer: {name: …, cidrs: [10.0.0.0/16]}`")
        })?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> Known {
        Known {
            arn: "arn:lb".into(),
            kind: "application".into(),
            vpc: "vpc-1".into(),
            groups: vec!["sg-1".into(), "sg-2".into()],
            dns_name: "shared.elb".into(),
            zone: "Z1".into(),
        }
    }

    #[test]
    fn every_fact_has_its_value() {
        let facts = [
            (LoadBalancerFact::Arn, "arn:lb"),
            (LoadBalancerFact::Group, "sg-1"),
            (LoadBalancerFact::DnsName, "shared.elb"),
            (LoadBalancerFact::Zone, "Z1"),
        ];
        for (fact, expected) in facts {
            assert_eq!(value(&shared(), "shared", "application", fact).unwrap(), expected);
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let wrong = value(&shared(), "shared", "network", LoadBalancerFact::Arn).unwrap_err();
        assert!(wrong.to_string().contains("is of type application"), "{wrong}");
        let mut alone = shared();
        alone.groups.clear();
        let alone = value(&alone, "shared", "application", LoadBalancerFact::Group).unwrap_err();
        assert!(alone.to_string().contains("no security group"), "{alone}");
    }
}
