//! Secrets: the template knows their ARNs, ECS hands their values to the init container, and it writes the files.

use crate::compose::{FileObject, FileReference, Node, Service};
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::{Purpose, Value, fragment, names, value};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;

/// Where Compose puts secrets.
const FOLDER: &str = "/run/secrets";

/// A Parameter for the ARN of each secret whose content the project has: what a file or a variable says never stands
/// in the template.
pub(in crate::ecs) fn parameters(draft: &mut Draft) {
    let project = draft.project;
    for (key, secret) in &project.secrets {
        if !secret.external {
            let mut declaration = fragment::SECRETS.parameter("SecretArn");
            declaration.set(
                "Description",
                format!("ARN of the secret that holds the content of {key}"),
            );
            draft.parameter(parameter(key), Purpose::Secret { key: key.clone() }, declaration);
        } else if !secret.name.starts_with("arn:") {
            let message = format!("external secret `{key}` is known to ECS by its ARN only");
            let hint = "give the ARN of the secret (or of the SSM parameter) as its `name`";
            draft.say(Diagnostic::error(secret.name.span.or(secret.span), message).hint(hint));
        }
    }
}

/// Whether ECS needs a role for this service's task that others must not have.
pub(in crate::ecs) fn needs_own_role(service: &Service, draft: &Draft) -> bool {
    let needs = |one: &&Service| !one.secrets.is_empty() || extensions::has_pull_credentials(one);
    draft.housemates(service).iter().any(needs)
}

/// `secrets`
pub(in crate::ecs) fn files(service: &Service, draft: &mut Draft) {
    let mut arns = Vec::new();
    let mut nth = draft
        .init_container(service)
        .get("Secrets")
        .map_or(0, |secrets| secrets.as_list().len());
    let before = nth;
    for reference in &service.secrets {
        let Some(secret) = draft.project.secrets.get(reference.source.as_str()) else {
            continue;
        };
        let arn = arn(&reference.source, secret);
        let Some(path) = path(reference, draft) else { continue };
        match extensions::keys(reference, secret, draft) {
            None => file(service, draft, &mut nth, &path, arn.clone(), reference),
            Some(keys) => {
                for key in keys {
                    let from = match &arn {
                        Value::Text(text) => format!("{text}:{key}::").into(),
                        _ => Value::substitute(format!(
                            "${{{}}}:{}::",
                            parameter(&reference.source),
                            value::literal(&key)
                        )),
                    };
                    file(service, draft, &mut nth, &format!("{path}/{key}"), from, reference);
                }
            }
        }
        if !arns.contains(&arn) {
            arns.push(arn);
        }
    }
    if nth > before {
        let volume = draft.own(service, "secrets");
        let place = draft.own(service, FOLDER);
        draft
            .task(service)
            .push("Volumes", Value::map([("Name", volume.clone().into())]));
        let point = |path: String, read_only: bool| {
            let point = [
                ("SourceVolume", volume.clone().into()),
                ("ContainerPath", path.into()),
                ("ReadOnly", read_only.into()),
            ];
            Value::map(point)
        };
        draft
            .container(service)
            .push("MountPoints", point(FOLDER.to_owned(), true));
        draft.init_container(service).push("MountPoints", point(place, false));
    }
    grant(service, draft, arns);
}

/// Lets ECS read these for the service, and nothing else. The service waits until it may.
pub(in crate::ecs) fn grant(service: &Service, draft: &mut Draft, arns: Vec<Value>) {
    let role = draft.id(service, "ExecutionRole");
    if !draft.template.document.resources.contains_key(&role) {
        draft.add_for_service(&fragment::EXECUTION_ROLE, [], service);
    }
    let policy = draft.id(service, "SecretsPolicy");
    if draft.template.document.resources.contains_key(&policy) {
        let statements = draft
            .properties(&policy)
            .entry("PolicyDocument")
            .entry("Statement")
            .items();
        if let Some(statement) = statements.first_mut() {
            for arn in arns {
                statement.push_once("Resource", arn);
            }
        }
        return;
    }
    let holes = [("SecretArns", Value::List(arns)), ("RoleName", Value::reference(role))];
    draft.add_for_service(&fragment::SECRETS, holes, service);
    draft.wait_for(service, policy);
}

fn parameter(key: &str) -> String {
    names::logical_id(key) + "SecretArn"
}

fn arn(key: &str, secret: &FileObject) -> Value {
    if secret.external {
        secret.name.value.clone().into()
    } else {
        Value::reference(parameter(key))
    }
}

/// Tells the init container to write one file.
fn file(service: &Service, draft: &mut Draft, nth: &mut usize, path: &str, from: Value, reference: &FileReference) {
    let number = |id: &Option<crate::compose::Text>| id.as_ref().map_or("0", |id| id.as_str()).to_owned();
    let owner = format!("{}:{}", number(&reference.uid), number(&reference.gid));
    let mode = format!("{:04o}", reference.mode.map_or(0o444, |mode| mode.value));
    let path = draft.own(service, FOLDER) + path.strip_prefix(FOLDER).unwrap_or_default();
    let init = draft.init_container(service);
    for (what, value) in [("FILE", path), ("OWNER", owner), ("MODE", mode)] {
        let variable = [("Name", format!("SECRET_{nth}_{what}").into()), ("Value", value.into())];
        init.push("Environment", Value::map(variable));
    }
    init.push(
        "Secrets",
        Value::map([("Name", format!("SECRET_{nth}").into()), ("ValueFrom", from)]),
    );
    *nth += 1;
}

/// Where the file goes: below `/run/secrets`, the only folder that the init container shares.
fn path(reference: &FileReference, draft: &mut Draft) -> Option<String> {
    let target = reference.target.as_ref().unwrap_or(&reference.source);
    let path = if target.starts_with('/') {
        target.value.clone()
    } else {
        format!("{FOLDER}/{}", target.value)
    };
    let inside = path
        .strip_prefix(FOLDER)
        .is_some_and(|rest| rest.starts_with('/') && rest.len() > 1);
    if !inside || path.split('/').any(|part| part == "..") {
        let message = format!("a secret cannot be put at `{path}` on ECS: secrets stand in a folder of their own");
        draft.say(Diagnostic::error(target.span, message).hint(format!("give it a target below `{FOLDER}`")));
        return None;
    }
    Some(path)
}

/// The keys that `x-aws-keys` lists.
pub(in crate::ecs) fn listed_keys(node: &Node) -> Option<Vec<String>> {
    node.as_list()?
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect()
}
