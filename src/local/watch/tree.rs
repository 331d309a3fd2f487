//! The watched part of the file system, as it was when it was looked at last.
//!
//! An event only wakes; what is true is asked of the file system then, and compared with what was true before. So events
//! may come late, twice, or not name everything: nothing is lost and nothing is done for nothing. A folder is watched
//! before it is read, so that nothing falls between the two.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::decide::Change;
use super::rule::Rule;
use crate::error::{Error, Result};

/// A batch ends when nothing has happened for so long: one save of an editor is several events.
const QUIET: Duration = Duration::from_millis(10);
/// And at the latest so long after it began.
const MOST: Duration = Duration::from_millis(100);

pub(super) struct Tree<'a> {
    rules: &'a [Rule<'a>],
    watcher: RecommendedWatcher,
    known: BTreeMap<PathBuf, Known>,
}

/// What of a path tells whether it has changed.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Known {
    folder: bool,
    mode: u32,
    /// A folder's time changes with what is in it, which is looked at by itself.
    content: Option<(u64, u64, Option<SystemTime>)>,
}

impl Known {
    fn new(found: &Metadata) -> Self {
        Self {
            folder: found.is_dir(),
            mode: found.mode(),
            content: (!found.is_dir()).then(|| (found.ino(), found.len(), found.modified().ok())),
        }
    }
}

/// What a batch of events names.
pub(super) enum Batch {
    Paths(Vec<PathBuf>),
    /// Events were lost: anything may have happened.
    Everything,
    Failed(notify::Error),
}

impl<'a> Tree<'a> {
    /// Begins to watch; batches come from now on.
    pub(super) fn open(rules: &'a [Rule<'a>]) -> Result<(Self, mpsc::UnboundedReceiver<Batch>)> {
        let (sender, events) = mpsc::unbounded_channel();
        let (batches, receiver) = mpsc::unbounded_channel();
        // Nobody listens any more when the command is about to end.
        let watcher = notify::recommended_watcher(move |event| drop(sender.send(event)));
        let watcher = watcher.map_err(|error| Error::new("cannot watch files").because(&error))?;
        tokio::spawn(gather(events, batches));
        let mut tree = Self {
            rules,
            watcher,
            known: BTreeMap::new(),
        };
        for root in tree.roots() {
            // It may go and come back, which is an event of the folder that it lies in.
            if let Some(parent) = root.parent() {
                tree.watch(parent)?;
            }
            if !cfg!(target_os = "linux") && root.is_dir() {
                tree.attend(&root, RecursiveMode::Recursive)?;
            }
            tree.look(&root)?;
        }
        Ok((tree, receiver))
    }

    /// What has changed of what a batch names.
    pub(super) fn changes(&mut self, batch: &[PathBuf]) -> Result<Vec<Change>> {
        let mut paths: Vec<_> = batch.iter().filter(|path| self.is_wanted(path)).collect();
        // What is gone first: a folder under a new name is still watched under its old one.
        paths.sort_by_key(|path| (fs::symlink_metadata(path).is_ok(), *path));
        paths.dedup();
        let mut changes = Vec::new();
        for path in paths {
            changes.extend(self.look(path)?);
        }
        Ok(changes)
    }

    pub(super) fn all_changes(&mut self) -> Result<Vec<Change>> {
        self.changes(&self.roots())
    }

    /// Every path, and whether it is a folder.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&Path, bool)> {
        self.known.iter().map(|(path, known)| (path.as_path(), known.folder))
    }

    fn roots(&self) -> Vec<PathBuf> {
        let mut roots: Vec<_> = self.rules.iter().map(|rule| rule.path.clone()).collect();
        roots.sort();
        roots.dedup();
        roots
    }

    fn is_wanted(&self, path: &Path) -> bool {
        self.rules.iter().any(|rule| path.starts_with(&rule.path))
    }

    /// Looks at a path and what is below it.
    fn look(&mut self, path: &Path) -> Result<Vec<Change>> {
        let mut now = BTreeMap::new();
        self.walk(path, &mut now)?;
        let before: Vec<_> = self
            .known
            .range(path.to_owned()..)
            .take_while(|(known, _)| known.starts_with(path))
            .map(|(path, known)| (path.clone(), known.folder))
            .collect();
        let mut changes = Vec::new();
        for (path, folder) in before {
            if !now.contains_key(&path) {
                if folder {
                    // Most often it is not watched any more already.
                    let _ = self.watcher.unwatch(&path);
                }
                self.known.remove(&path);
                let there = false;
                changes.push(Change { path, folder, there });
            }
        }
        for (path, known) in now {
            if self.known.get(&path) != Some(&known) {
                changes.push(Change {
                    path: path.clone(),
                    folder: known.folder,
                    there: true,
                });
                self.known.insert(path, known);
            }
        }
        Ok(changes)
    }

    fn walk(&mut self, path: &Path, now: &mut BTreeMap<PathBuf, Known>) -> Result<()> {
        // What is gone in the meantime is an event of its own.
        let Ok(found) = fs::symlink_metadata(path) else {
            return Ok(());
        };
        let known = Known::new(&found);
        let enter = known.folder && self.rules.iter().any(|rule| rule.enters(path));
        now.insert(path.to_owned(), known);
        if !enter {
            return Ok(());
        }
        self.watch(path)?;
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::new(format!("cannot read {}", path.display())).because(&error)),
        };
        for entry in entries.flatten() {
            self.walk(&entry.path(), now)?;
        }
        Ok(())
    }

    fn watch(&mut self, folder: &Path) -> Result<()> {
        if cfg!(target_os = "linux") {
            self.attend(folder, RecursiveMode::NonRecursive)
        } else {
            // Elsewhere a watch is of everything below.
            Ok(())
        }
    }

    fn attend(&mut self, folder: &Path, mode: RecursiveMode) -> Result<()> {
        match self.watcher.watch(folder, mode) {
            Ok(()) => Ok(()),
            Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => Ok(()),
            Err(error) if matches!(&error.kind, notify::ErrorKind::Io(io) if io.kind() == io::ErrorKind::NotFound) => {
                Ok(())
            }
            Err(error) => {
                let failed = Error::new(format!("cannot watch {}", folder.display())).because(&error);
                Err(match error.kind {
                    notify::ErrorKind::MaxFilesWatch => failed.hint(
                        "raise the kernel's limit (`sudo sysctl fs.inotify.max_user_watches=524288`), or name large \
                         folders in the rule's `ignore`",
                    ),
                    _ => failed,
                })
            }
        }
    }
}

/// Puts events together that belong together.
async fn gather(
    mut events: mpsc::UnboundedReceiver<notify::Result<notify::Event>>,
    batches: mpsc::UnboundedSender<Batch>,
) {
    while let Some(first) = events.recv().await {
        let mut paths = Vec::new();
        let mut special = add(first, &mut paths);
        if paths.is_empty() && special.is_none() {
            continue;
        }
        let end = Instant::now() + MOST;
        while special.is_none() {
            let Ok(Some(next)) = timeout_at(end.min(Instant::now() + QUIET), events.recv()).await else {
                break;
            };
            special = add(next, &mut paths);
        }
        if batches.send(special.unwrap_or(Batch::Paths(paths))).is_err() {
            return;
        }
    }
}

fn add(event: notify::Result<notify::Event>, paths: &mut Vec<PathBuf>) -> Option<Batch> {
    match event {
        Ok(event) if event.need_rescan() => Some(Batch::Everything),
        // Whoever reads a file changes nothing.
        Ok(event) if event.kind.is_access() => None,
        Ok(event) => {
            paths.extend(event.paths);
            None
        }
        Err(error) => Some(Batch::Failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::rule::rules;
    use super::*;
    use crate::compose::{LoadOptions, Project, load};

    fn project(folder: &Path) -> Project {
        let text =
            "services: {a: {image: a, develop: {watch: [{action: sync, path: src, target: /a, ignore: [big]}]}}}";
        fs::write(folder.join("compose.yaml"), text).unwrap();
        let options = LoadOptions {
            current_dir: folder.to_owned(),
            ..LoadOptions::default()
        };
        load(&options).unwrap().project
    }

    /// Waits for batches until one brings changes; events that say nothing new come too.
    async fn next(tree: &mut Tree<'_>, batches: &mut mpsc::UnboundedReceiver<Batch>) -> Vec<String> {
        loop {
            let changes = match batches.recv().await.unwrap() {
                Batch::Paths(paths) => tree.changes(&paths).unwrap(),
                _ => tree.all_changes().unwrap(),
            };
            if !changes.is_empty() {
                return said(&changes);
            }
        }
    }

    fn said(changes: &[Change]) -> Vec<String> {
        let mut said: Vec<_> = changes
            .iter()
            .map(|change| {
                let name = change.path.file_name().unwrap().to_string_lossy();
                format!("{}{name}", if change.there { "" } else { "-" })
            })
            .collect();
        said.sort();
        said
    }

    #[tokio::test]
    async fn every_change_is_seen_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir_all(root.join("src/big")).unwrap();
        fs::write(root.join("src/one"), "1").unwrap();
        let project = project(&root);
        let (rules, _) = rules(&project);
        let (mut tree, mut batches) = Tree::open(&rules).unwrap();
        assert!(tree.all_changes().unwrap().is_empty(), "what was there is known");

        fs::write(root.join("src/big/ignored"), "").unwrap();
        fs::write(root.join("src/two"), "2").unwrap();
        assert_eq!(next(&mut tree, &mut batches).await, ["two"]);

        fs::rename(root.join("src/two"), root.join("src/three")).unwrap();
        assert_eq!(next(&mut tree, &mut batches).await, ["-two", "three"]);

        fs::set_permissions(root.join("src/one"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(next(&mut tree, &mut batches).await, ["one"]);

        symlink("one", root.join("src/link")).unwrap();
        assert_eq!(next(&mut tree, &mut batches).await, ["link"]);
    }

    #[tokio::test]
    async fn new_and_renamed_folders_are_watched() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir_all(root.join("src")).unwrap();
        let project = project(&root);
        let (rules, _) = rules(&project);
        let (mut tree, mut batches) = Tree::open(&rules).unwrap();

        fs::create_dir_all(root.join("src/deep/er")).unwrap();
        let mut seen = Vec::new();
        while !seen.contains(&"er".to_owned()) {
            seen.extend(next(&mut tree, &mut batches).await);
        }
        fs::write(root.join("src/deep/er/file"), "").unwrap();
        assert_eq!(next(&mut tree, &mut batches).await, ["file"]);

        fs::rename(root.join("src/deep"), root.join("src/other")).unwrap();
        let moved = next(&mut tree, &mut batches).await;
        assert_eq!(moved, ["-deep", "-er", "-file", "er", "file", "other"]);
        fs::write(root.join("src/other/er/file"), "changed").unwrap();
        assert_eq!(next(&mut tree, &mut batches).await, ["file"]);

        fs::remove_dir_all(root.join("src")).unwrap();
        let mut gone = Vec::new();
        while !gone.contains(&"-src".to_owned()) {
            gone.extend(next(&mut tree, &mut batches).await);
        }
        fs::create_dir(root.join("src")).unwrap();
        assert_eq!(next(&mut tree, &mut batches).await, ["src"]);
        fs::write(root.join("src/back"), "").unwrap();
        assert_eq!(next(&mut tree, &mut batches).await, ["back"]);
    }
}
