//! Named volumes: file systems that outlive the stack.

mod local;

use crate::compose::{Extensions, Mapping, Mount, Spanned, Volume};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Purpose, Value, fragment, names};
use crate::ecs::draft::Draft;
use crate::ecs::rules::{ebs, file};

pub(in crate::ecs) use local::resolve;

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

/// What `driver_opts` says to the engine's own driver: what it shall mount.
const ENGINES_OPTIONS: [&str; 3] = ["device", "o", "type"];

/// What the one file system is called that has the project's folders.
pub(in crate::ecs) const FOLDERS: &str = "project-folders";

/// A file system for each volume, the ways to it, and its access points: one for all of it, and one for each part that
/// is mounted alone.
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
            external(key, volume, draft);
            file_system_id(key, volume)
        } else {
            file_system(key, volume, &prefix, draft)
        };
        let mounts = project.services.values().flat_map(|service| &service.volumes);
        let mounts = mounts.filter(|mount| mount.source.as_ref().is_some_and(|source| source.value == *key));
        let mut parts: Vec<Option<&str>> = mounts
            .filter(|mount| mount.mount_type.as_str() == "volume")
            .map(subpath)
            .collect();
        parts.sort_unstable();
        parts.dedup();
        if parts.is_empty() {
            parts.push(None);
        }
        for part in parts {
            let holes = [
                ("VolumeKey", key.clone().into()),
                ("VolumeName", volume.name.value.clone().into()),
                ("FileSystem", file_system.clone()),
            ];
            let prefix = access_prefix(key, part);
            draft.add(&fragment::ACCESS_POINT, &prefix, holes, volume.span);
            access(volume, part, draft.properties(&format!("{prefix}AccessPoint")));
        }
        let description = format!("File system of volume {key}");
        draft.output(format!("{prefix}FileSystem"), description, file_system);
    }
    folders(draft);
}

/// The file system of the project's folders, with an access point for each.
fn folders(draft: &mut Draft) {
    let kept = draft.kept.clone();
    let Some(span) = kept.values().next() else { return };
    let volume = folders_volume(draft, *span);
    let file_system = file_system(FOLDERS, &volume, &names::logical_id(FOLDERS), draft);
    for (source, span) in kept {
        let holes = [
            ("VolumeKey", FOLDERS.into()),
            ("VolumeName", volume.name.value.clone().into()),
            ("FileSystem", file_system.clone()),
        ];
        let id = folder_access_point(&source, draft);
        let prefix = id.trim_end_matches("AccessPoint");
        draft.add(&fragment::ACCESS_POINT, prefix, holes, span);
        let directory = directory(&file::relative(draft.project, &source));
        let root = draft.properties(&id).entry("RootDirectory");
        root.set("Path", directory);
        root.set("CreationInfo", creation("0".into(), "0".into(), "0777".into()));
    }
    let description = "File system of the project's folders".to_owned();
    draft.output(
        format!("{}FileSystem", names::logical_id(FOLDERS)),
        description,
        file_system,
    );
}

/// A folder that is made when it is first mounted.
fn creation(uid: Value, gid: Value, permissions: Value) -> Value {
    Value::map([("OwnerUid", uid), ("OwnerGid", gid), ("Permissions", permissions)])
}

fn folders_volume(draft: &Draft, span: Span) -> Volume {
    Volume {
        span,
        name: Spanned::nowhere(format!("{}_{FOLDERS}", draft.project.name)),
        driver: None,
        driver_opts: Mapping::default(),
        external: false,
        labels: Mapping::default(),
        extensions: Extensions::default(),
    }
}

/// The path on a file system for a path of the project, within what EFS takes: four folders, a hundred characters, none
/// that begins with a dot. A path that has to be changed for that carries a digest, because it could be another's then.
fn directory(path: &str) -> String {
    const DEEPEST: usize = 4;
    const LONGEST: usize = 100;
    let part = |part: &str| {
        let part = part
            .strip_prefix('.')
            .map_or(part.to_owned(), |rest| format!("_{rest}"));
        part.replace(|c: char| !(c.is_ascii_alphanumeric() || "-_.+ @".contains(c)), "_")
    };
    let parts: Vec<String> = path
        .split('/')
        .filter(|it| !matches!(*it, "" | "."))
        .map(part)
        .collect();
    let (begin, rest) = parts.split_at(parts.len().min(DEEPEST - 1));
    let rest = (!rest.is_empty()).then(|| rest.join("_"));
    let changed: String = begin.iter().chain(&rest).map(|part| format!("/{part}")).collect();
    if !changed.is_empty() && path.strip_prefix('.') == Some(&changed) && changed.len() <= LONGEST {
        return changed;
    }
    let digest = names::digest(path);
    match changed.len() {
        0 => format!("/_{digest}"),
        1..=80 => format!("{changed}-{digest}"),
        _ => {
            let id = names::logical_id(&changed);
            format!("/{}-{digest}", &id[id.len().saturating_sub(60)..])
        }
    }
}

fn is_of_local_driver(volume: &Volume) -> bool {
    let driver = volume.driver.as_ref();
    driver.is_none_or(|driver| matches!(driver.as_str(), "local" | "default" | ""))
}

/// The logical id of the access point to a folder of the project.
pub(in crate::ecs) fn folder_access_point(source: &str, draft: &Draft) -> String {
    let path = file::relative(draft.project, source);
    format!("{}{}AccessPoint", names::logical_id(FOLDERS), names::logical_id(&path))
}

/// The value that names the file system of the project's folders.
pub(in crate::ecs) fn folders_id(draft: &Draft) -> Value {
    file_system_id(FOLDERS, &folders_volume(draft, Span::NOWHERE))
}

/// The part of a volume that is mounted, if it is not all.
pub(in crate::ecs) fn subpath(mount: &Mount) -> Option<&str> {
    let subpath = mount.volume.as_ref()?.subpath.as_ref()?;
    Some(subpath.trim_matches('/')).filter(|path| !path.is_empty() && *path != ".")
}

/// The logical id of the access point that a mount of a named volume uses.
pub(in crate::ecs) fn access_point(key: &str, mount: &Mount) -> String {
    access_prefix(key, subpath(mount)) + "AccessPoint"
}

fn access_prefix(key: &str, subpath: Option<&str>) -> String {
    names::logical_id(key) + &subpath.map_or(String::new(), names::logical_id)
}

/// The value that names a volume's file system: the stack's own or the Parameter's, or an external one's id.
pub(in crate::ecs) fn file_system_id(key: &str, volume: &Volume) -> Value {
    let prefix = names::logical_id(key);
    if volume.external {
        return if is_id(volume) {
            volume.name.value.clone().into()
        } else {
            Value::reference(format!("{prefix}FileSystemId"))
        };
    }
    let choice = [
        Value::from(format!("{prefix}FileSystemIsNew")),
        Value::reference(format!("{prefix}FileSystem")),
        Value::reference(format!("{prefix}FileSystemId")),
    ];
    Value::map([("Fn::If", Value::list(choice))])
}

/// A volume that the project does not make is another project's volume, or any other file system.
fn external(key: &str, volume: &Volume, draft: &mut Draft) {
    if is_id(volume) {
        return;
    }
    let name = volume.name.value.clone();
    let mut declaration = fragment::ACCESS_POINT.parameter("FileSystem");
    declaration.set("Description", format!("File system of the external volume {name}"));
    let id = format!("{}FileSystemId", names::logical_id(key));
    draft.parameter(id, Purpose::ExternalFileSystem { name }, declaration);
    let message = "the file system of an external volume lets in those alone whom its owner lets in";
    let hint = "have the services' security groups let in at port 2049 of its mount targets";
    draft.remark(Diagnostic::warning(volume.name.span.or(volume.span), message).hint(hint));
}

fn is_id(volume: &Volume) -> bool {
    volume.name.starts_with("fs-")
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

/// The options of the way in. With a user or group, all files are theirs, whoever the container runs as. A part that is
/// mounted alone is made if it is not there.
fn access(volume: &Volume, part: Option<&str>, access_point: &mut Value) {
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
    let root = volume
        .driver_opts
        .get("root_directory")
        .map(|root| root.trim_end_matches('/'));
    if root.is_none() && part.is_none() {
        return;
    }
    let directory = access_point.entry("RootDirectory");
    let path = [root.unwrap_or_default(), part.unwrap_or_default()].join("/");
    directory.set(
        "Path",
        if part.is_some() {
            path
        } else {
            path.trim_end_matches('/').to_owned()
        },
    );
    let permissions = option("permissions");
    let open = (part.is_some() && !volume.external).then(|| Value::from(if owner { "0755" } else { "0777" }));
    if owner || permissions.is_some() || open.is_some() {
        let permissions = permissions.or(open).unwrap_or("0755".into());
        directory.set("CreationInfo", creation(uid, gid, permissions));
    }
}

fn check(key: &str, volume: &Volume, draft: &mut Draft) -> bool {
    let before = draft.diagnostics.len();
    if let Some(driver) = volume.driver.as_ref().filter(|_| !is_of_local_driver(volume)) {
        let message = format!(
            "volume driver `{}` is not possible on ECS: volumes are EFS file systems",
            driver.value
        );
        draft.say(Diagnostic::error(driver.span, message).hint("remove `driver`"));
    }
    let refusal = local::refusal(key, volume);
    for (name, value) in &volume.driver_opts {
        let engines = ENGINES_OPTIONS.contains(&name.as_str());
        // The engine, too, makes a volume of its own when these are empty.
        if OPTIONS.contains(&name.as_str()) || engines && (value.is_empty() || refusal.is_some()) {
            continue;
        }
        let message = format!("volume option `{name}` is not possible on ECS: volumes are EFS file systems");
        let hint = if engines {
            "set it in an override file for the laptop only, or leave it empty; a file system of EFS that is there is `external: true` with its id (fs-…) as `name`".to_owned()
        } else {
            format!("the options are {}", OPTIONS.join(", "))
        };
        draft.say(Diagnostic::error(value.span, message).hint(hint));
    }
    draft.diagnostics.extend(refusal);
    draft.diagnostics.len() == before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_folders_of_a_project_share_one_of_the_file_system() {
        let deep = "./a/b/c/d/e";
        let long = format!("./{}", "folder-".repeat(20));
        let paths = [
            "./x",
            "./.x",
            "./_x",
            "../x",
            "./ä",
            "./ö",
            "./a/b/c/d_e",
            "./a/b/c/d/e_f",
            deep,
            &long,
            ".",
        ];
        let directories: std::collections::BTreeSet<_> = paths.iter().map(|path| directory(path)).collect();
        assert_eq!(directories.len(), paths.len(), "{directories:?}");
        for directory in &directories {
            let parts: Vec<_> = directory[1..].split('/').collect();
            assert!(parts.len() <= 4 && directory.len() <= 100, "{directory}");
            assert!(
                parts.iter().all(|part| !part.is_empty() && !part.starts_with('.')),
                "{directory}"
            );
        }
        assert_eq!(directory("./data/pages"), "/data/pages");
    }
}
