//! Services whose number of tasks follows their load.

use crate::compose::{Node, Service};
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::{Value, fragment};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;

const NAME: &str = "x-aws-autoscaling";

/// `x-aws-autoscaling: {min, max, cpu, memory}`: between so many tasks, so that they use so many percent.
pub(in crate::ecs) fn autoscaling(node: &Node, service: &Service, draft: &mut Draft) {
    let number = |key: &str| node.get(key).and_then(extensions::integer);
    let targets = [
        ("cpu", "ECSServiceAverageCPUUtilization"),
        ("memory", "ECSServiceAverageMemoryUtilization"),
    ];
    let targets: Vec<_> = targets
        .into_iter()
        .filter_map(|(key, metric)| Some((key, metric, number(key)?)))
        .collect();
    let (Some(max), false) = (number("max"), targets.is_empty()) else {
        let message = format!("`{NAME}` needs a `max`, and `cpu` or `memory`");
        draft.say(
            Diagnostic::error(node.span, message)
                .hint("`{max: 10, cpu: 75}` keeps up to ten tasks at 75 % of their CPU"),
        );
        return;
    };
    let cluster = match &draft.cluster {
        Value::Text(cluster) => cluster.rsplit('/').next().unwrap_or_default().to_owned().into(),
        cluster => cluster.clone(),
    };
    let target = [
        ("Min", number("min").unwrap_or(1).into()),
        ("Max", max.into()),
        ("Cluster", cluster),
        ("EcsService", Value::attribute(draft.id(service, "Service"), "Name")),
    ];
    draft.add_for_service(&fragment::SCALABLE_TARGET, target, service);
    // An update of the stack must not undo what the load has asked for.
    draft.service(service).remove("DesiredCount");
    for (key, metric, percent) in targets {
        let policy = [
            ("Metric", metric.into()),
            ("Percent", percent.into()),
            ("ScalableTarget", Value::reference(draft.id(service, "ScalableTarget"))),
            ("PolicyName", format!("{}-{key}", service.name).into()),
        ];
        let prefix = draft.id(service, if key == "cpu" { "Cpu" } else { "Memory" });
        draft.add(&fragment::SCALING_POLICY, &prefix, policy, service.span);
    }
}
