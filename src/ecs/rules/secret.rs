//! Secrets: the template knows their ARNs, ECS hands their values to the init container, and it writes the files.

use crate::compose::{FileObject, FileReference, Node, Service};
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::{Purpose, Value, fragment, names, value};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;
use crate::ecs::rules::file;

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
    let needs =
        |one: &&Service| !one.secrets.is_empty() || extensions::has_pull_credentials(one) || file::is_sent(one, draft);
    draft.housemates(service).iter().any(needs)
}

/// `secrets`
pub(in crate::ecs) fn files(service: &Service, draft: &mut Draft) {
    let mut arns = Vec::new();
    let is_written = |secret: &&Value| {
        let name = secret.get("Name").and_then(Value::as_str);
        name.is_some_and(|name| name.starts_with("SECRET_"))
    };
    let there = draft.init_container(service).get("Secrets").map(Value::as_list);
    let mut nth = there.unwrap_or_default().iter().filter(is_written).count();
    let mut usual = false;
    for reference in &service.secrets {
        let Some(secret) = draft.project.secrets.get(reference.source.as_str()) else {
            continue;
        };
        let arn = arn(&reference.source, secret);
        let path = path(reference);
        if path.split('/').any(|part| part == "..") {
            let message = format!("`{path}` is no path of a secret");
            let span = reference
                .target
                .as_ref()
                .map_or(reference.source.span, |target| target.span);
            draft.say(Diagnostic::error(span, message).hint("write it without `..`"));
            continue;
        }
        let path = if is_usual(reference) {
            usual = true;
            draft.own(service, FOLDER) + path.strip_prefix(FOLDER).unwrap_or_default()
        } else {
            // Nothing can be mounted there: that has been said.
            let Some(path) = file::path_in_init(service, &path, draft) else {
                continue;
            };
            path
        };
        match extensions::keys(reference, secret, draft) {
            None => write(service, draft, &mut nth, &path, arn.clone(), reference),
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
                    write(service, draft, &mut nth, &format!("{path}/{key}"), from, reference);
                }
            }
        }
        if !arns.contains(&arn) {
            arns.push(arn);
        }
    }
    if usual {
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
    if !arns.is_empty() {
        grant(service, draft, arns);
    }
}

/// Where the service finds a secret.
pub(in crate::ecs) fn path(reference: &FileReference) -> String {
    let target = reference.target.as_ref().unwrap_or(&reference.source);
    if target.starts_with('/') {
        target.value.clone()
    } else {
        format!("{FOLDER}/{}", target.value)
    }
}

/// Whether a secret stands in the folder of secrets, which is a volume of its own.
pub(in crate::ecs) fn is_usual(reference: &FileReference) -> bool {
    let path = path(reference);
    path.strip_prefix(FOLDER)
        .is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
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
fn write(service: &Service, draft: &mut Draft, nth: &mut usize, path: &str, from: Value, reference: &FileReference) {
    let number = |id: &Option<crate::compose::Text>| id.as_ref().map_or("0", |id| id.as_str()).to_owned();
    let owner = format!("{}:{}", number(&reference.uid), number(&reference.gid));
    let mode = format!("{:04o}", reference.mode.map_or(0o444, |mode| mode.value));
    let init = draft.init_container(service);
    for (what, value) in [("FILE", path.to_owned()), ("OWNER", owner), ("MODE", mode)] {
        let variable = [("Name", format!("SECRET_{nth}_{what}").into()), ("Value", value.into())];
        init.push("Environment", Value::map(variable));
    }
    init.push(
        "Secrets",
        Value::map([("Name", format!("SECRET_{nth}").into()), ("ValueFrom", from)]),
    );
    *nth += 1;
}

/// The keys that `x-aws-keys` lists.
pub(in crate::ecs) fn listed_keys(node: &Node) -> Option<Vec<String>> {
    node.as_list()?
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect()
}
