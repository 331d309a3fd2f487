//! `ctx explain`: what is wrong with a project, at the lines of its file where there is one.

use std::collections::BTreeSet;

use super::aws::causes::Cause;
use super::aws::events::{self, Event};
use super::aws::services::{self, Service, ServiceName, unknown_service};
use super::aws::stack::{self, Stack};
use super::aws::{Account, explain, last_lines, stabilising, tasks, trouble};
use super::cloudformation::{Origin, names};
use super::convert;
use super::deploy::surveyed;
use super::diagnosis::{of_cause, of_event, what_is_left};
use super::follow::Origins;
use crate::compose::Project;
use crate::diagnostic::{Diagnostic, Span};
use crate::error::Result;

pub(super) async fn explain(
    account: &Account,
    name: &str,
    project: Option<&Project>,
    wanted: &[String],
) -> Result<Vec<Diagnostic>> {
    let stack = stack::find(account, name).await?;
    let stack = stack.ok_or_else(|| stack::missing(name))?;
    stack::check_ours(account, &stack, name).await?;
    let services = Box::pin(services::of_project(account, name, &[])).await?;
    check_names(name, project, &services, wanted)?;
    let origins = origins(project, &services);
    let is_wanted = |service: Option<&String>| wanted.is_empty() || service.is_some_and(|one| wanted.contains(one));
    let mut found = Vec::new();
    if let Some((diagnostic, service)) = last_deployment(account, &stack, &origins, project).await?
        && is_wanted(service.as_ref())
    {
        found.push(diagnostic);
    }
    let kept = services.iter().filter(|service| service.family.is_none());
    let mut names: Vec<(ServiceName, String)> = kept
        .map(|service| (service.name.clone(), service.key.clone()))
        .collect();
    if stack.status.as_str().ends_with("_IN_PROGRESS") {
        // The one that is being created belongs to the stack when it is complete.
        let mut begun = begun(account, &stack, &origins).await?;
        begun.retain(|(name, _)| names.iter().all(|(known, _)| known != name));
        names.extend(begun);
    }
    for described in services::look(account, names.iter().map(|(name, _)| name))
        .await
        .unwrap_or_default()
    {
        let Some(waits) = stabilising::unsettled(&described) else {
            continue;
        };
        let Some(name) = described.service_arn().and_then(ServiceName::from_arn) else {
            continue;
        };
        let known = names.iter().find(|(known, _)| *known == name);
        let Some((_, key)) = known.filter(|(_, key)| is_wanted(Some(key))) else {
            continue;
        };
        let since = stabilising::primary(&described).and_then(|one| tasks::time(one.created_at()));
        let causes = Box::pin(trouble::of_service(account, &name, since)).await;
        found.push(now(key, &waits, &causes, &origins, project));
    }
    Ok(found)
}

/// The services that CloudFormation is working on.
async fn begun(account: &Account, stack: &Stack, origins: &Origins) -> Result<BTreeSet<(ServiceName, String)>> {
    let told = events::history(account, &stack.id, None).await?;
    let begun = told.iter().filter_map(|event| {
        let origin = origins.get(&event.logical_id);
        let key = origin.and_then(|origin| origin.service.clone());
        Some((
            ServiceName::from_arn(&event.physical_id)?,
            key.unwrap_or_else(|| event.logical_id.clone()),
        ))
    });
    Ok(begun.collect())
}

/// What a service waits for now, and why.
fn now(service: &str, waits: &str, causes: &[Cause], origins: &Origins, project: Option<&Project>) -> Diagnostic {
    let Some((first, others)) = causes.split_first() else {
        let own = origins
            .values()
            .find(|origin| origin.service.as_deref() == Some(service));
        let span = own.map_or(Span::NOWHERE, |origin| origin.span);
        return Diagnostic::warning(span, format!("service `{service}` is not as it should be: {waits}"))
            .hint("`ctx events -f` shows how it goes on");
    };
    let diagnostic = of_cause("now", first, Some(service), origins, project).note(Span::NOWHERE, waits);
    let also = |diagnostic: Diagnostic, other: &Cause| diagnostic.note(Span::NOWHERE, format!("also: {}", other.what));
    others.iter().fold(diagnostic, also)
}

/// Why the last deployment failed, if it did, and which service that is about.
async fn last_deployment(
    account: &Account,
    stack: &Stack,
    origins: &Origins,
    project: Option<&Project>,
) -> Result<Option<(Diagnostic, Option<String>)>> {
    let status = stack.status.as_str();
    if !status.contains("ROLLBACK") && !status.contains("FAILED") {
        return Ok(None);
    }
    let told = events::history(account, &stack.id, None).await?;
    let what = format!("the last deployment of stack `{}` failed", stack.name);
    let Some(cause) = explain::first_cause(&told) else {
        let message = format!("{what}: it ended in {status}");
        return Ok(Some((Diagnostic::error(Span::NOWHERE, message), None)));
    };
    let service = origins.get(&cause.logical_id).and_then(|origin| origin.service.clone());
    let causes = match ServiceName::from_arn(&cause.physical_id) {
        Some(name) => {
            Box::pin(trouble::of_service(
                account,
                &name,
                told.first().and_then(|event| event.time),
            ))
            .await
        }
        None => Vec::new(),
    };
    let mut diagnostic = of_event(&what, cause, &causes, origins, project);
    let wrote = causes
        .iter()
        .any(|cause| cause.notes.iter().any(|note| note.contains("wrote last")));
    if !wrote && cause.kind.starts_with("ECS::") {
        let lines = last_lines::of_service(account, &stack.name, |container| {
            is_of(cause, service.as_deref(), container)
        })
        .await;
        if !lines.is_empty() {
            diagnostic = diagnostic.note(Span::NOWHERE, format!("it wrote last:\n{}", lines.join("\n")));
        }
    }
    if let Some(note) = what_is_left(status) {
        diagnostic = diagnostic.note(Span::NOWHERE, note);
    }
    if let Some(when) = cause.time {
        diagnostic = diagnostic.note(Span::NOWHERE, format!("that was at {when:.0}"));
    }
    Ok(Some((diagnostic, service)))
}

/// Whether a container's name is that of the service that an event is about.
fn is_of(event: &Event, service: Option<&str>, container: &str) -> bool {
    match service {
        Some(service) => names::plain(service) == container,
        None => event.logical_id.strip_suffix("Service") == Some(names::logical_id(container).as_str()),
    }
}

/// Where logical ids come from: by the file, else by what runs.
fn origins(project: Option<&Project>, services: &[Service]) -> Origins {
    if let Some(project) = project {
        return convert::convert(&surveyed(project)).template.origins;
    }
    let origin = |service: &Service| Origin {
        span: Span::NOWHERE,
        service: Some(service.key.clone()),
    };
    services
        .iter()
        .map(|service| (service.logical_id.clone(), origin(service)))
        .collect()
}

fn check_names(name: &str, project: Option<&Project>, services: &[Service], wanted: &[String]) -> Result<()> {
    let known = |wanted: &&String| {
        services.iter().any(|service| service.key == **wanted)
            || project.is_some_and(|project| project.services.contains_key(wanted.as_str()))
    };
    match wanted.iter().find(|wanted| !known(wanted)) {
        Some(unknown) => {
            let written = project.into_iter().flat_map(|project| project.services.keys());
            let known = services.iter().map(|service| &service.key).chain(written);
            let known = known.map(String::as_str);
            Err(unknown_service(&format!("project `{name}`"), unknown, known))
        }
        None => Ok(()),
    }
}
