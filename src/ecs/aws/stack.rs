//! A project's CloudFormation stack.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{ResourceStatus, StackStatus, TemplateStage};
use jiff::Timestamp;

use super::failure::says;
use super::{Account, change_set, tags, tasks};
use crate::error::{Error, Result};

/// A stack that exists.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Its ARN, which stays valid after the stack is deleted.
    pub id: String,
    pub name: String,
    pub status: StackStatus,
    /// The project that its tag names.
    pub project: Option<String>,
    pub parameters: BTreeMap<String, String>,
    /// When its last update began; none before the first.
    pub updated: Option<Timestamp>,
    /// The name or the ARN of the cluster that its tasks run in.
    pub cluster: Option<String>,
    /// (what it is, its value), in CloudFormation's order.
    pub outputs: Vec<(String, String)>,
}

/// What brings a stack to a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    Create,
    /// It could not be created the last time, or not be deleted: what is left can only be deleted.
    Recreate,
    Update,
}

/// A resource that a stack holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resource {
    /// The id of the stack or the nested stack that holds it.
    pub stack: String,
    pub logical_id: String,
    pub physical_id: String,
    /// The resource type without `AWS::`.
    pub kind: String,
}

/// The name itself where it can be a stack's, else the nearest one that can.
#[must_use]
pub fn legal_name(name: &str) -> String {
    let legal: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .skip_while(|c| !c.is_ascii_alphabetic())
        .take(128)
        .collect();
    if legal.is_empty() { "app".to_owned() } else { legal }
}

/// That a project is not deployed.
#[must_use]
pub fn missing(project: &str) -> Error {
    Error::new(format!("project `{project}` does not run on ECS"))
        .hint("`ctx up` deploys it, `ctx projects` lists those that run")
}

/// The stack of this name, unless there is none.
pub async fn find(account: &Account, name: &str) -> Result<Option<Stack>> {
    let answer = account.cloudformation.describe_stacks().stack_name(name).send().await;
    let found = match answer {
        Ok(found) => found.stacks.unwrap_or_default().into_iter().next(),
        Err(error) if says(&error, "does not exist") => None,
        Err(error) => return Err(account.access.failed(format!("cannot look at stack `{name}`"), &error)),
    };
    Ok(found.map(|stack| Stack {
        id: stack.stack_id.unwrap_or_default(),
        name: stack.stack_name.unwrap_or_default(),
        status: stack.stack_status.unwrap_or(StackStatus::ReviewInProgress),
        updated: tasks::time(stack.last_updated_time.as_ref()),
        project: stack
            .tags
            .unwrap_or_default()
            .into_iter()
            .find(|tag| tag.key() == Some(tags::PROJECT))
            .and_then(|tag| tag.value),
        parameters: stack
            .parameters
            .unwrap_or_default()
            .into_iter()
            .filter_map(|parameter| Some((parameter.parameter_key?, parameter.parameter_value?)))
            .collect(),
        cluster: stack
            .outputs
            .iter()
            .flatten()
            .find(|output| output.output_key() == Some("Cluster"))
            .and_then(|output| output.output_value.clone()),
        outputs: stack
            .outputs
            .unwrap_or_default()
            .into_iter()
            .filter_map(|output| {
                let key = output.output_key?;
                let description = output.description.filter(|description| !description.is_empty());
                Some((description.unwrap_or(key), output.output_value?))
            })
            .collect(),
    }))
}

/// Refuses a stack that belongs to nobody's project or to another's.
pub async fn check_ours(account: &Account, stack: &Stack, project: &str) -> Result<()> {
    if stack.project.as_deref() == Some(project) {
        return Ok(());
    }
    // A stack that was never executed has no tags yet. It is ours if the change set in it is.
    if stack.project.is_none() && stack.status == StackStatus::ReviewInProgress {
        let mut pages = account
            .cloudformation
            .list_change_sets()
            .stack_name(&stack.name)
            .into_paginator()
            .items()
            .send();
        let mut foreign = false;
        while let Some(change_set) = pages.next().await {
            let change_set = change_set.map_err(|error| {
                account
                    .access
                    .failed(format!("cannot look at stack `{}`", stack.name), &error)
            })?;
            foreign |= !matches!(
                change_set.change_set_name(),
                Some(change_set::NAME | change_set::PREVIEW)
            );
        }
        if !foreign {
            return Ok(());
        }
    }
    let whose = match &stack.project {
        Some(other) => format!("belongs to the project `{other}`"),
        None => "was not made from a Compose file".to_owned(),
    };
    Err(Error::new(format!(
        "there is a stack `{}` in this account and region already, and it {whose}",
        stack.name
    ))
    .hint("give the project another name with `-p NAME`, or choose another region or context"))
}

/// What a stack in its present state allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Readiness {
    Ready(Operation),
    /// Somebody works on it: another `up` or `down`, also one that ended before AWS had done what it asked for.
    Busy,
    /// An update failed, and undoing it failed too. Nothing can be done with it before that is repeated.
    RollbackFailed,
    /// Nothing that is known here brings it back.
    Stuck,
}

/// What can be done with a stack now.
#[must_use]
pub fn readiness(stack: Option<&Stack>) -> Readiness {
    let Some(stack) = stack else {
        return Readiness::Ready(Operation::Create);
    };
    match &stack.status {
        StackStatus::ReviewInProgress | StackStatus::DeleteComplete => Readiness::Ready(Operation::Create),
        // What is left of a creation or of a deletion that failed can only be deleted, and the next attempt may succeed.
        StackStatus::RollbackComplete
        | StackStatus::RollbackFailed
        | StackStatus::CreateFailed
        | StackStatus::DeleteFailed => Readiness::Ready(Operation::Recreate),
        StackStatus::CreateComplete
        | StackStatus::UpdateComplete
        | StackStatus::UpdateRollbackComplete
        | StackStatus::UpdateFailed
        | StackStatus::ImportComplete
        | StackStatus::ImportRollbackComplete => Readiness::Ready(Operation::Update),
        StackStatus::UpdateRollbackFailed => Readiness::RollbackFailed,
        StackStatus::ImportRollbackFailed => Readiness::Stuck,
        _ => Readiness::Busy,
    }
}

/// What brings a stack in its present state to a template, for those who do not wait and do not repair.
pub fn operation(stack: Option<&Stack>) -> Result<Operation> {
    let (name, status) = stack.map_or(("", ""), |stack| (stack.name.as_str(), stack.status.as_str()));
    match readiness(stack) {
        Readiness::Ready(operation) => Ok(operation),
        Readiness::Busy => Err(Error::new(format!(
            "stack `{name}` is busy: another deployment is in state {status}"
        ))
        .hint("try again when it is done; `ctx up` waits for it")),
        Readiness::RollbackFailed => Err(Error::new(format!(
            "stack `{name}` could not be rolled back after a failed update"
        ))
        .hint("`ctx up` tries to finish that first, and says what is in the way")),
        Readiness::Stuck => Err(
            Error::new(format!("stack `{name}` is in state {status} and can only be deleted"))
                .hint("`ctx down` deletes it and keeps its volumes; then `ctx up` again"),
        ),
    }
}

/// Repeats a rollback that failed.
pub async fn continue_rollback(account: &Account, id: &str) -> Result<()> {
    let request = account.cloudformation.continue_update_rollback().stack_name(id);
    let answer = request.send().await;
    answer.map_err(|error| {
        account
            .access
            .failed("cannot go on with the rollback of the stack", &error)
    })?;
    Ok(())
}

/// Lets CloudFormation undo the update that it is at.
pub async fn cancel_update(account: &Account, id: &str) -> Result<()> {
    let answer = account.cloudformation.cancel_update_stack().stack_name(id).send().await;
    answer.map_err(|error| account.access.failed("cannot cancel the update", &error))?;
    Ok(())
}

/// The template of a stack, as it was sent.
pub async fn template(account: &Account, id: &str) -> Result<String> {
    let request = account.cloudformation.get_template().stack_name(id);
    let answer = request.template_stage(TemplateStage::Original).send().await;
    let answer = answer.map_err(|error| account.access.failed("cannot read the template of the stack", &error))?;
    Ok(answer.template_body.unwrap_or_default())
}

/// Begins to delete a stack.
pub async fn delete(account: &Account, id: &str) -> Result<()> {
    account
        .cloudformation
        .delete_stack()
        .stack_name(id)
        .send()
        .await
        .map_err(|error| {
            let protected = says(&error, "TerminationProtection");
            let failed = account.access.failed("cannot delete the stack", &error);
            if protected {
                failed.hint(
                    "`aws cloudformation update-termination-protection --no-enable-termination-protection` allows it",
                )
            } else {
                failed
            }
        })?;
    Ok(())
}

/// The resources that a stack and its nested stacks hold now.
pub async fn resources(account: &Account, stack_id: &str) -> Result<Vec<Resource>> {
    let mut resources = Vec::new();
    let mut stacks = vec![stack_id.to_owned()];
    while let Some(stack) = stacks.pop() {
        let mut pages = account
            .cloudformation
            .list_stack_resources()
            .stack_name(&stack)
            .into_paginator()
            .items()
            .send();
        while let Some(resource) = pages.next().await {
            let resource =
                resource.map_err(|error| account.access.failed("cannot list the stack's resources", &error))?;
            let gone = matches!(
                resource.resource_status(),
                Some(ResourceStatus::DeleteComplete | ResourceStatus::DeleteSkipped)
            );
            if let (false, Some(physical_id)) = (gone, resource.physical_resource_id) {
                let kind = kind(&resource.resource_type.unwrap_or_default());
                if kind == NESTED {
                    stacks.push(physical_id.clone());
                }
                resources.push(Resource {
                    stack: stack.clone(),
                    logical_id: resource.logical_resource_id.unwrap_or_default(),
                    physical_id,
                    kind,
                });
            }
        }
    }
    Ok(resources)
}

/// The kind of a resource that is a nested stack.
pub(super) const NESTED: &str = "CloudFormation::Stack";

/// A resource type without the vendor, as in `ECS::Service`.
#[must_use]
pub fn kind(resource_type: &str) -> String {
    resource_type
        .split_once("::")
        .map_or(resource_type, |(_, kind)| kind)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(status: StackStatus) -> Stack {
        Stack {
            id: "arn:aws:cloudformation:eu-west-1:1:stack/shop/1".into(),
            name: "shop".into(),
            status,
            project: Some("shop".into()),
            parameters: BTreeMap::new(),
            updated: None,
            cluster: None,
            outputs: Vec::new(),
        }
    }

    #[test]
    fn every_state_of_a_stack_has_an_answer() {
        assert_eq!(readiness(None), Readiness::Ready(Operation::Create));
        let answers = StackStatus::values()
            .iter()
            .map(|status| format!("{status}: {:?}\n", readiness(Some(&stack(StackStatus::from(*status))))));
        let expected = "\
CREATE_COMPLETE: Ready(Update)
CREATE_FAILED: Ready(Recreate)
CREATE_IN_PROGRESS: Busy
DELETE_COMPLETE: Ready(Create)
DELETE_FAILED: Ready(Recreate)
DELETE_IN_PROGRESS: Busy
IMPORT_COMPLETE: Ready(Update)
IMPORT_IN_PROGRESS: Busy
IMPORT_ROLLBACK_COMPLETE: Ready(Update)
IMPORT_ROLLBACK_FAILED: Stuck
IMPORT_ROLLBACK_IN_PROGRESS: Busy
REVIEW_IN_PROGRESS: Ready(Create)
ROLLBACK_COMPLETE: Ready(Recreate)
ROLLBACK_FAILED: Ready(Recreate)
ROLLBACK_IN_PROGRESS: Busy
UPDATE_COMPLETE: Ready(Update)
UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: Busy
UPDATE_FAILED: Ready(Update)
UPDATE_IN_PROGRESS: Busy
UPDATE_ROLLBACK_COMPLETE: Ready(Update)
UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: Busy
UPDATE_ROLLBACK_FAILED: RollbackFailed
UPDATE_ROLLBACK_IN_PROGRESS: Busy
";
        assert_eq!(answers.collect::<String>(), expected);
    }

    #[test]
    fn a_name_that_is_illegal_has_a_legal_neighbour() {
        let names = ["shop-2", "my_shop", "2fast", "42"];
        assert_eq!(names.map(legal_name), ["shop-2", "my-shop", "fast", "app"]);
    }
}
