//! Health checks.

use crate::compose::{Duration, Service, Spanned};
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::Value;
use crate::ecs::draft::Draft;

/// `healthcheck`. ECS never runs the check that stands in an image, so what is turned off is just not there.
pub(in crate::ecs) fn check(service: &Service, draft: &mut Draft) {
    let Some(check) = service.healthcheck.as_ref().filter(|check| !check.is_disabled()) else {
        return;
    };
    let Some(test) = &check.test else {
        let message = "`healthcheck` without a `test` has no effect on ECS: it does not run the image's own";
        draft.remark(Diagnostic::warning(check.span, message).hint("repeat the image's test here"));
        return;
    };
    let mut seconds = |name: &str, given: Option<Spanned<Duration>>, default: u64, least: u64, most: u64| {
        let Some(given) = given else {
            return Value::Int(default.cast_signed());
        };
        let asked = given.as_secs_rounded_up();
        let taken = asked.clamp(least, most);
        if taken != asked {
            let message = format!("`healthcheck.{name}` becomes {taken}s on ECS, which takes {least}s to {most}s");
            draft.remark(Diagnostic::warning(given.span, message));
        }
        Value::Int(taken.cast_signed())
    };
    // Docker's defaults, where ECS has others.
    let interval = seconds("interval", check.interval, 30, 5, 300);
    let timeout = seconds("timeout", check.timeout, 30, 2, 60);
    let start_period = check
        .start_period
        .map(|period| seconds("start_period", Some(period), 0, 0, 300));
    let retries = check.retries.map_or(3, |retries| retries.clamp(1, 10));
    let mut health = Value::map([
        ("Command", Value::list(test.iter().cloned())),
        ("Interval", interval),
        ("Timeout", timeout),
        ("Retries", retries.into()),
    ]);
    if let Some(period) = start_period {
        health.set("StartPeriod", period);
    }
    draft.container(service).set("HealthCheck", health);
}
