//! Files as they are copied into containers and out of them: tar archives, in pieces.

use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::error::{Error, Result};

/// Pieces of an archive under way at a time.
pub(crate) const PIECES: usize = 8;

/// What is copied, and how.
#[derive(Clone, Default, Debug)]
pub struct Copy {
    pub service: String,
    /// Of this container; without a number from the first, or to all.
    pub index: Option<u32>,
    /// Containers count too that `run` has made.
    pub one_offs: bool,
    /// The path in the container.
    pub path: String,
    /// Where a symbolic link stands, what it points to is meant.
    pub follow_link: bool,
    /// Keep owners.
    pub archive: bool,
}

/// The folder of the container in which an archive is unpacked, and the name that its root gets there: none where a
/// folder's contents are meant.
pub(crate) fn landing(from: &Path, to: &str, is_folder: bool) -> Result<(String, Option<String>)> {
    let source_is_folder = from.is_dir();
    let contents = from.as_os_str().as_encoded_bytes().ends_with(b"/.") || from == Path::new(".");
    if is_folder {
        let name = from.canonicalize().ok();
        let name = name.as_deref().and_then(Path::file_name).or(from.file_name());
        let name = name.map(|name| name.to_string_lossy().into_owned());
        return Ok((to.to_owned(), name.filter(|_| !(contents && source_is_folder))));
    }
    if to.ends_with('/') && !source_is_folder {
        return Err(Error::new(format!("there is no folder `{to}` in the container"))
            .hint("make it first, or leave out the slash to copy under that name"));
    }
    let trimmed = to.trim_end_matches('/');
    let (folder, name) = trimmed.rsplit_once('/').unwrap_or(("", trimmed));
    Ok((format!("{folder}/"), Some(name.to_owned())))
}

/// An archive while it is made.
pub(crate) struct Packing {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    failure: Arc<Mutex<Option<String>>>,
}

impl Packing {
    /// Of a file or folder whose root gets a name, as [`pack`] does, on a thread of its own.
    pub(crate) fn of(from: &Path, name: Option<String>, follow: bool) -> Self {
        let from = from.to_owned();
        Self::begin(move |out| pack(out, &from, name.as_deref(), follow))
    }

    /// What `read` gives is an archive already.
    pub(crate) fn passing(read: fn() -> Box<dyn Read + Send>) -> Self {
        Self::begin(move |mut out| io::copy(&mut read(), &mut out).map(drop))
    }

    fn begin(write: impl FnOnce(Sender) -> io::Result<()> + Send + 'static) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = write(Sender(sender.clone())) {
                let _ = sender.blocking_send(Err(error));
            }
        });
        Self {
            pieces,
            failure: Arc::default(),
        }
    }

    /// What comes next; nothing behind the end.
    pub(crate) async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let piece = self.pieces.recv().await?;
        if let (Err(error), Ok(mut failure)) = (&piece, self.failure.lock()) {
            *failure = Some(error.to_string());
        }
        Some(piece)
    }

    /// Says later whether reading has failed, of which who takes the pieces only knows that no more come.
    pub(crate) fn check(&self) -> impl Fn() -> Result<()> + use<> {
        let failure = Arc::clone(&self.failure);
        move || match failure.lock().ok().and_then(|mut failure| failure.take()) {
            Some(why) => Err(Error::new(format!("cannot read what is to be copied: {why}"))),
            None => Ok(()),
        }
    }
}

/// Writes a file or folder as an archive whose root has a name; without one the root itself is left out.
fn pack(out: Sender, from: &Path, name: Option<&str>, follow: bool) -> io::Result<()> {
    let mut archive = tar::Builder::new(out);
    archive.follow_symlinks(false);
    let real = if follow { from.canonicalize()? } else { from.to_owned() };
    if real.is_dir() && (follow || !real.is_symlink() || from.as_os_str().as_encoded_bytes().ends_with(b"/.")) {
        archive.append_dir_all(name.unwrap_or("."), &real)?;
    } else {
        let name = name.map_or_else(|| real.file_name().unwrap_or_default().into(), PathBuf::from);
        archive.append_path_with_name(&real, name)?;
    }
    archive.into_inner()?.flush()
}

/// Unpacks an archive with one root: into a folder that is there, else under the name of the target.
pub(crate) fn unpack(archive: impl Read, to: &Path, contents: bool) -> io::Result<()> {
    let is_folder = to.is_dir();
    if !is_folder && to.as_os_str().as_encoded_bytes().ends_with(b"/") {
        let message = format!("there is no folder {}", to.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    let mut archive = tar::Archive::new(archive);
    archive.set_preserve_permissions(true);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let place = |path: &Path| {
            let inside: PathBuf = path.components().filter(is_plain).collect();
            // The root of a folder's contents may be called `.`, which is no level.
            let root = usize::from(!(contents && path.starts_with(".")));
            let below = inside.components().skip(root).collect::<PathBuf>();
            match (is_folder, contents) {
                (true, false) => to.join(&inside),
                _ if below.as_os_str().is_empty() => to.to_owned(),
                _ => to.join(&below),
            }
        };
        let target = place(&entry.path()?);
        stays_inside(&target, to)?;
        let kind = entry.header().entry_type();
        if kind.is_dir() && target.is_dir() {
            continue;
        }
        if kind.is_hard_link()
            && let Some(name) = entry.link_name()?
        {
            let first = place(&name);
            stays_inside(&first, to)?;
            std::fs::hard_link(first, &target)?;
            continue;
        }
        entry.unpack(&target)?;
    }
    Ok(())
}

/// Refuses what an archive would write elsewhere. A name that leads out of the target is not among the components; a
/// link that does is on the way to the last of them.
fn stays_inside(path: &Path, to: &Path) -> io::Result<()> {
    let Some(parent) = path.parent().filter(|_| path != to) else {
        return Ok(());
    };
    if parent.canonicalize()?.starts_with(to.canonicalize()?) {
        Ok(())
    } else {
        Err(io::Error::other("the archive leads out of the target through a link"))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what `filter` gives")]
fn is_plain(component: &Component<'_>) -> bool {
    matches!(component, Component::Normal(_))
}

/// Writes pieces for the runtime's side.
struct Sender(mpsc::Sender<io::Result<Bytes>>);

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into()).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads pieces from the runtime's side.
pub(crate) struct Pieces {
    next: Box<dyn FnMut() -> Option<Bytes> + Send>,
    rest: Bytes,
}

impl Pieces {
    /// Out of what gives the next piece, and waits for it.
    pub(crate) fn new(next: impl FnMut() -> Option<Bytes> + Send + 'static) -> Self {
        Self {
            next: Box::new(next),
            rest: Bytes::new(),
        }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match (self.next)() {
                Some(piece) => self.rest = piece,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_lands_as_with_the_docker_cli() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let dot = folder.path().join(".");
        let name = folder.path().file_name().unwrap().to_str().unwrap();
        let lands = |from: &Path, to: &str, is_folder| landing(from, to, is_folder).ok();
        let at = |folder: &str, name: &str| Some((folder.to_owned(), Some(name.to_owned())));
        assert_eq!(lands(&file, "/etc", true), at("/etc", "file"));
        assert_eq!(lands(&file, "/etc/other", false), at("/etc/", "other"));
        assert_eq!(lands(&file, "other", false), at("/", "other"));
        assert_eq!(lands(&file, "/nowhere/", false), None);
        assert_eq!(lands(folder.path(), "/etc", true), at("/etc", name));
        assert_eq!(lands(folder.path(), "/new/", false), at("/", "new"));
        assert_eq!(lands(&dot, "/etc", true), Some(("/etc".to_owned(), None)));
    }

    #[test]
    fn contents_land_in_the_target_whatever_their_root_is_called() {
        for (root, contents) in [("./", true), ("dir/", true), ("dir/", false), ("./dir/", false)] {
            let mut archive = tar::Builder::new(Vec::new());
            for (name, content) in [("", ""), ("below/", ""), ("below/file", "x"), ("beside", "x")] {
                let mut header = tar::Header::new_gnu();
                if content.is_empty() {
                    header.set_entry_type(tar::EntryType::Directory);
                }
                header.set_size(content.len() as u64);
                header.set_mode(0o700);
                // `append_data` would leave out the `./`, which engines write.
                let path = format!("{root}{name}");
                header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
                header.set_cksum();
                archive.append(&header, content.as_bytes()).unwrap();
            }
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("new");
            unpack(archive.into_inner().unwrap().as_slice(), &target, contents).unwrap();
            assert!(
                target.join("beside").is_file() && target.join("below/file").is_file(),
                "{root} {contents}"
            );
        }
    }

    #[test]
    fn no_archive_leads_out_of_the_target() {
        let folder = tempfile::tempdir().unwrap();
        let (target, other) = (folder.path().join("target"), folder.path().join("other"));
        std::fs::create_dir_all(target.join("a")).unwrap();
        std::fs::create_dir(&other).unwrap();
        let mut archive = tar::Builder::new(Vec::new());
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        archive.append_link(&mut link, "root/link", &other).unwrap();
        let mut file = tar::Header::new_gnu();
        file.set_size(1);
        file.set_mode(0o600);
        archive.append_data(&mut file, "root/link/evil", &b"x"[..]).unwrap();
        let bytes = archive.into_inner().unwrap();
        std::fs::create_dir(target.join("root")).unwrap();
        let _ = unpack(bytes.as_slice(), &target, false);
        assert!(!other.join("evil").exists());
    }
}
