//! `cp`: files between the machine of the user and a container, streamed as tar archives in both directions.

use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use bollard::body_try_stream;
use bollard::query_parameters::{ContainerArchiveInfoOptions, DownloadFromContainerOptions, UploadToContainerOptions};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::Engine;
use super::observed::Container;
use crate::backend::Io;
use crate::engine::{is_missing, message};
use crate::error::{Error, Result};

/// Pieces of an archive under way at a time.
const PIECES: usize = 8;
/// How the engine (that is, Go) writes that a file's mode is a folder's or a link's.
const FOLDER: u32 = 1 << 31;
const LINK: u32 = 1 << 27;

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

impl Engine {
    /// Copies from a container to a path, or, without one, as an archive to `write`.
    pub async fn copy_from(
        &self,
        project: &str,
        copy: &Copy,
        to: Option<&Path>,
        write: impl FnMut(&[u8]) -> io::Result<()>,
        io: &Io,
    ) -> Result<()> {
        let containers = self.copied(project, copy).await?;
        let container = &containers[0];
        let mut source = copy.path.clone();
        if copy.follow_link {
            let (mode, target) = self
                .stat(container, &source)
                .await?
                .ok_or_else(|| absent(container, &source))?;
            if mode & LINK != 0 {
                source = target;
            }
        }
        let options = DownloadFromContainerOptions { path: source.clone() };
        let mut pieces = self
            .connection
            .docker
            .download_from_container(&container.id, Some(options));
        // What fails, fails before the first piece.
        let first = match pieces.next().await.transpose() {
            Ok(first) => first,
            Err(error) if is_missing(&error) => return Err(absent(container, &source)),
            Err(error) => return Err(self.connection.failed(format!("cannot copy {source}"), &error)),
        };
        let broken = |error: bollard::errors::Error| Error::new(format!("cannot copy {source}: {}", message(&error)));
        let mut pieces = stream::iter(first.map(Ok)).chain(pieces);
        let Some(to) = to else {
            let mut write = write;
            while let Some(piece) = pieces.next().await {
                write(&piece.map_err(broken)?)
                    .map_err(|error| Error::new("cannot write to standard output").because(&error))?;
            }
            return Ok(());
        };
        let object = format!("Copy {}:{}", container.name, copy.path);
        io.progress.working(&object, "Copying");
        let (sender, receiver) = mpsc::channel::<Bytes>(PIECES);
        let (contents, to) = (source.ends_with("/."), to.to_owned());
        let unpacking = tokio::task::spawn_blocking(move || unpack(Pieces::new(receiver), &to, contents));
        let sending = async move {
            while let Some(piece) = pieces.next().await {
                if sender.send(piece.map_err(broken)?).await.is_err() {
                    break;
                }
            }
            Ok::<_, Error>(())
        };
        let copied = tokio::select! {
            copied = async { tokio::join!(sending, unpacking) } => copied,
            () = io.interrupts.reached(1) => return Err(Error::INTERRUPTED),
        };
        copied.0?;
        let unpacked = copied.1.unwrap_or_else(|error| Err(io::Error::other(error)));
        unpacked.map_err(|error| Error::new(format!("cannot copy {source} from the container")).because(&error))?;
        io.progress.done(object, "Copied");
        Ok(())
    }

    /// Copies a path, or, without one, an archive that `read` gives, to the containers of a service.
    pub async fn copy_to(
        &self,
        project: &str,
        copy: &Copy,
        from: Option<&Path>,
        read: impl Fn() -> Box<dyn Read + Send>,
        io: &Io,
    ) -> Result<()> {
        for container in self.copied(project, copy).await? {
            let object = format!("Copy {}:{}", container.name, copy.path);
            let target = self.stat(&container, &copy.path).await?;
            let is_folder = target.is_some_and(|(mode, _)| mode & FOLDER != 0);
            let (folder, name) = match from {
                Some(from) => landing(from, &copy.path, is_folder)?,
                None if is_folder => (copy.path.clone(), None),
                None => {
                    return Err(
                        Error::new(format!("`{}` is no folder in container {}", copy.path, container.name))
                            .hint("an archive is unpacked into a folder that is there"),
                    );
                }
            };
            io.progress.working(&object, "Copying");
            let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(PIECES);
            if let Some(from) = from {
                let (from, follow) = (from.to_owned(), copy.follow_link);
                tokio::task::spawn_blocking(move || {
                    let packed = pack(Sender(sender.clone()), &from, name.as_deref(), follow);
                    if let Err(error) = packed {
                        let _ = sender.blocking_send(Err(error));
                    }
                });
            } else {
                let mut read = read();
                tokio::task::spawn_blocking(move || io::copy(&mut read, &mut Sender(sender)));
            }
            let failures = std::sync::Arc::new(std::sync::Mutex::new(None));
            let failed = std::sync::Arc::clone(&failures);
            let body = stream::unfold(receiver, move |mut receiver| {
                let failed = std::sync::Arc::clone(&failed);
                async move {
                    let piece = receiver.recv().await?;
                    if let Err(error) = &piece
                        && let Ok(mut failed) = failed.lock()
                    {
                        *failed = Some(error.to_string());
                    }
                    Some((piece, receiver))
                }
            });
            let options = UploadToContainerOptions {
                path: folder.clone(),
                no_overwrite_dir_non_dir: Some("true".to_owned()),
                copy_uidgid: copy.archive.then(|| "true".to_owned()),
            };
            let docker = &self.connection.docker;
            let upload = docker.upload_to_container(&container.id, Some(options), body_try_stream(body));
            let uploaded = tokio::select! {
                uploaded = upload => uploaded,
                () = io.interrupts.reached(1) => return Err(Error::INTERRUPTED),
            };
            // Reading may have failed, of which the engine only knows that no more came.
            if let Some(why) = failures.lock().ok().and_then(|mut failed| failed.take()) {
                return Err(Error::new(format!("cannot read what is to be copied: {why}")));
            }
            match uploaded {
                Ok(()) => io.progress.done(object, "Copied"),
                Err(error) if is_missing(&error) => return Err(absent(&container, &folder)),
                Err(error) => {
                    let what = format!("cannot copy to container {}", container.name);
                    return Err(self.connection.failed(what, &error));
                }
            }
        }
        Ok(())
    }

    /// The containers that are meant; at least one.
    async fn copied(&self, project: &str, copy: &Copy) -> Result<Vec<Container>> {
        let mut containers = self.containers_of(project, std::slice::from_ref(&copy.service)).await?;
        containers.retain(|container| {
            container.service == copy.service
                && (copy.one_offs || !container.one_off)
                && copy.index.is_none_or(|index| container.number == index)
        });
        containers.sort_by_key(|container| (container.one_off, container.number));
        if containers.is_empty() {
            let service = &copy.service;
            return Err(Error::new(match copy.index {
                Some(index) => format!("project {project} has no container {index} of service `{service}`"),
                None => format!("project {project} has no container of service `{service}`"),
            })
            .hint("`ctx ps --all` lists those that it has"));
        }
        Ok(containers)
    }

    /// The mode of a file in a container, and what it points to if it is a link.
    async fn stat(&self, container: &Container, path: &str) -> Result<Option<(u32, String)>> {
        let options = ContainerArchiveInfoOptions { path: path.to_owned() };
        let docker = &self.connection.docker;
        match docker.get_container_archive_info(&container.id, Some(options)).await {
            Ok(found) => Ok(Some((found.file_mode, found.link_target))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self
                .connection
                .failed(format!("cannot look at {path} in container {}", container.name), &error)),
        }
    }
}

fn absent(container: &Container, path: &str) -> Error {
    Error::new(format!("there is no `{path}` in container {}", container.name))
}

/// The folder of the container in which an archive is unpacked, and the name that its root gets there: none where a
/// folder's contents are meant.
fn landing(from: &Path, to: &str, is_folder: bool) -> Result<(String, Option<String>)> {
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
fn unpack(archive: impl Read, to: &Path, contents: bool) -> io::Result<()> {
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
            let below = inside.components().skip(1).collect::<PathBuf>();
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
#[derive(Clone)]
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
struct Pieces {
    receiver: mpsc::Receiver<Bytes>,
    rest: Bytes,
}

impl Pieces {
    fn new(receiver: mpsc::Receiver<Bytes>) -> Self {
        let rest = Bytes::new();
        Self { receiver, rest }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.receiver.blocking_recv() {
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
