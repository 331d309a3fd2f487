//! Named volumes: file systems that outlive the stack.

use crate::compose::{Mapping, Spanned, Volume};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Purpose, Value, fragment, names};
use crate::ecs::draft::Draft;
use crate::ecs::rules::ebs;

/// What `driver_opts` may say.
const OPTIONS: [&str; 10] = [
    "backup_policy",
    "gid",
    "kms_key_id",
    "lifecycle_policy",
    "performance_mode",
    "permissions",
    "provisioned_throughput",
    "root_directory",
    "throughput_mode",
    "uid",
];

/// A file system for each volume, the ways to it, and its access point.
pub(in crate::ecs) fn file_systems(draft: &mut Draft) {
    let project = draft.project;
    for (key, volume) in &project.volumes {
        if let Some(node) = ebs::of(volume) {
            ebs::check(key, volume, node, draft);
            continue;
        }
        if !check(key, volume, draft) {
            continue;
        }
        let prefix = names::logical_id(key);
        let file_system = if volume.external {
            Value::from(volume.name.value.clone())
        } else {
            file_system(key, volume, &prefix, draft)
        };
        let holes = [
            ("VolumeKey", key.clone().into()),
            ("VolumeName", volume.name.value.clone().into()),
            ("FileSystem", file_system.clone()),
        ];
        draft.add(&fragment::ACCESS_POINT, &prefix, holes, volume.span);
        let description = format!("File system of volume {key}");
        draft.output(format!("{prefix}FileSystem"), description, file_system);
        access(volume, draft.properties(&format!("{prefix}AccessPoint")));
    }
}

/// The value that names a volume's file system: the stack's own or the Parameter's, or an external one's id.
pub(in crate::ecs) fn file_system_id(key: &str, volume: &Volume) -> Value {
    if volume.external {
        return volume.name.value.clone().into();
    }
    let prefix = names::logical_id(key);
    let choice = [
        Value::from(format!("{prefix}FileSystemIsNew")),
        Value::reference(format!("{prefix}FileSystem")),
        Value::reference(format!("{prefix}FileSystemId")),
    ];
    Value::map([("Fn::If", Value::list(choice))])
}

/// The logical ids of a volume's mount targets.
pub(in crate::ecs) fn mount_targets(key: &str, draft: &Draft) -> impl Iterator<Item = String> + use<> {
    let prefix = names::logical_id(key);
    (1..=draft.subnets().len()).map(move |nth| format!("{prefix}Subnet{nth}MountTarget"))
}

/// The logical id of the security group that guards a volume's mount targets.
pub(in crate::ecs) fn mount_group(key: &str) -> String {
    names::logical_id(key) + "MountGroup"
}

/// Whether the container's user sees the root directory as the file system has it, so that it has to be opened to all
/// users when it is new.
pub(in crate::ecs) fn is_plain(volume: &Volume) -> bool {
    !volume.external
        && !["uid", "gid", "permissions", "root_directory"]
            .iter()
            .any(|it| volume.driver_opts.contains_key(*it))
}

fn file_system(key: &str, volume: &Volume, prefix: &str, draft: &mut Draft) -> Value {
    let mut declaration = fragment::VOLUME.parameter("FileSystemId");
    declaration.set(
        "Description",
        format!("Existing file system for volume {key}; empty to make one, which is kept when the stack is deleted"),
    );
    let purpose = Purpose::FileSystem { volume: key.to_owned() };
    let parameter = draft.parameter(format!("{prefix}FileSystemId"), purpose, declaration);
    let name = [
        ("VolumeKey", key.to_owned().into()),
        ("VolumeName", volume.name.value.clone().into()),
    ];
    draft.add(
        &fragment::VOLUME,
        prefix,
        [("FileSystemId", parameter)].into_iter().chain(name.clone()),
        volume.span,
    );
    options(&volume.driver_opts, draft.properties(&format!("{prefix}FileSystem")));

    draft.add(&fragment::MOUNT_GROUP, prefix, name, volume.span);
    let file_system = file_system_id(key, volume);
    for (nth, subnet) in draft.subnets().into_iter().enumerate() {
        let holes = [
            ("FileSystem", file_system.clone()),
            ("SubnetId", subnet),
            ("GroupId", Value::attribute(mount_group(key), "GroupId")),
        ];
        draft.add(
            &fragment::MOUNT_TARGET,
            &format!("{prefix}Subnet{}", nth + 1),
            holes,
            volume.span,
        );
    }
    file_system
}

/// The options of the file system itself.
fn options(options: &Mapping, file_system: &mut Value) {
    let one = |key: &'static str, value: &Spanned<String>| Value::map([(key, value.value.clone().into())]);
    for (name, value) in options {
        match name.as_str() {
            "backup_policy" => file_system.set("BackupPolicy", one("Status", value)),
            "lifecycle_policy" => file_system.push("LifecyclePolicies", one("TransitionToIA", value)),
            "performance_mode" => file_system.set("PerformanceMode", value.value.clone()),
            "throughput_mode" => file_system.set("ThroughputMode", value.value.clone()),
            "provisioned_throughput" => {
                let throughput = value.parse().map_or_else(|_| value.value.clone().into(), Value::Float);
                file_system.set("ProvisionedThroughputInMibps", throughput);
            }
            "kms_key_id" => file_system.set("KmsKeyId", value.value.clone()),
            _ => {}
        }
    }
}

/// The options of the way in. With a user or group, all files are theirs, whoever the container runs as.
fn access(volume: &Volume, access_point: &mut Value) {
    let option = |name: &str| {
        volume
            .driver_opts
            .get(name)
            .map(|value| Value::from(value.value.clone()))
    };
    let owner = option("uid").or(option("gid")).is_some();
    let (uid, gid) = (option("uid").unwrap_or("0".into()), option("gid").unwrap_or("0".into()));
    if owner {
        access_point.set("PosixUser", Value::map([("Uid", uid.clone()), ("Gid", gid.clone())]));
    }
    if let Some(path) = option("root_directory") {
        let root = access_point.entry("RootDirectory");
        root.set("Path", path);
        if owner || option("permissions").is_some() {
            let permissions = option("permissions").unwrap_or("0755".into());
            root.set(
                "CreationInfo",
                Value::map([("OwnerUid", uid), ("OwnerGid", gid), ("Permissions", permissions)]),
            );
        }
    }
}

fn check(key: &str, volume: &Volume, draft: &mut Draft) -> bool {
    let before = draft.diagnostics.len();
    let span = |span: Span| span.or(volume.span);
    if volume.external && !volume.name.starts_with("fs-") {
        let message = format!("external volume `{key}` is no file system");
        let hint = "give the file system's id (fs-…) as its `name`";
        draft.say(Diagnostic::error(span(volume.name.span), message).hint(hint));
    }
    if let Some(driver) = volume
        .driver
        .as_ref()
        .filter(|driver| !matches!(driver.as_str(), "local" | "default" | ""))
    {
        let message = format!(
            "volume driver `{}` is not possible on ECS: volumes are EFS file systems",
            driver.value
        );
        draft.say(Diagnostic::error(driver.span, message).hint("remove `driver`"));
    }
    for (name, value) in &volume.driver_opts {
        if OPTIONS.contains(&name.as_str()) {
            continue;
        }
        let message = format!("volume option `{name}` is not possible on ECS: volumes are EFS file systems");
        draft.say(Diagnostic::error(value.span, message).hint(format!("the options are {}", OPTIONS.join(", "))));
    }
    draft.diagnostics.len() == before
}
