//! What Ctrl-C means while AWS works: it goes on whether anybody watches or not.

use std::future::Future;

use super::aws::Account;
use super::aws::stack::{self, Operation};
use super::follow::Outcome;
use crate::backend::Io;
use crate::error::{Error, Result};

/// How watching a deployment ended.
#[derive(Debug)]
pub(super) enum Watched {
    /// So did the deployment.
    Ended(Outcome),
    /// The user has cancelled the update, and it has been undone as far as that was possible.
    Cancelled(Outcome),
    /// The user wants the new stack to be removed.
    Unwanted,
    /// The user does not want to watch any more.
    Left,
}

/// Watches a deployment to its end, and asks at the first interrupt what shall become of it. The second ends the
/// command at once, and so does the first where nobody can be asked.
pub(super) async fn watch(
    account: &Account,
    operation: Operation,
    stack_id: &str,
    following: impl Future<Output = Result<Outcome>>,
    io: &Io,
) -> Result<Watched> {
    tokio::pin!(following);
    let mut interrupts = 0;
    let mut cancelled = false;
    loop {
        tokio::select! {
            outcome = &mut following => {
                let outcome = outcome?;
                return Ok(if cancelled { Watched::Cancelled(outcome) } else { Watched::Ended(outcome) });
            }
            () = io.interrupts.reached(interrupts + 1) => {
                interrupts += 1;
                if interrupts > 1 {
                    return Ok(Watched::Left);
                }
                match ask(operation, io) {
                    Some(Choice::Watch) => interrupts = 0,
                    Some(Choice::Undo) if operation == Operation::Update => {
                        // It may have ended while somebody was thinking; then following says so.
                        match stack::cancel_update(account, stack_id).await {
                            Ok(()) => cancelled = true,
                            Err(error) => io.progress.warning("Interrupt", error.to_string()),
                        }
                    }
                    Some(Choice::Undo) => return Ok(Watched::Unwanted),
                    Some(Choice::Leave) | None => return Ok(Watched::Left),
                }
            }
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
