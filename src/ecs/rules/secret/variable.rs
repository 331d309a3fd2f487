//! Secrets as variables of a service.

use super::{grant, member};
use crate::compose::{FileReference, Node, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::Value;
use crate::ecs::draft::Draft;

/// `x-aws-env`: the variable that has the secret's content, or those that have members of its JSON. The file is there
/// too, as on an engine.
pub(super) fn variables(reference: &FileReference, service: &Service, arn: &Value, draft: &mut Draft) {
    let Some(node) = reference.extensions.get("x-aws-env") else {
        return;
    };
    if let Some(name) = node.as_str() {
        variable(service, name, node.span, arn.clone(), draft);
    }
    if node.as_map().is_some() && grant::service(arn) == "ssm" {
        let message = format!(
            "`{}` is a parameter of SSM, of which ECS takes no keys",
            reference.source.value
        );
        draft.say(Diagnostic::error(node.span, message).hint("give one variable all of it: `x-aws-env: NAME`"));
        return;
    }
    for (key, entry) in node.as_map().into_iter().flatten() {
        if let Some(name) = entry.node.as_str() {
            variable(service, name, entry.node.span, member(arn, key), draft);
        }
    }
}

/// Whether the whole content of a secret is a variable of a service.
pub(in crate::ecs) fn is_variable(reference: &FileReference) -> bool {
    let node = reference.extensions.get("x-aws-env");
    node.and_then(Node::as_str).is_some()
}

fn variable(service: &Service, name: &str, span: Span, from: Value, draft: &mut Draft) {
    let container = draft.container(service);
    let secrets = container.get("Secrets").map_or(&[][..], Value::as_list);
    let is_there = secrets
        .iter()
        .any(|other| other.get("Name").and_then(Value::as_str) == Some(name));
    if is_there || service.environment.contains_key(name) {
        let message = format!("service `{}` has a variable `{name}` already", service.name);
        draft.say(Diagnostic::error(span, message).hint("give the secret another one, or remove the other"));
        return;
    }
    let secret = Value::map([("Name", name.to_owned().into()), ("ValueFrom", from)]);
    container.push("Secrets", secret);
}
