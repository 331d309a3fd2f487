//! Why a deployment failed, out of what CloudFormation and ECS have told.

use super::events::Event;
use super::failure::{self, sentence};
use super::tasks::StoppedTask;

/// The first failure that is not the consequence of another.
#[must_use]
pub fn first_cause(events: &[Event]) -> Option<&Event> {
    let causes = events.iter().filter(|event| event.failed() && !event.of_stack);
    causes
        .clone()
        .find(|event| !is_consequence(event))
        .or_else(|| causes.clone().next())
}

/// CloudFormation's reason without what wraps it.
#[must_use]
pub fn reason(event: &Event) -> &str {
    let Some(said) = event.reason.as_deref() else {
        return "CloudFormation gives no reason";
    };
    let inner = said
        .strip_prefix("Resource handler returned message: \"")
        .and_then(|rest| rest.rsplit_once("\" (").map(|(message, _)| message));
    // A function of ours has said this.
    let own = said
        .split_once("from custom resource. Message returned: ")
        .map(|(_, message)| {
            message
                .rsplit_once(" (RequestId:")
                .map_or(message, |(message, _)| message)
        });
    let message = own.or(inner).unwrap_or(said);
    let operation = message
        .strip_prefix("Error occurred during operation '")
        .and_then(|rest| rest.trim_end_matches('.').strip_suffix('\''));
    // AWS appends the identifiers of its own request to what it says.
    let message = operation.unwrap_or(message);
    let message = message
        .split_once(" (Service: ")
        .map_or(message, |(message, _)| message);
    sentence(message)
}

/// What a stopped task tells: its own reason, then that of each container which ended badly.
#[must_use]
pub fn task(stopped: &StoppedTask) -> String {
    let mut said = vec![match &stopped.reason {
        Some(reason) => format!("task {} stopped: {}", stopped.id, sentence(reason)),
        None => format!("task {} stopped", stopped.id),
    }];
    for container in &stopped.containers {
        let name = &container.name;
        let reason = container.reason.as_deref().map(sentence);
        said.extend(reason.map(|reason| format!("container `{name}`: {reason}")));
        let code = container.exit_code.filter(|code| *code != 0);
        said.extend(code.map(|code| format!("container `{name}` exited with {code}")));
    }
    said.join("; ")
}

/// The permission that is missing, where that is what CloudFormation says.
#[must_use]
pub fn denied(said: &str) -> Option<String> {
    let action = failure::action(said)?;
    let on = failure::resource(said).map_or(String::new(), |resource| format!(" on `{resource}`"));
    Some(format!("the permission `{action}`{on} is missing"))
}

/// What can be done about what CloudFormation says.
#[must_use]
pub fn hint_of(said: &str) -> Option<String> {
    match failure::action(said) {
        Some(action) => Some(failure::allow(action, None)),
        None => hint(said).map(str::to_owned),
    }
}

/// What can be done about it, for the reasons that people meet most.
#[must_use]
pub fn hint(said: &str) -> Option<&'static str> {
    let has = |words: &str| said.contains(words);
    if has("executable file not found") || has("no such file or directory") {
        Some("check `command` and `entrypoint`: the image has no such program")
    } else if has("CannotPullContainer") || has("pull image manifest") {
        Some("check the image's name and tag, and that the subnets reach its registry")
    } else if has("ResourceInitializationError") {
        Some("check that the subnets reach AWS (a public address, a NAT gateway or VPC endpoints)")
    } else if has("OutOfMemory") {
        Some("raise `deploy.resources.limits.memory`")
    } else if has("health check") {
        Some("`ctx logs` shows what the container wrote; a longer `healthcheck.start_period` gives it more time")
    } else if has("exited with") || has("Essential container") || has("Circuit Breaker") {
        Some("`ctx logs` shows more of what the container wrote")
    } else if has("already exists") {
        Some("something else in this account has that name; remove it or choose another")
    } else if has("not authorized") || has("AccessDenied") {
        Some("ask whoever manages the account for the permission that the message names")
    } else if has("limit") || has("quota") {
        Some("remove what is no longer needed, or ask for more under Service Quotas")
    } else {
        None
    }
}

fn is_consequence(event: &Event) -> bool {
    let reason = event.reason.as_deref().unwrap_or_default();
    reason.contains("cancelled") || reason.contains("The following resource(s) failed")
}

#[cfg(test)]
mod tests {
    use super::super::tasks::StoppedContainer;
    use super::*;

    fn event(logical_id: &str, status: &str, reason: &str) -> Event {
        super::super::events::tests::event(logical_id, status, (!reason.is_empty()).then_some(reason))
    }

    #[test]
    fn the_cause_is_the_first_failure_that_follows_from_no_other() {
        let events = [
            event("Db", "CREATE_IN_PROGRESS", ""),
            event("Cache", "CREATE_FAILED", "Resource creation cancelled"),
            event("Web", "CREATE_FAILED", "no such image."),
            event(
                "shop",
                "ROLLBACK_IN_PROGRESS",
                "The following resource(s) failed to create: [Cache, Web].",
            ),
            event("Db", "DELETE_FAILED", "in use"),
        ];
        let cause = first_cause(&events).unwrap();
        assert_eq!((cause.logical_id.as_str(), reason(cause)), ("Web", "no such image"));
        assert_eq!(first_cause(&events[..1]), None);
        assert_eq!(first_cause(&events[..2]).unwrap().logical_id, "Cache");
    }

    #[test]
    fn reasons_lose_what_wraps_them() {
        let breaker = "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit \
                       Breaker was triggered'.\" (RequestToken: 1-2, HandlerErrorCode: GeneralServiceException)";
        assert_eq!(
            reason(&event("Web", "CREATE_FAILED", breaker)),
            "ECS Deployment Circuit Breaker was triggered"
        );
        let job = "Received response status [FAILED] from custom resource. Message returned: service `migrate` exited \
                   with 3:\nno such table (RequestId: 0-1)";
        assert_eq!(
            reason(&event("MigrateJob", "CREATE_FAILED", job)),
            "service `migrate` exited with 3:\nno such table"
        );
        let service = "Resource handler returned message: \"The maximum number of VPCs has been reached. (Service: \
                       Ec2, Status Code: 400, Request ID: 1)\" (RequestToken: 1, HandlerErrorCode: GeneralServiceException)";
        assert_eq!(
            reason(&event("Web", "CREATE_FAILED", service)),
            "The maximum number of VPCs has been reached"
        );
    }

    #[test]
    fn a_stopped_task_tells_which_container_ended_how() {
        let container = |name: &str, exit_code, reason: Option<&str>| StoppedContainer {
            name: name.into(),
            exit_code,
            reason: reason.map(str::to_owned),
            ..StoppedContainer::default()
        };
        let stopped = StoppedTask {
            id: "4711".into(),
            reason: Some("Essential container in task exited".into()),
            definition: String::new(),
            code: None,
            at: None,
            containers: vec![
                container("web", Some(137), Some("OutOfMemoryError")),
                container("init", Some(0), None),
            ],
        };
        assert_eq!(
            task(&stopped),
            "task 4711 stopped: Essential container in task exited; container `web`: OutOfMemoryError; container `web` \
             exited with 137"
        );
        assert_eq!(hint(&task(&stopped)), Some("raise `deploy.resources.limits.memory`"));
    }
}
