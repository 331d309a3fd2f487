//! What becomes of one bind mount.

use std::path::Path;

use crate::compose::survey::{OnDisk, Tree};
use crate::compose::{Mount, Project};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::draft::Draft;

pub(super) enum Bind<'p> {
    Nothing,
    Send(&'p Tree),
    /// A file that is not there yet.
    Missing,
    /// A volume.
    Keep,
}

pub(super) const OTHER_WAYS: &str =
    "put them into the image, or say `x-aws-bind: efs` on a mount for a volume that the service fills itself";

/// What people mount from the host that tasks have without it, and why.
const OF_THE_HOST: [(&str, &str); 8] = [
    ("/dev/null", "every container has it"),
    ("/dev/random", "every container has it"),
    ("/dev/urandom", "every container has it"),
    ("/dev/zero", "every container has it"),
    ("/etc/localtime", UNIVERSAL_TIME),
    (
        "/etc/resolv.conf",
        "tasks ask the name servers of their VPC, as their hosts do",
    ),
    ("/etc/timezone", UNIVERSAL_TIME),
    ("/usr/share/zoneinfo", UNIVERSAL_TIME),
];
const UNIVERSAL_TIME: &str = "there, hosts keep universal time, as containers do";

static EMPTY: Tree = Tree {
    is_file: false,
    entries: Vec::new(),
    without_history: false,
};

/// The path whose content decides about a mount.
pub(super) fn asks(project: &Project, mount: &Mount) -> Option<String> {
    let source = mount.source.as_ref().filter(|_| mount.mount_type.as_str() == "bind")?;
    let asks = chosen(mount).map_or_else(|| is_own(project, source), |choice| choice == "ship");
    asks.then(|| source.value.clone())
}

pub(super) fn bind<'p>(mount: &Mount, draft: &mut Draft<'p>) -> Bind<'p> {
    let project = draft.project;
    let source = mount.source.as_ref().map_or("", |source| source.as_str());
    let place = mount.span;
    let choice = chosen(mount);
    let needless = OF_THE_HOST.iter().find(|(path, _)| *path == source);
    if let (Some((_, why)), None) = (needless, choice) {
        let message = format!("the mount of `{source}` has no effect on ECS: {why}");
        draft.remark(Diagnostic::warning(place, message));
        return Bind::Nothing;
    }
    let path = relative(project, source);
    match choice {
        Some("efs") => return Bind::Keep,
        Some("refuse") => {
            let message = format!("the mount of `{path}` is not for ECS: `x-aws-bind` says so");
            let hint = "set the mount in an override file for the laptop only";
            draft.say(Diagnostic::error(place, message).hint(hint));
            return Bind::Nothing;
        }
        _ => {}
    }
    if choice.is_none() && !is_own(project, source) {
        draft.say(of_the_host(source, place));
        return Bind::Nothing;
    }
    match project.disk.get(source) {
        Some(OnDisk::Files(tree)) => Bind::Send(tree),
        Some(OnDisk::Empty) if choice == Some("ship") => Bind::Send(&EMPTY),
        Some(OnDisk::Empty) => keep(place, draft),
        None | Some(OnDisk::Missing) => {
            let makes = mount.bind.as_ref().is_none_or(|bind| bind.create_host_path);
            if makes && choice.is_none() && !looks_like_file(source) {
                return keep(place, draft);
            }
            draft.remark(not_there(&path, place));
            Bind::Missing
        }
        Some(other) => {
            draft.say(unsendable(&path, other, place));
            Bind::Nothing
        }
    }
}

/// A path as the user would write it.
pub(in crate::ecs) fn relative(project: &Project, path: &str) -> String {
    let folder = &project.working_dir;
    if let Ok(inside) = Path::new(path).strip_prefix(folder) {
        return match inside.display().to_string() {
            inside if inside.is_empty() => ".".to_owned(),
            inside => format!("./{inside}"),
        };
    }
    let beside = folder.parent().and_then(|up| Path::new(path).strip_prefix(up).ok());
    beside.map_or_else(|| path.to_owned(), |beside| format!("../{}", beside.display()))
}

pub(super) fn not_there(path: &str, place: Span) -> Diagnostic {
    Diagnostic::warning(place, format!("`{path}` is not there, and `ctx up` will need it")).hint("create it")
}

/// Why something that is there cannot be sent.
pub(super) fn unsendable(path: &str, found: &OnDisk, place: Span) -> Diagnostic {
    let message = match found {
        OnDisk::Special(kind) => format!("`{path}` has a {kind} in it, which cannot be sent to a task on ECS"),
        OnDisk::Unreadable(why) => format!("`{path}` cannot be sent to a task on ECS: {why}"),
        OnDisk::Files(_) | OnDisk::Empty | OnDisk::Missing => format!("`{path}` is no file"),
        OnDisk::TooLarge => {
            format!("`{path}` is too large to be sent to a task on ECS: at most 48 KB are, when they are packed")
        }
    };
    Diagnostic::error(place, message).hint(OTHER_WAYS)
}

/// What `x-aws-bind` says.
fn chosen(mount: &Mount) -> Option<&str> {
    mount.extensions.get("x-aws-bind")?.as_str()
}

/// Whether a path is the user's own to send: it was written as a relative one, or it is below the project's folder or
/// the user's.
fn is_own(project: &Project, source: &str) -> bool {
    let home = project.environment.get("HOME").filter(|home| home.len() > 1);
    project.own_paths.contains(source)
        || Path::new(source).starts_with(&project.working_dir)
        || home.is_some_and(|home| Path::new(source).starts_with(home))
}

fn of_the_host(source: &str, place: Span) -> Diagnostic {
    if source.ends_with("docker.sock") || source.ends_with("podman.sock") {
        let message = "the engine's socket cannot be mounted on ECS: there is no engine that a task could use";
        return Diagnostic::error(place, message)
            .hint("remove the service, or set the mount in an override file for the laptop only");
    }
    let message = format!("a mount of the host's `{source}` is not possible on ECS: Fargate keeps the host to itself");
    Diagnostic::error(place, message).hint(
        "say `x-aws-bind: efs` on the mount for a volume in its place, `ship` to send what is there now, or set the \
         mount in an override file for the laptop only",
    )
}

fn keep<'p>(place: Span, draft: &mut Draft<'p>) -> Bind<'p> {
    let message = "a folder of the project that is empty or not there is a volume on ECS, which `ctx down` keeps";
    let hint =
        "say `x-aws-bind: efs` on the mount to have it so whatever the folder holds, or `ship` to send the folder";
    draft.remark(Diagnostic::warning(place, message).hint(hint));
    Bind::Keep
}

/// Whether a path that nothing is at was meant to be a file, by its name: `nginx.conf`, `Caddyfile`. Folders have names
/// with dots too: `conf.d`, `.data`, `v1.2`.
fn looks_like_file(path: &str) -> bool {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let extension = name
        .trim_start_matches('.')
        .rsplit_once('.')
        .map(|(_, extension)| extension);
    let is_extension = |extension: &str| {
        extension != "d"
            && extension.len() <= 10
            && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && extension.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    extension.is_some_and(is_extension)
        || (name.ends_with("file") && name.starts_with(|c: char| c.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_and_of_folders() {
        for file in [
            "./nginx.conf",
            "/a/init.sh",
            "Caddyfile",
            "db.sqlite3",
            "cert.pem",
            ".env.local",
        ] {
            assert!(looks_like_file(file), "{file}");
        }
        for folder in [
            "./data",
            "conf.d",
            ".data",
            "nginx.conf.d",
            "v1.2",
            "/a/profile",
            "./x/",
        ] {
            assert!(!looks_like_file(folder), "{folder}");
        }
    }
}
