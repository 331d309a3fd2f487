//! What lies in a folder and is of use to a build, in the order in which BuildKit compares it with what it has.

use std::fs::{self, DirEntry, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::follow::followed;
use super::messages::Stat;
use crate::image::Ignore;
use crate::image::context::{named, text};

/// Go's bits of what is no plain file.
const FOLDER: u32 = 1 << 31;
const LINK: u32 = 1 << 27;
const SET_USER: u32 = 1 << 23;
const SET_GROUP: u32 = 1 << 22;
const STICKY: u32 = 1 << 20;

/// What the builder wants of a folder. All of it where nothing is included.
#[derive(Default, Debug)]
pub(super) struct Wanted {
    pub(super) included: Vec<String>,
    pub(super) excluded: Vec<String>,
    /// What instructions copy: it is included with what links among it point to.
    pub(super) followed: Vec<String>,
}

struct Walk {
    included: Option<Ignore>,
    excluded: Ignore,
    /// Folders that were entered and are told only when something in them is.
    untold: Vec<Stat>,
    told: Vec<Stat>,
}

/// Everything below `root` that is wanted, each folder before what is in it, siblings by the bytes of their names.
///
/// Neither owners nor times of access are told: what is built depends on what the files are, wherever they are.
pub(super) fn walk(root: &Path, wanted: &Wanted) -> io::Result<Vec<Stat>> {
    let invalid = |why| io::Error::new(ErrorKind::InvalidData, why);
    let mut included = wanted.included.clone();
    included.extend(followed(root, &wanted.followed)?.unwrap_or_default());
    let mut walk = Walk {
        included: (!included.is_empty())
            .then(|| Ignore::of(&included))
            .transpose()
            .map_err(invalid)?,
        excluded: Ignore::of(&wanted.excluded).map_err(invalid)?,
        untold: Vec::new(),
        told: Vec::new(),
    };
    walk.enter(root, "")?;
    Ok(walk.told)
}

impl Walk {
    fn enter(&mut self, path: &Path, folder: &str) -> io::Result<()> {
        let about = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let mut entries = fs::read_dir(path).map_err(about)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries {
            let name = named(&entry.file_name(), folder);
            let kind = entry.file_type()?;
            let excluded = self.excluded.excludes(&name);
            let included = self.included.as_ref().is_none_or(|included| included.excludes(&name));
            let below = kind.is_dir()
                && (!excluded || self.excluded.may_see_below(&name))
                && (included
                    || self
                        .included
                        .as_ref()
                        .is_none_or(|included| included.may_leave_out_below(&name)));
            let wanted = included && !excluded;
            if !wanted && !below {
                continue;
            }
            text(&entry)?;
            let found = match entry.metadata() {
                // It was there a moment ago, and is nobody's mistake.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                found => found?,
            };
            let Some(stat) = stat(&name, &found, &entry.path())? else {
                continue;
            };
            let depth = self.untold.len();
            if wanted {
                self.told.append(&mut self.untold);
                self.told.push(stat);
            } else {
                self.untold.push(stat);
            }
            if below {
                self.enter(&entry.path(), &name)?;
            }
            self.untold.truncate(depth);
        }
        Ok(())
    }
}

/// `None` for sockets and devices, which nothing can be copied from.
fn stat(name: &str, found: &Metadata, path: &Path) -> io::Result<Option<Stat>> {
    let mode = found.permissions().mode();
    let mut bits = mode & 0o777;
    for (theirs, gos) in [(0o4000, SET_USER), (0o2000, SET_GROUP), (0o1000, STICKY)] {
        if mode & theirs != 0 {
            bits |= gos;
        }
    }
    let mut stat = Stat {
        path: name.to_owned(),
        mode: bits,
        modified: found.mtime() * 1_000_000_000 + found.mtime_nsec(),
        ..Stat::default()
    };
    if found.is_dir() {
        stat.mode |= FOLDER;
    } else if found.is_symlink() {
        stat.mode |= LINK;
        stat.link = fs::read_link(path)?.display().to_string();
    } else if found.is_file() {
        stat.size = i64::try_from(found.len()).unwrap_or(i64::MAX);
    } else {
        return Ok(None);
    }
    Ok(Some(stat))
}

/// Whether there is something to send.
pub(super) fn is_file(stat: &Stat) -> bool {
    stat.mode & (FOLDER | LINK) == 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_is_wanted_is_told_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for file in ["a.txt", "a/x", "a/y/z", "b/deep/c", "node/m", "real/inner"] {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "12").unwrap();
        }
        symlink("/real", root.join("link")).unwrap();
        fs::set_permissions(root.join("a/x"), fs::Permissions::from_mode(0o4750)).unwrap();
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (included, excluded, followed, expected) in [
            (
                &[][..],
                &["node"][..],
                &[][..],
                "a a/x a/y a/y/z a.txt b b/deep b/deep/c link real real/inner",
            ),
            (&["a.txt"], &[], &[], "a.txt"),
            (&[], &["*", "!b/deep"], &[], "b b/deep b/deep/c"),
            (&[], &[], &["link/inner"], "link real real/inner"),
            (&[], &["a/x"], &["a", "*.txt"], "a a/y a/y/z a.txt"),
            (&[], &["node", "a", "b"], &["."], "a.txt link real real/inner"),
            (&[], &[], &["missing"], ""),
        ] {
            let wanted = Wanted {
                included: texts(included),
                excluded: texts(excluded),
                followed: texts(followed),
            };
            let told = walk(root, &wanted).unwrap();
            let names: Vec<_> = told.iter().map(|stat| stat.path.as_str()).collect();
            assert_eq!(names.join(" "), expected, "{wanted:?}");
        }
        let told = walk(root, &Wanted::default()).unwrap();
        let of = |path: &str| told.iter().find(|stat| stat.path == path).unwrap();
        assert_eq!((of("a/x").mode, of("a/x").size), (SET_USER | 0o750, 2));
        assert_eq!((of("link").link.as_str(), is_file(of("link"))), ("/real", false));
    }
}
