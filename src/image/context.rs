//! What a build sees: a tar archive of its context, the same for the same files.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Ignore;

/// What the archive calls a Dockerfile that is no file of the context.
pub(super) const DOCKERFILE: &str = ".ctx.Dockerfile";

/// Where the Dockerfile's text comes from.
pub(super) enum Dockerfile<'a> {
    /// Relative to the context, or absolute.
    File(&'a str),
    Inline(&'a str),
}

/// The archive, and what it calls the Dockerfile.
pub(super) struct Context {
    pub(super) archive: Vec<u8>,
    pub(super) dockerfile: String,
}

/// Reads a context: only what `.dockerignore` lets a build see, in the order of names, without owners and times.
pub(super) fn read(root: &Path, dockerfile: &Dockerfile<'_>) -> io::Result<Context> {
    let (text, name) = match dockerfile {
        Dockerfile::Inline(text) => (Some((*text).to_owned()), DOCKERFILE.to_owned()),
        Dockerfile::File(file) => {
            let path = root.join(file);
            let inside = fs::canonicalize(&path).ok().and_then(|path| {
                let root = fs::canonicalize(root).ok()?;
                Some(path.strip_prefix(root).ok()?.to_str()?.to_owned())
            });
            match inside {
                Some(inside) => (None, inside),
                None => (Some(said(fs::read_to_string(&path), &path)?), DOCKERFILE.to_owned()),
            }
        }
    };
    let own = match dockerfile {
        Dockerfile::File(file) => Some(*file),
        Dockerfile::Inline(_) => None,
    };
    let (patterns, place) = ignore_file(root, own)?;
    let invalid = |why| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", place.display()));
    let ignore = Ignore::parse(&patterns).map_err(invalid)?;
    let mut builder = tar::Builder::new(Vec::new());
    for path in listed(root, &ignore, &name)? {
        append(&mut builder, root, &path)?;
    }
    if let Some(text) = text {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, DOCKERFILE, text.as_bytes())?;
    }
    Ok(Context {
        archive: builder.into_inner()?,
        dockerfile: name,
    })
}

/// What stands in `<Dockerfile>.dockerignore` where it is there, in `.dockerignore` otherwise, and nothing without both.
pub(crate) fn dockerignore(root: &Path, dockerfile: &str) -> io::Result<String> {
    ignore_file(root, Some(dockerfile)).map(|(text, _)| text)
}

fn ignore_file(root: &Path, dockerfile: Option<&str>) -> io::Result<(String, PathBuf)> {
    let own = dockerfile.map(|file| root.join(format!("{file}.dockerignore")));
    let all = root.join(".dockerignore");
    for path in own.into_iter().chain([all.clone()]) {
        match fs::read_to_string(&path) {
            Ok(text) => return Ok((text, path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return said(Err(error), &path),
        }
    }
    Ok((String::new(), all))
}

/// Everything that the build sees, each folder before what is in it; and the Dockerfile, which the builder needs.
fn listed(root: &Path, ignore: &Ignore, dockerfile: &str) -> io::Result<BTreeSet<String>> {
    let mut seen = BTreeSet::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        for entry in said(fs::read_dir(&path), &path)? {
            let entry = entry?;
            // A name that is no text cannot be in a pattern, nor in a Dockerfile.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            let excluded = ignore.excludes(&path);
            if entry.file_type()?.is_dir() && (!excluded || ignore.may_see_below(&path)) {
                folders.push(path.clone());
            }
            if !excluded {
                with_parents(&path, &mut seen);
            }
        }
    }
    if dockerfile != DOCKERFILE {
        with_parents(dockerfile, &mut seen);
    }
    Ok(seen)
}

fn with_parents(path: &str, seen: &mut BTreeSet<String>) {
    for (slash, _) in path.match_indices('/') {
        seen.insert(path[..slash].to_owned());
    }
    seen.insert(path.to_owned());
}

fn append(builder: &mut tar::Builder<Vec<u8>>, root: &Path, name: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let path = root.join(name);
    let found = said(fs::symlink_metadata(&path), &path)?;
    let mut header = tar::Header::new_gnu();
    header.set_mode(found.permissions().mode() & 0o7777);
    if found.is_symlink() {
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, name, fs::read_link(&path)?)
    } else if found.is_dir() {
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        builder.append_data(&mut header, format!("{name}/"), io::empty())
    } else if found.is_file() {
        header.set_size(found.len());
        builder.append_data(&mut header, name, said(fs::File::open(&path), &path)?)
    } else {
        // Sockets and devices are nothing that could be copied.
        Ok(())
    }
}

/// The error with the path that it is about.
fn said<T>(result: io::Result<T>, path: &Path) -> io::Result<T> {
    result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn names(context: &Context) -> Vec<String> {
        let mut archive = tar::Archive::new(context.archive.as_slice());
        let entries = archive.entries().unwrap();
        entries
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect()
    }

    #[test]
    fn a_context_is_what_the_build_may_see_and_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("src/deep")).unwrap();
        for (file, text) in [
            ("Dockerfile", "FROM scratch"),
            ("src/a", "a"),
            ("src/deep/b", "b"),
            ("secret", "x"),
        ] {
            fs::write(root.join(file), text).unwrap();
        }
        fs::set_permissions(root.join("src/a"), fs::Permissions::from_mode(0o750)).unwrap();
        symlink("a", root.join("src/link")).unwrap();
        fs::write(root.join(".dockerignore"), "*\n!src\n").unwrap();
        let context = read(root, &Dockerfile::File("Dockerfile")).unwrap();
        assert_eq!(
            names(&context),
            ["Dockerfile", "src/", "src/a", "src/deep/", "src/deep/b", "src/link"]
        );
        let mut archive = tar::Archive::new(context.archive.as_slice());
        let modes: Vec<u32> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().header().mode().unwrap())
            .collect();
        assert_eq!(modes[2], 0o750);
        filetime(&root.join("src/a"));
        assert_eq!(
            read(root, &Dockerfile::File("Dockerfile")).unwrap().archive,
            context.archive
        );

        fs::write(root.join("Dockerfile.dockerignore"), "src/deep\n").unwrap();
        let own = read(root, &Dockerfile::File("Dockerfile")).unwrap();
        assert!(names(&own).contains(&"secret".to_owned()) && !names(&own).contains(&"src/deep/b".to_owned()));
        let inline = read(root, &Dockerfile::Inline("FROM scratch")).unwrap();
        assert_eq!(inline.dockerfile, DOCKERFILE);
        assert_eq!(names(&inline).last().map(String::as_str), Some(DOCKERFILE));
    }

    /// Writes a file anew, as it was.
    fn filetime(path: &Path) {
        fs::File::options()
            .write(true)
            .open(path)
            .and_then(|file| file.set_modified(std::time::SystemTime::UNIX_EPOCH))
            .unwrap();
    }
}
