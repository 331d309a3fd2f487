//! Several that deploy the same project at the same moment: one goes first, the others look again.

use std::time::Duration;

use aws_sdk_cloudformation::types::StackStatus;

use super::aws::Account;
use super::aws::change_set::ChangeSet;
use super::aws::stack::{self, Operation, Readiness};
use crate::error::Error;

/// How often others may come first.
pub(super) const ATTEMPTS: u32 = 10;

/// What a run has met so far.
pub(super) enum Seen {
    /// The state of the stack; none if there was no stack to update.
    Stack(Option<StackStatus>),
    /// Another has put its change set in the place of this one's.
    Other,
}

/// How long a run waits before one of its attempts: the first does not.
pub(super) fn turn(attempt: u32, process: u32) -> Duration {
    Duration::from_millis(100) * attempt * (1 + process % 4)
}

/// Whether others have worked on the stack since its state was `seen` (none: there was no stack to update): then
/// what failed may have failed for that reason.
pub(super) async fn has_moved(account: &Account, name: &str, seen: Option<&Seen>) -> bool {
    // What failed before that has its own reason.
    let seen = match seen {
        Some(Seen::Stack(seen)) => seen,
        Some(Seen::Other) => return true,
        None => return false,
    };
    let Ok(now) = stack::find(account, name).await else {
        return false;
    };
    match (stack::readiness(now.as_ref()), now) {
        (Readiness::Busy, _) => true,
        // A change set of ours that failed is gone, so that this one is somebody else's.
        (Readiness::Ready(Operation::Create), now) => now.is_some() || seen.is_some(),
        (_, now) => now.map(|stack| stack.status) != *seen,
    }
}

/// Whether another has removed the stack that was made to hold a change set, and the change set with it.
async fn is_gone(account: &Account, stack_id: &str) -> bool {
    match stack::find(account, stack_id).await {
        Ok(now) => now.is_none_or(|stack| stack.status == StackStatus::DeleteComplete),
        Err(_) => false,
    }
}

/// Whether a change set could not be executed because of what others did to the stack `name`.
pub(super) async fn is_others(
    error: &Error,
    account: &Account,
    name: &str,
    change_set: &ChangeSet,
    seen: Option<&Seen>,
) -> bool {
    let is_told = matches!(error, Error::Message(_));
    is_told && has_moved(account, name, seen).await || is_gone(account, &change_set.stack_id).await
}

/// What is said when others came first every time, with what went wrong in the last attempt.
pub(super) fn given_up(name: &str, last: Option<&Error>) -> Error {
    let error = Error::new(format!("others deploy `{name}` again and again at the same time"))
        .hint("try again when they are done");
    match last {
        Some(last) => error.because(last),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_last_is_told_with_it() {
        let text = given_up("shop", Some(&Error::new("no answer"))).to_string();
        assert_eq!(text, "others deploy `shop` again and again at the same time: no answer");
        assert!(!given_up("shop", None).to_string().contains(": "));
    }

    #[test]
    fn the_first_attempt_waits_for_nobody_and_the_others_not_all_the_same() {
        assert_eq!(turn(0, 4711), Duration::ZERO);
        assert!(turn(1, 1) < turn(2, 1));
        assert_ne!(turn(1, 1), turn(1, 2));
    }
}
