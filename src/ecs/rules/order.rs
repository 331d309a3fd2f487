//! Which service is there before which.

use crate::compose::{Condition, Service};
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::{Value, names};
use crate::ecs::draft::Draft;

/// `depends_on`. CloudFormation takes an ECS service for complete when it is steady: when its tasks run and, if they
/// have a health check, are healthy. So both `service_started` and `service_healthy` wait for the service's resource.
pub(in crate::ecs) fn depends_on(service: &Service, draft: &mut Draft) {
    for (name, dependency) in &service.depends_on {
        let Some(other) = draft.project.services.get(name) else {
            continue;
        };
        let together = draft.home(other).name == draft.home(service).name;
        let mut reached = "START";
        match dependency.condition.value {
            Condition::Started => {}
            Condition::Healthy => {
                let check = other.healthcheck.as_ref();
                if check.is_some_and(|check| check.test.is_some() && !check.is_disabled()) {
                    reached = "HEALTHY";
                } else {
                    let message = format!(
                        "`{name}` has no health check in the file, so it counts as healthy on ECS when it runs"
                    );
                    let hint = "ECS does not run the health check of an image: repeat it under `healthcheck`";
                    draft.say(Diagnostic::warning(dependency.condition.span.or(dependency.span), message).hint(hint));
                }
            }
            Condition::CompletedSuccessfully if together => reached = "SUCCESS",
            Condition::CompletedSuccessfully => {
                let message = format!(
                    "`{}` does not work on ECS yet: an ECS service runs for ever, so `{name}` would be started again and again",
                    dependency.condition.value.as_str()
                );
                let hint = "do its work at the start of the service that waits for it";
                draft.say(Diagnostic::error(dependency.condition.span.or(dependency.span), message).hint(hint));
                continue;
            }
        }
        if together {
            let container = names::plain(&other.name).into();
            let start = Value::map([("ContainerName", container), ("Condition", reached.into())]);
            draft.container(service).push("DependsOn", start);
        } else {
            let dependency = draft.id(other, "Service");
            draft.wait_for(service, dependency);
        }
    }
}
