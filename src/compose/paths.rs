//! Relative paths → absolute ones.

use super::{Map, Node, Value};

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
fn is_windows_path(path: &str) -> bool {
    let bytes = path.as_bytes();
    if path.starts_with("\\\\") {
        return true;
    }
    bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && matches!(bytes[2], b'\\' | b'/')
}

/// The shortest path that means the same, without looking at the file system.
pub(super) fn clean(path: &str) -> String {
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

/// Resolves every path of a document in its long form.
pub(super) fn resolve(document: &mut Node, base: Base<'_>) {
    each(document, "services", |service| resolve_service(service, base));
    for kind in ["secrets", "configs"] {
        each(document, kind, |resource| {
            text(resource, "file", |path| base.resolve(path));
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
                text(options, "device", |path| base.resolve(path));
            });
        }
    });
}

pub(super) fn resolve_service(service: &mut Node, base: Base<'_>) {
    child(service, "build", |build| {
        text(build, "context", |path| context(path, base));
        for name in ["additional_contexts", "ssh"] {
            child(build, name, |contexts| {
                for entry in map_mut(contexts).into_iter().flat_map(Map::values_mut) {
                    if let Value::String(path) = &mut entry.node.value
                        && !path.is_empty()
                    {
                        *path = if name == "ssh" {
                            base.resolve(path)
                        } else {
                            context(path, base)
                        };
                    }
                }
            });
        }
    });
    child(service, "env_file", |list| {
        entries(list, |entry| text(entry, "path", |path| base.resolve(path)));
    });
    child(service, "label_file", |list| {
        entries(list, |entry| {
            if let Value::String(path) = &mut entry.value {
                *path = base.resolve(path);
            }
        });
    });
    child(service, "develop", |develop| {
        child(develop, "watch", |list| {
            entries(list, |rule| {
                text(rule, "path", |path| watched(path, base));
            });
        });
    });
    child(service, "volumes", |list| {
        entries(list, |mount| {
            if mount.get("type").and_then(Node::as_str) == Some("bind") {
                text(mount, "source", |path| {
                    if is_windows_path(path) {
                        path.to_owned()
                    } else {
                        base.resolve(path)
                    }
                });
            }
        });
    });
    // The file of a service that this one extends is a path too, of interest to nobody after loading.
    child(service, "extends", |extends| {
        text(extends, "file", |path| base.resolve(path));
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

fn text(node: &mut Node, name: &str, change: impl FnOnce(&str) -> String) {
    child(node, name, |node| {
        if let Value::String(text) = &mut node.value {
            *text = change(text);
        }
    });
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
