//! What a submission would change in a stack, and the step from there to changing it.

use aws_sdk_cloudformation::types::{Capability, ChangeSetStatus, ChangeSetType, ExecutionStatus, Parameter, Tag};

use super::Account;
use super::failure::{is, sentence};
use super::pace::Pace;
use super::stack::{self, Operation};
use crate::error::{Error, Result};

/// `up`'s change sets all have this name, so that a run finds, and replaces, what an interrupted one left behind.
pub(super) const NAME: &str = "ctx-up";

/// The largest template that can be sent in a request.
pub const LARGEST_BODY: usize = 51_200;

/// A template, or where it is.
#[derive(Debug)]
pub enum Source {
    Body(String),
    Url(String),
}

/// What is sent to CloudFormation.
#[derive(Debug)]
pub struct Submission {
    pub name: String,
    pub template: Source,
    /// Whether it has nested stacks, whose changes count as well.
    pub nested: bool,
    /// Whether it gives names to what IAM knows, which CloudFormation does not do unasked.
    pub named_roles: bool,
    pub parameters: Vec<(String, String)>,
    pub tags: Vec<(String, String)>,
}

/// A change set that can be executed.
#[derive(Debug)]
pub struct ChangeSet {
    pub id: String,
    /// Requests name the stack too, because policies are about stacks.
    pub stack_id: String,
}

/// Asks CloudFormation what a submission would change; nothing when it would change nothing.
///
/// Whatever does not become an executable change set is removed again.
pub async fn prepare(account: &Account, operation: Operation, submission: &Submission) -> Result<Option<ChangeSet>> {
    let name = &submission.name;
    let kind = match operation {
        Operation::Create | Operation::Recreate => ChangeSetType::Create,
        Operation::Update => ChangeSetType::Update,
    };
    let request = account
        .cloudformation
        .create_change_set()
        .stack_name(name)
        .change_set_name(NAME)
        .change_set_type(kind.clone())
        .capabilities(if submission.named_roles {
            Capability::CapabilityNamedIam
        } else {
            Capability::CapabilityIam
        })
        .set_parameters(Some(submission.parameters.iter().map(parameter).collect()))
        .set_tags(Some(submission.tags.iter().map(tag).collect()))
        .include_nested_stacks(submission.nested);
    let request = match &submission.template {
        Source::Body(body) => request.template_body(body),
        Source::Url(url) => request.template_url(url),
    };
    let failed = |error| {
        account
            .access
            .failed(format!("CloudFormation refuses stack `{name}`"), &error)
    };
    let mut answer = request.clone().send().await;
    if answer.as_ref().is_err_and(|error| is(error, "AlreadyExistsException")) {
        discard(account, name).await?;
        answer = request.send().await;
    }
    let created = answer.map_err(failed)?;
    let change_set = ChangeSet {
        id: created.id.unwrap_or_default(),
        stack_id: created.stack_id.unwrap_or_default(),
    };

    let mut pace = Pace::new();
    loop {
        let now = account
            .cloudformation
            .describe_change_set()
            .stack_name(&change_set.stack_id)
            .change_set_name(&change_set.id)
            .send()
            .await
            .map_err(|error| {
                account
                    .access
                    .failed(format!("cannot look at the change set of `{name}`"), &error)
            })?;
        match now.status() {
            Some(ChangeSetStatus::CreateComplete) => return Ok(Some(change_set)),
            Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) => pace.wait().await,
            _ => {
                let reason = now.status_reason().unwrap_or("CloudFormation gives no reason");
                abandon(account, operation, &change_set).await?;
                return if changes_nothing(reason) {
                    Ok(None)
                } else {
                    let what = format!("CloudFormation refuses stack `{name}`: {}", sentence(reason));
                    Err(Error::new(what))
                };
            }
        }
    }
}

/// Removes a change set that will not be executed, and the empty stack that was made to hold it.
pub async fn abandon(account: &Account, operation: Operation, change_set: &ChangeSet) -> Result<()> {
    if operation == Operation::Update {
        return discard(account, &change_set.stack_id).await;
    }
    stack::delete(account, &change_set.stack_id).await
}

/// Begins to execute a change set.
pub async fn execute(account: &Account, change_set: &ChangeSet) -> Result<()> {
    let failed = |error| account.access.failed("cannot execute the change set", &error);
    match account
        .cloudformation
        .execute_change_set()
        .stack_name(&change_set.stack_id)
        .change_set_name(&change_set.id)
        .send()
        .await
    {
        Ok(_) => Ok(()),
        // The SDK asks again when an answer is lost, and then the first request may have been heard.
        Err(error) if is(&error, "InvalidChangeSetStatus") => {
            let now = account
                .cloudformation
                .describe_change_set()
                .stack_name(&change_set.stack_id)
                .change_set_name(&change_set.id)
                .send()
                .await;
            let status = now.ok().and_then(|now| now.execution_status);
            match status {
                Some(ExecutionStatus::ExecuteInProgress | ExecutionStatus::ExecuteComplete) => Ok(()),
                _ => Err(failed(error)),
            }
        }
        Err(error) => Err(failed(error)),
    }
}

async fn discard(account: &Account, stack: &str) -> Result<()> {
    account
        .cloudformation
        .delete_change_set()
        .stack_name(stack)
        .change_set_name(NAME)
        .send()
        .await
        .map_err(|error| {
            account
                .access
                .failed("cannot remove a change set that will not be executed", &error)
        })?;
    Ok(())
}

/// CloudFormation calls a change set without changes a failure, and says so only in words.
fn changes_nothing(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

fn parameter((name, value): &(String, String)) -> Parameter {
    Parameter::builder().parameter_key(name).parameter_value(value).build()
}

fn tag((key, value): &(String, String)) -> Tag {
    Tag::builder().key(key).value(value).build()
}
