//! How the mounts and configs of one service go together: what one of them becomes depends on the others.

use super::bind::{Bind, bind, not_there, relative, unsendable};
use super::{Folder, Shipment, Way, below, place};
use crate::compose::survey::{Content, OnDisk, Tree};
use crate::compose::{FileReference, Service, Text};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::draft::Draft;
use crate::ecs::pack::Entry;
use crate::ecs::rules::{mount, secret, volume};

/// Folders that no volume can hide: the kernel's own, and the image's root.
const NO_VOLUME: [&str; 4] = ["/", "/dev", "/proc", "/sys"];

pub(super) fn shipment<'p>(service: &'p Service, draft: &mut Draft<'p>) -> Shipment {
    let mut plan = Plan {
        owner: service.user.as_ref().and_then(numeric),
        ..Plan::default()
    };
    plan.mounts(service, draft);
    for reference in &service.configs {
        plan.config(reference, draft);
    }
    for reference in service.secrets.iter().filter(|reference| !secret::is_usual(reference)) {
        plan.files
            .push((clean(&secret::path(reference)), None, reference.source.span));
    }
    plan.finish(service, draft)
}

#[derive(Default)]
struct Plan<'p> {
    /// Each with the folder of the project that it is, if it is one.
    folders: Vec<(Folder, Option<&'p Tree>)>,
    /// Single files: where, what, and who says so. Nothing: a file that is not there, or a secret's.
    files: Vec<(String, Option<Entry>, Span)>,
    missing: Vec<(String, Span)>,
    sent: Vec<(String, String, Span)>,
    kept: Vec<usize>,
    /// Targets in memory.
    memory: Vec<String>,
    /// Who the service runs as, when that is known.
    owner: Option<(u64, u64)>,
    span: Option<Span>,
}

impl<'p> Plan<'p> {
    fn mounts(&mut self, service: &'p Service, draft: &mut Draft<'p>) {
        for (at, mount) in service.volumes.iter().enumerate() {
            let Some(target) = mount.target.as_ref().map(|target| clean(target)) else {
                continue;
            };
            match mount.mount_type.as_str() {
                "bind" => self.bind(service, at, target, draft),
                "tmpfs" => self.memory.push(target),
                "volume" => {
                    let volume = mount.volume.as_ref();
                    let nocopy = volume
                        .and_then(|volume| volume.nocopy)
                        .is_some_and(|nocopy| nocopy.value);
                    let way = if mount.source.is_none() && !nocopy {
                        Way::Copy
                    } else {
                        Way::Volume
                    };
                    self.folder(target, mount::volume_name(service, at, draft), way);
                }
                _ => {}
            }
        }
    }

    fn bind(&mut self, service: &'p Service, at: usize, target: String, draft: &mut Draft<'p>) {
        let mount = &service.volumes[at];
        let source = mount.source.as_ref().map_or("", |source| source.as_str());
        let read_only = mount.read_only.is_some_and(|read_only| read_only.value);
        match bind(mount, draft) {
            Bind::Nothing => return,
            Bind::Keep => {
                draft.kept.entry(source.to_owned()).or_insert(mount.span);
                self.kept.push(at);
                self.folder(target, mount::volume_name(service, at, draft), Way::Volume);
                return;
            }
            Bind::Missing => {
                self.missing.push((relative(draft.project, source), mount.span));
                self.files.push((target, None, mount.span));
            }
            Bind::Send(tree) if tree.is_file => {
                let file = tree
                    .entries
                    .first()
                    .map(|file| self.entry(String::new(), &file.content, file.mode, read_only));
                self.files.push((target, file, mount.span));
            }
            Bind::Send(tree) => {
                if !mount.extensions.contains_key("x-aws-bind") {
                    let path = relative(draft.project, source);
                    let was = volume::folder_access_point(source, draft);
                    self.sent.push((was, path, mount.span));
                }
                if tree.without_history {
                    let message = "the history of a folder (`.git`) is not sent to tasks on ECS";
                    draft.remark(Diagnostic::warning(mount.span, message));
                }
                self.folder(target, String::new(), Way::Whole);
                if let Some((folder, whole)) = self.folders.last_mut() {
                    folder.read_only = read_only;
                    *whole = Some(tree);
                }
            }
        }
        self.span = self.span.or(Some(mount.span));
        if !read_only {
            let message = "what a container writes into files of the project is lost with its task on ECS";
            let hint = "mount them with `:ro` if nothing writes there, or say `x-aws-bind: efs` to keep what does";
            draft.remark(Diagnostic::warning(mount.span, message).hint(hint));
        }
    }

    fn folder(&mut self, target: String, volume: String, way: Way) {
        let folder = Folder {
            target,
            volume,
            way,
            read_only: false,
        };
        self.folders.push((folder, None));
    }

    fn config(&mut self, reference: &FileReference, draft: &mut Draft<'p>) {
        let project = draft.project;
        let Some(config) = project.configs.get(reference.source.as_str()) else {
            return;
        };
        let target = reference.target.as_ref().filter(|target| !target.is_empty());
        let target = clean(&format!("/{}", target.unwrap_or(&reference.source).value));
        let place = reference.source.span;
        self.span = self.span.or(Some(place));
        let content = if let Some(content) = &config.content {
            content.value.clone().into_bytes()
        } else if let Some(file) = &config.file {
            let there = file.span.or(config.span);
            let path = relative(project, file);
            match project.disk.get(&file.value) {
                Some(OnDisk::Files(tree)) if tree.is_file => match tree.entries.first().map(|file| &file.content) {
                    Some(Content::File(content)) => content.clone(),
                    _ => Vec::new(),
                },
                None | Some(OnDisk::Missing) => {
                    draft.remark(not_there(&path, there));
                    self.missing.push((path, there));
                    self.files.push((target, None, place));
                    return;
                }
                Some(other) => {
                    draft.say(unsendable(&path, other, there));
                    return;
                }
            }
        } else {
            let message = format!("config `{}` has no content", reference.source.value);
            let hint = "give it `content` or a `file`, or set the variable that its `environment` names";
            draft.say(Diagnostic::error(config.span.or(place), message).hint(hint));
            return;
        };
        let number = |id: &Option<Text>| id.as_ref().and_then(|id| id.parse().ok()).unwrap_or(0);
        let entry = Entry {
            path: String::new(),
            content: Content::File(content),
            mode: reference.mode.map_or(0o444, |mode| mode.value),
            owner: (number(&reference.uid), number(&reference.gid)),
        };
        self.files.push((target, Some(entry), place));
    }

    /// The umask of who wrote a file, and their number, mean nothing in a task. A file is its owner's to write; a folder
    /// everybody's, unless it is known who the service runs as.
    fn entry(&self, path: String, content: &Content, mode: u32, read_only: bool) -> Entry {
        let mode = match content {
            Content::Folder if !read_only && self.owner.is_none() => 0o777,
            Content::Folder => 0o755,
            Content::File(_) if read_only => mode & 0o555,
            Content::File(_) | Content::Link(_) => mode & 0o755,
        };
        Entry {
            path,
            content: content.clone(),
            mode,
            owner: self.owner.unwrap_or_default(),
        }
    }

    fn finish(mut self, service: &Service, draft: &mut Draft<'p>) -> Shipment {
        self.parents(draft);
        let files = std::mem::take(&mut self.files);
        // A volume is of interest only if a file goes there.
        let targets: Vec<String> = self.folders.iter().map(|(folder, _)| folder.target.clone()).collect();
        let is_inner = |target: &str, path: &str| {
            below(path, target).is_some()
                && !targets
                    .iter()
                    .any(|other| below(other, target).is_some() && below(path, other).is_some())
        };
        self.folders.retain(|(folder, _)| {
            folder.way != Way::Volume || files.iter().any(|(path, ..)| is_inner(&folder.target, path))
        });
        for (nth, (folder, _)) in self.folders.iter_mut().enumerate() {
            if matches!(folder.way, Way::Whole | Way::Beside) {
                folder.volume = draft.own(service, &format!("files-{}", nth + 1));
            }
        }
        let mut entries = Vec::new();
        for (nth, (folder, tree)) in self.folders.iter().enumerate() {
            let Some(tree) = tree else { continue };
            let root = (nth + 1).to_string();
            entries.push(self.entry(root.clone(), &Content::Folder, 0, folder.read_only));
            for entry in &tree.entries {
                let path = format!("{root}/{}", entry.path);
                entries.push(self.entry(path, &entry.content, entry.mode, folder.read_only));
            }
            // What is mounted inside needs a folder to be mounted at, also where the service may make none.
            for inner in targets
                .iter()
                .chain(&self.memory)
                .filter_map(|target| below(target, &folder.target))
            {
                if !tree.entries.iter().any(|entry| entry.path == inner) {
                    entries.push(self.entry(format!("{root}/{inner}"), &Content::Folder, 0, folder.read_only));
                }
            }
        }
        let folders: Vec<Folder> = self.folders.into_iter().map(|(folder, _)| folder).collect();
        for (path, file, _) in files {
            if let (Some(file), Some(path)) = (file, place(&folders, &path)) {
                entries.push(Entry { path, ..file });
            }
        }
        Shipment {
            folders,
            entries,
            missing: self.missing,
            sent: self.sent,
            kept: self.kept,
            span: self.span,
        }
    }

    /// Makes a volume for the folder of each file that goes into none: the outermost of those that are in each other.
    fn parents(&mut self, draft: &mut Draft<'p>) {
        let mut parents = Vec::new();
        for (path, _, span) in &self.files {
            if self
                .folders
                .iter()
                .any(|(folder, _)| below(path, &folder.target).is_some())
            {
                continue;
            }
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            let parent = if parent.is_empty() { "/" } else { parent };
            if NO_VOLUME.contains(&parent) || self.memory.iter().any(|memory| memory == parent) {
                let message =
                    format!("a file cannot be put at `{path}` on ECS: nothing can be mounted over `{parent}`");
                let hint = if parent == "/" {
                    format!(
                        "give it a target in a folder, such as `/etc/ctx{path}`, and let the service read it there; or \
                         put it into the image: `COPY`"
                    )
                } else {
                    "give it a target in a folder that can be a volume, or put it into the image".to_owned()
                };
                draft.say(Diagnostic::error(*span, message).hint(hint));
                continue;
            }
            parents.push(parent.to_owned());
        }
        parents.sort_by_key(String::len);
        for parent in parents {
            let covered = |(folder, _): &(Folder, Option<&Tree>)| {
                folder.way == Way::Beside && (folder.target == parent || below(&parent, &folder.target).is_some())
            };
            if !self.folders.iter().any(covered) {
                self.folder(parent, String::new(), Way::Beside);
            }
        }
    }
}

/// The user and the group of `user: "1000:1000"`.
fn numeric(user: &Text) -> Option<(u64, u64)> {
    let (user, group) = user.split_once(':').unwrap_or((user, "0"));
    Some((user.parse().ok()?, group.parse().ok()?))
}

/// The path without what means nothing in it.
fn clean(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.map(|part| format!("/{part}")).collect()
}
