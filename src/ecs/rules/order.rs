//! Which service is there before which.

use crate::compose::{Condition, Service};
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::{Value, names};
use crate::ecs::draft::Draft;
use crate::ecs::rules::job::{self, Runs};

/// `depends_on`. CloudFormation takes an ECS service for complete when it is steady: when its tasks run and, if they
/// have a health check, are healthy. So both `service_started` and `service_healthy` wait for the service's resource;
/// and for a job's, which is complete when the job has been.
pub(in crate::ecs) fn depends_on(service: &Service, draft: &mut Draft) {
    for (name, dependency) in &service.depends_on {
        let Some(other) = draft.project.services.get(name) else {
            continue;
        };
        let together = draft.home(other).name == draft.home(service).name;
        let (runs, condition) = (draft.runs(other), dependency.condition.value);
        let span = dependency.condition.span.or(dependency.span);
        if let Some(refusal) = job::unreachable(name, runs, condition, span).filter(|_| !together) {
            draft.say(refusal);
            continue;
        }
        let mut reached = "START";
        match condition {
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
                    draft.say(Diagnostic::warning(span, message).hint(hint));
                }
            }
            Condition::CompletedSuccessfully => reached = "SUCCESS",
        }
        if together {
            let container = names::plain(&other.name).into();
            let start = Value::map([("ContainerName", container), ("Condition", reached.into())]);
            draft.container(service).push("DependsOn", start);
        } else {
            let kind = if runs == Runs::Job { "Job" } else { "Service" };
            let dependency = draft.id(other, kind);
            draft.wait_for(service, dependency);
        }
    }
}
