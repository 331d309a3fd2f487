//! Which files a path of `COPY` stands for, once links and wildcards on the way are followed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::image::Ignore;

/// The paths, and those of the links on the way to them. `None` when that is everything there is.
pub(super) fn followed(root: &Path, paths: &[String]) -> io::Result<Option<Vec<String>>> {
    let mut resolved = BTreeSet::new();
    for path in paths {
        follow(root, path, &mut resolved)?;
    }
    if resolved.contains("") {
        return Ok(None);
    }
    // What lies below something that is wanted is wanted with it.
    let mut paths: Vec<String> = Vec::new();
    for path in &resolved {
        let above = |known: &String| path.strip_prefix(known).is_some_and(|rest| rest.starts_with('/'));
        if !paths.iter().any(above) {
            paths.push(path.clone());
        }
    }
    Ok(Some(paths))
}

fn follow(root: &Path, path: &str, resolved: &mut BTreeSet<String>) -> io::Result<()> {
    let path = clean(path);
    let mut current = String::new();
    let mut rest = path.as_str();
    loop {
        let (part, after) = rest.split_once('/').unwrap_or((rest, ""));
        current = joined(&current, part);
        let targets = targets(root, &current, true)?;
        rest = after;
        if (rest.is_empty() || targets.is_some()) && !resolved.insert(current.clone()) {
            return Ok(());
        }
        if let Some(targets) = targets {
            for target in targets {
                follow(root, &joined(&target, rest), resolved)?;
            }
            return Ok(());
        }
        if rest.is_empty() {
            return Ok(());
        }
    }
}

/// Where a link leads; a name with wildcards leads to where those that it fits lead. `None` for what is no link.
fn targets(root: &Path, path: &str, wildcards: bool) -> io::Result<Option<Vec<String>>> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if wildcards && name.contains(['*', '?', '[']) {
        let entries = match fs::read_dir(root.join(folder)) {
            Err(error) if missing(&error) => return Ok(None),
            entries => entries?,
        };
        let pattern = Ignore::of(&[name.to_owned()]).map_err(io::Error::other)?;
        let mut all = Vec::new();
        for entry in entries {
            if let Ok(name) = entry?.file_name().into_string()
                && pattern.excludes(&name)
            {
                all.extend(targets(root, &joined(folder, &name), false)?.unwrap_or_default());
            }
        }
        return Ok(Some(all));
    }
    let place = root.join(path);
    let found = match fs::symlink_metadata(&place) {
        Err(error) if missing(&error) => return Ok(None),
        found => found?,
    };
    if !found.is_symlink() {
        return Ok(None);
    }
    let target = fs::read_link(&place)?.display().to_string();
    Ok(Some(vec![if target.starts_with('/') {
        clean(&target)
    } else {
        clean(&joined(folder, &target))
    }]))
}

fn missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn joined(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", path) | (path, "") => path.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

/// A path below the context, out of which nothing leads.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
