//! The projects that an account has in a region.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudformation::types::{Stack, StackStatus};
use futures_util::future::try_join_all;

use super::services::{self, ServiceName};
use super::{Account, stack, tags};
use crate::backend::ProjectSummary;
use crate::error::Result;

pub async fn all(account: &Account, all: bool) -> Result<Vec<ProjectSummary>> {
    let mut pages = account.cloudformation.describe_stacks().into_paginator().items().send();
    let mut stacks = Vec::new();
    while let Some(found) = pages.next().await {
        let found = found.map_err(|error| account.access.failed("cannot list the stacks", &error))?;
        let tag = found.tags().iter().find(|tag| tag.key() == Some(tags::PROJECT));
        // Nested stacks have the tags of the one that they are part of, and other names.
        if let Some(project) = tag.and_then(|tag| tag.value())
            && found.stack_name() == Some(project)
        {
            stacks.push((project.to_owned(), found));
        }
    }
    let projects = stacks
        .iter()
        .map(async |(project, found)| summary(account, project, found).await);
    let mut projects = try_join_all(projects).await?;
    projects.retain(|project| all || !project.states.is_empty());
    projects.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(projects)
}

async fn summary(account: &Account, project: &str, found: &Stack) -> Result<ProjectSummary> {
    let resources = stack::resources(account, found.stack_id().unwrap_or_default()).await?;
    let services = resources.iter().filter(|resource| resource.kind == "ECS::Service");
    let names: BTreeSet<ServiceName> = services
        .filter_map(|service| ServiceName::from_arn(&service.physical_id))
        .collect();
    let described = Box::pin(services::look(account, names.iter()))
        .await
        .unwrap_or_default();
    let mut states = BTreeMap::new();
    let mut count = |state: &str, number: i32| {
        if number > 0 {
            *states.entry(state.to_owned()).or_default() += usize::try_from(number).unwrap_or_default();
        }
    };
    for service in &described {
        count("running", service.running_count());
        count("pending", service.pending_count());
    }
    // A stack that is as it should be says nothing that its tasks do not.
    let of_stack = found.stack_status().map_or("", StackStatus::as_str);
    if !matches!(of_stack, "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE") {
        count(&of_stack.to_lowercase(), 1);
    }
    Ok(ProjectSummary {
        name: project.to_owned(),
        states,
        files: String::new(),
    })
}
