//! From whatever state a stack is in to one in which it can be created or updated.

use indexmap::IndexMap;

use super::aws::Account;
use super::aws::events::{End, Follower};
use super::aws::stack::{self, Operation, Readiness, Stack};
use super::deploy::Deployment;
use super::diagnosis::failure;
use super::follow::{Outcome, follow};
use crate::backend::Io;
use crate::error::{Error, Result};

impl Deployment<'_> {
    /// Waits for others, finishes what failed, clears away what cannot be used, until the stack can be worked on; the
    /// stack itself if it is to be updated.
    pub(super) async fn settle(&self, account: &Account, io: &Io) -> Result<Option<Stack>> {
        let mut repaired = false;
        loop {
            let stack = stack::find(account, self.name).await?;
            let readiness = stack::readiness(stack.as_ref());
            let Some(stack) = stack else { return Ok(None) };
            stack::check_ours(account, &stack, self.name).await?;
            match readiness {
                Readiness::Ready(Operation::Update) => return Ok(Some(stack)),
                Readiness::Ready(Operation::Create) => return Ok(None),
                Readiness::Ready(Operation::Recreate) => {
                    let what = if stack.status.as_str().starts_with("DELETE") {
                        "Removing what is left of a deletion that failed"
                    } else {
                        "Removing what is left of a creation that failed"
                    };
                    clear_away(account, &stack, what, io).await?;
                    return Ok(None);
                }
                Readiness::Busy => self.wait_for_others(account, &stack, io).await?,
                Readiness::RollbackFailed if !repaired => {
                    repaired = true;
                    self.finish_rollback(account, &stack, io).await?;
                }
                Readiness::RollbackFailed | Readiness::Stuck => {
                    stack::operation(Some(&stack))?;
                }
            }
        }
    }

    /// Follows what CloudFormation does for somebody else, or for an earlier run.
    async fn wait_for_others(&self, account: &Account, stack: &Stack, io: &Io) -> Result<()> {
        let follower = Follower::start(account, &stack.id).await?;
        // What ended before the first look at the events is not told there any more.
        let now = stack::find(account, &stack.id).await?;
        if stack::readiness(now.as_ref()) != Readiness::Busy {
            return Ok(());
        }
        let what = format!(
            "Another deployment is in state {}: waiting for its end",
            stack.status.as_str()
        );
        io.progress.working(format!("Stack {}", self.name), what);
        // How it ends is its own affair.
        follow(account, follower, &self.template.origins, io).await?;
        Ok(())
    }

    async fn finish_rollback(&self, account: &Account, stack: &Stack, io: &Io) -> Result<()> {
        let name = self.name;
        io.progress
            .working(format!("Stack {name}"), "Going on with a rollback that failed");
        let follower = Follower::start(account, &stack.id).await?;
        stack::continue_rollback(account, &stack.id).await?;
        let outcome = follow(account, follower, &self.template.origins, io).await?;
        if outcome.status != "UPDATE_ROLLBACK_FAILED" {
            return Ok(());
        }
        let doing = format!("roll back stack `{name}`");
        let ids: Vec<&str> = outcome.failures.iter().map(|event| event.logical_id.as_str()).collect();
        let hint = format!(
            "repair what is named and `ctx up` again, or leave it out: `aws cloudformation continue-update-rollback \
             --stack-name {name} --resources-to-skip {}`",
            ids.join(" ")
        );
        Err(with_hint(
            failure(&doing, &outcome, &self.template.origins, Some(self.project)),
            hint,
        ))
    }
}

/// Deletes a stack that holds nothing anybody uses.
pub(super) async fn clear_away(account: &Account, stack: &Stack, what: &str, io: &Io) -> Result<()> {
    io.progress.working(format!("Stack {}", stack.name), what);
    let outcome = delete(account, stack, io).await?;
    match outcome.end {
        End::Success => Ok(()),
        End::Failure => Err(failure(
            &format!("delete stack `{}`", stack.name),
            &outcome,
            &IndexMap::new(),
            None,
        )),
    }
}

async fn delete(account: &Account, stack: &Stack, io: &Io) -> Result<Outcome> {
    let follower = Follower::start(account, &stack.id).await?;
    stack::delete(account, &stack.id).await?;
    follow(account, follower, &IndexMap::new(), io).await
}

fn with_hint(error: Error, hint: String) -> Error {
    match error {
        Error::Report(mut report) => {
            if let Some(last) = report.diagnostics.pop() {
                report.diagnostics.push(last.hint(hint));
            }
            Error::Report(report)
        }
        other => other.hint(hint),
    }
}
