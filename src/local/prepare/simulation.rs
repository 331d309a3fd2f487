//! A context of the type ecs-local: the project as ECS would run it, and the endpoint that its tasks ask.

use std::collections::BTreeMap;

use super::whole::tasks;
use super::{Sources, file, reference, set};
use crate::backend::{Io, Keys, Simulation, Source, Task};
use crate::compose::{
    ByteSize, Condition, Dependency, Extensions, Hook, Mapping, Mount, Network, Project, Service, ServiceNetwork,
    Spanned,
};
use crate::diagnostic::{Diagnostic, Span};
use crate::endpoint::{self, ADDRESS, NETWORK, SERVICE, Settings, image};
use crate::error::{Error, Result};
use crate::local::{archive, mounts, names};

/// The key of the secret that holds the credentials.
const KEYS: &str = "#ecs-local-credentials";
const MEBIBYTE: i64 = 1024 * 1024;
/// Behind all others, so that the engine sends what leaves the project through the project's own networks.
const LAST: i64 = -1000;

/// What the engine is like, and what the endpoint is made of.
pub(super) struct Place {
    pub(super) socket: String,
    pub(super) processors: u32,
    pub(super) image: String,
    /// Whether the engine can limit how much a container writes.
    pub(super) limits_disk: bool,
}

impl Sources<'_> {
    /// Makes the project what ECS would make of it, but nothing on the engine.
    pub(super) async fn simulate(
        &self,
        project: &mut Project,
        simulation: &Simulation,
    ) -> Result<Vec<(String, String)>> {
        let place = self.place(simulation).await?;
        let (tasks, known) = tasks(project, simulation);
        shape(project, simulation, (&tasks, &known), &place).map_err(|diagnostic| vec![diagnostic].into())
    }

    /// Brings what the endpoint needs: its image, and credentials that this machine alone can find.
    pub(super) async fn furnish_endpoint(&self, project: &mut Project, simulation: &Simulation, io: &Io) -> Result<()> {
        let Some(endpoint) = project.services.get(SERVICE) else {
            return Ok(());
        };
        let image = names::image(project, endpoint);
        let container = names::container(project, endpoint, 1);
        let object = format!("Image {image}");
        let mut made = false;
        let furnished = self.connection.furnish_endpoint(&image, || {
            made = true;
            io.progress.working(&object, "Making");
        });
        furnished.await?;
        if made {
            io.progress.done(&object, "Made");
        }
        let Source::Here(find) = &simulation.source else {
            return Ok(());
        };
        match find().await {
            Ok(keys) => {
                self.renew(&container, &keys).await?;
                keep(project, written(&keys));
            }
            Err(error) => {
                let about = format!("containers that ask for AWS credentials get none: {error}");
                io.progress.warning(format!("Context {}", simulation.context), about);
            }
        }
        Ok(())
    }

    /// Gives an endpoint that runs already what was found now.
    async fn renew(&self, container: &str, keys: &Keys) -> Result<()> {
        let options = bollard::query_parameters::UploadToContainerOptions {
            path: "/".to_owned(),
            ..Default::default()
        };
        let copied = mounts::Copied {
            path: endpoint::KEYS.to_owned(),
            content: written(keys).into_bytes(),
            mode: 0o400,
            uid: 0,
            gid: 0,
        };
        let archive = archive::archive(&[copied]);
        let archive = archive.map_err(|error| Error::new("cannot pack credentials").because(&error))?;
        let body = bollard::body_full(archive.into());
        match self
            .connection
            .docker
            .upload_to_container(container, Some(options), body)
            .await
        {
            Ok(()) => Ok(()),
            Err(error) if crate::engine::is_missing(&error) => Ok(()),
            Err(error) => Err(self
                .connection
                .failed(format!("cannot give {container} its credentials"), &error)),
        }
    }

    async fn place(&self, simulation: &Simulation) -> Result<Place> {
        let context = &simulation.context;
        let Some(socket) = self.connection.host.strip_prefix("unix://") else {
            let message = format!(
                "context \"{context}\" simulates ECS on this machine, and the engine is at {}",
                self.connection.host
            );
            return Err(Error::new(message).hint(
                "unset DOCKER_HOST, or name a socket: the endpoint of the tasks reads your AWS files and the socket",
            ));
        };
        let image = image::name()?;
        let about = self.connection.docker.info().await;
        let about = about.map_err(|error| self.connection.failed("cannot ask what the engine is like", &error))?;
        let (system, processor) = (
            about.os_type.unwrap_or_default(),
            about.architecture.unwrap_or_default(),
        );
        if system != "linux" || !is_own_processor(&processor) {
            let message = format!(
                "the engine runs containers for {system} on {processor}, and this `ctx`, which is the endpoint of the tasks there, is for {}",
                std::env::consts::ARCH
            );
            return Err(Error::new(message).hint("use the `ctx` for that processor"));
        }
        Ok(Place {
            socket: socket.to_owned(),
            processors: about
                .ncpu
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or(u32::MAX),
            image,
            limits_disk: matches!(about.driver.as_deref(), Some("btrfs" | "zfs" | "devicemapper")),
        })
    }
}

fn is_own_processor(name: &str) -> bool {
    let own = std::env::consts::ARCH;
    match name {
        "amd64" => own == "x86_64",
        "arm64" => own == "aarch64",
        _ => own == name,
    }
}

/// The project as its tasks would be, with the endpoint beside them, which knows of others too; the result is what has
/// to be said of services.
pub(super) fn shape(
    project: &mut Project,
    simulation: &Simulation,
    (tasks, known): (&[Task], &[Task]),
    place: &Place,
) -> Result<Vec<(String, String)>, Diagnostic> {
    let taken = project.services.get(SERVICE).or(project.disabled_services.get(SERVICE));
    let taken = taken.map(|service| service.span);
    if let Some(span) = taken.or(project.networks.get(NETWORK).map(|network| network.span)) {
        let message = format!("`{SERVICE}` and `{NETWORK}` are names of what simulates ECS");
        return Err(Diagnostic::error(span, message).hint("choose another name"));
    }
    let all = project.services.keys().chain(project.disabled_services.keys());
    let slots = endpoint::slots(all.map(String::as_str));
    let Some(slots) = slots else {
        let message = "there are more services than ECS can be simulated for";
        return Err(Diagnostic::error(Span::NOWHERE, message).hint("enable fewer of them at a time, with profiles"));
    };
    let slots: BTreeMap<String, u8> = slots.into_iter().map(|(name, slot)| (name.to_owned(), slot)).collect();
    let mut said = Vec::new();
    for (name, service) in &mut project.services {
        if service.provider.is_some() {
            continue;
        }
        // A service that was named may be of no enabled profile.
        let mut all = tasks.iter().chain(known);
        if let Some(task) = all.find(|task| task.services.contains(name)) {
            said.extend(limit(service, task, place).map(|about| (format!("Service {name}"), about)));
        }
        if !place.limits_disk {
            service.storage_opt.clear();
        }
        join(service, slots[name], simulation);
    }
    let settings = Settings {
        project: project.name.clone(),
        context: simulation.context.clone(),
        region: simulation.region.clone(),
        account: simulation.account.clone(),
        profile: match &simulation.source {
            Source::Profile { name, .. } => Some(name.clone()),
            Source::Here(_) => None,
        },
        tasks: known.to_vec(),
    };
    let endpoint = service(&settings, simulation, place);
    project.services.insert(SERVICE.to_owned(), endpoint);
    project.networks.insert(NETWORK.to_owned(), network(&project.name));
    Ok(said)
}

/// A container has what its task has, and no more; what it cannot have on this machine is said.
fn limit(service: &mut Service, task: &Task, place: &Place) -> Option<String> {
    let (cpu, memory) = (task.cpu?, task.memory?);
    let memory = task.limits.get(&service.name).copied().unwrap_or(memory);
    if let Some(limits) = service.deploy.as_mut().and_then(|deploy| deploy.limits.as_mut()) {
        (limits.cpus, limits.memory) = (None, None);
    }
    // ECS ignores these, and the engine wants no second opinion.
    (service.cpu_period, service.cpu_quota) = (None, None);
    (service.cpu_count, service.cpu_percent) = (None, None);
    let memory = Some(Spanned::nowhere(ByteSize(i64::from(memory) * MEBIBYTE)));
    // Tasks do not swap.
    (service.mem_limit, service.memswap_limit) = (memory, memory);
    let units = cpu.min(place.processors.saturating_mul(1024));
    #[allow(clippy::cast_precision_loss, reason = "at most 32 processors, in parts of 1024")]
    let cpus = units as f32 / 1024.0;
    service.cpus = Some(Spanned::nowhere(cpus));
    (units < cpu).then(|| {
        let (wanted, there) = (f64::from(cpu) / 1024.0, place.processors);
        format!("would have {wanted} vCPUs on Fargate; this engine has {there}")
    })
}

/// Lets a service find the endpoint, as a task does.
fn join(service: &mut Service, slot: u8, simulation: &Simulation) {
    let mode = service.network_mode.as_ref().map(|mode| mode.value.as_str());
    match mode {
        None => {
            let base = format!("169.254.{slot}.0");
            service.networks.insert(NETWORK.to_owned(), attachment(base));
        }
        // It has the addresses of the one that it is bound to.
        Some(mode) if mode.starts_with("service:") => {}
        Some(_) => return,
    }
    let on = Dependency {
        span: Span::NOWHERE,
        condition: Spanned::nowhere(Condition::Started),
        restart: false,
        required: true,
        extensions: Extensions::default(),
    };
    service.depends_on.insert(SERVICE.to_owned(), on);
    let mut variables = vec![
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/creds".to_owned()),
        ("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE".to_owned()),
    ];
    for (variable, version) in [
        ("ECS_CONTAINER_METADATA_URI", "v3"),
        ("ECS_CONTAINER_METADATA_URI_V4", "v4"),
    ] {
        variables.push((variable, format!("http://{ADDRESS}/{version}/{}", service.name)));
    }
    if let Some(region) = &simulation.region {
        variables.extend([("AWS_REGION", region.clone()), ("AWS_DEFAULT_REGION", region.clone())]);
    }
    for (name, value) in variables {
        if !service.environment.contains_key(name) {
            set(service, name.to_owned(), &value);
        }
    }
}

fn attachment(address: String) -> ServiceNetwork {
    ServiceNetwork {
        link_local_ips: vec![Spanned::nowhere(address)],
        priority: Some(Spanned::nowhere(LAST)),
        ..ServiceNetwork::default()
    }
}

fn network(project: &str) -> Network {
    Network {
        span: Span::NOWHERE,
        name: Spanned::nowhere(format!("{project}_{NETWORK}")),
        driver: None,
        driver_opts: Mapping::default(),
        ipam: None,
        external: false,
        internal: None,
        attachable: None,
        labels: Mapping::default(),
        enable_ipv4: None,
        enable_ipv6: None,
        extensions: Extensions::default(),
    }
}

/// The endpoint as a service of the project, so that whatever takes care of a project's containers takes care of it.
fn service(settings: &Settings, simulation: &Simulation, place: &Place) -> Service {
    let text = |text: &str| Spanned::nowhere(text.to_owned());
    let texts = |texts: &[&str]| Spanned::nowhere(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let mut service = Service {
        name: SERVICE.to_owned(),
        image: Some(text(&place.image)),
        pull_policy: Some(text("never")),
        attach: Some(Spanned::nowhere(false)),
        entrypoint: Some(texts(&image::COMMAND)),
        command: Some(texts(&[])),
        restart: Some(text("unless-stopped")),
        cap_drop: vec![text("ALL")],
        cap_add: vec![text("NET_BIND_SERVICE"), text("DAC_OVERRIDE")],
        security_opt: vec![text("no-new-privileges:true")],
        post_start: vec![Hook {
            span: Span::NOWHERE,
            command: texts(&[image::COMMAND[0], image::COMMAND[1], "--ready"]),
            user: None,
            privileged: None,
            working_dir: None,
            environment: indexmap::IndexMap::default(),
            image: None,
            per_replica: None,
            extensions: Extensions::default(),
        }],
        ..Service::default()
    };
    service
        .networks
        .insert(NETWORK.to_owned(), attachment(ADDRESS.to_string()));
    service.volumes.push(bind(&place.socket, endpoint::SOCKET));
    if let Source::Profile { files, .. } = &simulation.source {
        service
            .volumes
            .extend(files.iter().map(|(from, to)| bind(&from.display().to_string(), to)));
    }
    let settings = serde_json::to_string(settings).unwrap_or_default();
    let own = [
        (endpoint::SETTINGS, settings.as_str()),
        ("HOME", endpoint::HOME),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let proxies = simulation.proxies.iter();
    let proxies = proxies.map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in own.into_iter().chain(image::VARIABLES).chain(proxies) {
        set(&mut service, name.to_owned(), value);
    }
    service
}

/// Has the credentials copied into the endpoint before it starts: they are in no label, image or variable.
pub(super) fn keep(project: &mut Project, keys: String) {
    project.secrets.insert(KEYS.to_owned(), file(KEYS, keys));
    if let Some(endpoint) = project.services.get_mut(SERVICE) {
        let mut reference = reference(KEYS, endpoint::KEYS);
        reference.mode = Some(Spanned::nowhere(0o400));
        endpoint.secrets.push(reference);
    }
}

fn written(keys: &Keys) -> String {
    serde_json::to_string(keys).unwrap_or_default()
}

fn bind(source: &str, target: &str) -> Mount {
    Mount {
        span: Span::NOWHERE,
        mount_type: Spanned::nowhere("bind".to_owned()),
        source: Some(Spanned::nowhere(source.to_owned())),
        target: Some(Spanned::nowhere(target.to_owned())),
        read_only: Some(Spanned::nowhere(true)),
        consistency: None,
        bind: None,
        volume: None,
        tmpfs: None,
        image: None,
        extensions: Extensions::default(),
    }
}
