//! What lets ECS read a service's secrets.

use crate::compose::Service;
use crate::ecs::cloudformation::{Value, fragment};
use crate::ecs::draft::Draft;

/// Lets ECS read these for the service (secrets, parameters of SSM, and keys that encrypt them), and nothing else. The
/// service waits until it may.
pub(in crate::ecs) fn grant(service: &Service, draft: &mut Draft, arns: Vec<Value>) {
    let role = draft.id(service, "ExecutionRole");
    if !draft.template.document.resources.contains_key(&role) {
        draft.add_for_service(&fragment::EXECUTION_ROLE, [], service);
    }
    let policy = draft.id(service, "SecretsPolicy");
    if !draft.template.document.resources.contains_key(&policy) {
        draft.add_for_service(&fragment::SECRETS, [("RoleName", Value::reference(role))], service);
        draft.wait_for(service, policy.clone());
        statements(&policy, draft).clear();
    }
    for arn in arns {
        let hole = match self::service(&arn) {
            "ssm" => "ParameterArns",
            "kms" => "KeyArns",
            _ => "SecretArns",
        };
        let filled = fragment::SECRETS.fill("", &[(hole, Value::List(vec![arn.clone()]))]);
        let written = filled.resources.values().find_map(|policy| {
            let mut statements = policy
                .at(&["Properties", "PolicyDocument", "Statement"])?
                .as_list()
                .iter();
            statements.find(|statement| statement.get("Resource").is_some_and(|it| it.as_list().contains(&arn)))
        });
        let Some(statement) = written else { continue };
        let statements = statements(&policy, draft);
        let same = |other: &&mut Value| other.get("Action") == statement.get("Action");
        match statements.iter_mut().find(same) {
            Some(there) => there.push_once("Resource", arn),
            None => statements.push(statement.clone()),
        }
    }
}

/// The service of AWS that an ARN is of. Parameters hold the ARNs of secrets.
pub(super) fn service(arn: &Value) -> &str {
    let service = arn.as_str().and_then(|arn| arn.split(':').nth(2));
    service.unwrap_or("secretsmanager")
}

fn statements<'d>(policy: &str, draft: &'d mut Draft) -> &'d mut Vec<Value> {
    draft
        .properties(policy)
        .entry("PolicyDocument")
        .entry("Statement")
        .items()
}
