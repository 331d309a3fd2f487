//! Limits and numbers of containers, which `deploy` and attributes of the service can both say.

use super::Check;
use crate::compose::Spanned;

impl Check<'_> {
    pub(super) fn limits(&mut self) {
        let service = self.service;
        let Some(deploy) = &service.deploy else { return };
        if let Some(limits) = &deploy.limits {
            self.alike("cpus", service.cpus, "deploy.resources.limits.cpus", limits.cpus);
            let other = "deploy.resources.limits.memory";
            self.alike("mem_limit", service.mem_limit, other, limits.memory);
            let other = "deploy.resources.limits.pids";
            self.alike("pids_limit", service.pids_limit, other, limits.pids);
        }
        if let Some(reservations) = &deploy.reservations {
            let other = "deploy.resources.reservations.memory";
            self.alike("mem_reservation", service.mem_reservation, other, reservations.memory);
        }
        if deploy.replicas.is_some() {
            self.alike("scale", service.scale, "deploy.replicas", deploy.replicas);
        }
    }

    /// What a service says beside `deploy` must be said there alike.
    fn alike<T: PartialEq>(&mut self, name: &str, value: Option<Spanned<T>>, other: &str, there: Option<Spanned<T>>) {
        let Some(value) = value else { return };
        if there.is_none_or(|there| there.value != value.value) {
            let message = format!(
                "service `{}` has two values for `{name}` and `{other}`",
                self.service.name
            );
            self.error(value.span, message, format!("keep `{other}` alone"));
        }
    }

    pub(super) fn scale(&mut self) {
        let service = self.service;
        let replicas = service.deploy.as_ref().and_then(|deploy| deploy.replicas);
        for (scale, name) in [(service.scale, "scale"), (replicas, "deploy.replicas")] {
            let Some(scale) = scale else { continue };
            if scale.value < 0 {
                self.error(scale.span, format!("`{name}` must be zero or more"), "remove the sign");
            }
            if scale.value > 1
                && let Some(container) = &service.container_name
            {
                let message = format!(
                    "service `{}` has {} containers and one `container_name`",
                    service.name, scale.value
                );
                self.error(
                    container.span,
                    message,
                    "remove `container_name`, or have one container",
                );
            }
        }
    }
}
