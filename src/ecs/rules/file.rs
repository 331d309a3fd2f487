//! The project's own files: what a task is sent, and how it gets where the service wants it. `docs/files.md` says why
//! it is so.

mod bind;
mod plan;

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::secret;
use crate::compose::{Project, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::{Purpose, Value, fragment, names};
use crate::ecs::draft::Draft;
use crate::ecs::pack::{self, Entry};

pub(in crate::ecs) use bind::relative;

/// What is sent to a service's tasks, and where it goes.
#[derive(Default, Debug)]
pub(in crate::ecs) struct Shipment {
    /// The init container finds them under their numbers, counted from 1.
    folders: Vec<Folder>,
    entries: Vec<Entry>,
    /// Files that are not there, and who wants them.
    missing: Vec<(String, Span)>,
    /// Folders that are sent for what is in them now: the access point that each would have as a volume, its path, and
    /// who mounts it.
    sent: Vec<(String, String, Span)>,
    /// Which of the service's mounts are volumes although they are folders of the project.
    kept: Vec<usize>,
    /// Where the first stands that is sent.
    span: Option<Span>,
}

/// A folder of the service's container that is prepared before it starts.
#[derive(Debug)]
struct Folder {
    target: String,
    /// The volume of the task.
    volume: String,
    way: Way,
    read_only: bool,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Way {
    /// A folder of the project: it hides what the image has there, as it does on an engine.
    Whole,
    /// Single files, beside what the image has there.
    Beside,
    /// A volume that the service mounts anyway.
    Volume,
    /// The same, of this task alone: it begins with what the image has there, as it does on an engine.
    Copy,
}

/// Where the init container has the folders; those of a sidecar are elsewhere.
const FOLDER: &str = "/files";

/// The folders of the project that are volumes on ECS, and who says so first.
pub(in crate::ecs) type Kept = IndexMap<String, Span>;

/// The paths whose content conversion wants to know.
pub(in crate::ecs) fn sources(project: &Project) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for service in project.services.values() {
        paths.extend(service.volumes.iter().filter_map(|mount| bind::asks(project, mount)));
        for reference in &service.configs {
            let config = project.configs.get(reference.source.as_str());
            let file = config.and_then(|config| config.file.as_ref());
            paths.extend(file.map(|file| file.value.clone()));
        }
    }
    paths
}

/// Decides for all services what is sent and what is a volume, before any role or volume is made.
pub(in crate::ecs) fn decide(draft: &mut Draft) {
    for service in draft.project.services.values() {
        let usual = service.secrets.iter().all(secret::is_usual);
        if service.volumes.is_empty() && service.configs.is_empty() && usual {
            continue;
        }
        let shipment = plan::shipment(service, draft);
        draft.shipments.insert(service.name.clone(), shipment);
    }
}

/// Whether the init container of a service reads its files from a secret.
pub(in crate::ecs) fn is_sent(service: &Service, draft: &Draft) -> bool {
    let shipment = draft.shipments.get(&service.name);
    shipment.is_some_and(|shipment| !shipment.entries.is_empty() || !shipment.missing.is_empty())
}

/// Whether one of a service's bind mounts is a volume.
pub(in crate::ecs) fn is_kept(service: &Service, at: usize, draft: &Draft) -> bool {
    let shipment = draft.shipments.get(&service.name);
    shipment.is_some_and(|shipment| shipment.kept.contains(&at))
}

/// Where the init container puts what the service finds at `path`, if that is in a folder that both know.
pub(in crate::ecs) fn path_in_init(service: &Service, path: &str, draft: &Draft) -> Option<String> {
    let folders = &draft.shipments.get(&service.name)?.folders;
    let place = place(folders, path)?;
    Some(format!("{}/{place}", draft.own(service, FOLDER)))
}

/// The volumes, the mounts of the service's container and of those that prepare the task, and the archive.
pub(in crate::ecs) fn apply(service: &Service, draft: &mut Draft) {
    let Some(shipment) = draft.shipments.remove(&service.name) else {
        return;
    };
    for (nth, folder) in shipment.folders.iter().enumerate() {
        if matches!(folder.way, Way::Whole | Way::Beside) {
            declare(service, &folder.volume, draft);
            let mut own = point(&folder.volume, folder.target.clone());
            if folder.read_only {
                own.set("ReadOnly", true);
            }
            draft.container(service).push("MountPoints", own);
        }
        if matches!(folder.way, Way::Whole | Way::Volume) {
            let own = point(&folder.volume, format!("{}/{}", draft.own(service, FOLDER), nth + 1));
            draft.init_container(service).push("MountPoints", own);
        }
    }
    if shipment.folders.iter().any(|folder| folder.way.is_seeded()) {
        seed(service, &shipment.folders, draft);
    }
    if !shipment.entries.is_empty() || !shipment.missing.is_empty() {
        send(service, &shipment, draft);
    }
}

/// The archive, as the content of a secret.
fn send(service: &Service, shipment: &Shipment, draft: &mut Draft) {
    let archive = pack::pack(&shipment.entries);
    if archive.len() > pack::LARGEST {
        let message = format!(
            "the files of service `{}` have {} KB when they are packed, and a task can be sent at most {} KB",
            service.name,
            archive.len().div_ceil(1024),
            pack::LARGEST.div_ceil(1024),
        );
        draft.say(Diagnostic::error(shipment.span.unwrap_or(service.span), message).hint(bind::OTHER_WAYS));
    }
    let mut declaration = fragment::SECRETS.parameter("SecretArn");
    declaration.set(
        "Description",
        format!("ARN of the secret that holds the files of service {}", service.name),
    );
    let purpose = Purpose::Files {
        service: service.name.clone(),
        key: format!("{}/files", service.name),
        archive,
        missing: shipment.missing.clone(),
        folders: shipment.sent.clone(),
    };
    let id = draft.id(service, "FilesArn");
    let arn = draft.parameter(id, purpose, declaration);
    let folder = draft.own(service, FOLDER);
    let init = draft.init_container(service);
    let is_archive = |secret: &&Value| {
        let name = secret.get("Name").and_then(Value::as_str);
        name.is_some_and(|name| name.starts_with("FILES_"))
    };
    let there = init.get("Secrets").map(Value::as_list).unwrap_or_default();
    let name = format!("FILES_{}", there.iter().filter(is_archive).count());
    let variable = [("Name", format!("{name}_FOLDER").into()), ("Value", folder.into())];
    init.push("Environment", Value::map(variable));
    let variable = [("Name", name.into()), ("ValueFrom", arn.clone())];
    init.push("Secrets", Value::map(variable));
    secret::grant(service, draft, vec![arn]);
}

/// The container of the service's own image that copies what the image has.
fn seed(service: &Service, folders: &[Folder], draft: &mut Draft) {
    let image = draft.container(service).get("Image").cloned().unwrap_or_default();
    let holes = [
        ("Project", draft.project.name.clone().into()),
        ("Container", names::plain(&service.name).into()),
        ("Init", names::plain(&draft.home(service).name).into()),
        ("Image", image),
        ("LogGroup", Value::reference("LogGroup")),
    ];
    let filled = fragment::SEED.fill("", &holes);
    let task = filled.resources.values().find_map(|task| task.get("Properties"));
    let containers = task.and_then(|task| task.get("ContainerDefinitions"));
    let mut seed = containers
        .and_then(|containers| containers.as_list().first())
        .cloned()
        .unwrap_or_default();
    let shared = draft.own(service, "seed");
    seed.push("MountPoints", point(&shared, "/.ctx/seed".to_owned()));
    let seeded = folders.iter().enumerate().filter(|(_, folder)| folder.way.is_seeded());
    for (nth, (at, folder)) in seeded.enumerate() {
        let variable = [
            ("Name", format!("FOLDER_{nth}").into()),
            ("Value", format!("{} {}", at + 1, folder.target).into()),
        ];
        seed.push("Environment", Value::map(variable));
        seed.push("MountPoints", point(&folder.volume, format!("/.ctx/{}", at + 1)));
    }
    if let Some(credentials) = draft.container(service).get("RepositoryCredentials").cloned() {
        seed.set("RepositoryCredentials", credentials);
    }
    let name = seed.get("Name").cloned().unwrap_or_default();
    draft.task(service).push("ContainerDefinitions", seed);
    declare(service, &shared, draft);
    let after = [("ContainerName", name), ("Condition", "SUCCESS".into())];
    draft.container(service).push("DependsOn", Value::map(after));
    let there = point(&shared, draft.own(service, FOLDER) + "/seed");
    draft.init_container(service).push("MountPoints", there);
}

/// A volume that lasts as long as the task.
fn declare(service: &Service, volume: &str, draft: &mut Draft) {
    let volume = Value::map([("Name", volume.to_owned().into())]);
    draft.task(service).push("Volumes", volume);
}

fn point(volume: &str, path: String) -> Value {
    Value::map([
        ("SourceVolume", volume.to_owned().into()),
        ("ContainerPath", path.into()),
    ])
}

impl Way {
    fn is_seeded(self) -> bool {
        matches!(self, Self::Beside | Self::Copy)
    }
}

/// Where a path of the service's container is in the archive: in the innermost folder that it is in.
fn place(folders: &[Folder], path: &str) -> Option<String> {
    let holding = folders
        .iter()
        .enumerate()
        .filter_map(|(nth, folder)| Some((nth, below(path, &folder.target)?)));
    let (nth, rest) = holding.min_by_key(|(_, rest)| rest.len())?;
    let seed = if folders[nth].way.is_seeded() { "seed/" } else { "" };
    Some(format!("{seed}{}/{rest}", nth + 1))
}

/// The rest of a path that is below a folder.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(folder.trim_end_matches('/'))?;
    rest.strip_prefix('/').filter(|rest| !rest.is_empty())
}
