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

/// Where the agent writes. AWS supports no container whose root cannot be written to; with these it works all the same.
const WRITTEN: [&str; 3] = ["/managed-agents", "/var/lib/amazon/ssm", "/var/log/amazon/ssm"];

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
    if let Some(read_only) = service.read_only.filter(|read_only| read_only.value)
        && !WRITTEN.iter().all(|path| is_writable(service, path))
    {
        let message = format!(
            "`x-aws-exec` of `{}` has no effect: its agent writes to the file system, which is read-only",
            service.name
        );
        let hint = format!(
            "remove `read_only`, or mount volumes without a name at {}",
            WRITTEN.map(|path| format!("`{path}`")).join(", ")
        );
        let warning = Diagnostic::warning(node.span, message).note(read_only.span, "here");
        draft.remark(warning.hint(hint));
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

/// Whether a volume stands at a path that can be written to.
fn is_writable(service: &Service, path: &str) -> bool {
    service.volumes.iter().any(|mount| {
        let target = mount
            .target
            .as_ref()
            .map_or("", |target| target.value.trim_end_matches('/'));
        let read_only = mount.read_only.is_some_and(|read_only| read_only.value);
        target == path && mount.mount_type.as_str() == "volume" && !read_only
    })
}
