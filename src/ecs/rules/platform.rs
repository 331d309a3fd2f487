//! The processor and the operating system of a service's containers.

use crate::compose::Service;
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::instances::Architecture;
use crate::ecs::cloudformation::{Value, names};
use crate::ecs::draft::Draft;
use crate::ecs::rules::{host, size};

/// `platform`
pub(in crate::ecs) fn platform(service: &Service, draft: &mut Draft) {
    let Some(platform) = &service.platform else { return };
    if let Some(family) = windows(platform) {
        draft.task(service).set("RuntimePlatform", runtime(family, "X86_64"));
        // The usual size is too small for Windows.
        size::task(service, draft);
        without_linux(service, draft);
    } else if let Some(architecture) = architecture_of(platform) {
        set(service, architecture, draft);
    } else {
        let message = format!("platform `{}` is not possible on ECS", platform.value);
        let hint = "there are `linux/amd64`, `linux/arm64` and `windows/amd64`";
        draft.say(Diagnostic::error(platform.span, message).hint(hint));
    }
}

/// The processor that the file asks for, by `platform` or by a placement constraint.
pub(in crate::ecs) fn architecture(service: &Service) -> Option<Architecture> {
    let platform = service.platform.as_ref();
    platform
        .and_then(|platform| architecture_of(platform))
        .or_else(|| host::architecture(service))
}

pub(in crate::ecs) fn set(service: &Service, architecture: Architecture, draft: &mut Draft) {
    let name = match architecture {
        Architecture::Intel => "X86_64",
        Architecture::Arm => "ARM64",
    };
    draft.task(service).set("RuntimePlatform", runtime("LINUX", name));
}

pub(in crate::ecs) fn is_windows(service: &Service) -> bool {
    let platform = service.platform.as_ref();
    platform.is_some_and(|platform| windows(platform).is_some())
}

/// Windows containers cannot wait for one of Linux that prepares the task. The last step of such a service.
pub(in crate::ecs) fn without_init(service: &Service, draft: &mut Draft) {
    if !is_windows(service) {
        return;
    }
    let init = names::plain(&service.name) + "-init";
    let containers = draft.task(service).entry("ContainerDefinitions").items();
    let other = |value: Option<&Value>| value.and_then(Value::as_str) != Some(init.as_str());
    containers.retain(|container| other(container.get("Name")));
    for container in containers {
        let waiting = container.entry("DependsOn").items();
        waiting.retain(|dependency| other(dependency.get("ContainerName")));
        if waiting.is_empty() {
            container.remove("DependsOn");
        }
    }
    let span = service
        .platform
        .as_ref()
        .map_or(Span::NOWHERE, |platform| platform.span);
    let message = "Windows containers find other services by their full names only";
    let hint = format!("write `NAME.{}.local`", draft.project.name);
    draft.remark(Diagnostic::warning(span, message).hint(hint));
}

/// The processor of `linux/arm64/v8`, and of `linux`, which is the usual one.
fn architecture_of(platform: &str) -> Option<Architecture> {
    let (system, rest) = platform.split_once('/').unwrap_or(("linux", platform));
    match (system, rest.split('/').next().unwrap_or_default()) {
        ("linux", "amd64" | "x86_64" | "x86-64" | "linux") => Some(Architecture::Intel),
        ("linux", "arm64" | "aarch64") => Some(Architecture::Arm),
        _ => None,
    }
}

/// The family of `windows/amd64` or `windows(10.0.17763)/amd64`: what runs on the newest host runs on no older one, so
/// that nothing said means the version which most images are made for.
fn windows(platform: &str) -> Option<&'static str> {
    let (system, rest) = platform.split_once('/').unwrap_or((platform, "amd64"));
    let version = system.strip_prefix("windows")?;
    if rest != "amd64" {
        return None;
    }
    match version.trim_start_matches("(10.0.").split(['.', ')']).next() {
        Some("17763") => Some("WINDOWS_SERVER_2019_CORE"),
        Some("" | "20348") => Some("WINDOWS_SERVER_2022_CORE"),
        Some("26100") => Some("WINDOWS_SERVER_2025_CORE"),
        _ => None,
    }
}

fn runtime(system: &'static str, architecture: &'static str) -> Value {
    Value::map([
        ("OperatingSystemFamily", system.into()),
        ("CpuArchitecture", architecture.into()),
    ])
}

/// Says what Windows containers cannot have.
fn without_linux(service: &Service, draft: &mut Draft) {
    let first = |texts: &[crate::compose::Spanned<String>]| texts.first().map(|text| text.span);
    let volumes = service
        .volumes
        .iter()
        .find(|mount| mount.source.is_some() || mount.mount_type.as_str() == "tmpfs");
    let said = [
        ("cap_add", first(&service.cap_add)),
        ("cap_drop", first(&service.cap_drop)),
        ("configs", service.configs.first().map(|config| config.span)),
        ("init", service.init.map(|init| init.span)),
        ("read_only", service.read_only.filter(|it| it.value).map(|it| it.span)),
        ("secrets", service.secrets.first().map(|secret| secret.span)),
        ("shm_size", service.shm_size.map(|size| size.span)),
        ("sysctls", service.sysctls.values().next().map(|value| value.span)),
        ("tmpfs", first(&service.tmpfs)),
        ("ulimits", service.ulimits.values().next().map(|limit| limit.span)),
        ("user", service.user.as_ref().map(|user| user.span)),
        ("volumes", volumes.map(|mount| mount.span)),
    ];
    for (name, span) in said {
        if let Some(span) = span {
            let message = format!("`{name}` is not possible on ECS for Windows containers");
            draft.say(Diagnostic::error(span, message).hint("remove it, or use an image for Linux"));
        }
    }
}
