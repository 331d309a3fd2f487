//! Stacks that Docker's retired ECS integration made, which `up` takes over.
//!
//! CloudFormation knows resources by their logical ids, and those of the two templates differ. Resources with a name of
//! their own (the log group, the cluster, the namespace) cannot exist twice, so that no update leads from one stack to
//! the other: the old stack goes, and the new one gets its file systems, which are kept and found by their tags.

use serde_json::{Map, Value};

use super::aws::change_set::{self, PREVIEW, Submission};
use super::aws::stack::{self, Operation, Resource, Stack};
use super::aws::{Account, tags};
use super::changes;
use super::deploy::Deployment;
use super::settle::clear_away;
use crate::backend::{Action, Change, Io, UpOptions};
use crate::diagnostic::Span;
use crate::error::{Error, Result};

/// A stack of the retired integration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Retired {
    /// The logical ids of the file systems that CloudFormation keeps when the stack goes.
    kept: Vec<String>,
    /// Those that it would delete, as after somebody's overlay.
    lost: Vec<String>,
}

impl Retired {
    /// Reads a template as that integration wrote it: without Parameters and Outputs, the namespace of the project's
    /// services under a logical id of its own. `None` for any other.
    fn read(template: &str, project: &str) -> Option<Self> {
        let template: Value = serde_yaml::from_str(template).ok()?;
        let absent = |key: &str| {
            let object = template.get(key).and_then(Value::as_object);
            object.is_none_or(Map::is_empty)
        };
        let resources = template.get("Resources")?.as_object()?;
        let is = |resource: &Value, kind: &str| {
            let resource_type = resource.get("Type").and_then(Value::as_str);
            resource_type.is_some_and(|name| stack::kind(name) == kind)
        };
        let namespace = resources.get("CloudMap")?;
        if !absent("Parameters") || !absent("Outputs") || !is(namespace, "ServiceDiscovery::PrivateDnsNamespace") {
            return None;
        }
        let (kept, lost) = resources
            .iter()
            .filter(|(_, resource)| is(resource, "EFS::FileSystem") && is_of(resource, project))
            .partition::<Vec<_>, _>(|(_, resource)| {
                resource.get("DeletionPolicy").and_then(Value::as_str) == Some("Retain")
            });
        let ids = |file_systems: Vec<(&String, &Value)>| file_systems.into_iter().map(|(id, _)| id.clone()).collect();
        Some(Self {
            kept: ids(kept),
            lost: ids(lost),
        })
    }
}

/// Whether a file system carries the project's tag, without which nobody finds it again.
fn is_of(file_system: &Value, project: &str) -> bool {
    let tags = file_system
        .pointer("/Properties/FileSystemTags")
        .and_then(Value::as_array);
    tags.into_iter().flatten().any(|tag| {
        let text = |key: &str| tag.get(key).and_then(Value::as_str);
        text("Key") == Some(tags::PROJECT) && text("Value") == Some(project)
    })
}

/// Whether a stack is one of the retired integration's.
pub(super) async fn retired(account: &Account, stack: &Stack, project: &str) -> Result<Option<Retired>> {
    // The stacks of `ctx` have a VPC among their parameters: for them nothing is asked.
    if !stack.parameters.is_empty() {
        return Ok(None);
    }
    Ok(Retired::read(&stack::template(account, &stack.id).await?, project))
}

impl Deployment<'_> {
    /// Asks whether the old stack may go, and refuses where nobody is there to ask.
    pub(super) fn check_adoption(&self, retired: &Retired, options: &UpOptions, io: &Io) -> Result<()> {
        let name = self.name;
        if let Some(first) = retired.lost.first() {
            let what =
                format!("the stack `{name}` of Docker's ECS integration would not keep its file system `{first}`");
            return Err(Error::new(what).hint(
                "set its `DeletionPolicy` to `Retain` with an update of the stack, so that its data is kept; then `ctx up` again",
            ));
        }
        if options.yes {
            return Ok(());
        }
        let what = format!("stack `{name}` was made by Docker's ECS integration, and another has to take its place");
        io.progress.warning(format!("Stack {name}"), format!(
            "Made by Docker's ECS integration: `up` deletes it and makes another. {}; the services pause, their log is \
             lost, and the load balancer gets another address",
            match retired.kept.len() {
                0 => "It has no file system".to_owned(),
                1 => "Its file system is kept, with its data".to_owned(),
                some => format!("Its {some} file systems are kept, with their data"),
            }
        ));
        match io.consent.ask("Go on?")? {
            Some(true) => Ok(()),
            Some(false) => {
                io.progress.warning(format!("Stack {name}"), "Not changed");
                Err(Error::Exit(1))
            }
            None => Err(Error::new(what).hint(
                "its file systems are kept, its services pause, and its load balancer gets another address; nobody is \
                 there to ask: `--yes` goes on, `ctx diff` shows all changes",
            )),
        }
    }

    /// Removes the old stack, once CloudFormation has read the new template and found nothing wrong.
    pub(super) async fn make_way(
        &self,
        account: &Account,
        old: &Stack,
        submission: &Submission,
        io: &Io,
    ) -> Result<()> {
        let proof = Submission {
            change_set: PREVIEW,
            ..submission.clone()
        };
        if let Some(change_set) = self.change_set(account, Operation::Update, &proof, io).await? {
            change_set::abandon(account, Operation::Update, &change_set.stack_id, PREVIEW).await?;
        }
        clear_away(account, old, "Removing the stack of Docker's ECS integration", io).await
    }

    /// What `up` would do to an old stack that it takes over.
    pub(super) async fn replaced(&self, account: &Account, old: &Stack, retired: &Retired) -> Result<Vec<Change>> {
        let resources = stack::resources(account, &old.id).await?;
        let change = |resource: Resource| Change {
            kept: retired.kept.contains(&resource.logical_id),
            holds: changes::holding(&resource.kind),
            logical_id: resource.logical_id,
            physical_id: Some(resource.physical_id),
            kind: resource.kind,
            stack: None,
            action: Action::Remove,
            service: None,
            span: Span::NOWHERE,
            properties: Vec::new(),
            rolled_back: false,
        };
        Ok(resources.into_iter().map(change).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("../../tests/aws/stacks/retired.yaml");

    #[test]
    fn the_retired_integrations_template_is_known() {
        let retired = Retired::read(TEMPLATE, "shop").unwrap();
        assert_eq!(retired.kept, ["DataFilesystem"]);
        assert_eq!(retired.lost, [""; 0]);
    }

    #[test]
    fn a_file_system_that_would_go_is_named() {
        let retired = Retired::read(&TEMPLATE.replace("DeletionPolicy: Retain", ""), "shop").unwrap();
        assert_eq!(retired.lost, ["DataFilesystem"]);
    }

    #[test]
    fn any_other_template_is_not() {
        let other = TEMPLATE.replace("CloudMap", "Namespace");
        assert_eq!(Retired::read(&other, "shop"), None);
        let with_parameters = format!("Parameters: {{VpcId: {{Type: String}}}}\n{TEMPLATE}");
        assert_eq!(Retired::read(&with_parameters, "shop"), None);
        assert_eq!(Retired::read("[", "shop"), None);
    }
}
