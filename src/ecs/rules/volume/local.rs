//! Named volumes that the local driver mounts from elsewhere: their options say what a mount of them is.

use super::is_of_local_driver;
use crate::compose::{Project, Spanned, Volume};
use crate::diagnostic::Diagnostic;

/// Makes of each mount of a folder by such a volume the bind mount that it is.
pub(in crate::ecs) fn resolve(project: &mut Project) {
    let local: Vec<(String, Volume)> = project
        .volumes
        .iter()
        .filter(|(_, volume)| !volume.external && is_of_local_driver(volume))
        .map(|(key, volume)| (key.clone(), volume.clone()))
        .collect();
    for (key, volume) in local {
        let flags: Vec<&str> = option(&volume, "o").unwrap_or_default().split(',').collect();
        let kind = option(&volume, "type");
        let device = option(&volume, "device");
        if let (Some(device), true, None | Some("none" | "bind")) =
            (device, flags.iter().any(|flag| matches!(*flag, "bind" | "rbind")), kind)
        {
            bind(project, &key, device, flags.contains(&"ro"));
            project.volumes.shift_remove(&key);
        }
    }
}

/// What cannot be had of a volume's options for `mount`, if that is what they are.
pub(super) fn refusal(key: &str, volume: &Volume) -> Option<Diagnostic> {
    let kind = volume.driver_opts.get("type").filter(|kind| !kind.trim().is_empty())?;
    let refused = |message: String, hint: &str| Diagnostic::error(kind.span.or(volume.span), message).hint(hint);
    Some(match kind.as_str() {
        "tmpfs" => refused(
            format!("volume `{key}` is in memory, where no volume on ECS can be"),
            "give each service a `tmpfs` of its own, or remove `driver_opts` to have an EFS file system",
        ),
        "nfs" | "nfs4" => refused(
            format!("volume `{key}` is mounted from an NFS server, which no task on Fargate can do"),
            "remove `driver_opts` for a new EFS file system; or move the files to one and name it: `external: true` \
             and `name: fs-…`",
        ),
        other => refused(
            format!("volume `{key}` is a mount of type `{other}`, which no task on Fargate can do"),
            "remove `driver_opts` to have an EFS file system",
        ),
    })
}

/// An option that says something: those of unset variables do not.
fn option<'v>(volume: &'v Volume, name: &str) -> Option<&'v str> {
    let value = volume.driver_opts.get(name)?.trim();
    (!value.is_empty()).then_some(value)
}

fn bind(project: &mut Project, key: &str, device: &str, read_only: bool) {
    let mounts = project.services.values_mut().flat_map(|service| &mut service.volumes);
    for mount in mounts.filter(|mount| mount.mount_type.as_str() == "volume") {
        let Some(source) = mount.source.as_mut().filter(|source| source.value == key) else {
            continue;
        };
        let subpath = mount.volume.take().and_then(|volume| volume.subpath);
        source.value = match subpath {
            Some(subpath) => format!("{}/{}", device.trim_end_matches('/'), subpath.value),
            None => device.to_owned(),
        };
        "bind".clone_into(&mut mount.mount_type.value);
        if read_only {
            mount.read_only = Some(Spanned::new(true, mount.span));
        }
    }
}
