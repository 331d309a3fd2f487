//! What a submission would change in a stack, and the step from there to changing it.

use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::describe_change_set::DescribeChangeSetOutput;
use aws_sdk_cloudformation::types::{
    Capability, Change, ChangeAction, ChangeSetStatus, ChangeSetType, ExecutionStatus, Parameter, PolicyAction,
    Replacement, ResourceChange, Tag,
};

use super::Account;
use super::failure::{is, sentence};
use super::pace::Pace;
use super::stack::{self, Operation};
use crate::error::{Error, Result};

/// `up`'s change sets all have this name, so that a run finds, and replaces, what an interrupted one left behind.
pub const NAME: &str = "ctx-up";

/// Those that only show what would change, so that they are in no deployment's way.
pub const PREVIEW: &str = "ctx-diff";

/// The largest template that can be sent in a request.
pub const LARGEST_BODY: usize = 51_200;

/// A template, or where it is.
#[derive(Clone, Debug)]
pub enum Source {
    Body(String),
    Url(String),
}

/// What is sent to CloudFormation.
#[derive(Clone, Debug)]
pub struct Submission {
    pub name: String,
    /// The name of the change set.
    pub change_set: &'static str,
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
    /// What it would do, also in nested stacks.
    pub changes: Vec<Planned>,
}

/// What a change set would do to one resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planned {
    pub logical_id: String,
    pub physical_id: Option<String>,
    /// The resource type without `AWS::`.
    pub kind: String,
    pub action: ChangeAction,
    pub replacement: Option<Replacement>,
    /// What becomes of what is there now.
    pub policy: Option<PolicyAction>,
    /// The properties that change, and the resource or the Parameter that each follows.
    pub properties: Vec<(String, Option<String>)>,
    /// The nested stack that it belongs to: its logical id, and its physical one if it exists.
    pub stack: Option<(String, Option<String>)>,
    /// The change set of the nested stack that it is.
    pub(crate) nested: Option<String>,
}

#[cfg(test)]
impl Planned {
    pub(crate) fn example(id: &str, kind: &str, properties: &[(&str, Option<&str>)]) -> Self {
        let property = |(name, follows): &(&str, Option<&str>)| ((*name).to_owned(), follows.map(str::to_owned));
        Self {
            logical_id: id.to_owned(),
            physical_id: Some(format!("id-of-{id}")),
            kind: kind.to_owned(),
            action: ChangeAction::Modify,
            replacement: None,
            policy: None,
            properties: properties.iter().map(property).collect(),
            stack: None,
            nested: None,
        }
    }
}

/// Why there is no change set.
#[derive(Debug)]
pub enum Unprepared {
    /// Somebody else has put another of the same name in its place: another `up` of the same project.
    Lost,
    Failed(Error),
}

impl From<Error> for Unprepared {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Unprepared> for Error {
    fn from(unprepared: Unprepared) -> Self {
        match unprepared {
            Unprepared::Lost => Self::new("somebody else asks at the same moment what would change")
                .hint("try again when they are done"),
            Unprepared::Failed(error) => error,
        }
    }
}

/// Asks CloudFormation what a submission would change; nothing when it would change nothing.
///
/// Whatever does not become an executable change set is removed again.
pub async fn prepare(
    account: &Account,
    operation: Operation,
    submission: &Submission,
) -> Result<Option<ChangeSet>, Unprepared> {
    let name = &submission.name;
    let kind = match operation {
        Operation::Create | Operation::Recreate => ChangeSetType::Create,
        Operation::Update => ChangeSetType::Update,
    };
    let request = account
        .cloudformation
        .create_change_set()
        .stack_name(name)
        .change_set_name(submission.change_set)
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
        discard(account, name, submission.change_set).await?;
        answer = request.send().await;
    }
    if answer.as_ref().is_err_and(|error| is(error, "AlreadyExistsException")) {
        return Err(Unprepared::Lost);
    }
    let created = answer.map_err(failed)?;
    let mut change_set = ChangeSet {
        id: created.id.unwrap_or_default(),
        stack_id: created.stack_id.unwrap_or_default(),
        changes: Vec::new(),
    };

    let mut pace = Pace::new();
    loop {
        let now = describe(account, Some(&change_set.stack_id), &change_set.id, None).await?;
        match now.status() {
            Some(ChangeSetStatus::CreateComplete) => {
                change_set.changes = changes(account, now, &change_set).await?;
                return Ok(Some(change_set));
            }
            Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) => pace.wait().await,
            _ => {
                let reason = now.status_reason().unwrap_or("CloudFormation gives no reason");
                abandon(account, operation, &change_set.stack_id, submission.change_set).await?;
                return if changes_nothing(reason) {
                    Ok(None)
                } else {
                    let what = format!("CloudFormation refuses stack `{name}`: {}", sentence(reason));
                    Err(Error::new(what).into())
                };
            }
        }
    }
}

/// Removes a change set that will not be executed, and the empty stack that was made to hold it.
pub async fn abandon(account: &Account, operation: Operation, stack_id: &str, change_set: &str) -> Result<()> {
    discard(account, stack_id, change_set).await?;
    if operation == Operation::Update {
        return Ok(());
    }
    let failed = |error| account.access.failed("cannot look at the change sets", &error);
    let others = account.cloudformation.list_change_sets().stack_name(stack_id);
    let others = others.send().await.map_err(failed)?;
    // Somebody else may be about to create the stack.
    if others
        .summaries()
        .iter()
        .any(|other| other.change_set_name() != Some(change_set))
    {
        return Ok(());
    }
    stack::delete(account, stack_id).await
}

async fn describe(
    account: &Account,
    stack_id: Option<&str>,
    id: &str,
    page: Option<String>,
) -> Result<DescribeChangeSetOutput, Unprepared> {
    let request = account.cloudformation.describe_change_set().change_set_name(id);
    let request = request.set_stack_name(stack_id.map(str::to_owned));
    let answer = request.set_next_token(page).send().await;
    answer.map_err(|error| {
        if is_gone(&error) {
            return Unprepared::Lost;
        }
        account.access.failed("cannot look at the change set", &error).into()
    })
}

fn is_gone<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    is(error, "ChangeSetNotFound") || is(error, "ChangeSetNotFoundException")
}

/// All changes of a change set, of which the first are there already, and of the change sets of nested stacks.
async fn changes(
    account: &Account,
    first: DescribeChangeSetOutput,
    root: &ChangeSet,
) -> Result<Vec<Planned>, Unprepared> {
    let mut all = pages(account, first, (Some(&root.stack_id), &root.id), None).await?;
    let mut next = 0;
    while let Some(change) = all.get(next) {
        if let Some(nested) = change.nested.clone() {
            let stack = (change.logical_id.clone(), change.physical_id.clone());
            let id = stack.1.as_deref();
            let first = describe(account, id, &nested, None).await?;
            all.extend(pages(account, first, (id, &nested), Some(&stack)).await?);
        }
        next += 1;
    }
    Ok(all)
}

async fn pages(
    account: &Account,
    first: DescribeChangeSetOutput,
    (stack_id, id): (Option<&str>, &str),
    stack: Option<&(String, Option<String>)>,
) -> Result<Vec<Planned>, Unprepared> {
    let mut planned = Vec::new();
    let mut page = first;
    loop {
        let changes = page.changes.unwrap_or_default().into_iter();
        planned.extend(
            changes
                .filter_map(|Change { resource_change, .. }| resource_change)
                .map(|change| Planned {
                    stack: stack.cloned(),
                    ..planned_of(change)
                }),
        );
        match page.next_token {
            Some(next) => page = describe(account, stack_id, id, Some(next)).await?,
            None => return Ok(planned),
        }
    }
}

fn planned_of(change: ResourceChange) -> Planned {
    let mut properties: Vec<(String, Option<String>)> = Vec::new();
    for detail in change.details.unwrap_or_default() {
        let target = detail
            .target
            .and_then(|target| target.name.or(Some(target.attribute?.as_str().to_owned())));
        let Some(name) = target else { continue };
        match properties.iter_mut().find(|(known, _)| *known == name) {
            Some((_, follows)) => *follows = follows.take().or(detail.causing_entity),
            None => properties.push((name, detail.causing_entity)),
        }
    }
    Planned {
        logical_id: change.logical_resource_id.unwrap_or_default(),
        physical_id: change.physical_resource_id.filter(|id| !id.is_empty()),
        kind: stack::kind(&change.resource_type.unwrap_or_default()),
        action: change.action.unwrap_or(ChangeAction::Dynamic),
        replacement: change.replacement,
        policy: change.policy_action,
        properties,
        stack: None,
        nested: change.change_set_id.filter(|id| !id.is_empty()),
    }
}

/// Begins to execute a change set; false where somebody else was quicker, and this change set is no longer there or
/// no longer fits.
pub async fn execute(account: &Account, change_set: &ChangeSet) -> Result<bool> {
    let failed = |error| account.access.failed("cannot execute the change set", &error);
    match account
        .cloudformation
        .execute_change_set()
        .stack_name(&change_set.stack_id)
        .change_set_name(&change_set.id)
        .send()
        .await
    {
        Ok(_) => Ok(true),
        Err(error) if is_gone(&error) => Ok(false),
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
                Some(ExecutionStatus::ExecuteInProgress | ExecutionStatus::ExecuteComplete) => Ok(true),
                Some(ExecutionStatus::Obsolete) => Ok(false),
                _ => Err(failed(error)),
            }
        }
        Err(error) => Err(failed(error)),
    }
}

async fn discard(account: &Account, stack: &str, change_set: &str) -> Result<()> {
    account
        .cloudformation
        .delete_change_set()
        .stack_name(stack)
        .change_set_name(change_set)
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
