//! What of the changes each container has, and bringing it the rest.

use std::collections::{BTreeMap, HashMap};

use bollard::body_full;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::{DownloadFromContainerOptions, InspectContainerOptions, UploadToContainerOptions};
use futures_util::StreamExt;
use futures_util::future::join_all;

use super::archive::{Owner, archive};
use super::decide::{Copies, Source};
use crate::engine::{Connection, is_missing, message};
use crate::local::observed::Container;

/// Paths in one command: the kernel's limit is far above, and nobody's command line should be near it.
const PATHS: usize = 500;

/// Who has which changes.
#[derive(Default)]
pub(super) struct Ledger<'a> {
    /// All that was copied to a service's containers so far: what a new container has to get.
    all: BTreeMap<&'a str, Copies>,
    /// What each container has not got yet, by its id.
    behind: HashMap<String, Copies>,
    owners: HashMap<String, Owner>,
}

/// What became of the changes for one container.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) container: String,
    pub(super) service: String,
    pub(super) copied: usize,
    pub(super) removed: usize,
    /// Why some have not arrived.
    pub(super) refused: Option<String>,
}

impl<'a> Ledger<'a> {
    /// Notes changes for a service, and that its containers do not have them.
    pub(super) fn add(&mut self, service: &'a str, copies: &Copies, containers: &[Container]) {
        self.all.entry(service).or_default().extend(copies.clone());
        for container in containers.iter().filter(|container| container.service == service) {
            self.owe(&container.id, copies);
        }
    }

    /// Notes a container that was made a moment ago: it has nothing of what was copied before.
    pub(super) fn welcome(&mut self, container: &Container, first: &Copies) {
        let mut copies = first.clone();
        copies.extend(self.all.get(container.service.as_str()).cloned().unwrap_or_default());
        self.owe(&container.id, &copies);
    }

    fn owe(&mut self, id: &str, copies: &Copies) {
        if !copies.is_empty() {
            self.behind.entry(id.to_owned()).or_default().extend(copies.clone());
        }
    }

    /// Brings the containers what they do not have; what one of them refuses is tried again the next time.
    pub(super) async fn bring(&mut self, connection: &Connection, containers: &[Container]) -> Vec<Brought> {
        let mut archives: Vec<(Copies, Owner, Archive)> = Vec::new();
        let mut tasks = Vec::new();
        for container in containers {
            let Some(copies) = self.behind.remove(&container.id) else {
                continue;
            };
            let owner = self.owner(connection, container).await;
            let made = archives.iter().find(|(same, of, _)| *same == copies && *of == owner);
            let archive = if let Some((_, _, archive)) = made {
                archive.clone()
            } else {
                let made = archive(&copies, owner).map_err(|error| error.to_string());
                archives.push((copies.clone(), owner, made.clone()));
                made
            };
            tasks.push(async move { (container, bring_one(connection, container, copies, archive).await) });
        }
        let mut results = Vec::new();
        for (container, (brought, rest)) in join_all(tasks).await {
            self.owe(&container.id, &rest);
            results.extend(brought);
        }
        results
    }

    /// Whom a container runs as: its files belong to that user.
    async fn owner(&mut self, connection: &Connection, container: &Container) -> Owner {
        if let Some(owner) = self.owners.get(&container.id) {
            return *owner;
        }
        let inspected = connection
            .docker
            .inspect_container(&container.id, None::<InspectContainerOptions>)
            .await;
        let user = inspected.ok().and_then(|found| found.config?.user).unwrap_or_default();
        let owner = if user.is_empty() {
            Owner::default()
        } else {
            let passwd = connection.text_in(&container.id, "/etc/passwd").await;
            let group = connection.text_in(&container.id, "/etc/group").await;
            owner(&user, &passwd, &group)
        };
        self.owners.insert(container.id.clone(), owner);
        owner
    }
}

/// An archive and how many paths are in it, or why there is none.
type Archive = Result<(Vec<u8>, usize), String>;

/// Brings one container its changes; the result is what was done, and what it still lacks.
async fn bring_one(
    connection: &Connection,
    container: &Container,
    mut copies: Copies,
    archive: Archive,
) -> (Option<Brought>, Copies) {
    let mut brought = Brought {
        container: container.name.clone(),
        service: container.service.clone(),
        copied: 0,
        removed: 0,
        refused: None,
    };
    let gone: Vec<_> = copies
        .iter()
        .filter(|(_, source)| **source == Source::Gone)
        .map(|(target, _)| target.clone())
        .collect();
    // Nothing can be run in a container that does not run; it loses what is gone when it starts.
    if !gone.is_empty() && container.is_running() {
        match remove(connection, &container.id, &gone).await {
            Ok(()) => {
                brought.removed = gone.len();
                copies.retain(|_, source| *source != Source::Gone);
            }
            Err(Refusal::Missing) => return (None, Copies::new()),
            Err(Refusal::Said(why)) => brought.refused = Some(why),
        }
    }
    match archive {
        Ok((_, 0)) => copies.retain(|_, source| *source == Source::Gone),
        Ok((bytes, count)) => match upload(connection, &container.id, bytes).await {
            Ok(()) => {
                brought.copied = count;
                copies.retain(|_, source| *source == Source::Gone);
            }
            Err(Refusal::Missing) => return (None, Copies::new()),
            Err(Refusal::Said(why)) => brought.refused = Some(why),
        },
        Err(why) => brought.refused = Some(format!("cannot read what has changed: {why}")),
    }
    let nothing = brought.copied + brought.removed == 0 && brought.refused.is_none();
    ((!nothing).then_some(brought), copies)
}

enum Refusal {
    /// There is no such container any more.
    Missing,
    Said(String),
}

impl Refusal {
    fn new(what: &str, error: &bollard::errors::Error) -> Self {
        if is_missing(error) {
            return Self::Missing;
        }
        let why = message(error);
        Self::Said(if why.contains("rootfs is marked read-only") {
            "its root file system is read-only; mount a volume where the files go, or rebuild instead".to_owned()
        } else {
            format!("{what}: {why}")
        })
    }
}

async fn upload(connection: &Connection, id: &str, bytes: Vec<u8>) -> Result<(), Refusal> {
    let options = UploadToContainerOptions {
        path: "/".to_owned(),
        ..UploadToContainerOptions::default()
    };
    let upload = connection
        .docker
        .upload_to_container(id, Some(options), body_full(bytes.into()));
    upload.await.map_err(|error| Refusal::new("cannot write to it", &error))
}

/// The engine's API has no way to remove a file; the container's own `rm` has.
async fn remove(connection: &Connection, id: &str, paths: &[String]) -> Result<(), Refusal> {
    for paths in paths.chunks(PATHS) {
        let command = ["rm", "-rf", "--"]
            .map(str::to_owned)
            .into_iter()
            .chain(paths.iter().cloned());
        let options = CreateExecOptions {
            cmd: Some(command.collect()),
            user: Some("0".to_owned()),
            ..CreateExecOptions::default()
        };
        let (code, said) = connection
            .run_in(id, options)
            .await
            .map_err(|error| Refusal::new("cannot remove files in it", &error))?;
        match code {
            0 => {}
            126 | 127 => {
                let why = "it has no `rm`, so what was removed here stays there; a rule that does `rebuild` helps";
                return Err(Refusal::Said(why.to_owned()));
            }
            _ => return Err(Refusal::Said(format!("cannot remove files in it: {}", said.trim()))),
        }
    }
    Ok(())
}

impl Connection {
    /// Runs a command in a container to its end: its exit status, and what it wrote.
    pub(super) async fn run_in(
        &self,
        id: &str,
        options: CreateExecOptions<String>,
    ) -> Result<(i64, String), bollard::errors::Error> {
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..options
        };
        let exec = self.docker.create_exec(id, options).await?.id;
        let mut said = String::new();
        if let StartExecResults::Attached { mut output, .. } =
            self.docker.start_exec(&exec, None::<StartExecOptions>).await?
        {
            while let Some(piece) = output.next().await {
                said.push_str(&piece?.to_string());
            }
        }
        Ok((self.exec_status(&exec).await?.unwrap_or(1), said))
    }

    /// What stands in a file of a container; nothing if there is no such file.
    async fn text_in(&self, id: &str, path: &str) -> String {
        let options = DownloadFromContainerOptions { path: path.to_owned() };
        let mut pieces = self.docker.download_from_container(id, Some(options));
        let mut bytes = Vec::new();
        while let Some(Ok(piece)) = pieces.next().await {
            bytes.extend(piece);
        }
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entry = archive.entries().ok().and_then(|mut entries| entries.next()?.ok());
        entry
            .and_then(|entry| std::io::read_to_string(entry).ok())
            .unwrap_or_default()
    }
}

/// Whom `user`, `uid`, `user:group`… name, given the container's own lists.
fn owner(user: &str, passwd: &str, group: &str) -> Owner {
    let field = |line: &str, place: usize| line.split(':').nth(place).and_then(|field| field.parse().ok());
    let named = |list: &'_ str, name: &str| {
        let line = list
            .lines()
            .find(|line| line.split(':').next() == Some(name) || line.split(':').nth(2) == Some(name));
        line.map(str::to_owned)
    };
    let (user, group_name) = match user.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (user, None),
    };
    let known = named(passwd, user);
    let known = known.as_deref().unwrap_or_default();
    Owner {
        uid: user.parse().ok().or_else(|| field(known, 2)).unwrap_or(0),
        gid: match group_name {
            Some(name) => name
                .parse()
                .ok()
                .or_else(|| field(&named(group, name)?, 2))
                .unwrap_or(0),
            None => field(known, 3).unwrap_or(0),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_looked_up_in_the_container() {
        let passwd = "root:x:0:0::/:/bin/sh\napp:x:1000:1001::/:/bin/sh\n";
        let group = "root:x:0:\nstaff:x:50:\n";
        for (user, uid, gid) in [
            ("app", 1000, 1001),
            ("1000", 1000, 1001),
            ("app:staff", 1000, 50),
            ("7:8", 7, 8),
            ("7", 7, 0),
            ("nobody-knows", 0, 0),
        ] {
            assert_eq!(owner(user, passwd, group), Owner { uid, gid }, "{user}");
        }
    }

    fn container(id: &str) -> Container {
        Container {
            id: id.to_owned(),
            service: "web".to_owned(),
            ..Container::default()
        }
    }

    #[test]
    fn a_new_container_gets_what_the_old_one_got() {
        let mut ledger = Ledger::default();
        let copies = |target: &str, source| Copies::from([(target.to_owned(), source)]);
        ledger.add("web", &copies("/a", Source::Path("a".into())), &[container("old")]);
        ledger.add("web", &copies("/b", Source::Gone), &[container("old")]);
        ledger.add("db", &copies("/c", Source::Gone), &[container("old")]);
        ledger.welcome(&container("new"), &copies("/first", Source::Path("first".into())));
        assert_eq!(ledger.behind["new"].keys().collect::<Vec<_>>(), ["/a", "/b", "/first"]);
        assert_eq!(ledger.behind["old"].keys().collect::<Vec<_>>(), ["/a", "/b"]);
    }
}
