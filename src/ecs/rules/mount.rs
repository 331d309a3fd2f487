//! What a service mounts.

use crate::compose::{Mount, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Value, names};
use crate::ecs::draft::Draft;
use crate::ecs::rules::{ebs, host, volume};

/// `volumes`
pub(in crate::ecs) fn volumes(service: &Service, draft: &mut Draft) {
    let mut anonymous = 0;
    for mount in &service.volumes {
        let Some(target) = mount.target.as_ref().map(|target| target.value.clone()) else {
            continue;
        };
        match (mount.mount_type.as_str(), &mount.source) {
            ("volume", Some(source)) => named(service, mount, source, target, draft),
            ("volume", None) => {
                anonymous += 1;
                let message = "a volume without a name lasts as long as its task on ECS";
                draft.remark(Diagnostic::warning(mount.span, message).hint("give it a name to keep what is in it"));
                let name = draft.own(service, &format!("anonymous-{anonymous}"));
                draft
                    .task(service)
                    .push("Volumes", Value::map([("Name", name.clone().into())]));
                mount_point(service, draft, name, target, mount);
            }
            ("bind", source) => bind(mount, source.as_ref().map_or("", |source| source.as_str()), draft),
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

/// The tables of time zones, which images either have or do without: everybody mounts them from the host.
const OF_THE_HOST: [&str; 2] = ["/etc/localtime", "/etc/timezone"];

fn bind(mount: &Mount, source: &str, draft: &mut Draft) {
    let place = mount.span;
    if OF_THE_HOST.contains(&source) {
        let message =
            format!("the mount of `{source}` has no effect on ECS: there, hosts keep universal time, as containers do");
        draft.remark(Diagnostic::warning(place, message));
        return;
    }
    let diagnostic = if source.ends_with("docker.sock") {
        let message = "the engine's socket cannot be mounted on ECS: there is no engine that a task could use";
        Diagnostic::error(place, message)
            .hint("remove the service, or set the mount in an override file for the laptop only")
    } else if let Some(path) = within(source, &draft.project.working_dir) {
        let message = format!("a mount of the project's own `{path}` does not work on ECS yet");
        let hint = "put the files into the image, or mount a named volume for what the container writes";
        Diagnostic::error(place, message).hint(hint)
    } else {
        let message =
            format!("a mount of the host's `{source}` is not possible on ECS: Fargate keeps the host to itself");
        let hint = "mount a named volume instead, or set the mount in an override file for the laptop only";
        Diagnostic::error(place, message).hint(hint)
    };
    draft.say(diagnostic);
}

/// The path from the project's folder, if it is below it.
fn within(source: &str, folder: &std::path::Path) -> Option<String> {
    let path = std::path::Path::new(source)
        .strip_prefix(folder)
        .ok()?
        .display()
        .to_string();
    Some(if path.is_empty() {
        ".".to_owned()
    } else {
        format!("./{path}")
    })
}

fn named(service: &Service, mount: &Mount, source: &str, target: String, draft: &mut Draft) {
    let Some(definition) = draft.project.volumes.get(source) else {
        return;
    };
    let name = names::plain(source);
    if let Some(ebs) = ebs::of(definition) {
        if ebs::attach(service, source, &name, ebs, draft) {
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
    let access_point = names::logical_id(source) + "AccessPoint";
    let configuration = Value::map([
        ("FilesystemId", volume::file_system_id(source, definition)),
        ("TransitEncryption", "ENABLED".into()),
        (
            "AuthorizationConfig",
            Value::map([("AccessPointId", Value::reference(access_point))]),
        ),
    ]);
    let volume = Value::map([("Name", name.clone().into()), ("EFSVolumeConfiguration", configuration)]);
    draft.task(service).push_once("Volumes", volume);
    mount_point(service, draft, name.clone(), target, mount);
    if volume::is_plain(definition) {
        let point = [
            ("SourceVolume", name.clone().into()),
            ("ContainerPath", format!("/volumes/{name}").into()),
        ];
        draft
            .init_container(service)
            .push_once("MountPoints", Value::map(point));
    }
    if definition.external {
        return;
    }
    let own = draft.own_group(service);
    let guard = volume::mount_group(source);
    let ingress = Value::map([
        ("IpProtocol", "tcp".into()),
        ("FromPort", 2049_u16.into()),
        ("ToPort", 2049_u16.into()),
        ("SourceSecurityGroupId", Value::attribute(own, "GroupId")),
    ]);
    draft.properties(&guard).push_once("SecurityGroupIngress", ingress);
    for target in volume::mount_targets(source, draft) {
        draft.wait_for(service, target);
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
