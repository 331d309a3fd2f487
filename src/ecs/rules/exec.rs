//! Running commands in a task, which takes rights that its containers otherwise do not have.

use super::role;
use crate::compose::{Node, Service};
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::Value;
use crate::ecs::draft::Draft;
use crate::ecs::extensions;

/// What the agent needs that ECS puts into the task.
const ACTIONS: [&str; 4] = [
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];

/// `x-aws-exec: true`
pub(in crate::ecs) fn enable(node: &Node, service: &Service, draft: &mut Draft) {
    if extensions::boolean(node) != Some(true) {
        return;
    }
    let id = draft.id(service, "Service");
    if !draft.template.document.resources.contains_key(&id) {
        let message = format!(
            "`x-aws-exec` of `{}` has no effect: no ECS service keeps its tasks running",
            service.name
        );
        draft.remark(Diagnostic::warning(node.span, message));
        return;
    }
    draft.properties(&id).set("EnableExecuteCommand", true);
    let statement = Value::map([
        ("Effect", "Allow".into()),
        ("Action", Value::list(ACTIONS)),
        ("Resource", "*".into()),
    ]);
    let document = [
        ("Version", "2012-10-17".into()),
        ("Statement", Value::list([statement])),
    ];
    let policy = [("PolicyName", "exec".into()), ("PolicyDocument", Value::map(document))];
    role::task_role(service, draft).push_once("Policies", Value::map(policy));
}
