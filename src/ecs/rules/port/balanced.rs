//! How the load of a service comes to it, for the rules that measure or move it.

#![allow(
    dead_code,
    unused_imports,
    reason = "the rules of scaling and of blue/green deployments build on it"
)]

use super::plan::{Place, Publications};
use super::protocol::Kind;
use super::target::target_group;
use super::{fact, listener_arn, ways_to};
use crate::compose::Service;
use crate::ecs::cloudformation::{LoadBalancerFact, Value};
use crate::ecs::draft::Draft;

/// A port of a service behind a load balancer.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::ecs) struct Balanced {
    /// The container's port.
    pub(in crate::ecs) port: u16,
    /// Whether it is behind an application load balancer.
    pub(in crate::ecs) http: bool,
    /// The logical id of the target group, by whose attributes it is known elsewhere.
    pub(in crate::ecs) target_group: String,
    /// The ARN of the listener.
    pub(in crate::ecs) listener: Value,
    /// The logical ids of the listener's rules that lead here; none where all that comes to the listener does.
    pub(in crate::ecs) rules: Vec<String>,
    /// What metrics call the load balancer: `app/NAME/ID`.
    pub(in crate::ecs) load_balancer: Value,
}

/// The ports of a service that go through load balancers. Deployments that move traffic bit by bit need a rule of their
/// own (`x-aws-rollout`), which is there when the service asks for such deployments.
pub(in crate::ecs) fn balanced(service: &Service, draft: &mut Draft) -> Vec<Balanced> {
    let plan = std::rc::Rc::clone(&draft.publications);
    let mut found = Vec::new();
    for (at, target) in plan.of_service(&service.name) {
        let ways = ways_to(at, target, &plan).into_iter();
        found.push(Balanced {
            port: target.port,
            http: target.speaks.kind() == Kind::Application,
            target_group: target_group(target),
            listener: listener_arn(&target.place),
            rules: ways.filter_map(|(id, is_rule)| is_rule.then_some(id)).collect(),
            load_balancer: full_name(&target.place, &plan, draft),
        });
    }
    found
}

fn full_name(place: &Place, plan: &Publications, draft: &mut Draft) -> Value {
    let kind = match place {
        Place::Existing(listener) => {
            let balancer = listener.split_once(":listener/").map_or("", |(_, rest)| rest);
            return balancer
                .rsplit_once('/')
                .map_or(balancer, |(balancer, _)| balancer)
                .to_owned()
                .into();
        }
        Place::Made { kind, .. } => *kind,
    };
    match fact(kind, LoadBalancerFact::Arn, plan, draft) {
        Value::Text(arn) => arn.rsplit("loadbalancer/").next().unwrap_or_default().to_owned().into(),
        arn if plan.wishes.as_ref().is_some_and(|wishes| wishes.existing.is_some()) => {
            let parts = Value::map([("Fn::Split", Value::list([Value::from("loadbalancer/"), arn]))]);
            Value::map([("Fn::Select", Value::list([Value::Int(1), parts]))])
        }
        _ => Value::attribute(format!("{}LoadBalancer", super::prefix(kind)), "LoadBalancerFullName"),
    }
}
