//! CloudFormation's events as progress, until its work ends.

use indexmap::IndexMap;

use super::aws::causes::Cause;
use super::aws::events::{End, Event, Follower};
use super::aws::services::ServiceName;
use super::aws::stabilising::{Looping, Stabilising};
use super::aws::{Account, explain, trouble};
use super::cloudformation::Origin;
use crate::backend::Io;
use crate::error::Result;
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
    pub(super) failures: Vec<Event>,
    /// Why services did not become stable, by their logical ids. It is asked for at once: after the rollback nobody
    /// knows it any more.
    pub(super) causes: IndexMap<String, Vec<Cause>>,
}

/// A service whose tasks end again and again while the stack waits for it.
#[derive(Debug)]
pub(super) struct Crash {
    pub(super) logical_id: String,
    /// The most probable first.
    pub(super) causes: Vec<Cause>,
}

/// Shows events until the work on the stack ends.
pub(super) async fn follow(account: &Account, follower: Follower, origins: &Origins, io: &Io) -> Result<Outcome> {
    follow_and_tell(account, follower, origins, &|_| {}, io).await
}

/// The same; `crashed` is told of each service for which there is no use in waiting.
pub(super) async fn follow_and_tell(
    account: &Account,
    mut follower: Follower,
    origins: &Origins,
    crashed: &(dyn Fn(Crash) + Sync),
    io: &Io,
) -> Result<Outcome> {
    let mut failures: Vec<Event> = Vec::new();
    let mut causes = IndexMap::new();
    let mut touched = Vec::new();
    let mut stabilising = Stabilising::new();
    // In AWS's time, not in ours.
    let mut begun = None;
    let mut services: IndexMap<String, String> = IndexMap::new();
    loop {
        let events = tokio::select! {
            events = follower.next(account) => events?,
            Looping { arn, causes } = stabilising.tell(account, &io.progress) => {
                let logical_id = services.get(&arn).cloned().unwrap_or_default();
                crashed(Crash { logical_id, causes });
                continue;
            }
        };
        for event in events {
            begun = begun.or(event.time);
            let shown = progress_of(&event, origins);
            let seen = match event.status.as_str() {
                "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" => {
                    stabilising.begin(&event.physical_id, &shown.id, begun);
                    services.insert(event.physical_id.clone(), event.logical_id.clone());
                    Vec::new()
                }
                _ => stabilising.end(&event.physical_id),
            };
            io.progress.event(shown);
            if let Some(end) = event.end() {
                return Ok(Outcome {
                    end,
                    status: event.status,
                    touched,
                    failures,
                    causes,
                });
            }
            if matches!(event.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE") {
                touched.push(event.logical_id.clone());
            }
            if event.failed() {
                // CloudFormation says that a service did not become stable, ECS says why; but only until the service
                // is rolled back.
                if let Some(name) = ServiceName::from_arn(&event.physical_id)
                    && !causes.contains_key(&event.logical_id)
                {
                    let found = Box::pin(trouble::of_service(account, &name, begun)).await;
                    causes.insert(event.logical_id.clone(), trouble::merged(seen, found));
                }
                failures.push(event);
            }
        }
    }
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
    use super::super::aws::events::tests::event;
    use super::*;
    use crate::diagnostic::{Sources, Span};

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
}
