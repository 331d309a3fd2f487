//! What the containers of a service may do on AWS.

use crate::compose::{Node, Service};
use crate::ecs::cloudformation::{Value, fragment, value};
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

/// `x-aws-permissions_boundary`: of every role in the template.
pub(in crate::ecs) fn boundary(node: &Node, draft: &mut Draft) {
    let Some(arn) = node.as_str() else { return };
    for resource in draft.template.document.resources.values_mut() {
        let properties = resource.entry("Properties");
        if properties.get("AssumeRolePolicyDocument").is_some() {
            properties.set("PermissionsBoundary", arn.to_owned());
        }
    }
}

/// Lets ECS write where containers are told to write instead of the project's log group.
pub(in crate::ecs) fn finish(draft: &mut Draft) {
    let mut wanted = Vec::new();
    for resource in draft.template.document.resources.values() {
        let property = |name| resource.get("Properties").and_then(|properties| properties.get(name));
        let role = property("ExecutionRoleArn").and_then(|arn| arn.get("Fn::GetAtt"));
        let Some(role) = role.and_then(|path| path.as_list().first()?.as_str()) else {
            continue;
        };
        for container in property("ContainerDefinitions").map_or(&[][..], Value::as_list) {
            let option = |name| {
                container
                    .at(&["LogConfiguration", "Options", name])
                    .and_then(Value::as_str)
            };
            if let Some(group) = option("awslogs-group") {
                let region = option("awslogs-region").unwrap_or("${AWS::Region}");
                let makes = option("awslogs-create-group") == Some("true");
                let group = value::literal(group);
                let arn = format!("arn:${{AWS::Partition}}:logs:{region}:${{AWS::AccountId}}:log-group:{group}:*");
                wanted.push((role.to_owned(), Value::substitute(arn), makes));
            }
        }
    }
    for (role, group, makes) in wanted {
        let actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];
        let statement = [
            ("Effect", "Allow".into()),
            ("Action", Value::list(actions.into_iter().skip(usize::from(!makes)))),
            ("Resource", group),
        ];
        for policy in draft.properties(&role).entry("Policies").items().iter_mut().take(1) {
            let document = policy.entry("PolicyDocument");
            document.push_once("Statement", Value::map(statement.clone()));
        }
    }
}

/// The properties of the service's task role, which is made when it is first asked for.
pub(super) fn task_role<'a>(service: &Service, draft: &'a mut Draft) -> &'a mut Value {
    let id = draft.id(service, "TaskRole");
    if !draft.template.document.resources.contains_key(&id) {
        draft.add_for_service(&fragment::TASK_ROLE, [], service);
        draft
            .task(service)
            .set("TaskRoleArn", Value::attribute(id.clone(), "Arn"));
    }
    draft.properties(&id)
}
