//! A project's CloudFormation stack.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{ResourceStatus, StackStatus, TemplateStage};

use super::failure::says;
use super::{Account, change_set, tags};
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
    /// The name or the ARN of the cluster that its tasks run in.
    pub cluster: Option<String>,
    /// (what it is, its value), in CloudFormation's order.
    pub outputs: Vec<(String, String)>,
}

/// What brings a stack to a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    Create,
    /// The stack could not be created the last time, so that it holds nothing and can only be deleted.
    Recreate,
    Update,
}

/// A resource that a stack holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resource {
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

/// What `up` has to do with a stack in its present state.
pub fn operation(stack: Option<&Stack>) -> Result<Operation> {
    let Some(stack) = stack else {
        return Ok(Operation::Create);
    };
    let name = &stack.name;
    let refused = |what: String, hint: String| Err(Error::new(what).hint(hint));
    match &stack.status {
        StackStatus::ReviewInProgress | StackStatus::DeleteComplete => Ok(Operation::Create),
        StackStatus::RollbackComplete => Ok(Operation::Recreate),
        StackStatus::CreateComplete
        | StackStatus::UpdateComplete
        | StackStatus::UpdateRollbackComplete
        | StackStatus::UpdateFailed
        | StackStatus::ImportComplete
        | StackStatus::ImportRollbackComplete => Ok(Operation::Update),
        StackStatus::UpdateRollbackFailed => refused(
            format!("stack `{name}` could not be rolled back after a failed update"),
            format!(
                "repair what its events name, then `aws cloudformation continue-update-rollback --stack-name {name}`"
            ),
        ),
        StackStatus::CreateFailed
        | StackStatus::RollbackFailed
        | StackStatus::DeleteFailed
        | StackStatus::ImportRollbackFailed => refused(
            format!(
                "stack `{name}` is in state {} and can only be deleted",
                stack.status.as_str()
            ),
            "`ctx down` deletes it and keeps its volumes; then `ctx up` again".to_owned(),
        ),
        StackStatus::DeleteInProgress => refused(
            format!("stack `{name}` is being deleted"),
            "try again when that is done; `ctx down` follows it".to_owned(),
        ),
        busy => refused(
            format!(
                "stack `{name}` is busy: another deployment is in state {}",
                busy.as_str()
            ),
            format!(
                "try again when it is done; `aws cloudformation describe-stack-events --stack-name {name}` shows how far it is"
            ),
        ),
    }
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
            .stack_name(stack)
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
            cluster: None,
            outputs: Vec::new(),
        }
    }

    #[test]
    fn every_state_of_a_stack_has_an_answer() {
        assert_eq!(operation(None).unwrap(), Operation::Create);
        let answers = StackStatus::values().iter().map(|status| {
            let answer = match operation(Some(&stack(StackStatus::from(*status)))) {
                Ok(operation) => format!("{operation:?}"),
                Err(error) => error.to_string(),
            };
            format!("{status}: {answer}\n")
        });
        let expected = "\
CREATE_COMPLETE: Update
CREATE_FAILED: stack `shop` is in state CREATE_FAILED and can only be deleted
CREATE_IN_PROGRESS: stack `shop` is busy: another deployment is in state CREATE_IN_PROGRESS
DELETE_COMPLETE: Create
DELETE_FAILED: stack `shop` is in state DELETE_FAILED and can only be deleted
DELETE_IN_PROGRESS: stack `shop` is being deleted
IMPORT_COMPLETE: Update
IMPORT_IN_PROGRESS: stack `shop` is busy: another deployment is in state IMPORT_IN_PROGRESS
IMPORT_ROLLBACK_COMPLETE: Update
IMPORT_ROLLBACK_FAILED: stack `shop` is in state IMPORT_ROLLBACK_FAILED and can only be deleted
IMPORT_ROLLBACK_IN_PROGRESS: stack `shop` is busy: another deployment is in state IMPORT_ROLLBACK_IN_PROGRESS
REVIEW_IN_PROGRESS: Create
ROLLBACK_COMPLETE: Recreate
ROLLBACK_FAILED: stack `shop` is in state ROLLBACK_FAILED and can only be deleted
ROLLBACK_IN_PROGRESS: stack `shop` is busy: another deployment is in state ROLLBACK_IN_PROGRESS
UPDATE_COMPLETE: Update
UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: stack `shop` is busy: another deployment is in state UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
UPDATE_FAILED: Update
UPDATE_IN_PROGRESS: stack `shop` is busy: another deployment is in state UPDATE_IN_PROGRESS
UPDATE_ROLLBACK_COMPLETE: Update
UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: stack `shop` is busy: another deployment is in state UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
UPDATE_ROLLBACK_FAILED: stack `shop` could not be rolled back after a failed update
UPDATE_ROLLBACK_IN_PROGRESS: stack `shop` is busy: another deployment is in state UPDATE_ROLLBACK_IN_PROGRESS
";
        assert_eq!(answers.collect::<String>(), expected);
    }

    #[test]
    fn a_name_that_is_illegal_has_a_legal_neighbour() {
        let names = ["shop-2", "my_shop", "2fast", "42"];
        assert_eq!(names.map(legal_name), ["shop-2", "my-shop", "fast", "app"]);
    }
}
