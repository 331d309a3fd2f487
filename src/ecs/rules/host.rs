//! What only an instance can give to a container: GPUs, devices, privileges, a choice of the host.

use crate::compose::{DeviceRequest, Service, Spanned};
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::Value;
use crate::ecs::cloudformation::instances::{self, Architecture};
use crate::ecs::draft::Draft;
use crate::ecs::rules::{capacity, instance, platform};

/// Whether the service runs on instances of its own.
pub(in crate::ecs) fn is_on_instances(service: &Service, draft: &Draft) -> bool {
    capacity::of(service, draft).ec2().is_some()
}

/// The same; if not, says that an attribute needs them.
fn needs_instances(service: &Service, draft: &mut Draft, span: Span, name: &str, reason: &str) -> bool {
    if is_on_instances(service, draft) {
        return true;
    }
    let message = format!("`{name}` is not possible on ECS: {reason}");
    let hint = "remove it, or run the service on instances of its own with `x-aws-capacity: ec2`";
    draft.say(Diagnostic::error(span, message).hint(hint));
    false
}

/// `privileged`
pub(in crate::ecs) fn privileged(service: &Service, draft: &mut Draft) {
    if let Some(privileged) = service.privileged.filter(|privileged| privileged.value)
        && needs_instances(
            service,
            draft,
            privileged.span,
            "privileged",
            "Fargate runs no privileged containers",
        )
    {
        draft.container(service).set("Privileged", true);
    }
}

/// `devices`
pub(in crate::ecs) fn devices(service: &Service, draft: &mut Draft) {
    for device in &service.devices {
        let reason = "Fargate shows containers no devices";
        if !needs_instances(service, draft, device.span, "devices", reason) {
            continue;
        }
        if !device.source.starts_with('/') {
            let message = format!(
                "device `{}` is not possible on ECS: it is no path on the instance",
                device.source.value
            );
            draft.say(Diagnostic::error(device.span, message).hint("name a device such as `/dev/dri`"));
            continue;
        }
        let target = device.target.as_ref().filter(|target| !target.is_empty());
        let target = target.map_or(device.source.value.clone(), |target| target.value.clone());
        let permissions = device
            .permissions
            .as_ref()
            .map_or("rwm", |permissions| permissions.as_str());
        let permissions = [('r', "read"), ('w', "write"), ('m', "mknod")]
            .into_iter()
            .filter(|(letter, _)| permissions.contains(*letter))
            .map(|(_, word)| word);
        let device = Value::map([
            ("HostPath", device.source.value.clone().into()),
            ("ContainerPath", target.into()),
            ("Permissions", Value::list(permissions)),
        ]);
        draft
            .container(service)
            .entry("LinuxParameters")
            .push("Devices", device);
    }
}

/// How many GPUs a service asks for; no number means all of its instance.
pub(in crate::ecs) fn gpus(service: &Service) -> Option<Spanned<Option<u32>>> {
    let reserved = service.deploy.as_ref().and_then(|deploy| deploy.reservations.as_ref());
    let requests = reserved.into_iter().flat_map(|reserved| &reserved.devices);
    let requests = requests.filter(|request| is_gpu(request)).chain(&service.gpus);
    let requests = requests.map(|request| {
        let count = request.count.map(|count| u32::try_from(count.value).ok());
        let ids = u32::try_from(request.device_ids.len()).ok();
        Spanned::new(count.unwrap_or(ids), request.span)
    });
    let generic = reserved.into_iter().flat_map(|reserved| &reserved.generic_resources);
    let generic = generic.filter_map(|resource| {
        let discrete = resource.discrete.as_ref()?;
        discrete.kind.as_ref().filter(|kind| is_kind_of_gpu(kind))?;
        let count = discrete.value.and_then(|value| u32::try_from(value.value).ok());
        Some(Spanned::new(count, resource.span))
    });
    let runtime = service.runtime.as_ref().filter(|runtime| runtime.as_str() == "nvidia");
    let runtime = runtime.map(|runtime| Spanned::new(None, runtime.span));
    let most = requests.chain(generic).max_by_key(|gpus| gpus.value);
    most.or(runtime)
}

/// `gpus`, `deploy.resources.reservations.devices` and `.generic_resources`, `runtime: nvidia`
pub(in crate::ecs) fn reserve(service: &Service, draft: &mut Draft) {
    let reserved = service.deploy.as_ref().and_then(|deploy| deploy.reservations.as_ref());
    for request in reserved.into_iter().flat_map(|reserved| &reserved.devices) {
        if !is_gpu(request) {
            let message = "a reservation of devices other than GPUs is not possible on ECS";
            let hint = "list the device under `devices`, and say `x-aws-capacity: ec2`";
            draft.say(Diagnostic::error(request.span, message).hint(hint));
        }
    }
    for resource in reserved.into_iter().flat_map(|reserved| &reserved.generic_resources) {
        let kind = resource.discrete.as_ref().and_then(|discrete| discrete.kind.as_ref());
        let kind = kind.map_or("", |kind| kind.as_str());
        if !is_kind_of_gpu(kind) {
            let message = format!("generic resource `{kind}` is not possible on ECS: only Swarm's nodes have such");
            draft.say(Diagnostic::error(resource.span, message).hint("remove it"));
        }
    }
    if let Some(runtime) = service
        .runtime
        .as_ref()
        .filter(|runtime| !matches!(runtime.as_str(), "" | "nvidia" | "runc"))
    {
        let message = format!(
            "`runtime: {}` is not possible on ECS: it has its own container runtime",
            runtime.value
        );
        draft.say(Diagnostic::error(runtime.span, message).hint("remove it"));
    }
    let Some(gpus) = gpus(service) else { return };
    if !needs_instances(service, draft, gpus.span, "gpus", "Fargate has no GPUs") {
        return;
    }
    let count = gpus.value.unwrap_or_else(|| of_the_instance(service, draft));
    let requirement = [("Type", "GPU".into()), ("Value", count.to_string().into())];
    draft
        .container(service)
        .set("ResourceRequirements", vec![Value::map(requirement)]);
}

/// All GPUs are those of the type that is named, else one.
fn of_the_instance(service: &Service, draft: &Draft) -> u32 {
    let named = capacity::of(service, draft)
        .ec2()
        .and_then(|ec2| instance::machine(service, ec2));
    named
        .and_then(|name| instances::named(&name))
        .map_or(1, |it| it.gpus.max(1))
}

fn is_gpu(request: &DeviceRequest) -> bool {
    let driver = request.driver.as_ref().map_or("nvidia", |driver| driver.as_str());
    let capable = request
        .capabilities
        .iter()
        .any(|capability| matches!(capability.as_str(), "gpu" | "nvidia"));
    capable && matches!(driver, "nvidia" | "")
}

fn is_kind_of_gpu(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    kind.contains("gpu") || kind.contains("nvidia")
}

/// `deploy.placement.constraints`. Those of Swarm choose one of its nodes; on ECS a service has instances of its own, or
/// none. What they say about the kind of a node is honoured: its processor, and as Docker's ECS integration had it,
/// `node.machine` and `node.ami`. Whatever begins otherwise is ECS's own language.
pub(in crate::ecs) fn constraints(service: &Service, draft: &mut Draft) {
    for constraint in placement_constraints(service) {
        let (name, operator, value) = parts(constraint);
        match name {
            "node.platform.arch" if operator == "==" => {
                if let Some(architecture) = architecture(service)
                    && service.platform.is_none()
                {
                    platform::set(service, architecture, draft);
                }
            }
            "node.platform.os" if operator == "==" && value == "linux" => {}
            "node.machine" | "node.ami" if operator == "==" => {
                let reason = "Fargate has no nodes to choose from";
                needs_instances(service, draft, constraint.span, "deploy.placement.constraints", reason);
            }
            _ if name.starts_with("node.") || name.starts_with("engine.") => {
                let message = format!(
                    "the placement constraint on `{name}` has no effect on ECS: there are no nodes of Swarm, and volumes are reached from everywhere"
                );
                draft.remark(Diagnostic::warning(constraint.span, message));
            }
            _ => {
                let reason = "Fargate has no nodes to choose from";
                if needs_instances(service, draft, constraint.span, "deploy.placement.constraints", reason) {
                    let constraint = [
                        ("Type", "memberOf".into()),
                        ("Expression", constraint.value.clone().into()),
                    ];
                    draft.task(service).push("PlacementConstraints", Value::map(constraint));
                }
            }
        }
    }
}

/// The type of instance that a constraint names.
pub(in crate::ecs) fn machine(service: &Service) -> Option<String> {
    constrained(service, "node.machine")
}

/// The image of instances that a constraint names.
pub(in crate::ecs) fn image(service: &Service) -> Option<String> {
    constrained(service, "node.ami")
}

/// The processor that a constraint names.
pub(in crate::ecs) fn architecture(service: &Service) -> Option<Architecture> {
    match constrained(service, "node.platform.arch")?.as_str() {
        "x86_64" | "amd64" => Some(Architecture::Intel),
        "aarch64" | "arm64" => Some(Architecture::Arm),
        _ => None,
    }
}

fn constrained(service: &Service, name: &str) -> Option<String> {
    let mut constraints = placement_constraints(service).map(|constraint| parts(constraint));
    let found = constraints.find(|(of, operator, _)| *of == name && *operator == "==");
    found.map(|(_, _, value)| value.to_owned())
}

fn placement_constraints(service: &Service) -> impl Iterator<Item = &Spanned<String>> {
    let placement = service.deploy.as_ref().and_then(|deploy| deploy.placement.as_ref());
    placement.into_iter().flat_map(|placement| &placement.constraints)
}

/// `node.role == manager` in its parts.
fn parts(constraint: &str) -> (&str, &str, &str) {
    for operator in ["==", "!="] {
        if let Some((name, value)) = constraint.split_once(operator) {
            return (name.trim(), operator, value.trim());
        }
    }
    (constraint.trim(), "", "")
}
