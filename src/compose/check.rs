//! What the schema cannot see: references that lead nowhere, and attributes that contradict each other.
//!
//! Long because that much can be wrong with a project whose parts are each in order.

mod container_name;
mod cycle;
mod limits;
mod resource;

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Build, Project, Service, paths};
use crate::diagnostic::{Diagnostic, Span, nearest};

/// Reports every inconsistency of a project; of its services, those that are enabled.
pub(super) fn check(project: &Project, diagnostics: &mut Vec<Diagnostic>) {
    resource::check(project, diagnostics);
    for service in project.services.values() {
        let mut check = Check {
            project,
            service,
            diagnostics,
        };
        check.origin();
        check.references();
        check.dependencies();
        check.network_mode();
        check.healthcheck();
        check.environment();
        check.limits();
        check.scale();
        check.mounts();
        check.addresses();
    }
    for service in project.services.values().chain(project.disabled_services.values()) {
        let mut check = Check {
            project,
            service,
            diagnostics,
        };
        check.device_requests();
        check.watch();
    }
    container_name::check(project, diagnostics);
    cycle::check(&project.services, diagnostics);
}

struct Check<'a> {
    project: &'a Project,
    service: &'a Service,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Check<'_> {
    fn error(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        let span = span.or(self.service.span);
        self.diagnostics.push(Diagnostic::error(span, message).hint(hint));
    }

    /// Where a service's containers come from.
    fn origin(&mut self) {
        let name = &self.service.name;
        let image = self.service.image.as_ref().filter(|image| !image.is_empty());
        let Some(build) = &self.service.build else {
            // A service whose base is missing has been reported as that.
            if image.is_none() && self.service.provider.is_none() && self.service.extends.is_none() {
                let message = format!("service `{name}` has neither an image nor a build context");
                self.error(self.service.span, message, "add `image:` or `build:`");
            }
            return;
        };
        if let (Some(_), Some(inline)) = (&build.dockerfile, &build.dockerfile_inline) {
            let message = format!("service `{name}` has both `dockerfile` and `dockerfile_inline`");
            self.error(inline.span, message, "keep one of them");
        }
        for context in build.additional_contexts.values() {
            if let Some(target) = context.strip_prefix("service:") {
                match self.project.services.get(target) {
                    None => self.undefined("service", target, context.span, self.project.services.keys()),
                    Some(other) if other.build.is_none() => self.error(
                        context.span,
                        format!("service `{target}` is not built, so it is no build context"),
                        "name a service with `build:`, or an image with `docker-image://`",
                    ),
                    Some(_) => {}
                }
            }
        }
        self.platforms(build);
    }

    fn platforms(&mut self, build: &Build) {
        if let Some(platform) = &self.service.platform
            && !build.platforms.is_empty()
            && !build.platforms.iter().any(|one| one.value == platform.value)
        {
            let message = format!(
                "`build.platforms` does not include the service's platform `{}`",
                platform.value
            );
            self.error(platform.span, message, "add it to `build.platforms`");
        }
    }

    /// Names of networks, volumes, secrets, configs and models.
    fn references(&mut self) {
        let (project, service) = (self.project, self.service);
        for (name, network) in &service.networks {
            // Without normalisation nobody has added the default network.
            if name != "default" && !project.networks.contains_key(name) {
                self.undefined("network", name, network.span, project.networks.keys());
            }
        }
        for mount in service
            .volumes
            .iter()
            .filter(|mount| mount.mount_type.value == "volume")
        {
            if let Some(source) = mount.source.as_ref().filter(|source| !source.is_empty())
                && !project.volumes.contains_key(&source.value)
            {
                self.undefined("volume", source, source.span, project.volumes.keys());
            }
        }
        let of_build = service.build.iter().flat_map(|build| &build.secrets);
        for secret in service.secrets.iter().chain(of_build) {
            if !project.secrets.contains_key(&secret.source.value) {
                let span = secret.source.span.or(secret.span);
                self.undefined("secret", &secret.source, span, project.secrets.keys());
            }
        }
        for config in &service.configs {
            if !project.configs.contains_key(&config.source.value) {
                let span = config.source.span.or(config.span);
                self.undefined("config", &config.source, span, project.configs.keys());
            }
        }
        for (name, model) in &service.models {
            if !project.models.contains_key(name) {
                self.undefined("model", name, model.span, project.models.keys());
            }
        }
    }

    fn undefined<'n>(&mut self, kind: &str, name: &str, span: Span, known: impl Iterator<Item = &'n String>) {
        let message = match name {
            "" => format!("service `{}` uses a {kind} without saying which", self.service.name),
            name => format!("service `{}` uses the undefined {kind} `{name}`", self.service.name),
        };
        let hint = match nearest(name, known.map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("define it under `{kind}s:`"),
        };
        self.error(span, message, hint);
    }

    fn dependencies(&mut self) {
        let project = self.project;
        for (name, dependency) in &self.service.depends_on {
            if project.services.contains_key(name) {
                continue;
            }
            let of = &self.service.name;
            if let Some(disabled) = project.disabled_services.get(name) {
                if dependency.required {
                    let profiles: Vec<_> = disabled
                        .profiles
                        .iter()
                        .map(|profile| format!("`{}`", profile.value))
                        .collect();
                    self.error(
                        dependency.span,
                        format!("service `{of}` depends on `{name}`, which no active profile enables"),
                        format!(
                            "enable its profile ({}), or write `required: false`",
                            profiles.join(", ")
                        ),
                    );
                }
            } else {
                let hint = match nearest(name, project.services.keys().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "define it under `services:`".to_owned(),
                };
                self.error(
                    dependency.span,
                    format!("service `{of}` depends on the undefined service `{name}`"),
                    hint,
                );
            }
        }
        for link in &self.service.links {
            if link.split(':').count() > 2 {
                let message = format!("`{}` is no link", link.value);
                self.error(link.span, message, "the form is `service[:alias]`");
            }
        }
    }

    fn network_mode(&mut self) {
        if let Some(mode) = &self.service.network_mode
            && !self.service.networks.is_empty()
        {
            let message = format!("service `{}` has both `network_mode` and `networks`", self.service.name);
            self.error(mode.span, message, "remove one of them");
        }
    }

    /// An engine refuses such a variable, and ECS too.
    fn environment(&mut self) {
        if let Some(value) = self.service.environment.get("") {
            self.error(value.span, "a variable has no name", "the form is `NAME=value`");
        }
    }

    fn healthcheck(&mut self) {
        let check = self.service.healthcheck.as_ref();
        let Some(test) = check.and_then(|check| check.test.as_ref()) else {
            return;
        };
        match test.first().map(String::as_str) {
            None | Some("NONE" | "CMD" | "CMD-SHELL") => {}
            Some(word) => {
                let message = format!("`healthcheck.test` begins with `{word}`");
                let hint = "a list begins with `CMD`, `CMD-SHELL` or `NONE`: `[\"CMD\", \"curl\", \"-f\", …]`";
                self.error(test.span, message, hint);
            }
        }
    }

    fn mounts(&mut self) {
        let service = self.service;
        let mut targets: HashMap<String, Span> = HashMap::new();
        let volumes = service
            .volumes
            .iter()
            .filter_map(|mount| Some((paths::clean(mount.target.as_ref()?), mount.span)));
        let tmpfs = service
            .tmpfs
            .iter()
            .map(|mount| (paths::clean(mount.split(':').next().unwrap_or_default()), mount.span));
        for (target, span) in volumes.chain(tmpfs) {
            if let Some(first) = targets.insert(target.clone(), span) {
                self.diagnostics.push(
                    Diagnostic::error(
                        span,
                        format!("service `{}` mounts two things at `{target}`", service.name),
                    )
                    .note(first, "the first is here")
                    .hint("give one of them another target"),
                );
            }
        }
        for mount in &service.volumes {
            if mount.target.is_none() {
                self.error(mount.span, "a volume needs a `target`", "add its path in the container");
            }
            let source = mount.source.as_ref().is_some_and(|source| !source.is_empty());
            if mount.mount_type.value == "bind" && !source {
                self.error(
                    mount.span,
                    "a bind mount needs a `source`",
                    "name the folder of this machine to mount",
                );
            }
        }
    }

    fn addresses(&mut self) {
        for device in self.service.devices.iter().filter(|device| device.target.is_none()) {
            self.error(
                device.span,
                "a device needs a `target`",
                "add its path in the container",
            );
        }
        let ports = self.service.ports.iter().filter_map(|port| port.host_ip.as_ref());
        for ip in ports.filter(|ip| !ip.is_empty()) {
            if ip.parse::<IpAddr>().is_err() {
                let message = format!("`{}` is no IP address", ip.value);
                self.error(
                    ip.span,
                    message,
                    "`host_ip` is an address of this machine, such as `127.0.0.1`",
                );
            }
        }
    }

    fn device_requests(&mut self) {
        let service = self.service;
        let deploy = service.deploy.as_ref();
        let reserved = deploy.and_then(|deploy| deploy.reservations.as_ref());
        let reserved = reserved.into_iter().flat_map(|reserved| &reserved.devices);
        for request in reserved.chain(&service.gpus) {
            if let Some(count) = request.count
                && !request.device_ids.is_empty()
            {
                self.error(
                    count.span,
                    "`count` and `device_ids` exclude each other",
                    "remove one of them",
                );
            }
        }
    }

    fn watch(&mut self) {
        let rules = self.service.develop.iter().flat_map(|develop| &develop.watch);
        for rule in rules {
            if rule.path.trim().is_empty() {
                self.error(
                    rule.path.span,
                    "the `path` of a watch rule cannot be empty",
                    "name a file or folder",
                );
            }
            let syncs = rule.action.starts_with("sync");
            if syncs && rule.target.as_ref().is_none_or(|target| target.is_empty()) {
                let message = format!("a watch rule that does `{}` needs a `target`", rule.action.value);
                self.error(rule.span, message, "add where the files go in the container");
            }
        }
    }
}
