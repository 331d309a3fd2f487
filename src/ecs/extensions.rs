//! `x-aws-*`: what Compose has no word for. [`table`] has each with the place where it may stand and what its value may
//! be; a name that nobody knows, or at another place, is an error, because what it was meant to do would not happen. At the
//! top of a file, where mappings are kept for their anchors, one that is like none of ours is let through.
//! Other `x-` names are other tools'.

mod shape;
mod table;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::compose::{Extensions, Map, Node, Project, Service, Spanned, Value as Written};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::Value;
use crate::ecs::draft::Draft;
use crate::ecs::rules::{overlay, role, stack, tags};

pub(in crate::ecs) use shape::{Shape, boolean, integer, seconds};
use table::EXTENSIONS;

const PREFIX: &str = "x-aws-";

/// An extension: its path as the verdict tables write paths, its value, what it does (a word for the documentation and
/// for editors), and who translates it.
pub(in crate::ecs) struct Extension(
    pub(in crate::ecs) &'static str,
    pub(in crate::ecs) Shape,
    pub(in crate::ecs) &'static str,
    Verdict,
);

#[derive(Clone, Copy)]
enum Verdict {
    /// A rule that runs before any service is looked at.
    Project(fn(&Node, &mut Draft<'_>)),
    /// A rule that runs after those of the service's attributes. There is no list on its path.
    Service(fn(&Node, &Service, &mut Draft<'_>)),
    /// Read by the rule of the attribute around it.
    Part,
}

/// All of them, for the documentation: the path, the value in words, and what it does.
pub fn all() -> impl Iterator<Item = (&'static str, String, &'static str)> {
    let all = EXTENSIONS.iter();
    all.map(|Extension(path, shape, does, _)| (*path, shape.describe(), *does))
}

/// A JSON schema for editors: the Compose specification's own, and these.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    let all = EXTENSIONS.iter();
    shape::json_schema(all.map(|Extension(path, shape, does, _)| (*path, shape, *does)))
}

/// Says what there is to say about all extensions, and applies those of the project.
pub(in crate::ecs) fn begin(draft: &mut Draft) {
    let project = draft.project;
    let mut said = Vec::new();
    if let Some(map) = project.tree.as_map() {
        check(map, &PLACES, &project.services, &mut said);
    }
    draft.diagnostics.extend(said);
    for Extension(path, shape, _, verdict) in EXTENSIONS {
        if let (Verdict::Project(rule), Some(node)) = (verdict, project.tree.get(path))
            && is_right(shape, node)
        {
            rule(node, draft);
        }
    }
}

/// Applies the extensions of one service.
pub(in crate::ecs) fn apply(service: &Service, draft: &mut Draft) {
    let project = draft.project;
    let Some(written) = project
        .tree
        .get("services")
        .and_then(|services| services.get(&service.name))
    else {
        return;
    };
    for Extension(path, shape, _, verdict) in EXTENSIONS {
        let Verdict::Service(rule) = verdict else { continue };
        let mut path = path.trim_start_matches("services.*.").split('.');
        let node = path.try_fold(written, Node::get);
        if let Some(node) = node.filter(|node| is_right(shape, node)) {
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
    if let Some(node) = extensions.get("x-aws-permissions_boundary") {
        role::boundary(node, draft);
    }
    if let Some(node) = extensions.get("x-aws-tags") {
        tags::add(node, draft);
    }
    if let Some(node) = extensions.get("x-aws-cloudformation") {
        overlay::apply(node, draft);
    }
}

/// A mapping of the specification in which `x-` may stand, and what is in it.
#[derive(Default)]
struct Place {
    extensions: HashMap<&'static str, &'static Extension>,
    inside: HashMap<&'static str, Place>,
}

static PLACES: LazyLock<Place> = LazyLock::new(|| {
    let mut root = Place::default();
    // Only what has attributes of its own: names of labels and variables may begin as they like.
    for path in crate::compose::schema::attributes() {
        if let Some((around, _)) = path.rsplit_once('.') {
            around
                .split('.')
                .fold(&mut root, |place, name| place.inside.entry(name).or_default());
        }
    }
    for extension in EXTENSIONS {
        let (around, name) = extension.0.rsplit_once('.').unwrap_or(("", extension.0));
        let place = around
            .split('.')
            .filter(|name| !name.is_empty())
            .fold(&mut root, |place, name| place.inside.entry(name).or_default());
        place.extensions.insert(name, extension);
    }
    root
});

/// Checks what stands in a mapping and below it. Of the services only those count that are enabled.
fn check(map: &Map, place: &Place, services: &indexmap::IndexMap<String, Service>, said: &mut Vec<Diagnostic>) {
    let free = place.inside.get("*");
    for (name, entry) in map {
        if let Some(inside) = free.or(place.inside.get(name.as_str())) {
            match &entry.node.value {
                Written::Map(map) if std::ptr::eq(place, &raw const *PLACES) && name == "services" => {
                    let Some(inside) = inside.inside.get("*") else { continue };
                    for (_, entry) in map.iter().filter(|(name, _)| services.contains_key(*name)) {
                        if let Some(map) = entry.node.as_map() {
                            check(map, inside, services, said);
                        }
                    }
                }
                Written::Map(map) => check(map, inside, services, said),
                Written::List(items) => {
                    for map in items.iter().filter_map(Node::as_map) {
                        check(map, inside.inside.get("*").unwrap_or(inside), services, said);
                    }
                }
                _ => {}
            }
        } else if name.starts_with(PREFIX) && free.is_none() {
            match place.extensions.get(name.as_str()) {
                Some(Extension(_, shape, _, _)) => shape.check(name, &entry.node, said),
                None => said.push(unknown(name, entry.key, &entry.node, place)),
            }
        }
    }
}

fn unknown(name: &str, span: Span, value: &Node, place: &Place) -> Diagnostic {
    // What all of them begin with makes none of them alike.
    let end = |name: &'static str| &name[PREFIX.len()..];
    let mut here: Vec<_> = place.extensions.keys().copied().collect();
    here.sort_unstable();
    let elsewhere: Vec<_> = EXTENSIONS
        .iter()
        .filter_map(|Extension(path, ..)| Some((path.rsplit_once('.')?.0, path.rsplit('.').next()?)))
        .filter(|(_, other)| *other == name)
        .map(|(around, _)| format!("`{around}`"))
        .collect();
    let hint = match crate::diagnostic::nearest(&name[PREFIX.len()..], here.iter().copied().map(end)) {
        Some(end) => format!("did you mean `{PREFIX}{end}`?"),
        None if !elsewhere.is_empty() => format!("it stands under {}", elsewhere.join(", ")),
        None if EXTENSIONS.iter().any(|Extension(path, ..)| *path == name) => {
            "it stands at the top of the file".to_owned()
        }
        None if std::ptr::eq(place, &raw const *PLACES) && value.as_map().is_some() => {
            let message = format!("`{name}` is no extension of `ctx`, and does nothing itself");
            return Diagnostic::warning(span, message)
                .hint("call a mapping that is there for its anchor `x-…` otherwise");
        }
        None if here.is_empty() => "remove it".to_owned(),
        None => {
            let here: Vec<_> = here.iter().map(|name| format!("`{name}`")).collect();
            format!("here may stand {}", here.join(", "))
        }
    };
    Diagnostic::error(span, format!("unknown extension `{name}`")).hint(hint)
}

fn is_right(shape: &Shape, node: &Node) -> bool {
    let mut said = Vec::new();
    shape.check("", node, &mut said);
    said.is_empty()
}

/// Whether the project wants a nested stack for each service, or none.
pub(in crate::ecs) fn nested_stacks(project: &Project) -> Option<Spanned<bool>> {
    let node = project.extensions.get("x-aws-nested_stacks")?;
    match node.value {
        Written::Bool(wanted) => Some(Spanned::new(wanted, node.span)),
        _ => None,
    }
}

/// The security group that `x-aws-securitygroup` of a network names.
pub(in crate::ecs) fn security_group(extensions: &Extensions) -> Option<&str> {
    extensions.get("x-aws-securitygroup")?.as_str()
}

/// The ECR repository that a service's built image goes to.
pub(in crate::ecs) fn repository(service: &Service) -> Option<&str> {
    service.extensions.get("x-aws-repository")?.as_str()
}

/// Whether a service says how to log in to its image's registry.
pub(in crate::ecs) fn has_pull_credentials(service: &Service) -> bool {
    service.extensions.contains_key("x-aws-pull_credentials")
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
