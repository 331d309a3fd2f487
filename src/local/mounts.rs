//! What a container finds in its file system that its image does not bring: volumes, folders, secrets, configs.

use std::collections::HashMap;

use bollard::models::{Mount, MountBindOptions, MountImageOptions, MountTmpfsOptions, MountType, MountVolumeOptions};

use super::container::pairs;
use super::observed;
use crate::backend;
use crate::compose::{self, FileObject, FileReference, Project, Service};
use crate::diagnostic::Span;

#[derive(Default, Debug)]
pub(super) struct Mounts {
    /// `source:target:options`. Docker Compose uses these wherever they can say what is meant, since only with them
    /// the engine makes a missing folder.
    pub(super) binds: Vec<String>,
    pub(super) long: Vec<Mount>,
    pub(super) tmpfs: HashMap<String, String>,
    pub(super) files: Vec<Copied>,
}

/// A file that is copied into a container before it starts.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Copied {
    /// Absolute, in the container.
    pub(super) path: String,
    pub(super) content: Vec<u8>,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
}

/// What the contents that the files write are known again by; none where none is copied, or where it is not known, as a
/// preview does not ask AWS for a secret.
pub(super) fn seal(project: &Project, service: &Service) -> Option<String> {
    let secrets = service.secrets.iter().zip(std::iter::repeat(&project.secrets));
    let configs = service.configs.iter().zip(std::iter::repeat(&project.configs));
    let mut mounts = Mounts::default();
    for (reference, all) in secrets.chain(configs) {
        let object = all.get(&reference.source.value)?;
        if object.content.is_none() && object.file.is_none() {
            return None;
        }
        // What is made anew for each `up` is brought to its container otherwise.
        if object.span != Span::NOWHERE {
            mounts.file(Some(object), reference, "", "");
        }
    }
    let content: Vec<u8> = mounts
        .files
        .iter()
        .flat_map(|file| [&file.content.len().to_le_bytes()[..], &file.content].concat())
        .collect();
    let salt = format!("{}/{}", project.name, service.name);
    (!mounts.files.is_empty()).then(|| backend::seal(&salt, &content))
}

pub(super) fn mounts(project: &Project, service: &Service, replaces: Option<&observed::Container>) -> Mounts {
    let mut all = Mounts::default();
    for mount in &service.volumes {
        let inherited = replaces.and_then(|old| nameless(old, mount));
        match bind(project, mount, inherited) {
            Some(bind) => all.binds.push(bind),
            None => all.long.push(long(project, mount)),
        }
    }
    // Volumes that the image declares go over to the container that replaces another.
    for mounted in replaces
        .iter()
        .flat_map(|old| &old.mounts)
        .filter(|mounted| is_nameless(mounted))
    {
        if !service.volumes.iter().any(|mount| target(mount) == mounted.target) {
            all.binds.push(format!("{}:{}:rw", mounted.name, mounted.target));
        }
    }
    for entry in &service.tmpfs {
        let (path, options) = entry.split_once(':').unwrap_or((entry, ""));
        all.tmpfs.insert(path.to_owned(), options.to_owned());
    }
    for reference in &service.secrets {
        let default = format!("/run/secrets/{}", reference.source.value);
        all.file(
            project.secrets.get(&reference.source.value),
            reference,
            &default,
            "/run/secrets/",
        );
    }
    for reference in &service.configs {
        let default = format!("/{}", reference.source.value);
        all.file(project.configs.get(&reference.source.value), reference, &default, "/");
    }
    all
}

impl Mounts {
    /// A secret or config: a file of the machine is mounted, content is copied in.
    fn file(&mut self, object: Option<&FileObject>, reference: &FileReference, default: &str, folder: &str) {
        let Some(object) = object else {
            return;
        };
        let path = match reference.target.as_ref().filter(|target| !target.is_empty()) {
            None => default.to_owned(),
            Some(target) if target.starts_with('/') => target.value.clone(),
            Some(target) => format!("{folder}{}", target.value),
        };
        let id = |id: &Option<compose::Text>| id.as_ref().and_then(|id| id.parse().ok()).unwrap_or(0);
        if let Some(content) = &object.content {
            self.files.push(Copied {
                path,
                content: content.value.clone().into_bytes(),
                mode: reference.mode.map_or(0o444, |mode| mode.value),
                uid: id(&reference.uid),
                gid: id(&reference.gid),
            });
        } else if let Some(file) = &object.file {
            self.long.push(Mount {
                typ: Some(MountType::BIND),
                source: Some(file.value.clone()),
                target: Some(path),
                read_only: Some(true),
                ..Mount::default()
            });
        }
    }
}

fn target(mount: &compose::Mount) -> &str {
    mount
        .target
        .as_ref()
        .map_or("", |target| target.value.trim_end_matches('/'))
}

/// The engine gives a volume that nobody named 64 hexadecimal digits.
pub(super) fn is_nameless(mounted: &observed::Mounted) -> bool {
    mounted.kind == "volume" && mounted.name.len() == 64 && mounted.name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The volume that an older container has where this one wants one without a name.
fn nameless<'a>(old: &'a observed::Container, mount: &compose::Mount) -> Option<&'a str> {
    if mount.mount_type.value != "volume" || mount.source.is_some() {
        return None;
    }
    let there = old
        .mounts
        .iter()
        .find(|mounted| mounted.kind == "volume" && mounted.target == target(mount))?;
    Some(&there.name)
}

/// A mount in the engine's short form, unless it says more than that can.
fn bind(project: &Project, mount: &compose::Mount, inherited: Option<&str>) -> Option<String> {
    let (source, mut options) = match mount.mount_type.value.as_str() {
        "bind" => {
            let bind = mount.bind.as_ref();
            if bind.is_some_and(|bind| !bind.create_host_path || bind.recursive.is_some()) {
                return None;
            }
            let mut options = Vec::new();
            options.extend(
                bind.and_then(|bind| bind.propagation.as_ref())
                    .map(|word| word.value.as_str()),
            );
            options.extend(
                bind.and_then(|bind| bind.selinux.as_ref())
                    .map(|word| word.value.as_str()),
            );
            (mount.source.as_ref()?.value.as_str(), options)
        }
        "volume" => {
            let volume = mount.volume.as_ref();
            if volume.is_some_and(|volume| volume.subpath.is_some() || !volume.labels.is_empty()) {
                return None;
            }
            let named = || {
                let key = &mount.source.as_ref()?.value;
                Some(
                    project
                        .volumes
                        .get(key)
                        .map_or(key.as_str(), |volume| &volume.name.value),
                )
            };
            let nocopy = volume
                .and_then(|volume| volume.nocopy)
                .is_some_and(|nocopy| nocopy.value);
            (inherited.or_else(named)?, if nocopy { vec!["nocopy"] } else { vec![] })
        }
        _ => return None,
    };
    let read_only = mount.read_only.is_some_and(|read_only| read_only.value);
    options.insert(0, if read_only { "ro" } else { "rw" });
    Some(format!(
        "{source}:{}:{}",
        mount.target.as_ref()?.value,
        options.join(",")
    ))
}

/// A mount in the engine's long form.
fn long(project: &Project, mount: &compose::Mount) -> Mount {
    let kind = mount.mount_type.value.as_str();
    let source = mount
        .source
        .as_ref()
        .map(|source| match (kind, project.volumes.get(&source.value)) {
            ("volume", Some(volume)) => volume.name.value.clone(),
            _ => source.value.clone(),
        });
    let volume = mount.volume.as_ref().map(|volume| MountVolumeOptions {
        no_copy: volume.nocopy.map(|nocopy| nocopy.value),
        labels: pairs(&volume.labels),
        subpath: volume.subpath.as_ref().map(|path| path.value.clone()),
        ..MountVolumeOptions::default()
    });
    let tmpfs = mount.tmpfs.as_ref().map(|tmpfs| MountTmpfsOptions {
        size_bytes: tmpfs.size.map(|size| size.value.0),
        mode: tmpfs.mode.map(|mode| i64::from(mode.value)),
        ..MountTmpfsOptions::default()
    });
    let bind = mount.bind.as_ref().map(|bind| {
        let recursive = bind.recursive.as_ref().map(|recursive| recursive.value.as_str());
        MountBindOptions {
            propagation: bind.propagation.as_ref().and_then(|word| word.parse().ok()),
            create_mountpoint: bind.create_host_path.then_some(true),
            non_recursive: (recursive == Some("disabled")).then_some(true),
            read_only_non_recursive: (recursive == Some("writable")).then_some(true),
            read_only_force_recursive: (recursive == Some("readonly")).then_some(true),
        }
    });
    let image = mount.image.as_ref().map(|image| MountImageOptions {
        subpath: image.subpath.as_ref().map(|path| path.value.clone()),
    });
    Mount {
        typ: kind.parse().ok(),
        source,
        target: mount.target.as_ref().map(|target| target.value.clone()),
        read_only: mount.read_only.map(|read_only| read_only.value),
        consistency: mount.consistency.as_ref().map(|consistency| consistency.value.clone()),
        bind_options: bind,
        volume_options: volume,
        tmpfs_options: tmpfs,
        image_options: image,
    }
}
