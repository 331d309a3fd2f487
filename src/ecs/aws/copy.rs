//! Files in and out of a task, as archives that `tar` in its container writes and reads in a session.

use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::Account;
use super::exec;
use super::running::{Running, Shut};
use crate::backend::archive::{PIECES, Packing, Pieces, landing, unpack};
use crate::backend::{Console, Copy, Exec, Io, Stream};
use crate::error::{Error, Result};

/// What the scripts need besides the shell, and the statuses with which they say what is missing.
const TOOLS: &str = "for tool in tar base64 dd stty cat; do \
    command -v $tool >/dev/null 2>&1 || { printf '\\0ctx;%s' $tool; exit 90; }; done; ";
const NO_TOOL: u8 = 90;
const NOTHING_THERE: u8 = 91;
/// Where what `tar` had to say begins, behind an archive.
const SAID: &[u8] = b"\0ctx;";
/// How much of the end of an output may be what `tar` had to say.
const TAIL: usize = 4096;

/// Writes `$1` as an archive; where `$2` says so, what it points to.
const PACK: &str = "path=$1; [ -z \"$2\" ] || path=$(readlink -f \"$1\"); \
    [ -e \"$path\" ] || [ -L \"$path\" ] || exit 91; \
    cd \"${path%/*}/\" && exec 3>&1 && said=$(tar -cf - \"./${path##*/}\" 2>&1 >&3 3>&-); status=$?; \
    [ $status = 0 ] || printf '\\0ctx;%s' \"$said\"; exit $status";
/// Whether `$1` is a folder.
const LOOK: &str = "if [ -d \"$1\" ]; then echo folder; fi";
/// Unpacks an archive in `$1`, with the owners in it where `$2` says so.
const UNPACK: &str = "[ -d \"$1\" ] || exit 91; owner=-o; [ -z \"$2\" ] || owner=-p; \
    said=$(tar -xpf - $owner -C \"$1\" 2>&1); status=$?; \
    [ $status = 0 ] || printf '\\0ctx;%s' \"$said\"; exit $status";

/// Copies from a task to a path, or, without one, as an archive to `write`.
pub async fn out(
    account: &Account,
    project: &str,
    copy: &Copy,
    to: Option<&Path>,
    write: fn(&[u8]) -> io::Result<()>,
    shut: Shut<'_>,
    io: &Io,
) -> Result<()> {
    let running = chosen(account, project, copy, shut).await?;
    let place = Place::new(account, copy, &running[0], io);
    let path = absolute(&copy.path)?;
    let follow = if copy.follow_link { "follow" } else { "" };
    let Some(to) = to else {
        let ended = place.run(PACK, &[&path, follow], None, Box::new(write)).await?;
        return place.check(&ended, &path);
    };
    let object = place.object();
    io.progress.working(&object, "Copying");
    let (sender, mut receiver) = mpsc::unbounded_channel::<Bytes>();
    let (contents, to) = (copy.path.ends_with("/."), to.to_owned());
    let unpacking =
        tokio::task::spawn_blocking(move || unpack(Pieces::new(move || receiver.blocking_recv()), &to, contents));
    let keep = move |bytes: &[u8]| {
        // Who unpacks says itself why nothing more is taken.
        let _ = sender.send(Bytes::copy_from_slice(bytes));
        Ok(())
    };
    let ended = place.run(PACK, &[&path, follow], None, Box::new(keep)).await?;
    let unpacked = unpacking.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    place.check(&ended, &path)?;
    unpacked.map_err(|error| Error::new(format!("cannot copy {path} from the container")).because(&error))?;
    io.progress.done(object, "Copied");
    Ok(())
}

/// Copies a path, or, without one, an archive that `read` gives, to the tasks of a service.
pub async fn into(
    account: &Account,
    project: &str,
    copy: &Copy,
    from: Option<&Path>,
    read: fn() -> Box<dyn Read + Send>,
    shut: Shut<'_>,
    io: &Io,
) -> Result<()> {
    let path = absolute(&copy.path)?;
    for running in chosen(account, project, copy, shut).await? {
        let place = Place::new(account, copy, &running, io);
        let looked = place.run(LOOK, &[&path], None, Box::new(|_| Ok(()))).await?;
        place.check(&looked, &path)?;
        let is_folder = looked.tail.starts_with(b"folder");
        let (folder, name) = match from {
            Some(from) => landing(from, &path, is_folder)?,
            None if is_folder => (path.clone(), None),
            None => {
                let message = format!("`{path}` is no folder in task {}", running.id());
                return Err(Error::new(message).hint("an archive is unpacked into a folder that is there"));
            }
        };
        let object = place.object();
        io.progress.working(&object, "Copying");
        let packing = match from {
            Some(from) => Packing::of(from, name, copy.follow_link),
            None => Packing::passing(read),
        };
        let check = packing.check();
        let owners = if copy.archive { "owners" } else { "" };
        let ended = place
            .run(UNPACK, &[&folder, owners], Some(input(packing)), Box::new(|_| Ok(())))
            .await?;
        check()?;
        place.check(&ended, &folder)?;
        io.progress.done(object, "Copied");
    }
    Ok(())
}

/// The tasks that are meant; at least one.
async fn chosen(account: &Account, project: &str, copy: &Copy, shut: Shut<'_>) -> Result<Vec<Running>> {
    let chosen = match copy.index {
        Some(_) => vec![Running::find(account, project, &copy.service, copy.index).await?],
        None => Running::all(account, project, &copy.service, copy.one_offs).await?,
    };
    if chosen.is_empty() {
        return Err(Running::none(&copy.service));
    }
    if chosen.iter().any(|running| !running.open) {
        return Err(shut());
    }
    Ok(chosen)
}

/// As an engine takes it: from the root, whatever folder the container works in.
fn absolute(path: &str) -> Result<String> {
    let trimmed = path.trim_end_matches("/.").trim_matches('/');
    if trimmed.is_empty() || trimmed == "." {
        return Err(Error::new("cannot copy the root of a container on ECS").hint("name a file or folder below it"));
    }
    let slash = if path.ends_with('/') { "/" } else { "" };
    Ok(format!("/{trimmed}{slash}"))
}

/// A container that is copied from or to.
struct Place<'a> {
    account: &'a Account,
    copy: &'a Copy,
    running: &'a Running,
    io: &'a Io,
}

/// How a script ended, and the end of what it wrote.
struct Ended {
    status: u8,
    tail: Vec<u8>,
}

type Write = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;

impl<'a> Place<'a> {
    fn new(account: &'a Account, copy: &'a Copy, running: &'a Running, io: &'a Io) -> Self {
        Self {
            account,
            copy,
            running,
            io,
        }
    }

    fn object(&self) -> String {
        format!("Copy {}/{}:{}", self.copy.service, self.running.id(), self.copy.path)
    }

    async fn run(
        &self,
        script: &str,
        arguments: &[&str],
        input: Option<mpsc::Receiver<Vec<u8>>>,
        write: Write,
    ) -> Result<Ended> {
        let script = format!("{TOOLS}{script}");
        let command = ["sh", "-c", &script, "sh"].into_iter().chain(arguments.iter().copied());
        let exec = Exec {
            command: command.map(str::to_owned).collect(),
            ..Exec::default()
        };
        let tail = Arc::new(Mutex::new(Vec::new()));
        let (kept, write) = (Arc::clone(&tail), Mutex::new(write));
        let console = Console {
            input: input.unwrap_or_else(|| mpsc::channel(1).1),
            write: Box::new(move |stream: Stream, bytes: &[u8]| {
                if let Ok(mut tail) = kept.lock() {
                    tail.extend_from_slice(bytes);
                    let over = tail.len().saturating_sub(TAIL);
                    tail.drain(..over);
                }
                match (stream, write.lock()) {
                    (Stream::Out, Ok(mut write)) => write(bytes),
                    _ => Ok(()),
                }
            }),
            size: watch::channel((0, 0)).1,
            signals: mpsc::unbounded_channel().1,
            mode: None,
        };
        let open = Box::new(|| Ok(console));
        let status = exec::enter(self.account, &self.copy.service, self.running, &exec, open, self.io).await?;
        let tail = tail.lock().map(|tail| tail.clone()).unwrap_or_default();
        Ok(Ended { status, tail })
    }

    /// What a script's status means.
    fn check(&self, ended: &Ended, path: &str) -> Result<()> {
        let said = said(&ended.tail);
        let task = self.running.id();
        match ended.status {
            0 => Ok(()),
            130 => Err(Error::INTERRUPTED),
            NO_TOOL => Err(Error::new(format!(
                "the container of service `{}` has no `{said}`, which copying on ECS needs",
                self.copy.service
            ))
            .hint(
                "mount what is copied, or read it with a command that the image has: `ctx exec -T SERVICE cat FILE`",
            )),
            NOTHING_THERE => Err(Error::new(format!("there is no `{path}` in task {task}"))),
            status if said.is_empty() => Err(Error::new(format!("`tar` in task {task} ended with status {status}"))),
            _ => Err(Error::new(format!("`tar` in task {task} says: {said}"))),
        }
    }
}

/// What `tar` had to say, in one line.
fn said(tail: &[u8]) -> String {
    let at = tail.windows(SAID.len()).rposition(|window| window == SAID);
    let text = at.map_or(&[][..], |at| &tail[at + SAID.len()..]);
    String::from_utf8_lossy(text).trim().replace('\n', "; ")
}

/// What is packed, as a session takes it.
fn input(mut packing: Packing) -> mpsc::Receiver<Vec<u8>> {
    let (sender, pieces) = mpsc::channel(PIECES);
    tokio::spawn(async move {
        while let Some(Ok(piece)) = packing.next().await {
            if sender.send(piece.to_vec()).await.is_err() {
                return;
            }
        }
    });
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_at_the_root() {
        for (path, expected) in [("etc/hosts", "/etc/hosts"), ("/etc/", "/etc/"), ("/etc/.", "/etc")] {
            assert_eq!(absolute(path).ok().as_deref(), Some(expected));
        }
        for root in ["/", "", ".", "/."] {
            assert!(absolute(root).is_err(), "{root}");
        }
    }

    #[test]
    fn a_tool_that_the_container_lacks_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for tool in ["base64", "dd", "stty"] {
            std::os::unix::fs::symlink("/bin/true", folder.path().join(tool)).unwrap();
        }
        let missing = || {
            let mut shell = std::process::Command::new("/bin/sh");
            let run = shell.args(["-c", TOOLS]).env("PATH", folder.path()).output().unwrap();
            (run.status.code(), said(&run.stdout))
        };
        assert_eq!(missing(), (Some(i32::from(NO_TOOL)), "tar".to_owned()));
        std::os::unix::fs::symlink("/bin/true", folder.path().join("tar")).unwrap();
        assert_eq!(missing().1, "cat");
        std::os::unix::fs::symlink("/bin/true", folder.path().join("cat")).unwrap();
        assert_eq!(missing(), (Some(0), String::new()));
    }

    #[test]
    fn what_tar_says_is_behind_the_archive() {
        assert_eq!(said(b"data\0\0\0ctx;tar: a: gone\ntar: oh\n"), "tar: a: gone; tar: oh");
        assert_eq!(said(b"data\0\0"), "");
    }
}
