//! Whether a container that ends is started again where it was.
//!
//! ECS replaces every task of a service that ends. A container with a restart policy is started again in its task
//! first, with its address and its volumes, which takes seconds; one that did not run for a minute is not, so that a
//! deployment whose containers keep ending still fails.

use crate::compose::Service;
use crate::diagnostic::{Diagnostic, Span};
use crate::ecs::cloudformation::Value;
use crate::ecs::draft::Draft;
use crate::ecs::rules::job::Runs;

/// The least that ECS takes, in seconds.
const ATTEMPT_PERIOD: i64 = 60;

/// When a container is to be started again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::ecs) enum Restart {
    Never,
    OnFailure,
    Always,
}

/// What `restart` or `deploy.restart_policy` say, and where.
pub(in crate::ecs) fn wanted(service: &Service) -> Option<(Restart, Span)> {
    let deployed = service
        .deploy
        .as_ref()
        .and_then(|deploy| deploy.restart_policy.as_ref());
    if let Some(policy) = deployed {
        let condition = policy.condition.as_ref();
        let span = condition.map_or(policy.span, |condition| condition.span);
        let restart = match condition.map(|condition| condition.as_str()) {
            Some("none") => Restart::Never,
            Some("on-failure") => Restart::OnFailure,
            _ => Restart::Always,
        };
        return Some((restart, span));
    }
    let restart = service.restart.as_ref().filter(|restart| !restart.is_empty())?;
    let wanted = match restart.split(':').next() {
        Some("no") => Restart::Never,
        Some("on-failure") => Restart::OnFailure,
        _ => Restart::Always,
    };
    Some((wanted, restart.span))
}

/// `restart` and `deploy.restart_policy`. What runs to its end is run again by what runs it, not by its container.
pub(in crate::ecs) fn policy(service: &Service, draft: &mut Draft) {
    let Some((restart, span)) = wanted(service) else { return };
    if draft.runs(service) != Runs::Service {
        return;
    }
    if restart == Restart::Never {
        if draft.housemates(service).len() == 1 {
            let message =
                "a service that is not to be restarted runs again on ECS: the task of a service that ends is replaced";
            let hint = "what is to run once is a job: `deploy.mode: replicated-job`";
            draft.remark(Diagnostic::warning(span, message).hint(hint));
        }
        return;
    }
    if let Some((_, span)) = attempts(service) {
        let message = "the number of attempts to restart has no effect on ECS: it tries until it succeeds, or until the deployment is rolled back";
        draft.remark(Diagnostic::warning(span, message));
    }
    let mut policy = Value::map([
        ("Enabled", true.into()),
        ("RestartAttemptPeriod", ATTEMPT_PERIOD.into()),
    ]);
    if restart == Restart::OnFailure {
        policy.set("IgnoredExitCodes", vec![Value::Int(0)]);
    }
    draft.container(service).set("RestartPolicy", policy);
}

/// How often a container is to be started again, and where that is said.
pub(in crate::ecs) fn attempts(service: &Service) -> Option<(i64, Span)> {
    let deployed = service
        .deploy
        .as_ref()
        .and_then(|deploy| deploy.restart_policy.as_ref());
    match (deployed, &service.restart) {
        (Some(policy), _) => policy.max_attempts.map(|attempts| (attempts.value, attempts.span)),
        (None, Some(restart)) => Some((restart.strip_prefix("on-failure:")?.parse().ok()?, restart.span)),
        (None, None) => None,
    }
}
