//! What Ctrl-C means while AWS works: it goes on whether anybody watches or not.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;

use super::aws::Account;
use super::aws::change_set::ChangeSet;
use super::aws::events::{End, Follower};
use super::aws::stack::{self, Operation};
use super::deploy::Deployment;
use super::diagnosis::{failure, of_cause};
use super::follow::{Crash, Outcome, follow_and_tell};
use super::remove;
use crate::backend::{DownOptions, Io, UpOptions};
use crate::diagnostic::Span;
use crate::error::{Error, Result};

impl Deployment<'_> {
    /// Follows what has been begun to its end; the result are the logical ids of what was created or updated.
    pub(super) async fn see_through(
        &self,
        account: &Account,
        operation: Operation,
        change_set: &ChangeSet,
        follower: Follower,
        options: &UpOptions,
        io: &Io,
    ) -> Result<Vec<String>> {
        let name = self.name;
        let id = format!("Stack {name}");
        let (tell, crashes) = mpsc::unbounded_channel();
        let report = |crash| drop(tell.send(crash));
        let following = follow_and_tell(account, follower, &self.template.origins, &report, io);
        let watched = Box::pin(watch(
            account,
            operation,
            (name, &change_set.stack_id),
            (Box::pin(following), crashes),
            options.wait_timeout,
            io,
        ))
        .await;
        let watched = watched.inspect_err(|error| {
            // What could not be followed is not over.
            if matches!(error, Error::Message(_)) {
                io.progress.warning(&id, self.goes_on(account));
            }
        })?;
        let outcome = match watched {
            Watched::Ended(outcome) => outcome,
            Watched::TooLong(limit) => {
                let what = format!(
                    "the deployment of `{name}` took longer than {} seconds",
                    limit.as_secs()
                );
                return Err(Error::new(what).hint(self.goes_on(account)));
            }
            Watched::Crashing(crash) => return Err(self.crash(account, operation, &crash)),
            Watched::Left => {
                io.progress
                    .warning(&id, format!("Interrupted: {}", self.goes_on(account)));
                return Err(Error::INTERRUPTED);
            }
            Watched::Unwanted => {
                let options = DownOptions::default();
                let removing = remove::all(account, name, Some(self.project), &options, io);
                tokio::select! {
                    removed = Box::pin(removing) => removed?,
                    () = io.interrupts.again() => {}
                }
                return Err(Error::INTERRUPTED);
            }
            Watched::Cancelled(outcome) => {
                let text = match outcome.status.as_str() {
                    "UPDATE_ROLLBACK_COMPLETE" => "Cancelled: everything is again as it was before the update",
                    "UPDATE_COMPLETE" => "The update was complete before it could be cancelled",
                    _ => "Cancelled, and not undone in full: the next `ctx up` goes on with that",
                };
                io.progress.warning(&id, text);
                return Err(Error::INTERRUPTED);
            }
        };
        if outcome.end == End::Failure {
            let doing = match operation {
                Operation::Create | Operation::Recreate => "create",
                Operation::Update => "update",
            };
            let doing = format!("{doing} stack `{name}`");
            return Err(failure(&doing, &outcome, &self.template.origins, Some(self.project)));
        }
        Ok(outcome.touched)
    }

    /// The error for a deployment that nobody waits for any longer: what crashes, at its line, and what to do then.
    fn crash(&self, account: &Account, operation: Operation, crash: &Crash) -> Error {
        let origins = &self.template.origins;
        let service = origins
            .get(&crash.logical_id)
            .and_then(|origin| origin.service.as_deref());
        let Some((first, others)) = crash.causes.split_first() else {
            return Error::new(format!("the tasks of `{}` end again and again", crash.logical_id));
        };
        let name = self.name;
        let what = format!("stack `{name}` waits for tasks that end again and again");
        let diagnostic = of_cause(&what, first, service, origins, Some(self.project));
        let also = others.iter().map(|other| format!("also: {}", other.what));
        let undo = match operation {
            Operation::Create | Operation::Recreate => format!("`ctx -p {name} down` removes the new stack"),
            Operation::Update => {
                format!("`aws cloudformation cancel-update-stack --stack-name {name}` brings back what ran before")
            }
        };
        let left = format!("{}; the circuit breaker may end it, or {undo}", self.goes_on(account));
        let notes = also.chain([left]);
        vec![notes.fold(diagnostic, |diagnostic, note| diagnostic.note(Span::NOWHERE, note))].into()
    }

    pub(super) fn goes_on(&self, account: &Account) -> String {
        let (context, name) = (&account.context, self.name);
        format!("AWS goes on; `ctx -c {context} -p {name} ps` shows which tasks run")
    }
}

/// How watching a deployment ended.
#[derive(Debug)]
enum Watched {
    /// So did the deployment.
    Ended(Outcome),
    /// The user has cancelled the update, and it has been undone as far as that was possible.
    Cancelled(Outcome),
    /// The user wants the new stack to be removed.
    Unwanted,
    /// The user does not want to watch any more.
    Left,
    /// There is no use in watching: a service's tasks end again and again.
    Crashing(Crash),
    /// Nobody wants to wait for longer than this.
    TooLong(Duration),
}

/// Watches a deployment to its end, and asks at the first interrupt, and where tasks end again and again, what shall
/// become of it. The second interrupt ends the command at once, and so does the first where nobody can be asked.
async fn watch(
    account: &Account,
    operation: Operation,
    (name, stack_id): (&str, &str),
    (following, mut crashes): (impl Future<Output = Result<Outcome>>, mpsc::UnboundedReceiver<Crash>),
    limit: Option<Duration>,
    io: &Io,
) -> Result<Watched> {
    tokio::pin!(following);
    let too_long = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(too_long);
    let id = format!("Stack {name}");
    // Keys pressed at a question are no interrupts, and whoever goes on watching may be asked again.
    let mut asked = 0;
    let mut cancelled = false;
    loop {
        tokio::select! {
            outcome = &mut following => {
                let outcome = outcome?;
                return Ok(if cancelled { Watched::Cancelled(outcome) } else { Watched::Ended(outcome) });
            }
            () = &mut too_long => return Ok(Watched::TooLong(limit.unwrap_or_default())),
            Some(crash) = crashes.recv(), if !cancelled => {
                let why = crash.causes.first().map_or("", |cause| cause.what.as_str());
                io.progress.warning(&id, format!("Tasks of `{}` end again and again: {why}", crash.logical_id));
                match ask(operation, io) {
                    Some(Choice::Watch) => io.progress.working(&id, "Still watched"),
                    Some(Choice::Undo) if operation == Operation::Update => {
                        cancelled = cancel(account, (&id, stack_id), io).await;
                    }
                    Some(Choice::Undo) => return Ok(Watched::Unwanted),
                    Some(Choice::Leave) | None => return Ok(Watched::Crashing(crash)),
                }
            }
            () = io.interrupts.reached(asked + 1) => {
                if cancelled {
                    return Ok(Watched::Left);
                }
                match ask(operation, io) {
                    Some(Choice::Watch) => {
                        asked += 1;
                        io.progress.working(&id, "Still watched");
                    }
                    Some(Choice::Undo) if operation == Operation::Update => {
                        asked += 1;
                        cancelled = cancel(account, (&id, stack_id), io).await;
                    }
                    Some(Choice::Undo) => return Ok(Watched::Unwanted),
                    Some(Choice::Leave) | None => return Ok(Watched::Left),
                }
            }
        }
    }
}

/// Whether the update is undone now. It may have ended while somebody was thinking; then following says so.
async fn cancel(account: &Account, (id, stack_id): (&str, &str), io: &Io) -> bool {
    match stack::cancel_update(account, stack_id).await {
        Ok(()) => {
            io.progress.working(id, "Cancelling the update");
            true
        }
        Err(error) => {
            io.progress.warning(id, error.to_string());
            false
        }
    }
}

#[derive(Clone, Copy)]
enum Choice {
    Leave,
    Undo,
    Watch,
}

/// None where nobody answers.
fn ask(operation: Operation, io: &Io) -> Option<Choice> {
    let undo = match operation {
        Operation::Update => "Cancel the update: everything becomes as it was before",
        Operation::Create | Operation::Recreate => "Remove the new stack again",
    };
    let choices = [
        ("Leave: AWS goes on in the background", Choice::Leave),
        (undo, Choice::Undo),
        ("Go on watching", Choice::Watch),
    ];
    let texts = choices.map(|(text, _)| text);
    let chosen = io.consent.choose("What shall become of the deployment?", &texts);
    choices.get(chosen.ok()??).map(|(_, choice)| *choice)
}

/// Does some work until it is done or the user interrupts it; then says what that means.
pub(super) async fn unless_interrupted<T>(
    io: &Io,
    name: &str,
    what_it_means: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        result = work => result,
        () = io.interrupts.reached(1) => {
            io.progress.warning(format!("Stack {name}"), format!("Interrupted: {what_it_means}"));
            Err(Error::INTERRUPTED)
        }
    }
}
