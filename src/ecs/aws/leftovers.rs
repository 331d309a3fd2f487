//! What carries a project's tag after its stack is gone.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::TaskDefinitionStatus;
use aws_sdk_resourcegroupstagging::types::TagFilter;

use super::failure::is;
use super::services::{self, ServiceName};
use super::{Account, tags};
use crate::error::Result;

/// Something that is still there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Leftover {
    pub arn: String,
    /// Whether it is a task definition that `ctx` registered for a rollback or for one command.
    pub ours: bool,
}

/// What has the project's tag, except for what a stack that is gone had: AWS lists some things for a while after they
/// have been deleted. `gone` are the physical ids of that.
pub async fn of_project(account: &Account, project: &str, gone: &[String]) -> Result<Vec<Leftover>> {
    let filter = TagFilter::builder().key(tags::PROJECT).values(project).build();
    let mut pages = account
        .tagging
        .get_resources()
        .tag_filters(filter)
        .into_paginator()
        .items()
        .send();
    let mut found = Vec::new();
    while let Some(resource) = pages.next().await {
        let resource = resource.map_err(|error| {
            account
                .access
                .failed(format!("cannot look for what else belongs to `{project}`"), &error)
        })?;
        let ours = resource.tags().iter().any(|tag| tag.key() == tags::ROLLBACK);
        let arn = resource.resource_arn.unwrap_or_default();
        if counts(&arn, gone) {
            let ours = ours || family(&arn).is_some_and(|family| family.ends_with("-run"));
            found.push(Leftover { arn, ours });
        }
    }
    let families: BTreeSet<String> = found
        .iter()
        .filter_map(|one| family(&one.arn).map(str::to_owned))
        .collect();
    let mut active = Vec::new();
    for family in families {
        let listed = account.ecs.list_task_definitions().family_prefix(&family);
        let mut pages = listed
            .status(TaskDefinitionStatus::Active)
            .into_paginator()
            .items()
            .send();
        while let Some(arn) = pages.next().await {
            active.push(arn.map_err(|error| account.access.failed("cannot list the task definitions", &error))?);
        }
    }
    // Of a definition that nobody can use any more nothing is left but its description.
    found.retain(|one| family(&one.arn).is_none() || active.contains(&one.arn));
    let ended = ended(account, &found).await;
    found.retain(|one| !ended.contains(&one.arn));
    found.sort();
    Ok(found)
}

/// The ECS services among them that are deleted: AWS goes on listing them for a while, and a creation that failed leaves
/// some.
async fn ended(account: &Account, found: &[Leftover]) -> BTreeSet<String> {
    let mut clusters: BTreeMap<String, Vec<(ServiceName, &str)>> = BTreeMap::new();
    for one in found {
        if let Some(name) = ServiceName::from_arn(&one.arn) {
            clusters.entry(name.cluster.clone()).or_default().push((name, &one.arn));
        }
    }
    let mut ended = BTreeSet::new();
    for services in clusters.into_values() {
        let active = match services::look(account, services.iter().map(|(name, _)| name)).await {
            Ok(described) => described
                .into_iter()
                .filter(|service| service.status() != Some("INACTIVE"))
                .filter_map(|service| service.service_name)
                .collect(),
            Err(error) if is(&error, "ClusterNotFoundException") => BTreeSet::new(),
            // Who cannot be asked may be there.
            Err(_) => continue,
        };
        let gone = services.iter().filter(|(name, _)| !active.contains(&name.service));
        ended.extend(gone.map(|(_, arn)| (*arn).to_owned()));
    }
    ended
}

/// Whether it can be left over: tasks that ended are forgotten by themselves.
fn counts(arn: &str, gone: &[String]) -> bool {
    let is = |id: &String| {
        let rest = arn.strip_suffix(id.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with([':', '/']))
    };
    !arn.contains(":task/") && !gone.iter().any(is)
}

/// The family of a task definition.
fn family(arn: &str) -> Option<&str> {
    let (_, name) = arn.split_once(":task-definition/")?;
    Some(name.rsplit_once(':').map_or(name, |(family, _)| family))
}

/// What it is, and what to do about it.
#[must_use]
pub fn advice(arn: &str) -> (String, &'static str) {
    let mut parts = arn.splitn(6, ':').skip(2);
    let service = parts.next().unwrap_or_default().to_owned();
    let rest = parts.nth(2).unwrap_or(arn);
    let what = match service.as_str() {
        "elasticfilesystem" => "kept with its data; `ctx down -v` deletes it",
        "ecr" => "kept with its images; `ctx down --rmi all` deletes it",
        _ => "`ctx` did not make it, or could not delete it: look at it, and delete it if nobody needs it",
    };
    (format!("{service} {rest}"), what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_stack_had_and_tasks_do_not_count() {
        let gone = ["shop".to_owned(), "sg-1".to_owned()];
        let counts = |arn: &str| counts(arn, &gone);
        assert!(!counts("arn:aws:ecs:eu-west-1:1:cluster/shop"));
        assert!(!counts("arn:aws:ec2:eu-west-1:1:security-group/sg-1"));
        assert!(counts("arn:aws:ec2:eu-west-1:1:security-group/msg-1"));
        assert!(!counts("arn:aws:ecs:eu-west-1:1:task/other/4711"));
        assert!(counts("arn:aws:sqs:eu-west-1:1:jobs"));
    }

    #[test]
    fn each_is_named_with_what_to_do() {
        let (what, advice) = advice("arn:aws:ecr:eu-west-1:1:repository/shop/web");
        assert_eq!(what, "ecr repository/shop/web");
        assert!(advice.contains("--rmi all"), "{advice}");
        assert_eq!(
            family("arn:aws:ecs:eu-west-1:1:task-definition/shop-web-run:3"),
            Some("shop-web-run")
        );
    }
}
