//! `x-aws-ebs`: a volume that each task has for itself. ECS makes it when the task starts and deletes it when it ends.

use crate::compose::{Node, Project, Service, Volume};
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::{Value, fragment};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;
use crate::ecs::rules::job::Runs;

const NAME: &str = "x-aws-ebs";

/// GiB when nothing is said.
const SIZE: i64 = 20;

type Bounds = (i64, i64);

/// What each type can be: GiB, operations a second where they can be chosen, and whether they have to be.
const TYPES: [(&str, Bounds, Option<Bounds>, bool); 6] = [
    ("gp3", (1, 65_536), Some((3000, 80_000)), false),
    ("gp2", (1, 16_384), None, false),
    ("io1", (4, 16_384), Some((100, 64_000)), true),
    ("io2", (4, 65_536), Some((100, 256_000)), true),
    ("st1", (125, 16_384), None, false),
    ("sc1", (125, 16_384), None, false),
];

/// What a volume says about EBS, if it is to be one of its volumes.
pub(in crate::ecs) fn of(volume: &Volume) -> Option<&Node> {
    let node = volume.extensions.get(NAME)?;
    (extensions::boolean(node) != Some(false)).then_some(node)
}

/// Says what is wrong with the volume itself.
pub(in crate::ecs) fn check(key: &str, volume: &Volume, node: &Node, draft: &mut Draft) {
    let mut refuse = |node: &Node, message: String, hint: &str| {
        draft.say(Diagnostic::error(node.span, message).hint(hint));
    };
    if volume.external {
        refuse(
            node,
            format!("external volume `{key}` cannot be an EBS volume that each task has for itself"),
            "remove `external`",
        );
        return;
    }
    if let Some((option, _)) = volume.driver_opts.first() {
        let message =
            format!("volume option `{option}` is not possible for an EBS volume: it is for file systems of EFS");
        refuse(node, message, "say it under `x-aws-ebs`");
    }
    let kind = node.get("type").and_then(Node::as_str).unwrap_or("gp3");
    let Some((_, sizes, iops, needs_iops)) = TYPES.into_iter().find(|(name, ..)| *name == kind) else {
        return;
    };
    let number = |key: &str| node.get(key).and_then(|node| Some((node, extensions::integer(node)?)));
    if let Some((node, size)) = number("size")
        && !(sizes.0..=sizes.1).contains(&size)
    {
        refuse(
            node,
            format!("a volume of type `{kind}` cannot have {size} GiB"),
            &format!("it has {} to {}", sizes.0, sizes.1),
        );
    }
    match (number("iops"), iops) {
        (Some((node, _)), None) => refuse(
            node,
            format!("the operations of type `{kind}` cannot be chosen"),
            "use `gp3`, or leave `iops` out",
        ),
        (Some((node, asked)), Some((least, most))) if !(least..=most).contains(&asked) => {
            refuse(
                node,
                format!("a volume of type `{kind}` cannot have {asked} operations a second"),
                &format!("it has {least} to {most}"),
            );
        }
        (None, Some(_)) if needs_iops => refuse(
            node,
            format!("a volume of type `{kind}` needs `iops`"),
            "say how many operations a second it has",
        ),
        _ => {}
    }
    if let Some((node, _)) = number("throughput").filter(|_| kind != "gp3") {
        refuse(
            node,
            format!("the throughput of type `{kind}` cannot be chosen"),
            "use `gp3`, or leave `throughput` out",
        );
    }
}

/// Gives each task of a service its volume. False if it cannot be had.
pub(in crate::ecs) fn attach(service: &Service, key: &str, name: &str, node: &Node, draft: &mut Draft) -> bool {
    if draft.runs(service) != Runs::Service {
        let message = format!(
            "`{}` is no ECS service, and only the tasks of one have EBS volumes",
            service.name
        );
        draft.say(Diagnostic::error(node.span, message).hint("leave `x-aws-ebs` out: volumes are file systems of EFS"));
        return false;
    }
    let project = draft.project;
    let users = users(key, project);
    if let Some(other) = users
        .iter()
        .find(|other| draft.home(other).name != draft.home(service).name)
    {
        if users.first().is_some_and(|first| first.name == service.name) {
            let message = format!(
                "`{}` and `{}` cannot share `{key}`: each task has an EBS volume for itself",
                service.name, other.name
            );
            draft.say(
                Diagnostic::error(node.span, message).hint("leave `x-aws-ebs` out: a file system of EFS is for all"),
            );
        }
        return false;
    }
    let other = draft
        .service(service)
        .get("VolumeConfigurations")
        .map_or(&[][..], Value::as_list);
    if other
        .iter()
        .any(|other| other.get("Name").and_then(Value::as_str) != Some(name))
    {
        let message = format!(
            "a task has at most one EBS volume, and service `{}` has another one",
            service.name
        );
        draft.say(Diagnostic::error(node.span, message).hint("leave one of them to EFS"));
        return false;
    }
    if !draft.template.document.resources.contains_key("EbsRole") {
        draft.add(&fragment::EBS_ROLE, "", [], node.span);
    }
    let text = |key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let number = |key: &str| node.get(key).and_then(extensions::integer);
    let mut volume = Value::map([
        ("RoleArn", Value::attribute("EbsRole", "Arn")),
        ("VolumeType", text("type").unwrap_or_else(|| "gp3".to_owned()).into()),
        ("Encrypted", true.into()),
        (
            "FilesystemType",
            text("file_system").unwrap_or_else(|| "ext4".to_owned()).into(),
        ),
    ]);
    let snapshot = text("snapshot");
    if let Some(size) = number("size").or(snapshot.is_none().then_some(SIZE)) {
        volume.set("SizeInGiB", size);
    }
    for (key, property) in [("iops", "Iops"), ("throughput", "Throughput")] {
        if let Some(number) = number(key) {
            volume.set(property, number);
        }
    }
    for (value, property) in [(&snapshot, "SnapshotId"), (&text("kms_key"), "KmsKeyId")] {
        if let Some(value) = value {
            volume.set(property, value.clone());
        }
    }
    let tags = Value::map([("ResourceType", "volume".into()), ("PropagateTags", "SERVICE".into())]);
    volume.push("TagSpecifications", tags);
    let configuration = Value::map([("Name", name.to_owned().into()), ("ManagedEBSVolume", volume)]);
    draft.service(service).push_once("VolumeConfigurations", configuration);
    let launch = Value::map([("Name", name.to_owned().into()), ("ConfiguredAtLaunch", true.into())]);
    draft.task(service).push_once("Volumes", launch);
    let next = if snapshot.is_some() {
        "the snapshot again"
    } else {
        "an empty one"
    };
    let message = format!("what is on EBS volume `{key}` is gone when its task ends: a new task begins with {next}");
    let hint = "leave `x-aws-ebs` out to keep it: volumes are file systems of EFS";
    draft.remark(Diagnostic::warning(node.span, message).hint(hint));
    true
}

fn users<'p>(key: &str, project: &'p Project) -> Vec<&'p Service> {
    let mounts = |service: &&Service| {
        let mut sources = service
            .volumes
            .iter()
            .filter(|mount| mount.mount_type.as_str() == "volume");
        sources.any(|mount| mount.source.as_ref().is_some_and(|source| source.as_str() == key))
    };
    project.services.values().filter(mounts).collect()
}
