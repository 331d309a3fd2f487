//! CloudFormation's events as progress, until its work ends, and its failures as errors at their Compose lines.

use indexmap::IndexMap;

use super::aws::events::{End, Event, Follower};
use super::aws::services::ServiceName;
use super::aws::stabilising::Stabilising;
use super::aws::tasks::StoppedContainer;
use super::aws::{Account, explain, logs, tasks};
use super::cloudformation::Origin;
use crate::backend::Io;
use crate::diagnostic::{Diagnostic, Span};
use crate::error::{Error, Result};
use crate::progress::{self, State};

/// Where each logical id comes from.
pub(super) type Origins = IndexMap<String, Origin>;

/// How CloudFormation's work went.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) end: End,
    /// The last word about the stack.
    pub(super) status: String,
    /// The logical ids of what was created or updated.
    pub(super) touched: Vec<String>,
    failures: Vec<Event>,
    /// What the tasks of failed services said before they were gone.
    remarks: Vec<String>,
    /// The containers that ended badly.
    culprits: Vec<String>,
}

/// Shows events until the work on the stack ends.
pub(super) async fn follow(account: &Account, mut follower: Follower, origins: &Origins, io: &Io) -> Result<Outcome> {
    let mut failures: Vec<Event> = Vec::new();
    let mut remarks = Vec::new();
    let mut culprits = Vec::new();
    let mut touched = Vec::new();
    let mut stabilising = Stabilising::new();
    loop {
        let events = tokio::select! {
            events = follower.next(account) => events?,
            never = stabilising.tell(account, &io.progress) => match never {},
        };
        for event in events {
            let shown = progress_of(&event, origins);
            match event.status.as_str() {
                "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" => stabilising.begin(&event.physical_id, &shown.id),
                _ => stabilising.end(&event.physical_id),
            }
            io.progress.event(shown);
            if let Some(end) = event.end() {
                return Ok(Outcome {
                    end,
                    status: event.status,
                    touched,
                    failures,
                    remarks,
                    culprits,
                });
            }
            if matches!(event.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE") {
                touched.push(event.logical_id.clone());
            }
            if event.failed() {
                // CloudFormation says that a service did not become stable, ECS says why; but only until the service
                // is rolled back.
                if failures.iter().all(|failure| failure.logical_id != event.logical_id) {
                    let (said, by) = what_tasks_say(account, &event).await;
                    remarks.extend(said);
                    culprits.extend(by);
                }
                failures.push(event);
            }
        }
    }
}

/// The error that a failed deployment ends with.
pub(super) fn failure(doing: &str, outcome: &Outcome, origins: &Origins) -> Error {
    let Some(cause) = explain::first_cause(&outcome.failures) else {
        return Error::new(format!(
            "CloudFormation could not {doing}: it ended in {}",
            outcome.status
        ));
    };
    let origin = origins
        .get(&cause.logical_id)
        .map(|origin| culprit(origin, outcome, origins));
    let whose = origin
        .and_then(|origin| origin.service.as_deref())
        .map(|service| format!(" of service `{service}`"))
        .unwrap_or_default();
    // What follows the first line is what a job wrote.
    let reason = explain::reason(cause);
    let (reason, written) = reason.split_once(":\n").unwrap_or((reason, ""));
    let what = format!(
        "CloudFormation could not {doing}: {} `{}`{whose}: {reason}",
        cause.kind, cause.logical_id
    );
    let said = std::iter::once(reason).chain(outcome.remarks.iter().map(String::as_str));
    let hint = said.rev().find_map(explain::hint);
    let span = origin.map_or(Span::NOWHERE, |origin| origin.span);
    let mut diagnostic = Diagnostic::error(span, what);
    if !written.is_empty() {
        diagnostic = diagnostic.note(Span::NOWHERE, format!("it wrote last:\n{written}"));
    }
    for remark in &outcome.remarks {
        diagnostic = diagnostic.note(Span::NOWHERE, remark);
    }
    if let Some(note) = what_is_left(&outcome.status) {
        diagnostic = diagnostic.note(Span::NOWHERE, note);
    }
    if let Some(hint) = hint {
        diagnostic = diagnostic.hint(hint);
    }
    vec![diagnostic].into()
}

/// Where a failed service comes from: in a task that several share, the one whose container ended badly.
fn culprit<'o>(origin: &'o Origin, outcome: &Outcome, origins: &'o Origins) -> &'o Origin {
    let is_culprit = |one: &&Origin| outcome.culprits.iter().any(|name| one.service.as_ref() == Some(name));
    if origin.service.is_none() || is_culprit(&origin) {
        return origin;
    }
    origins.values().find(is_culprit).unwrap_or(origin)
}

/// Puts what CloudFormation says about a template before it does anything at the line of the resource that it names.
pub(super) fn at_its_line(error: Error, origins: &Origins) -> Error {
    let Error::Message(message) = &error else { return error };
    let said = error.to_string();
    let named = said
        .split(|c: char| !c.is_ascii_alphanumeric())
        .find_map(|word| origins.get(word).filter(|origin| origin.span.is_somewhere()));
    let Some(origin) = named else { return error };
    let diagnostic = Diagnostic::error(origin.span, said);
    vec![match &message.hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }]
    .into()
}

fn what_is_left(status: &str) -> Option<&'static str> {
    match status {
        "ROLLBACK_COMPLETE" => {
            Some("what had been created was removed again except for the log; the next `ctx up` starts anew")
        }
        "UPDATE_ROLLBACK_COMPLETE" => Some("everything is again as it was before the update"),
        "UPDATE_ROLLBACK_FAILED" => Some("the update could not be undone either"),
        _ => None,
    }
}

/// Most tasks of one service end for the same reason, which is told once. With it the containers that ended badly.
async fn what_tasks_say(account: &Account, event: &Event) -> (Vec<String>, Vec<String>) {
    const ENOUGH: usize = 3;
    let Some(name) = ServiceName::from_arn(&event.physical_id) else {
        return <_>::default();
    };
    // The deployment has failed already; that ECS does not answer either is not what the user has to know.
    let mut stopped = tasks::stopped(account, &name).await.unwrap_or_default();
    stopped.dedup_by(|a, b| (&a.reason, &a.containers) == (&b.reason, &b.containers));
    let mut remarks: Vec<String> = stopped.iter().take(ENOUGH).map(explain::task).collect();
    let mut culprits = Vec::new();
    for task in stopped.iter().take(1) {
        for container in ended_badly(&task.containers) {
            culprits.push(container.name.clone());
            let lines = logs::last_lines(account, &task.definition, &task.id, &container.name).await;
            if !lines.is_empty() {
                remarks.push(format!(
                    "container `{}` wrote last:\n{}",
                    container.name,
                    lines.join("\n")
                ));
            }
        }
    }
    (remarks, culprits)
}

/// The containers that ended by themselves with an error; when there is none, those that were killed.
fn ended_badly(containers: &[StoppedContainer]) -> Vec<&StoppedContainer> {
    const KILLED: [i32; 2] = [128 + 9, 128 + 15];
    let failed = |container: &&StoppedContainer| container.exit_code.is_some_and(|code| code != 0);
    let (killed, own): (Vec<_>, Vec<_>) = containers
        .iter()
        .filter(failed)
        .partition(|container| container.exit_code.is_some_and(|code| KILLED.contains(&code)));
    if own.is_empty() { killed } else { own }
}

/// An event in the words of the display: what, and how far it is.
fn progress_of(event: &Event, origins: &Origins) -> progress::Event {
    let service = origins
        .get(&event.logical_id)
        .and_then(|origin| origin.service.as_deref());
    let id = match (event.of_stack, service) {
        (true, _) => format!("Stack {}", event.logical_id),
        (false, Some(service)) => format!("{service}: {}", event.logical_id),
        (false, None) => event.logical_id.clone(),
    };
    let initiated = |reason: &&str| reason.ends_with("Initiated");
    let detail = if event.failed() {
        Some(explain::reason(event))
    } else {
        event.reason.as_deref().filter(|reason| !initiated(reason))
    };
    progress::Event {
        id,
        state: state(&event.status),
        text: words(&event.status),
        detail: detail.map(str::to_owned),
    }
}

fn state(status: &str) -> State {
    if status.ends_with("_FAILED") {
        State::Failed
    } else if status.ends_with("ROLLBACK_COMPLETE") {
        State::Warning
    } else if status.ends_with("_IN_PROGRESS") {
        State::Working
    } else {
        State::Done
    }
}

/// `CREATE_IN_PROGRESS` is `Creating` for a person.
fn words(status: &str) -> String {
    let split = [
        "_COMPLETE_CLEANUP_IN_PROGRESS",
        "_IN_PROGRESS",
        "_COMPLETE",
        "_FAILED",
        "_SKIPPED",
    ]
    .iter()
    .find_map(|how| Some((status.strip_suffix(how)?, *how)));
    let Some((doing, how)) = split else {
        return status.to_owned();
    };
    let (present, past) = match doing {
        "CREATE" => ("Creating", "Created"),
        "UPDATE" => ("Updating", "Updated"),
        "DELETE" => ("Deleting", "Deleted"),
        "IMPORT" => ("Importing", "Imported"),
        "REVIEW" => ("Reviewing", "Reviewed"),
        "ROLLBACK" | "UPDATE_ROLLBACK" => ("Rolling back", "Rolled back"),
        _ => return status.to_owned(),
    };
    match how {
        "_IN_PROGRESS" => present.to_owned(),
        "_COMPLETE" => past.to_owned(),
        "_FAILED" => format!("{present} failed"),
        "_SKIPPED" => "Kept".to_owned(),
        _ => format!("{past}, cleaning up"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Sources;

    fn event(logical_id: &str, status: &str, reason: Option<&str>) -> Event {
        Event {
            logical_id: logical_id.into(),
            physical_id: String::new(),
            kind: "ECS::Service".into(),
            status: status.into(),
            reason: reason.map(str::to_owned),
            of_stack: logical_id == "shop",
        }
    }

    fn origins() -> Origins {
        let file = Sources::default().add("compose.yaml", "services:\n  web:\n");
        let origin = Origin {
            span: Span::new(file, 12..15),
            service: Some("web".into()),
        };
        IndexMap::from([("WebService".to_owned(), origin)])
    }

    fn shown(event: &Event) -> String {
        let progress::Event {
            id,
            state,
            text,
            detail,
        } = progress_of(event, &origins());
        format!("{id} | {state:?} | {text} | {}", detail.unwrap_or_default())
    }

    #[test]
    fn events_are_shown_with_the_service_that_they_belong_to() {
        let created = event("WebService", "CREATE_COMPLETE", None);
        assert_eq!(shown(&created), "web: WebService | Done | Created | ");
        let begun = event("LogGroup", "CREATE_IN_PROGRESS", Some("Resource creation Initiated"));
        assert_eq!(shown(&begun), "LogGroup | Working | Creating | ");
        let failed = event("WebService", "UPDATE_FAILED", Some("no."));
        assert_eq!(shown(&failed), "web: WebService | Failed | Updating failed | no");
        let kept = event("Data", "DELETE_SKIPPED", None);
        assert_eq!(shown(&kept), "Data | Done | Kept | ");
        let stack = event("shop", "UPDATE_ROLLBACK_COMPLETE", None);
        assert_eq!(shown(&stack), "Stack shop | Warning | Rolled back | ");
        assert_eq!(words("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), "Updated, cleaning up");
        assert_eq!(words("SOMETHING_NEW"), "SOMETHING_NEW");
    }

    #[test]
    fn a_failure_names_its_cause_at_its_line() {
        let outcome = Outcome {
            end: End::Failure,
            status: "ROLLBACK_COMPLETE".into(),
            touched: vec![],
            failures: vec![
                event("Cache", "CREATE_FAILED", Some("Resource creation cancelled")),
                event(
                    "WebService",
                    "CREATE_FAILED",
                    Some("ECS Deployment Circuit Breaker was triggered"),
                ),
            ],
            remarks: vec!["task 1 stopped; container `web` exited with 3".into()],
            culprits: vec!["web".into()],
        };
        let Error::Report(report) = failure("create stack `shop`", &outcome, &origins()) else {
            panic!("no report");
        };
        let diagnostic = &report.diagnostics[0];
        assert_eq!(
            diagnostic.message,
            "CloudFormation could not create stack `shop`: ECS::Service `WebService` of service `web`: ECS Deployment \
             Circuit Breaker was triggered"
        );
        assert_eq!(diagnostic.span, origins()["WebService"].span);
        assert_eq!(
            diagnostic.notes[0].message,
            "task 1 stopped; container `web` exited with 3"
        );
        assert_eq!(
            diagnostic.hint.as_deref(),
            Some("`ctx logs` shows more of what the container wrote")
        );
    }

    #[test]
    fn a_failure_in_a_shared_task_names_the_service_whose_container_ended() {
        let mut origins = origins();
        let origin = Origin {
            span: Span::NOWHERE,
            service: Some("tunnel".into()),
        };
        origins.insert("TunnelImage".to_owned(), origin);
        let outcome = Outcome {
            end: End::Failure,
            status: "ROLLBACK_COMPLETE".into(),
            touched: vec![],
            failures: vec![event("WebService", "CREATE_FAILED", Some("no"))],
            remarks: vec![],
            culprits: vec!["tunnel".into()],
        };
        let Error::Report(report) = failure("create stack `shop`", &outcome, &origins) else {
            panic!("no report");
        };
        let said = &report.diagnostics[0].message;
        assert!(said.contains("`WebService` of service `tunnel`"), "{said}");
    }

    #[test]
    fn a_refusal_is_placed_where_the_resource_that_it_names_comes_from() {
        let refused = Error::new("Unresolved resource dependencies [Nowhere] in [WebService]");
        let Error::Report(report) = at_its_line(refused, &origins()) else {
            panic!("no report");
        };
        assert_eq!(report.diagnostics[0].span, origins()["WebService"].span);
        let other = at_its_line(Error::new("Template format error"), &origins());
        assert!(matches!(other, Error::Message(_)));
    }

    #[test]
    fn a_failure_without_a_cause_names_the_state() {
        let outcome = Outcome {
            end: End::Failure,
            status: "UPDATE_ROLLBACK_COMPLETE".into(),
            touched: vec![],
            failures: vec![],
            remarks: vec![],
            culprits: vec![],
        };
        assert_eq!(
            failure("update stack `shop`", &outcome, &origins()).to_string(),
            "CloudFormation could not update stack `shop`: it ended in UPDATE_ROLLBACK_COMPLETE"
        );
    }
}
