//! What the project has once.

use std::collections::HashMap;

use super::{platform, secret, vpc};
use crate::compose::{Node, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Purpose, Value, fragment};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;

/// The Parameters that every project asks for, the log group and the namespace, the cluster and the role.
pub(in crate::ecs) fn begin(draft: &mut Draft) {
    check_names(draft);
    vpc::begin(draft);
    let services = &draft.project.services;
    if services.values().any(|service| !platform::is_windows(service)) {
        let declaration = fragment::STACK.parameter("InitImage");
        draft.parameter("InitImage".to_owned(), Purpose::InitImage, declaration);
    }
    if draft.cluster == Value::reference("Cluster") {
        draft.add(&fragment::CLUSTER, "", [], Span::NOWHERE);
    }
    draft.add(&fragment::STACK, "", [], Span::NOWHERE);
    if services.values().any(|service| !secret::needs_own_role(service, draft)) {
        draft.add(&fragment::EXECUTION_ROLE, "", [], Span::NOWHERE);
    }
}

/// Services are found by their names in DNS, which has short names and knows no capitals.
fn check_names(draft: &mut Draft) {
    const LONGEST_LABEL: usize = 63;
    let mut seen: HashMap<String, &Service> = HashMap::new();
    for service in draft.project.services.values() {
        if service.name.split('.').any(|label| label.len() > LONGEST_LABEL) {
            let message = format!("the name of a service is a name in DNS on ECS: at most {LONGEST_LABEL} letters");
            draft.say(Diagnostic::error(service.span, message).hint("give it a shorter name"));
        }
        if let Some(other) = seen.insert(service.name.to_lowercase(), service) {
            let message = format!("`{}` and `{}` are one name in DNS", other.name, service.name);
            let diagnostic = Diagnostic::error(service.span, message).hint("rename one of the two");
            draft.say(diagnostic.note(other.span, "the other service"));
        }
    }
}

/// What a user wants to know about the stack.
pub(in crate::ecs) fn finish(draft: &mut Draft) {
    let cluster = draft.cluster.clone();
    draft.output("Cluster", "Cluster that the services run in".to_owned(), cluster);
    draft.output(
        "LogGroup",
        "Log group of the containers' output".to_owned(),
        Value::reference("LogGroup"),
    );
}

/// `x-aws-cluster`: the name or the ARN of a cluster that is there already.
pub(in crate::ecs) fn cluster(node: &Node, draft: &mut Draft) {
    if let Some(cluster) = node.as_str() {
        draft.cluster = cluster.to_owned().into();
    }
}

/// How long CloudWatch Logs can keep something, in days.
const RETENTIONS: [i64; 23] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653, 0,
];

/// `x-aws-logs_retention`: days, zero for ever.
pub(in crate::ecs) fn logs_retention(node: &Node, draft: &mut Draft) {
    match extensions::integer(node) {
        Some(0) => draft.properties("LogGroup").remove("RetentionInDays"),
        Some(days) if RETENTIONS.contains(&days) => draft.properties("LogGroup").set("RetentionInDays", days),
        Some(days) => {
            let longer = RETENTIONS.iter().find(|possible| **possible > days).unwrap_or(&0);
            let message = format!("CloudWatch Logs cannot keep something for {days} days");
            draft.say(Diagnostic::error(node.span, message).hint(format!("{longer} is possible, and 0 for ever")));
        }
        None => {}
    }
}
