//! Where a container's output goes.

use crate::compose::Service;
use crate::diagnostic::Diagnostic;
use crate::ecs::draft::Draft;

/// `logging`: options of the `awslogs` driver are passed on; what is about files on an engine has no effect.
pub(in crate::ecs) fn configuration(service: &Service, draft: &mut Draft) {
    let Some(logging) = &service.logging else { return };
    match logging.driver.as_ref().map(|driver| (driver.as_str(), driver.span)) {
        None | Some(("awslogs" | "json-file" | "local" | "journald", _)) => {}
        Some(("none", _)) => {
            draft.container(service).remove("LogConfiguration");
            return;
        }
        Some((driver, span)) => {
            let message = format!("logging driver `{driver}` does not work on ECS yet");
            draft.say(Diagnostic::error(span, message).hint("leave `logging` out: the output goes to CloudWatch Logs"));
            return;
        }
    }
    for (name, value) in &logging.options {
        if name.starts_with("awslogs-") || matches!(name.as_str(), "mode" | "max-buffer-size") {
            let options = draft.container(service).entry("LogConfiguration").entry("Options");
            options.set(name.clone(), value.value.clone());
        } else {
            let message = format!("`logging.options.{name}` has no effect on ECS: the output goes to CloudWatch Logs");
            draft.remark(Diagnostic::warning(value.span, message));
        }
    }
}
