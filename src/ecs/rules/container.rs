//! A service's container: what runs in it, and how.

use crate::compose::{Service, Text, images};
use crate::diagnostic::{Diagnostic, Severity};
use crate::ecs::cloudformation::{Origin, Purpose, Value, fragment, names};
use crate::ecs::draft::Draft;
use crate::ecs::rules::{host, secret, task};

/// The task definition, the name in the namespace and the ECS service, as they are when nothing is said; of a sidecar,
/// the container in its home's task and its name.
pub(in crate::ecs) fn begin(service: &Service, draft: &mut Draft) {
    let image = image_parameter(service, draft);
    let role = if secret::needs_own_role(service, draft) {
        draft.id(service, "ExecutionRole")
    } else {
        "ExecutionRole".to_owned()
    };
    let cluster = draft.cluster.clone();
    let holes = [
        ("Container", names::plain(&service.name).into()),
        ("Image", image),
        ("ExecutionRoleArn", Value::attribute(role, "Arn")),
        ("Cluster", cluster),
        ("NamespaceId", Value::attribute("Namespace", "Id")),
    ];
    if draft.is_sidecar(service) {
        sidecar(service, &holes, draft);
    } else {
        draft.add_for_service(&fragment::SERVICE, holes, service);
    }
    if !task::is_essential(service, draft) {
        draft.container(service).set("Essential", false);
    }
}

/// The container of a service in another one's task, and the name that leads there.
fn sidecar(service: &Service, holes: &[(&str, Value)], draft: &mut Draft) {
    let project = [("Project", draft.project.name.clone().into())];
    let template = fragment::SERVICE.fill("", &[holes, &project].concat());
    let task = template.resources.get("TaskDefinition");
    let containers = task.and_then(|task| task.at(&["Properties", "ContainerDefinitions"]));
    let mut container = containers
        .map_or(&[][..], Value::as_list)
        .first()
        .cloned()
        .unwrap_or_default();
    let prepared = draft.container(draft.home(service)).get("DependsOn").cloned();
    container.set("DependsOn", prepared.unwrap_or_default());
    // By which `ctx ps` and `ctx logs` know whose container it is.
    container
        .entry("DockerLabels")
        .set("com.docker.compose.service", service.name.clone());
    draft.task(service).push("ContainerDefinitions", container);
    task::begin_sidecar(service, draft);
}

/// The image is a Parameter, so that a deployment can pin it to a digest, or put in what it has built.
fn image_parameter(service: &Service, draft: &mut Draft) -> Value {
    let default = service.image.as_ref().map(|image| image.value.clone());
    let mut declaration = fragment::SERVICE.parameter("Image");
    declaration.set("Description", format!("Image of service {}", service.name));
    if let Some(image) = &default {
        declaration.set("Default", image.clone());
    }
    let purpose = Purpose::Image {
        service: service.name.clone(),
        default,
        built: service.build.is_some(),
    };
    let id = names::logical_id(&service.name) + "Image";
    let origin = Origin {
        span: service.span,
        service: Some(service.name.clone()),
    };
    draft.template.origins.insert(id.clone(), origin);
    draft.parameter(id, purpose, declaration)
}

/// `build` is the Parameter that [`begin`] makes.
pub(in crate::ecs) fn build(_: &Service, _: &mut Draft) {}

/// `image` too. What is no name yet, as one whose tag is a variable that is not set, can be given another for a
/// deployment, which refuses it otherwise.
pub(in crate::ecs) fn image(service: &Service, draft: &mut Draft) {
    if let Some(mistake) = images::misnamed(service) {
        draft.say(Diagnostic {
            severity: Severity::Warning,
            ..mistake
        });
    }
}

/// `command` and `entrypoint`. Docker takes an empty command for the image's own, and so does ECS; an empty entrypoint
/// it takes for none, which ECS cannot say: the command becomes the entrypoint then.
pub(in crate::ecs) fn command(service: &Service, draft: &mut Draft) {
    let words = |words: &[String]| Value::list(words.iter().cloned());
    let command = service.command.as_ref().filter(|command| !command.is_empty());
    match (&service.entrypoint, command) {
        (Some(entrypoint), None) if entrypoint.is_empty() => {
            let message =
                "an empty `entrypoint` without a `command` is not possible on ECS: it cannot clear the image's";
            draft.say(Diagnostic::error(entrypoint.span, message).hint("name the program to run"));
        }
        (Some(entrypoint), Some(command)) if entrypoint.is_empty() => {
            draft.container(service).set("EntryPoint", words(command));
        }
        (entrypoint, command) => {
            let container = draft.container(service);
            if let Some(entrypoint) = entrypoint {
                container.set("EntryPoint", words(entrypoint));
            }
            if let Some(command) = command {
                container.set("Command", words(command));
            }
        }
    }
}

/// A variable without a value is unset in the container, and so left out.
pub(in crate::ecs) fn environment(service: &Service, draft: &mut Draft) {
    let variables = service.environment.iter().filter_map(|(name, value)| {
        let value = value.value.clone()?;
        Some(Value::map([("Name", name.clone().into()), ("Value", value.into())]))
    });
    let variables: Vec<_> = variables.collect();
    if !variables.is_empty() {
        draft.container(service).set("Environment", variables);
    }
}

pub(in crate::ecs) fn user(service: &Service, draft: &mut Draft) {
    text(service, draft, "User", service.user.as_ref());
}

pub(in crate::ecs) fn working_dir(service: &Service, draft: &mut Draft) {
    text(service, draft, "WorkingDirectory", service.working_dir.as_ref());
}

fn text(service: &Service, draft: &mut Draft, property: &'static str, value: Option<&Text>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        draft.container(service).set(property, value.value.clone());
    }
}

pub(in crate::ecs) fn init(service: &Service, draft: &mut Draft) {
    if let Some(init) = service.init {
        draft
            .container(service)
            .entry("LinuxParameters")
            .set("InitProcessEnabled", init.value);
    }
}

pub(in crate::ecs) fn read_only(service: &Service, draft: &mut Draft) {
    if let Some(read_only) = service.read_only {
        draft.container(service).set("ReadonlyRootFilesystem", read_only.value);
    }
}

pub(in crate::ecs) fn tty(service: &Service, draft: &mut Draft) {
    if let Some(tty) = service.tty {
        draft.container(service).set("PseudoTerminal", tty.value);
    }
}

pub(in crate::ecs) fn labels(service: &Service, draft: &mut Draft) {
    for (name, value) in &service.labels {
        let labels = draft.container(service).entry("DockerLabels");
        labels.set(name.clone(), value.value.clone());
    }
}

/// Fargate lets a container add no capability but this one.
const ADDABLE: &str = "SYS_PTRACE";

/// Those that containers have without asking; adding one of them changes nothing.
const DEFAULT: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// `cap_add` and `cap_drop`. To drop all and add some of the defaults again is to drop the others.
pub(in crate::ecs) fn capabilities(service: &Service, draft: &mut Draft) {
    let plain = |name: &str| {
        let name = name.to_ascii_uppercase();
        name.strip_prefix("CAP_").map_or(name.clone(), str::to_owned)
    };
    let anything = host::is_on_instances(service, draft);
    let mut added = Vec::new();
    for capability in &service.cap_add {
        let name = plain(capability);
        if !anything && name != ADDABLE && !DEFAULT.contains(&name.as_str()) {
            let message = format!(
                "capability `{}` is not possible on ECS: Fargate lets containers add only `{ADDABLE}`",
                capability.value
            );
            let hint = "remove it, or run the service on instances of its own with `x-aws-capacity: ec2`";
            draft.say(Diagnostic::error(capability.span, message).hint(hint));
        }
        added.push(name);
    }
    let dropped: Vec<_> = service.cap_drop.iter().map(|capability| plain(capability)).collect();
    let dropped = if dropped.iter().any(|name| name == "ALL") {
        DEFAULT
            .iter()
            .map(|name| (*name).to_owned())
            .filter(|name| !added.contains(name))
            .collect()
    } else {
        dropped
    };
    let container = draft.container(service);
    added.retain(|name| !DEFAULT.contains(&name.as_str()));
    if !added.is_empty() {
        container
            .entry("LinuxParameters")
            .entry("Capabilities")
            .set("Add", Value::list(added));
    }
    if !dropped.is_empty() {
        container
            .entry("LinuxParameters")
            .entry("Capabilities")
            .set("Drop", Value::list(dropped));
    }
}

/// `security_opt`: how a container is confined is not for a task to say.
pub(in crate::ecs) fn security_options(service: &Service, draft: &mut Draft) {
    for option in &service.security_opt {
        let name = option.split([':', '=']).next().unwrap_or_default();
        if matches!(
            name,
            "no-new-privileges" | "seccomp" | "apparmor" | "label" | "systempaths"
        ) {
            let message =
                format!("`security_opt: {name}` has no effect on ECS: Fargate sets a container's confinement itself");
            draft.remark(Diagnostic::warning(option.span, message));
        } else {
            let message = format!("`security_opt: {}` is not possible on ECS", option.value);
            draft.say(Diagnostic::error(option.span, message).hint("remove it"));
        }
    }
}

/// The kernel settings of the network namespace, which a task has to itself. On an instance, containers have those of
/// their IPC namespace, too.
pub(in crate::ecs) fn sysctls(service: &Service, draft: &mut Draft) {
    let shared = host::is_on_instances(service, draft);
    for (name, value) in &service.sysctls {
        if !(name.starts_with("net.") || shared && of_the_ipc_namespace(name)) {
            let message = format!(
                "`sysctls: {name}` is not possible on ECS: Fargate lets a task change only its network's settings (`net.*`)"
            );
            draft.say(Diagnostic::error(value.span, message).hint("remove it"));
            continue;
        }
        let setting = [
            ("Namespace", name.clone().into()),
            ("Value", value.value.clone().into()),
        ];
        draft.container(service).push("SystemControls", Value::map(setting));
    }
}

fn of_the_ipc_namespace(name: &str) -> bool {
    name == "kernel.sem"
        || ["kernel.msg", "kernel.shm", "fs.mqueue."]
            .iter()
            .any(|begin| name.starts_with(begin))
}

pub(in crate::ecs) fn ulimits(service: &Service, draft: &mut Draft) {
    let any = host::is_on_instances(service, draft);
    for (name, limit) in &service.ulimits {
        if name != "nofile" && !any {
            let message = format!("`ulimits: {name}` has no effect on ECS: Fargate sets only `nofile`");
            draft.remark(Diagnostic::warning(limit.span, message));
            continue;
        }
        let soft = limit.soft.or(limit.single).or(limit.hard).unwrap_or(65_536);
        let hard = limit.hard.or(limit.single).unwrap_or(soft);
        let limit = [
            ("Name", name.clone().into()),
            ("SoftLimit", soft.into()),
            ("HardLimit", hard.into()),
        ];
        draft.container(service).push("Ulimits", Value::map(limit));
    }
}

/// Fargate waits at most this long, in seconds.
const LONGEST_STOP: u64 = 120;

/// `stop_signal`: ECS takes it from the image alone. The container is asked to stop all the same, and killed in the
/// end, so this is no reason not to run it.
pub(in crate::ecs) fn stop_signal(service: &Service, draft: &mut Draft) {
    let Some(signal) = service.stop_signal.as_ref().filter(|signal| !signal.is_empty()) else {
        return;
    };
    if !["SIGTERM", "TERM", "15"].contains(&signal.to_ascii_uppercase().as_str()) {
        let message = "`stop_signal` has no effect on ECS: it sends what the image says, by default SIGTERM";
        let hint = format!("write `STOPSIGNAL {}` into the image's Dockerfile", signal.value);
        draft.remark(Diagnostic::warning(signal.span, message).hint(hint));
    }
}

pub(in crate::ecs) fn stop_grace_period(service: &Service, draft: &mut Draft) {
    let Some(period) = service.stop_grace_period else {
        return;
    };
    let seconds = period.as_secs_rounded_up();
    if seconds > LONGEST_STOP {
        let message = format!("a container on Fargate is given at most {LONGEST_STOP} seconds to stop");
        draft.remark(Diagnostic::warning(period.span, message));
    }
    // ECS takes nothing below two seconds.
    draft.container(service).set(
        "StopTimeout",
        i64::try_from(seconds.clamp(2, LONGEST_STOP)).unwrap_or_default(),
    );
}
