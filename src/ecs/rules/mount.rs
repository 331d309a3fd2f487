//! What a service mounts.

use crate::compose::{Mount, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Value, names};
use crate::ecs::draft::Draft;
use crate::ecs::rules::{ebs, file, host, volume};

/// `volumes`; what is sent of the project's files, [`file`] mounts.
pub(in crate::ecs) fn volumes(service: &Service, draft: &mut Draft) {
    for (at, mount) in service.volumes.iter().enumerate() {
        let Some(target) = mount.target.as_ref().map(|target| target.value.clone()) else {
            continue;
        };
        match (mount.mount_type.as_str(), &mount.source) {
            ("volume", Some(source)) => named(service, at, source, draft),
            ("volume", None) => {
                let message = "a volume without a name lasts as long as its task on ECS";
                draft.remark(Diagnostic::warning(mount.span, message).hint("give it a name to keep what is in it"));
                let name = volume_name(service, at, draft);
                draft
                    .task(service)
                    .push("Volumes", Value::map([("Name", name.clone().into())]));
                mount_point(service, draft, name, target, mount);
            }
            ("bind", Some(source)) if file::is_kept(service, at, draft) => kept(service, at, source, draft),
            ("bind", _) => {}
            ("tmpfs", _) => {
                let size = mount.tmpfs.as_ref().and_then(|tmpfs| tmpfs.size).map(|size| size.0);
                let mode = mount
                    .tmpfs
                    .as_ref()
                    .and_then(|tmpfs| tmpfs.mode)
                    .map(|mode| format!("mode={:o}", mode.value));
                memory(service, draft, target, size, mode.into_iter().collect());
            }
            (other, _) => {
                let message = format!("a mount of type `{other}` is not possible on ECS");
                draft.say(
                    Diagnostic::error(mount.span, message)
                        .hint("mount a named volume, or put the files into the image"),
                );
            }
        }
    }
}

/// What a task calls the volume of one of its service's mounts.
pub(in crate::ecs) fn volume_name(service: &Service, at: usize, draft: &Draft) -> String {
    let mount = &service.volumes[at];
    let subpath = volume::subpath(mount).map_or(String::new(), |path| format!("-{}", names::plain(path)));
    match (mount.mount_type.as_str(), &mount.source) {
        ("volume", Some(source)) => names::plain(source) + &subpath,
        ("volume", None) => {
            let is_nameless = |mount: &&Mount| mount.mount_type.as_str() == "volume" && mount.source.is_none();
            let nth = service.volumes[..at].iter().filter(is_nameless).count();
            draft.own(service, &format!("anonymous-{}", nth + 1))
        }
        _ => draft.own(service, &format!("folder-{}", at + 1)),
    }
}

/// `tmpfs`: `/run` or `/run:size=64m,mode=1777`
pub(in crate::ecs) fn tmpfs(service: &Service, draft: &mut Draft) {
    for entry in &service.tmpfs {
        let (target, options) = entry.split_once(':').unwrap_or((entry.as_str(), ""));
        let (sizes, options): (Vec<&str>, Vec<&str>) = options
            .split(',')
            .filter(|option| !option.is_empty())
            .partition(|option| option.starts_with("size="));
        let size = sizes.first().and_then(|size| bytes(size.trim_start_matches("size=")));
        memory(
            service,
            draft,
            target.to_owned(),
            size,
            options.into_iter().map(str::to_owned).collect(),
        );
    }
}

/// `shm_size`: Fargate gives every container 64 MiB at `/dev/shm`; a larger file system in memory goes over it.
pub(in crate::ecs) fn shared_memory(service: &Service, draft: &mut Draft) {
    if let Some(size) = service.shm_size.filter(|size| size.0 > 64 << 20) {
        if host::is_on_instances(service, draft) {
            let mebibytes = (size.0 + 1_048_575) / 1_048_576;
            draft
                .container(service)
                .entry("LinuxParameters")
                .set("SharedMemorySize", mebibytes);
            return;
        }
        let options = ["rw", "nosuid", "nodev", "noexec", "mode=1777"]
            .map(str::to_owned)
            .to_vec();
        memory(service, draft, "/dev/shm".to_owned(), Some(size.0), options);
    }
}

fn named(service: &Service, at: usize, source: &str, draft: &mut Draft) {
    let Some(definition) = draft.project.volumes.get(source) else {
        return;
    };
    let mount = &service.volumes[at];
    let name = volume_name(service, at, draft);
    if let Some(ebs) = ebs::of(definition) {
        if volume::subpath(mount).is_some() {
            let message = "a part of a volume cannot be mounted from EBS";
            draft.say(Diagnostic::error(mount.span, message).hint("remove `subpath`, or leave out `x-aws-ebs`"));
        }
        if ebs::attach(service, source, &name, ebs, draft) {
            let target = mount.target.as_ref().map_or("", |target| target.as_str()).to_owned();
            mount_point(service, draft, name.clone(), target, mount);
            let point = [
                ("SourceVolume", name.clone().into()),
                ("ContainerPath", format!("/volumes/{name}").into()),
            ];
            let init = draft.init_container(service);
            init.push_once("MountPoints", Value::map(point));
        }
        return;
    }
    let way = Way {
        file_system: volume::file_system_id(source, definition),
        access_point: volume::access_point(source, mount),
        guard: (!definition.external).then_some(source),
    };
    let is_first = way.mount(service, &name, mount, draft);
    if is_first && volume::is_plain(definition) && volume::subpath(mount).is_none() {
        let point = [
            ("SourceVolume", name.clone().into()),
            ("ContainerPath", format!("/volumes/{name}").into()),
        ];
        draft.init_container(service).push("MountPoints", Value::map(point));
    }
}

/// A folder of the project that is a volume.
fn kept(service: &Service, at: usize, source: &str, draft: &mut Draft) {
    let way = Way {
        file_system: volume::folders_id(draft),
        access_point: volume::folder_access_point(source, draft),
        guard: Some(volume::FOLDERS),
    };
    let name = volume_name(service, at, draft);
    way.mount(service, &name, &service.volumes[at], draft);
}

/// How a task gets to a folder of a file system.
struct Way<'a> {
    file_system: Value,
    /// The logical id of the access point.
    access_point: String,
    /// The volume whose mount targets let nobody in who is not named.
    guard: Option<&'a str>,
}

impl Way<'_> {
    /// Whether this is the first mount of the volume.
    fn mount(self, service: &Service, name: &str, mount: &Mount, draft: &mut Draft) -> bool {
        let configuration = Value::map([
            ("FilesystemId", self.file_system),
            ("TransitEncryption", "ENABLED".into()),
            (
                "AuthorizationConfig",
                Value::map([("AccessPointId", Value::reference(self.access_point))]),
            ),
        ]);
        let volume = Value::map([
            ("Name", name.to_owned().into()),
            ("EFSVolumeConfiguration", configuration),
        ]);
        let volumes = draft.task(service).entry("Volumes").items();
        let is_first = !volumes.contains(&volume);
        if is_first {
            volumes.push(volume);
        }
        let target = mount
            .target
            .as_ref()
            .map_or(String::new(), |target| target.value.clone());
        mount_point(service, draft, name.to_owned(), target, mount);
        let Some(guarded) = self.guard else { return is_first };
        let own = draft.own_group(service);
        let guard = volume::mount_group(guarded);
        let ingress = Value::map([
            ("IpProtocol", "tcp".into()),
            ("FromPort", 2049_u16.into()),
            ("ToPort", 2049_u16.into()),
            ("SourceSecurityGroupId", Value::attribute(own, "GroupId")),
            ("Description", format!("Tasks of {}", draft.home(service).name).into()),
        ]);
        draft.properties(&guard).push_once("SecurityGroupIngress", ingress);
        for target in volume::mount_targets(guarded, draft) {
            draft.wait_for(service, target);
        }
        is_first
    }
}

fn mount_point(service: &Service, draft: &mut Draft, volume: String, target: String, mount: &Mount) {
    let mut point = Value::map([("SourceVolume", volume.into()), ("ContainerPath", target.into())]);
    if mount.read_only.is_some_and(|read_only| read_only.value) {
        point.set("ReadOnly", true);
    }
    draft.container(service).push("MountPoints", point);
}

/// A file system in memory. ECS wants a size; Linux gives half of the memory when nothing is said.
fn memory(service: &Service, draft: &mut Draft, target: String, size: Option<i64>, options: Vec<String>) {
    let task = draft
        .task(service)
        .get("Memory")
        .and_then(Value::as_str)
        .and_then(|memory| memory.parse::<i64>().ok());
    let size = size
        .filter(|size| *size > 0)
        .map_or(task.unwrap_or(512) / 2, |size| (size + 1_048_575) / 1_048_576);
    let mut tmpfs = Value::map([("ContainerPath", target.into()), ("Size", Value::Int(size))]);
    let (known, unknown): (Vec<_>, Vec<_>) = options.into_iter().partition(|option| {
        matches!(
            option.split('=').next(),
            Some("ro" | "rw" | "exec" | "noexec" | "suid" | "nosuid" | "dev" | "nodev" | "mode" | "uid" | "gid")
        )
    });
    if !known.is_empty() {
        tmpfs.set("MountOptions", Value::list(known));
    }
    for option in unknown {
        let message = format!("the option `{option}` of a tmpfs has no effect on ECS");
        draft.remark(Diagnostic::warning(
            service.tmpfs.first().map_or(Span::NOWHERE, |entry| entry.span),
            message,
        ));
    }
    draft.container(service).entry("LinuxParameters").push("Tmpfs", tmpfs);
}

/// `64m`, as the kernel writes it.
fn bytes(text: &str) -> Option<i64> {
    let text = text.to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].chars().next() {
        None | Some('b') => 1,
        Some('k') => 1 << 10,
        Some('m') => 1 << 20,
        Some('g') => 1 << 30,
        Some(_) => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(unit)
}
