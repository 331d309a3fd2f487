//! What a build sees: a tar archive of its context, the same for the same files.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Ignore;

/// What the archive calls a Dockerfile that is no file of the context.
pub(super) const DOCKERFILE: &str = ".ctx.Dockerfile";
const DOCKERIGNORE: &str = ".dockerignore";

/// Where the Dockerfile's text comes from.
pub(super) enum Dockerfile<'a> {
    /// Relative to the context, or absolute.
    File(&'a str),
    Inline(&'a str),
}

/// What the archive holds, and what it calls the Dockerfile.
pub(super) struct Context {
    root: PathBuf,
    /// Each folder before what is in it.
    paths: BTreeSet<String>,
    /// The text of a Dockerfile that is no file of the context.
    text: Option<String>,
    /// A `.dockerignore` with which the engine takes the Dockerfile away once it has read it.
    ignore: Option<String>,
    pub(super) dockerfile: String,
}

/// Looks through a context: only what `.dockerignore` lets a build see.
pub(super) fn list(root: &Path, dockerfile: &Dockerfile<'_>) -> io::Result<Context> {
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
    let mut paths = listed(root, &ignore, &name)?;
    let own = paths.remove(DOCKERIGNORE);
    let hidden = text.is_some() || ignore.excludes(&name);
    if own && !hidden {
        paths.insert(DOCKERIGNORE.to_owned());
    }
    let ignore = hidden.then(|| {
        let said = if own {
            fs::read_to_string(root.join(DOCKERIGNORE)).unwrap_or_default()
        } else {
            String::new()
        };
        let itself = if own { "" } else { DOCKERIGNORE };
        format!("{said}\n{name}\n{itself}\n")
    });
    Ok(Context {
        root: root.to_owned(),
        paths,
        text,
        ignore,
        dockerfile: name,
    })
}

impl Context {
    /// Writes the archive, in the order of names, without owners.
    pub(super) fn write(&self, archive: impl io::Write) -> io::Result<()> {
        let mut builder = tar::Builder::new(archive);
        for path in &self.paths {
            append(&mut builder, &self.root, path)?;
        }
        for (name, text) in [(DOCKERIGNORE, &self.ignore), (DOCKERFILE, &self.text)] {
            let Some(text) = text else { continue };
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, text.as_bytes())?;
        }
        builder.into_inner()?.flush()
    }
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
            let path = named(&entry.file_name(), &folder);
            let excluded = ignore.excludes(&path);
            if !excluded {
                text(&entry)?;
            }
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

/// The path of an entry below the context's root. Patterns see names that are no text as what they look like.
pub(super) fn named(name: &OsStr, folder: &str) -> String {
    let name = name.to_string_lossy();
    if folder.is_empty() {
        name.into_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// Refuses a name that is no text: builders are told names as text, and what they are not told would be missing.
pub(super) fn text(entry: &fs::DirEntry) -> io::Result<()> {
    if entry.file_name().to_str().is_some() {
        return Ok(());
    }
    let message = format!(
        "the name {} is no UTF-8: leave it out in `.dockerignore`",
        entry.path().display()
    );
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

fn with_parents(path: &str, seen: &mut BTreeSet<String>) {
    for (slash, _) in path.match_indices('/') {
        seen.insert(path[..slash].to_owned());
    }
    seen.insert(path.to_owned());
}

fn append(builder: &mut tar::Builder<impl io::Write>, root: &Path, name: &str) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let path = root.join(name);
    let found = said(fs::symlink_metadata(&path), &path)?;
    let mut header = tar::Header::new_gnu();
    header.set_mode(found.permissions().mode() & 0o7777);
    header.set_mtime(u64::try_from(found.mtime()).unwrap_or_default());
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
        // A file that grows meanwhile must not grow into the next one.
        let file = said(fs::File::open(&path), &path)?.take(found.len());
        builder.append_data(&mut header, name, file)
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

    fn archive(context: &Context) -> Vec<u8> {
        let mut archive = Vec::new();
        context.write(&mut archive).unwrap();
        archive
    }

    fn names(context: &Context) -> Vec<String> {
        let archive = archive(context);
        let mut archive = tar::Archive::new(archive.as_slice());
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
        let context = list(root, &Dockerfile::File("Dockerfile")).unwrap();
        assert_eq!(
            names(&context),
            [
                "Dockerfile",
                "src/",
                "src/a",
                "src/deep/",
                "src/deep/b",
                "src/link",
                ".dockerignore"
            ]
        );
        let first = archive(&context);
        let mut archived = tar::Archive::new(first.as_slice());
        let modes: Vec<u32> = archived
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().header().mode().unwrap())
            .collect();
        assert_eq!(modes[2], 0o750);
        let again = list(root, &Dockerfile::File("Dockerfile")).unwrap();
        assert_eq!(archive(&again), first);

        fs::write(root.join("Dockerfile.dockerignore"), "src/deep\n").unwrap();
        let own = list(root, &Dockerfile::File("Dockerfile")).unwrap();
        assert!(names(&own).contains(&"secret".to_owned()) && !names(&own).contains(&"src/deep/b".to_owned()));
        let inline = list(root, &Dockerfile::Inline("FROM scratch")).unwrap();
        assert_eq!(inline.dockerfile, DOCKERFILE);
        assert_eq!(names(&inline).last().map(String::as_str), Some(DOCKERFILE));
    }
}
