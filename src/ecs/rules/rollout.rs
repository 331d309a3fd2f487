//! How many tasks a service has, and how they are replaced.

use crate::compose::{Node, Service};
use crate::diagnostic::Diagnostic;
use crate::ecs::draft::Draft;
use crate::ecs::extensions;
use crate::ecs::rules::{host, traffic};

/// `scale` and `deploy.replicas`
pub(in crate::ecs) fn replicas(service: &Service, draft: &mut Draft) {
    draft.service(service).set("DesiredCount", service.replicas());
}

/// `deploy.mode`
pub(in crate::ecs) fn mode(service: &Service, draft: &mut Draft) {
    let Some(mode) = service.deploy.as_ref().and_then(|deploy| deploy.mode.as_ref()) else {
        return;
    };
    match mode.as_str() {
        // Its instances are the last step's.
        "global" if host::is_on_instances(service, draft) => {}
        "global" => {
            let message = "`deploy.mode: global` is not possible on ECS: Fargate has no nodes";
            let hint = "say how many tasks there are with `deploy.replicas`, or run the project on instances with `x-aws-capacity: ec2`";
            draft.say(Diagnostic::error(mode.span, message).hint(hint));
        }
        "global-job" => {
            let message = "`deploy.mode: global-job` runs once on ECS: Fargate has no nodes";
            draft.remark(Diagnostic::warning(mode.span, message).hint("`replicated-job` says the same"));
        }
        // Jobs are found before any rule.
        _ => {}
    }
}

/// Whether there is to be one task on each instance.
pub(in crate::ecs) fn is_global(service: &Service) -> bool {
    let mode = service.deploy.as_ref().and_then(|deploy| deploy.mode.as_ref());
    mode.is_some_and(|mode| mode.as_str() == "global")
}

/// `deploy.update_config`: `parallelism` of the tasks are replaced at once, before (`start-first`, as ECS does it when
/// nothing is said) or after (`stop-first`) the old ones end.
pub(in crate::ecs) fn update(service: &Service, draft: &mut Draft) {
    let Some(update) = service.deploy.as_ref().and_then(|deploy| deploy.update_config.as_ref()) else {
        return;
    };
    if draft.is_sidecar(service) {
        let message = format!(
            "`deploy.update_config` of `{}` has no effect on ECS: it is replaced together with `{}`",
            service.name,
            draft.home(service).name
        );
        draft.remark(Diagnostic::warning(update.span, message));
        return;
    }
    if let (Some(monitor), None) = (update.monitor, traffic::is_moved(service)) {
        let message = "`deploy.update_config.monitor` has no effect on ECS: it watches a deployment until it is steady";
        draft.remark(Diagnostic::warning(monitor.span, message));
    }
    let replicas = service.replicas().max(1);
    let stop_first = update
        .order
        .as_ref()
        .is_some_and(|order| order.as_str() == "stop-first");
    let at_once = update.parallelism.map_or(replicas, |parallelism| parallelism.value);
    // Zero is how Compose says "all at once".
    let at_once = if at_once <= 0 { replicas } else { at_once.min(replicas) };
    let deployment = draft.service(service).entry("DeploymentConfiguration");
    if update.order.is_some() || update.parallelism.is_some() {
        let (least, most) = if stop_first {
            (replicas - at_once, replicas)
        } else {
            (replicas, replicas + at_once)
        };
        deployment.set("MinimumHealthyPercent", least * 100 / replicas);
        // Rounded up, because ECS rounds the number of tasks down.
        deployment.set(
            "MaximumPercent",
            (most * 100).div_euclid(replicas) + i64::from(most * 100 % replicas > 0),
        );
    }
    if let Some(action) = &update.failure_action {
        let breaker = deployment.entry("DeploymentCircuitBreaker");
        match action.as_str() {
            "rollback" => {}
            "pause" => breaker.set("Rollback", false),
            _ => {
                breaker.set("Enable", false);
                breaker.set("Rollback", false);
            }
        }
    }
}

/// `update_config.monitor`: minutes that the old tasks stay beside the new ones, where the traffic is moved.
pub(in crate::ecs) fn monitor(service: &Service) -> Option<i64> {
    let update = service.deploy.as_ref()?.update_config.as_ref()?;
    Some(update.monitor?.as_secs_rounded_up().div_ceil(60).cast_signed())
}

/// `x-aws-min_percent`
pub(in crate::ecs) fn min_percent(node: &Node, service: &Service, draft: &mut Draft) {
    percent(node, service, draft, "MinimumHealthyPercent");
}

/// `x-aws-max_percent`
pub(in crate::ecs) fn max_percent(node: &Node, service: &Service, draft: &mut Draft) {
    percent(node, service, draft, "MaximumPercent");
}

fn percent(node: &Node, service: &Service, draft: &mut Draft, property: &'static str) {
    if let Some(percent) = extensions::integer(node) {
        draft
            .service(service)
            .entry("DeploymentConfiguration")
            .set(property, percent);
    }
}
