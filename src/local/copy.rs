//! `cp`: files between the machine of the user and a container, streamed as tar archives in both directions.

use std::io::{self, Read};
use std::path::Path;

use bollard::body_try_stream;
use bollard::query_parameters::{ContainerArchiveInfoOptions, DownloadFromContainerOptions, UploadToContainerOptions};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::Engine;
use super::observed::Container;
use crate::backend::archive::{PIECES, Packing, Pieces, landing, unpack};
use crate::backend::{Copy, Deed, Deeds, Io};
use crate::engine::{is_missing, message};
use crate::error::{Error, Result};

/// How the engine (that is, Go) writes that a file's mode is a folder's or a link's.
const FOLDER: u32 = 1 << 31;
const LINK: u32 = 1 << 27;

impl Engine {
    /// Copies from a container to a path, or, without one, as an archive to `write`.
    pub(super) async fn copy_out(
        &self,
        project: &str,
        copy: &Copy,
        to: Option<&Path>,
        write: fn(&[u8]) -> io::Result<()>,
        io: &Io,
    ) -> Result<()> {
        let containers = self.copied(project, copy).await?;
        let container = &containers[0];
        let deed = Deed::Copy {
            from: format!("{}:{}", container.name, copy.path),
            to: here(to, "standard output"),
        };
        if io.only_tells(deed)? {
            return Ok(());
        }
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
            while let Some(piece) = pieces.next().await {
                write(&piece.map_err(broken)?)
                    .map_err(|error| Error::new("cannot write to standard output").because(&error))?;
            }
            return Ok(());
        };
        let object = format!("Copy {}:{}", container.name, copy.path);
        io.progress.working(&object, "Copying");
        let (sender, mut receiver) = mpsc::channel::<Bytes>(PIECES);
        let (contents, to) = (source.ends_with("/."), to.to_owned());
        let unpacking =
            tokio::task::spawn_blocking(move || unpack(Pieces::new(move || receiver.blocking_recv()), &to, contents));
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
    pub(super) async fn copy_in(
        &self,
        project: &str,
        copy: &Copy,
        from: Option<&Path>,
        read: fn() -> Box<dyn Read + Send>,
        io: &Io,
    ) -> Result<()> {
        let containers = self.copied(project, copy).await?;
        let deeds = containers.iter().map(|container| Deed::Copy {
            from: here(from, "an archive from standard input"),
            to: format!("{}:{}", container.name, copy.path),
        });
        if io.only_tells(Deeds(deeds.collect()))? {
            return Ok(());
        }
        for container in containers {
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
            let packing = match from {
                Some(from) => Packing::of(from, name, copy.follow_link),
                None => Packing::passing(read),
            };
            let check = packing.check();
            let body = stream::unfold(packing, async |mut packing| {
                let piece = packing.next().await?;
                Some((piece, packing))
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
            check()?;
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

/// A path of this machine, or what stands in its place.
fn here(path: Option<&Path>, otherwise: &str) -> String {
    path.map_or_else(|| otherwise.to_owned(), |path| path.display().to_string())
}

fn absent(container: &Container, path: &str) -> Error {
    Error::new(format!("there is no `{path}` in container {}", container.name))
}
