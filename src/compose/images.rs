//! The images that a project names, and what their tags mean now.

use std::collections::{BTreeSet, HashMap};

use super::{Entry, Map, Node, Project, Service, Spanned, Value};
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::registry::{Failure, Reference};

/// What registries said the digests of images are.
pub type Digests = HashMap<Reference, Result<String, Failure>>;

/// The registry that an image comes from; none of what is no name of an image.
#[must_use]
pub fn registry(image: &str) -> Option<String> {
    image.parse().ok().map(|reference: Reference| reference.registry)
}

/// What is wrong with the name of a service's image, which Compose takes as it is.
#[must_use]
pub fn misnamed(service: &Service) -> Option<Diagnostic> {
    let image = service.image.as_ref().filter(|image| !image.value.is_empty())?;
    let invalid = image.value.parse::<Reference>().err()?;
    Some(Diagnostic::error(image.span, invalid.to_string()).hint("write `registry/repository:tag`"))
}

/// The images whose digests nobody knows yet.
#[must_use]
pub fn unpinned(project: &Project) -> BTreeSet<Reference> {
    let mut project = project.clone();
    let references = images(&mut project)
        .into_iter()
        .filter_map(|image| image.parse::<Reference>().ok());
    references.filter(|image| image.digest.is_none()).collect()
}

/// Puts the digest behind every image whose digest is known. What is not known stays and is told, in this severity.
pub fn pin(project: &mut Project, digests: &Digests, severity: Severity) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let mut pinned: HashMap<String, String> = HashMap::new();
    let built = project.services.values().filter(|service| service.build.is_some());
    let built: BTreeSet<String> = built
        .filter_map(|service| Some(service.image.as_ref()?.value.clone()))
        .collect();
    for image in images(project) {
        let resolved = match image.parse::<Reference>() {
            Ok(reference) if reference.digest.is_some() => Ok(reference.to_string()),
            Ok(reference) => match digests.get(&reference) {
                Some(Ok(digest)) => Ok(reference.with_digest(digest).to_string()),
                Some(Err(failure @ Failure::Missing { .. })) if built.contains(&image.value) => {
                    Err((failure.to_string(), "`ctx build --push` puts it there".to_owned()))
                }
                Some(Err(failure)) => Err((failure.to_string(), failure.hint())),
                None => continue,
            },
            Err(invalid) => Err((invalid.to_string(), "write `registry/repository:tag`".to_owned())),
        };
        match resolved {
            Ok(name) => {
                pinned.insert(std::mem::replace(&mut image.value, name.clone()), name);
            }
            Err((why, hint)) => diagnostics.push(Diagnostic {
                severity,
                ..Diagnostic::error(image.span, format!("`{}` has no digest: {why}", image.value)).hint(hint)
            }),
        }
    }
    pin_tree(&mut project.tree, &pinned);
    diagnostics
}

/// The document of an override that says nothing but the digests of a pinned project, whose texts are `interpolated`
/// already or not.
#[must_use]
pub fn lock(project: &Project, interpolated: bool) -> Node {
    let services = project.services.keys().filter_map(|name| {
        let service = project.tree.get("services")?.get(name)?;
        let image = service.get("image").cloned().map(|image| ("image".to_owned(), image));
        let mounts = service.get("volumes").and_then(Node::as_list).unwrap_or_default();
        let is_image = |mount: &&Node| mount.get("type").and_then(Node::as_str) == Some("image");
        let mut mounts: Vec<Node> = mounts.iter().filter(is_image).cloned().collect();
        if interpolated {
            mounts.iter_mut().for_each(escape);
        }
        let mounts = (!mounts.is_empty()).then(|| ("volumes".to_owned(), added(Value::List(mounts))));
        Some((name.clone(), mapping(image.into_iter().chain(mounts))))
    });
    mapping([("services".to_owned(), mapping(services))])
}

/// Keeps dollars from being taken for variables when the override is read.
fn escape(node: &mut Node) {
    match &mut node.value {
        Value::String(text) => *text = text.replace('$', "$$"),
        Value::List(list) => list.iter_mut().for_each(escape),
        Value::Map(map) => map.values_mut().for_each(|entry| escape(&mut entry.node)),
        _ => {}
    }
}

fn added(value: Value) -> Node {
    Node::new(value, Span::NOWHERE)
}

fn mapping(entries: impl IntoIterator<Item = (String, Node)>) -> Node {
    let entry = |(name, node)| {
        (
            name,
            Entry {
                key: Span::NOWHERE,
                node,
            },
        )
    };
    added(Value::Map(entries.into_iter().map(entry).collect()))
}

/// Services with images that no override can pin, because lists of hooks are appended.
#[must_use]
pub fn unlockable(project: &Project) -> Vec<Diagnostic> {
    let hooks = project.services.values().flat_map(|service| &service.pre_start);
    let images = hooks.filter_map(|hook| hook.image.as_ref());
    let warning = |image: &Spanned<String>| {
        Diagnostic::warning(image.span, "an override cannot pin the image of a hook")
            .hint("use all that `--resolve-image-digests` prints")
    };
    images.map(warning).collect()
}

/// Every image that containers of the enabled services are made from or mount.
fn images(project: &mut Project) -> Vec<&mut Spanned<String>> {
    let names: BTreeSet<String> = project.services.keys().cloned().collect();
    let of_service = |service| -> Vec<&mut Spanned<String>> {
        let Service {
            image,
            volumes,
            pre_start,
            ..
        }: &mut Service = service;
        let mounted = volumes.iter_mut().filter(|mount| mount.mount_type.value == "image");
        // What is called like a service is that service's image.
        let mounted = mounted.filter_map(|mount| mount.source.as_mut());
        let mounted = mounted.filter(|source| !names.contains(&source.value));
        let of_hooks = pre_start.iter_mut().filter_map(|hook| hook.image.as_mut());
        image.iter_mut().chain(mounted).chain(of_hooks).collect()
    };
    project.services.values_mut().flat_map(of_service).collect()
}

/// The same for the document.
fn pin_tree(tree: &mut Node, pinned: &HashMap<String, String>) {
    let pin = |node: &mut Node| {
        if let Value::String(text) = &mut node.value
            && let Some(name) = pinned.get(text)
        {
            text.clone_from(name);
        }
    };
    let Some(services) = entry(tree, "services") else {
        return;
    };
    for service in map(services).into_iter().flat_map(Map::values_mut) {
        let service = &mut service.node;
        entry(service, "image").map(pin);
        for mount in list(service, "volumes") {
            if mount.get("type").and_then(Node::as_str) == Some("image") {
                entry(mount, "source").map(pin);
            }
        }
        for hook in list(service, "pre_start") {
            entry(hook, "image").map(pin);
        }
    }
}

fn map(node: &mut Node) -> Option<&mut Map> {
    match &mut node.value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

fn entry<'a>(node: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    map(node)?.get_mut(name).map(|entry| &mut entry.node)
}

fn list<'a>(node: &'a mut Node, name: &str) -> &'a mut [Node] {
    match entry(node, name).map(|node| &mut node.value) {
        Some(Value::List(list)) => list,
        _ => &mut [],
    }
}
