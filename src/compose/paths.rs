//! Relative paths → absolute ones.

use super::{Map, Node, Value};
use crate::diagnostic::Span;

/// Where relative paths start, and what `~` stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base<'a> {
    pub(super) folder: &'a str,
    pub(super) home: Option<&'a str>,
}

impl Base<'_> {
    /// An absolute path stays as it was written; a relative one is joined and cleaned.
    pub(super) fn resolve(&self, path: &str) -> String {
        if let (Some(rest), Some(home)) = (path.strip_prefix('~'), self.home) {
            return clean(&format!("{home}/{rest}"));
        }
        if path.starts_with('/') {
            return path.to_owned();
        }
        clean(&format!("{}/{path}", self.folder))
    }
}

/// A share or a path on a drive, which the machine that runs the engine may have.
pub(super) fn is_windows_path(path: &str) -> bool {
    let bytes = path.as_bytes();
    if path.starts_with("\\\\") {
        return true;
    }
    bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && matches!(bytes[2], b'\\' | b'/')
}

/// The shortest path that means the same, without looking at the file system.
pub(crate) fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// A relative path that was resolved: its place, what was written there, and the absolute path that it means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Resolved {
    pub(super) span: Span,
    pub(super) written: String,
    pub(super) path: String,
}

/// Resolves every path of a document in its long form; gives those that were relative.
pub(super) fn resolve(document: &mut Node, base: Base<'_>) -> Vec<Resolved> {
    let mut resolved = Vec::new();
    let mut change = |node: &mut Node, kind: Kind| resolved.extend(kind.resolve(node, base));
    each(document, "services", |service| each_path(service, &mut change));
    for kind in ["secrets", "configs"] {
        each(document, kind, |resource| {
            child(resource, "file", |file| change(file, Kind::Path));
        });
    }
    each(document, "volumes", |volume| {
        // Only the local driver mounts a folder of the machine, and only with exactly this option.
        let local = volume
            .get("driver")
            .is_some_and(|driver| driver.as_str() == Some("local"));
        let option = |name: &str| volume.get("driver_opts")?.get(name)?.as_str().map(str::to_owned);
        if local && option("o").as_deref() == Some("bind") {
            child(volume, "driver_opts", |options| {
                child(options, "device", |device| change(device, Kind::Path));
            });
        }
    });
    resolved
}

pub(super) fn resolve_service(service: &mut Node, base: Base<'_>) {
    each_path(service, &mut |node, kind| {
        kind.resolve(node, base);
    });
}

/// What a path may be besides a path.
#[derive(Clone, Copy)]
enum Kind {
    Path,
    /// The name of something elsewhere.
    Context,
    /// A share or a drive of another system.
    Mounted,
    Watched,
}

impl Kind {
    fn resolve(self, node: &mut Node, base: Base<'_>) -> Option<Resolved> {
        let span = node.span;
        let Value::String(text) = &mut node.value else {
            return None;
        };
        let path = match self {
            Self::Context => context(text, base),
            Self::Mounted if is_windows_path(text) => text.clone(),
            Self::Path | Self::Mounted => base.resolve(text),
            Self::Watched => watched(text, base),
        };
        let is_relative = path.starts_with('/') && !text.starts_with(['/', '~']);
        let written = std::mem::replace(text, path.clone());
        is_relative.then_some(Resolved { span, written, path })
    }
}

/// Every path of a service.
fn each_path(service: &mut Node, change: &mut dyn FnMut(&mut Node, Kind)) {
    child(service, "build", |build| {
        child(build, "context", |context| change(context, Kind::Context));
        for (name, kind) in [("additional_contexts", Kind::Context), ("ssh", Kind::Path)] {
            child(build, name, |contexts| {
                for entry in map_mut(contexts).into_iter().flat_map(Map::values_mut) {
                    if entry.node.as_str().is_some_and(|path| !path.is_empty()) {
                        change(&mut entry.node, kind);
                    }
                }
            });
        }
    });
    child(service, "env_file", |list| {
        entries(list, |entry| child(entry, "path", |path| change(path, Kind::Path)));
    });
    child(service, "label_file", |list| {
        entries(list, |entry| change(entry, Kind::Path));
    });
    child(service, "develop", |develop| {
        child(develop, "watch", |list| {
            entries(list, |rule| child(rule, "path", |path| change(path, Kind::Watched)));
        });
    });
    child(service, "volumes", |list| {
        entries(list, |mount| {
            if mount.get("type").and_then(Node::as_str) == Some("bind") {
                child(mount, "source", |source| change(source, Kind::Mounted));
            }
        });
    });
    // The file of a service that this one extends is a path too, of interest to nobody after loading.
    child(service, "extends", |extends| {
        child(extends, "file", |file| change(file, Kind::Path));
    });
}

/// A watched path: file events name what a link leads to.
fn watched(path: &str, base: Base<'_>) -> String {
    if path.trim().is_empty() {
        return path.to_owned();
    }
    let path = base.resolve(path);
    match std::fs::canonicalize(&path) {
        Ok(real) if path.starts_with('/') => real.to_string_lossy().into_owned(),
        _ => path,
    }
}

/// A build context: a path, unless it names something elsewhere.
fn context(path: &str, base: Base<'_>) -> String {
    let elsewhere = path.contains("://")
        || path.starts_with("service:")
        || path.starts_with("git@")
        || path.starts_with("github.com/");
    if elsewhere || path.is_empty() {
        path.to_owned()
    } else {
        base.resolve(path)
    }
}

fn map_mut(node: &mut Node) -> Option<&mut Map> {
    if let Value::Map(map) = &mut node.value {
        Some(map)
    } else {
        None
    }
}

fn child(node: &mut Node, name: &str, change: impl FnOnce(&mut Node)) {
    if let Some(entry) = map_mut(node).and_then(|map| map.get_mut(name)) {
        change(&mut entry.node);
    }
}

fn each(node: &mut Node, name: &str, mut change: impl FnMut(&mut Node)) {
    child(node, name, |node| {
        map_mut(node)
            .into_iter()
            .flat_map(Map::values_mut)
            .for_each(|entry| change(&mut entry.node));
    });
}

fn entries(node: &mut Node, change: impl FnMut(&mut Node)) {
    if let Value::List(list) = &mut node.value {
        list.iter_mut().for_each(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_without_touching_the_disk() {
        for (path, expected) in [
            ("/a/./b/../c/", "/a/c"),
            ("a//b", "a/b"),
            ("./", "."),
            ("../x", "../x"),
            ("/..", "/"),
        ] {
            assert_eq!(clean(path), expected);
        }
    }

    #[test]
    fn what_is_absolute_stays() {
        let base = Base {
            folder: "/project",
            home: Some("/home/me"),
        };
        assert_eq!(base.resolve("./x/../y"), "/project/y");
        assert_eq!(base.resolve("/x/./y"), "/x/./y");
        assert_eq!(base.resolve("~/x"), "/home/me/x");
    }
}
