//! The log group of a project. It outlives the rollback of a creation that failed, so that its lines can be read.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::is;
use super::{Account, tags};
use crate::ecs::cloudformation::names;
use crate::error::Result;

/// The log group that was made for a project, unless there is none.
pub async fn of_project(account: &Account, project: &str) -> Result<Option<String>> {
    let name = format!("/docker-compose/{project}");
    let failed = || format!("cannot look at log group `{name}`");
    let mut groups = account
        .logs
        .describe_log_groups()
        .log_group_name_prefix(&name)
        .into_paginator()
        .items()
        .send();
    while let Some(group) = groups.next().await {
        let group = group.map_err(|error| account.access.failed(failed(), &error))?;
        if group.log_group_name() != Some(&name) {
            continue;
        }
        let arn = group.arn.unwrap_or_default();
        let tagged = account
            .logs
            .list_tags_for_resource()
            .resource_arn(arn.trim_end_matches(":*"))
            .send()
            .await
            .map_err(|error| account.access.failed(failed(), &error))?;
        let owner = tagged.tags().and_then(|all| all.get(tags::PROJECT));
        return Ok((owner.map(String::as_str) == Some(project)).then_some(name));
    }
    Ok(None)
}

/// Deletes a log group, if it is still there.
pub async fn delete(account: &Account, name: &str) -> Result<()> {
    match account.logs.delete_log_group().log_group_name(name).send().await {
        Ok(_) => Ok(()),
        Err(error) if is(&error, "ResourceNotFoundException") => Ok(()),
        Err(error) => Err(account
            .access
            .failed(format!("cannot delete log group `{name}`"), &error)),
    }
}

/// The names of a group's streams that begin so.
pub async fn streams(account: &Account, group: &str, prefix: &str) -> Result<Vec<String>> {
    let mut streams = Vec::new();
    let mut pages = account
        .logs
        .describe_log_streams()
        .log_group_name(group)
        .log_stream_name_prefix(prefix)
        .into_paginator()
        .items()
        .send();
    while let Some(stream) = pages.next().await {
        match stream {
            Ok(stream) => streams.extend(stream.log_stream_name),
            Err(error) if is(&error, "ResourceNotFoundException") => break,
            Err(error) => return Err(account.access.failed("cannot list the log's streams", &error)),
        }
    }
    Ok(streams)
}

/// The stream among those that begin so to which something was written last.
pub async fn newest_stream(account: &Account, group: &str, prefix: &str) -> Option<String> {
    let request = account.logs.describe_log_streams().log_group_name(group);
    let mut pages = request.log_stream_name_prefix(prefix).into_paginator().items().send();
    let mut newest = None;
    while let Some(Ok(stream)) = pages.next().await {
        newest = newest.max(Some((
            stream.last_event_timestamp.or(stream.creation_time),
            stream.log_stream_name,
        )));
    }
    newest.and_then(|(_, name)| name)
}

/// What a project whose creation was rolled back wrote: the group, and the service behind each prefix of its streams.
pub async fn left_behind(
    account: &Account,
    project: &str,
    wanted: &[String],
) -> Result<Option<(String, BTreeMap<String, String>)>> {
    let Some(group) = of_project(account, project).await? else {
        return Ok(None);
    };
    let streams = streams(account, &group, &format!("{project}/")).await?;
    let prefixes = prefixes(&streams, wanted);
    Ok((!prefixes.is_empty()).then_some((group, prefixes)))
}

/// Streams are named `PROJECT/CONTAINER/TASK`. What only prepared a task is left out, unless the task never came to
/// what it prepared.
fn prefixes(streams: &[String], wanted: &[String]) -> BTreeMap<String, String> {
    let container = |stream: &String| {
        let (prefix, _task) = stream.rsplit_once('/')?;
        let (_project, container) = prefix.rsplit_once('/')?;
        Some((format!("{prefix}/"), container.to_owned()))
    };
    let containers: BTreeMap<String, String> = streams.iter().filter_map(container).collect();
    let known: BTreeSet<&str> = containers.values().map(String::as_str).collect();
    let services = containers
        .iter()
        .filter_map(|(prefix, container)| match container.strip_suffix("-init") {
            Some(prepared) if known.contains(prepared) => None,
            prepared => Some((prefix.clone(), prepared.unwrap_or(container).to_owned())),
        });
    let is_wanted = |service: &str| wanted.is_empty() || wanted.iter().any(|wanted| names::plain(wanted) == service);
    services.filter(|(_, service)| is_wanted(service)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_tell_whose_they_are() {
        let streams = [
            "shop/web-init/1",
            "shop/web/1",
            "shop/web/2",
            "shop/db-init/3",
            "shop/my_app/4",
            "odd",
        ];
        let shown = |wanted: &[&str]| {
            let wanted: Vec<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
            let found = prefixes(&streams.map(str::to_owned), &wanted);
            let found = found.into_iter().map(|(prefix, service)| format!("{prefix} {service}"));
            found.collect::<Vec<_>>()
        };
        assert_eq!(shown(&[]), ["shop/db-init/ db", "shop/my_app/ my_app", "shop/web/ web"]);
        assert_eq!(shown(&["my.app", "cache"]), ["shop/my_app/ my_app"]);
    }
}
