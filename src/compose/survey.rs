//! What the disk has where bind mounts and configs point to. Read for a target that cannot mount it, so that what is
//! made from a project afterwards needs no disk.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use super::Project;

/// At most this much is read of one folder, in bytes and in entries. More does not fit anywhere, and a folder of
/// gigabytes is not to be read to learn that.
pub const MOST_BYTES: u64 = 4 << 20;
const MOST_ENTRIES: usize = 10_000;

/// Folders of version control: history is for developers.
const HISTORY: [&str; 4] = [".git", ".hg", ".svn", ".jj"];
/// Files that keep an empty folder in version control.
const KEEPERS: [&str; 3] = [".gitkeep", ".keep", ".gitignore"];

/// What a path is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OnDisk {
    Missing,
    /// A folder without files, or with none but those that keep it in version control.
    Empty,
    /// A file, or a folder with content.
    Files(Tree),
    /// A folder or a file of more than [`MOST_BYTES`], or of more entries than anybody would send.
    TooLarge,
    /// What is no file and no folder: its kind.
    Special(&'static str),
    Unreadable(String),
}

#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Tree {
    pub is_file: bool,
    /// In the order of their paths. A file's one entry has an empty path.
    pub entries: Vec<OnDiskEntry>,
    /// Whether a folder of version control was left out.
    pub without_history: bool,
}

#[derive(Clone, PartialEq, Eq)]
pub struct OnDiskEntry {
    /// Relative to the folder.
    pub path: String,
    pub content: Content,
    /// Permission bits.
    pub mode: u32,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    Folder,
    File(Vec<u8>),
    /// A symbolic link, and what it names.
    Link(String),
}

impl fmt::Debug for OnDiskEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.content {
            Content::Folder => "folder".to_owned(),
            Content::File(content) => format!("{} bytes", content.len()),
            Content::Link(to) => format!("→ {to}"),
        };
        write!(f, "{} ({:o}, {kind})", self.path, self.mode)
    }
}

/// Looks at these paths and notes in the project what is there.
pub fn survey(project: &mut Project, paths: &BTreeSet<String>) {
    project.disk = paths.iter().map(|path| (path.clone(), look(Path::new(path)))).collect();
}

fn look(path: &Path) -> OnDisk {
    let unreadable = |error: &io::Error| OnDisk::Unreadable(error.to_string());
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return OnDisk::Missing;
        }
        Err(error) => return unreadable(&error),
    };
    if let Some(kind) = special(metadata.file_type()) {
        return OnDisk::Special(kind);
    }
    let mut walk = Walk::default();
    walk.tree.is_file = metadata.is_file();
    let walked = if metadata.is_file() {
        walk.file(path, String::new(), &metadata)
    } else {
        walk.folder(path, "")
    };
    let keeps =
        |entry: &OnDiskEntry| matches!(entry.content, Content::Folder) || KEEPERS.contains(&entry.path.as_str());
    match walked {
        Ok(()) if !walk.tree.is_file && walk.tree.entries.iter().all(keeps) => OnDisk::Empty,
        Ok(()) => OnDisk::Files(walk.tree),
        Err(Stop::TooLarge) => OnDisk::TooLarge,
        Err(Stop::Special(kind)) => OnDisk::Special(kind),
        Err(Stop::Io(error)) => unreadable(&error),
    }
}

fn special(kind: fs::FileType) -> Option<&'static str> {
    if kind.is_socket() {
        Some("socket")
    } else if kind.is_fifo() {
        Some("pipe")
    } else if kind.is_block_device() || kind.is_char_device() {
        Some("device")
    } else {
        None
    }
}

#[derive(Default)]
struct Walk {
    tree: Tree,
    bytes: u64,
}

enum Stop {
    TooLarge,
    Special(&'static str),
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Walk {
    fn folder(&mut self, folder: &Path, inside: &str) -> Result<(), Stop> {
        let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        if self.tree.entries.len() + entries.len() > MOST_ENTRIES {
            return Err(Stop::TooLarge);
        }
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(io::Error::other(format!("{}: its name is no text", entry.path().display())).into());
            };
            if HISTORY.contains(&name) {
                self.tree.without_history = true;
                continue;
            }
            let path = if inside.is_empty() {
                name.to_owned()
            } else {
                format!("{inside}/{name}")
            };
            let metadata = entry.metadata()?;
            let kind = metadata.file_type();
            if let Some(kind) = special(kind) {
                return Err(Stop::Special(kind));
            }
            if kind.is_symlink() {
                let to = fs::read_link(entry.path())?.to_string_lossy().into_owned();
                self.add(path, Content::Link(to), 0o777);
            } else if kind.is_dir() {
                self.add(path.clone(), Content::Folder, metadata.permissions().mode() & 0o7777);
                self.folder(&entry.path(), &path)?;
            } else {
                self.file(&entry.path(), path, &metadata)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, file: &Path, path: String, metadata: &fs::Metadata) -> Result<(), Stop> {
        self.bytes += metadata.len();
        if self.bytes > MOST_BYTES {
            return Err(Stop::TooLarge);
        }
        let content = fs::read(file)?;
        self.add(path, Content::File(content), metadata.permissions().mode() & 0o7777);
        Ok(())
    }

    fn add(&mut self, path: String, content: Content, mode: u32) {
        self.tree.entries.push(OnDiskEntry { path, content, mode });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "text").unwrap();
        fs::create_dir_all(path("empty/inner")).unwrap();
        fs::write(path("empty/.gitkeep"), "").unwrap();
        fs::create_dir_all(path("full/.git")).unwrap();
        fs::write(path("full/b"), "b").unwrap();
        fs::write(path("full/.git/config"), "").unwrap();
        std::os::unix::fs::symlink("b", path("full/a")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        fs::write(path("large"), vec![0; usize::try_from(MOST_BYTES).unwrap() + 1]).unwrap();

        assert_eq!(look(&path("missing")), OnDisk::Missing);
        assert_eq!(look(&path("file/below")), OnDisk::Missing);
        assert_eq!(look(&path("empty")), OnDisk::Empty);
        assert_eq!(look(&path("socket")), OnDisk::Special("socket"));
        assert_eq!(look(&path("large")), OnDisk::TooLarge);
        assert_eq!(look(folder.path()), OnDisk::TooLarge);
        assert!(matches!(look(&path("file")), OnDisk::Files(tree) if tree.is_file));
        let OnDisk::Files(full) = look(&path("full")) else {
            panic!("the folder has content")
        };
        let found: Vec<_> = full.entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(found, ["a", "b"]);
        assert!(full.without_history && !full.is_file);
        assert!(matches!(&full.entries[0].content, Content::Link(to) if to == "b"));
    }
}
