//! `x-aws-*`: what Compose has no word for. Each name has a verdict at each place where it may stand; a name that
//! nobody knows is an error, because what it was meant to do would not happen. Other `x-` names are other tools'.

use crate::compose::{Extensions, FileObject, FileReference, Node, Port, Service, Value as Written};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::Value;
use crate::ecs::draft::Draft;
use crate::ecs::rules::{credentials, overlay, role, rollout, scaling, secret, stack};

const PREFIX: &str = "x-aws-";

/// Translates the extension of a project: the value, and the draft to change.
type ProjectRule = fn(&Node, &mut Draft<'_>);
type ServiceRule = fn(&Node, &Service, &mut Draft<'_>);

enum Verdict<Rule> {
    Yes(Rule),
    /// Read by the rule of the attribute around it.
    Part,
    NotYet(&'static str),
}

use Verdict::{NotYet, Part, Yes};

const PROJECT: &[(&str, Verdict<ProjectRule>)] = &[
    ("x-aws-cloudformation", Part),
    ("x-aws-cluster", Yes(stack::cluster)),
    (
        "x-aws-loadbalancer",
        NotYet("leave it out: the stack makes a load balancer of its own"),
    ),
    ("x-aws-logs_retention", Part),
    ("x-aws-vpc", Yes(stack::vpc)),
];

const SERVICE: &[(&str, Verdict<ServiceRule>)] = &[
    ("x-aws-policies", Yes(role::policies)),
    ("x-aws-pull_credentials", Yes(credentials::pull)),
    ("x-aws-role", Yes(role::document)),
];

const DEPLOY: &[(&str, Verdict<ServiceRule>)] = &[("x-aws-autoscaling", Yes(scaling::autoscaling))];

const UPDATE_CONFIG: &[(&str, Verdict<ServiceRule>)] = &[
    ("x-aws-max_percent", Yes(rollout::max_percent)),
    ("x-aws-min_percent", Yes(rollout::min_percent)),
];

const PORT: &[(&str, Verdict<ServiceRule>)] = &[("x-aws-protocol", Part)];
const SECRET: &[(&str, Verdict<ServiceRule>)] = &[("x-aws-keys", Part)];
const NETWORK: &[(&str, Verdict<ServiceRule>)] = &[("x-aws-securitygroup", Part)];
const NONE: &[(&str, Verdict<ServiceRule>)] = &[];

/// Applies the extensions of the project, and says what there is to say about all others.
pub(in crate::ecs) fn begin(draft: &mut Draft) {
    let project = draft.project;
    check(&project.extensions, PROJECT, draft);
    for (node, rule) in chosen(&project.extensions, PROJECT) {
        rule(node, draft);
    }
    for network in project.networks.values() {
        check(&network.extensions, NETWORK, draft);
    }
    for volume in project.volumes.values() {
        check(&volume.extensions, NONE, draft);
    }
    for secret in project.secrets.values() {
        check(&secret.extensions, SECRET, draft);
    }
    for service in project.services.values() {
        check(&service.extensions, SERVICE, draft);
        for port in &service.ports {
            check(&port.extensions, PORT, draft);
            check_protocol(port, draft);
        }
        for reference in &service.secrets {
            check(&reference.extensions, SECRET, draft);
        }
        for mount in &service.volumes {
            check(&mount.extensions, NONE, draft);
        }
        for network in service.networks.values() {
            check(&network.extensions, NONE, draft);
        }
        let check_of = |of: Option<&Extensions>, draft: &mut Draft| {
            if let Some(extensions) = of {
                check(extensions, NONE, draft);
            }
        };
        check_of(service.healthcheck.as_ref().map(|check| &check.extensions), draft);
        check_of(service.logging.as_ref().map(|logging| &logging.extensions), draft);
        if let Some(deploy) = &service.deploy {
            check(&deploy.extensions, DEPLOY, draft);
            if let Some(update) = &deploy.update_config {
                check(&update.extensions, UPDATE_CONFIG, draft);
            }
        }
    }
}

/// Applies the extensions of one service.
pub(in crate::ecs) fn apply(service: &Service, draft: &mut Draft) {
    let deploy = service.deploy.as_ref();
    let update = deploy.and_then(|deploy| deploy.update_config.as_ref());
    let places = [
        (Some(&service.extensions), SERVICE),
        (deploy.map(|deploy| &deploy.extensions), DEPLOY),
        (update.map(|update| &update.extensions), UPDATE_CONFIG),
    ];
    for (extensions, known) in places {
        for (node, rule) in extensions.into_iter().flat_map(|extensions| chosen(extensions, known)) {
            rule(node, service, draft);
        }
    }
}

/// Applies what the project says about the finished template.
pub(in crate::ecs) fn finish(draft: &mut Draft) {
    let extensions = &draft.project.extensions;
    if let Some(node) = extensions.get("x-aws-logs_retention") {
        stack::logs_retention(node, draft);
    }
    if let Some(node) = extensions.get("x-aws-cloudformation") {
        overlay::apply(node, draft);
    }
}

/// `x-aws-protocol` of a port.
pub(in crate::ecs) fn protocol(port: &Port) -> Option<&str> {
    port.extensions.get("x-aws-protocol")?.as_str()
}

/// The security group that `x-aws-securitygroup` of a network names.
pub(in crate::ecs) fn security_group(extensions: &Extensions) -> Option<&str> {
    extensions.get("x-aws-securitygroup")?.as_str()
}

/// Whether a service says how to log in to its image's registry.
pub(in crate::ecs) fn has_pull_credentials(service: &Service) -> bool {
    service.extensions.contains_key("x-aws-pull_credentials")
}

/// `x-aws-keys` of a secret, or of one use of it: the keys of its JSON that become files.
pub(in crate::ecs) fn keys(reference: &FileReference, secret: &FileObject, draft: &mut Draft) -> Option<Vec<String>> {
    let node = reference
        .extensions
        .get("x-aws-keys")
        .or(secret.extensions.get("x-aws-keys"))?;
    match secret::listed_keys(node) {
        Some(keys) if keys.iter().any(|key| key == "*") => {
            let message = "`x-aws-keys: [\"*\"]` does not work yet";
            draft.say(Diagnostic::error(node.span, message).hint("list the keys"));
            None
        }
        Some(keys) => Some(keys),
        None => {
            wrong(node, "x-aws-keys", "a list of the keys of the secret's JSON", draft);
            None
        }
    }
}

/// Says that an extension has a value of another kind than it takes.
pub(in crate::ecs) fn wrong(node: &Node, name: &str, takes: &str, draft: &mut Draft) {
    let message = format!("`{name}` is {takes}, not {}", node.kind());
    draft.say(Diagnostic::error(node.span, message));
}

/// A whole number, also as interpolation leaves it: as text.
pub(in crate::ecs) fn integer(node: &Node) -> Option<i64> {
    match &node.value {
        Written::Int(number) => Some(*number),
        Written::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A value as a template has it.
pub(in crate::ecs) fn value(node: &Node) -> Value {
    match &node.value {
        Written::Null => Value::Null,
        Written::Bool(value) => Value::Bool(*value),
        Written::Int(value) => Value::Int(*value),
        Written::Float(value) => Value::Float(*value),
        Written::String(text) => Value::from(text.clone()),
        Written::List(items) => Value::List(items.iter().map(value).collect()),
        Written::Map(map) => Value::map(map.iter().map(|(key, entry)| (key.clone(), value(&entry.node)))),
    }
}

fn chosen<'a, Rule: Copy>(
    extensions: &'a Extensions,
    known: &'static [(&'static str, Verdict<Rule>)],
) -> impl Iterator<Item = (&'a Node, Rule)> {
    extensions.iter().filter_map(|(name, node)| {
        let (_, verdict) = known.iter().find(|(other, _)| other == name)?;
        if let Yes(rule) = verdict {
            Some((node, *rule))
        } else {
            None
        }
    })
}

fn check<Rule>(extensions: &Extensions, known: &[(&str, Verdict<Rule>)], draft: &mut Draft) {
    for (name, node) in extensions.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        match known.iter().find(|(other, _)| other == name) {
            Some((_, Yes(_) | Part)) => {}
            Some((_, NotYet(instead))) => {
                let message = format!("`{name}` does not work yet");
                draft.say(Diagnostic::error(node.span, message).hint(*instead));
            }
            None => unknown(name, node.span, known.iter().map(|(other, _)| *other), draft),
        }
    }
}

fn unknown<'a>(name: &str, span: Span, here: impl Iterator<Item = &'a str>, draft: &mut Draft) {
    let here: Vec<_> = here.collect();
    // What all of them begin with makes none of them alike.
    let ends = here.iter().filter_map(|name| name.strip_prefix(PREFIX));
    let hint = match crate::compose::schema::nearest(&name[PREFIX.len()..], ends) {
        Some(end) => format!("did you mean `{PREFIX}{end}`?"),
        None if here.is_empty() => "remove it".to_owned(),
        None => format!(
            "here may stand {}",
            here.iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    };
    draft.say(Diagnostic::error(span, format!("unknown extension `{name}`")).hint(hint));
}

fn check_protocol(port: &Port, draft: &mut Draft) {
    let Some(node) = port.extensions.get("x-aws-protocol") else {
        return;
    };
    match node.as_str() {
        None => wrong(node, "x-aws-protocol", "a protocol", draft),
        Some("http" | "https" | "tcp") => {}
        Some(other) => {
            let message = format!("`x-aws-protocol` cannot be `{other}`");
            let hint = "it is `http` for a load balancer that speaks HTTP, `tcp` or `https` for one that passes through what comes";
            draft.say(Diagnostic::error(node.span, message).hint(hint));
        }
    }
}
