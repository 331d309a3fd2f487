//! What the containers of a service may do on AWS.

use crate::compose::{Node, Service};
use crate::ecs::cloudformation::{Value, fragment};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;

/// `x-aws-policies`: ARNs of managed policies.
pub(in crate::ecs) fn policies(node: &Node, service: &Service, draft: &mut Draft) {
    let arns = node.as_list().unwrap_or_default().iter().filter_map(Node::as_str);
    for arn in arns {
        task_role(service, draft).push_once("ManagedPolicyArns", arn.to_owned());
    }
}

/// `x-aws-role`: a policy document.
pub(in crate::ecs) fn document(node: &Node, service: &Service, draft: &mut Draft) {
    let mut document = extensions::value(node);
    if document.get("Version").is_none() {
        document.set("Version", "2012-10-17");
    }
    let policy = [
        ("PolicyName", service.name.clone().into()),
        ("PolicyDocument", document),
    ];
    task_role(service, draft).push("Policies", Value::map(policy));
}

/// The properties of the service's task role, which is made when it is first asked for.
fn task_role<'a>(service: &Service, draft: &'a mut Draft) -> &'a mut Value {
    let id = draft.id(service, "TaskRole");
    if !draft.template.document.resources.contains_key(&id) {
        draft.add_for_service(&fragment::TASK_ROLE, [], service);
        draft
            .task(service)
            .set("TaskRoleArn", Value::attribute(id.clone(), "Arn"));
    }
    draft.properties(&id)
}
