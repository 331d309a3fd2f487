//! Failures as errors at their Compose lines.

use super::aws::causes::Cause;
use super::aws::events::Event;
use super::aws::explain;
use super::aws::rollout::Unstable;
use super::cloudformation::Origin;
use super::convert::convert;
use super::follow::{Origins, Outcome};
use crate::compose::{Node, Project};
use crate::diagnostic::{Diagnostic, Span};
use crate::error::Error;

/// The error that a failed deployment ends with.
pub(super) fn failure(doing: &str, outcome: &Outcome, origins: &Origins, project: Option<&Project>) -> Error {
    let Some(cause) = explain::first_cause(&outcome.failures) else {
        return Error::new(format!(
            "CloudFormation could not {doing}: it ended in {}",
            outcome.status
        ));
    };
    let causes = outcome.causes.get(&cause.logical_id).map_or(&[][..], Vec::as_slice);
    let doing = format!("CloudFormation could not {doing}");
    let mut diagnostic = of_event(&doing, cause, causes, origins, project);
    if let Some(note) = what_is_left(&outcome.status) {
        diagnostic = diagnostic.note(Span::NOWHERE, note);
    }
    vec![diagnostic].into()
}

/// What failed, why as far as anybody has said it, and where in the Compose file that is about.
pub(super) fn of_event(
    what_failed: &str,
    event: &Event,
    causes: &[Cause],
    origins: &Origins,
    project: Option<&Project>,
) -> Diagnostic {
    let origin = origins.get(&event.logical_id);
    // What follows the first line is what a job wrote.
    let reason = explain::reason(event);
    let (reason, written) = reason.split_once(":\n").unwrap_or((reason, ""));
    let Some((first, others)) = causes.split_first() else {
        let whose = origin
            .and_then(|origin| origin.service.as_deref())
            .map(|service| format!(" of service `{service}`"))
            .unwrap_or_default();
        let resource = format!("{} `{}`{whose}", event.kind, event.logical_id);
        let denied = explain::denied(reason);
        let what = format!("{what_failed}: {resource}: {}", denied.as_deref().unwrap_or(reason));
        let mut diagnostic = Diagnostic::error(origin.map_or(Span::NOWHERE, |origin| origin.span), what);
        if denied.is_some() {
            diagnostic = diagnostic.note(Span::NOWHERE, format!("AWS says: {reason}"));
        }
        if !written.is_empty() {
            diagnostic = diagnostic.note(Span::NOWHERE, format!("it wrote last:\n{written}"));
        }
        return match explain::hint_of(reason) {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        };
    };
    let service = origin.and_then(|origin| culprit(origin, first, origins).service.as_deref());
    let diagnostic = of_cause(
        what_failed,
        first,
        service.or(Some(&event.logical_id)),
        origins,
        project,
    );
    let diagnostic = others.iter().fold(diagnostic, |diagnostic, other| {
        diagnostic.note(Span::NOWHERE, format!("also: {}", other.what))
    });
    diagnostic.note(
        Span::NOWHERE,
        format!("CloudFormation says of {} `{}`: {reason}", event.kind, event.logical_id),
    )
}

/// A cause, at the attribute of the service that it is about.
pub(super) fn of_cause(
    what_failed: &str,
    cause: &Cause,
    service: Option<&str>,
    origins: &Origins,
    project: Option<&Project>,
) -> Diagnostic {
    let whose = service
        .map(|service| format!("service `{service}`: "))
        .unwrap_or_default();
    let own = origins.values().find(|origin| origin.service.as_deref() == service);
    let attribute = project.zip(service).and_then(|(project, service)| {
        let tree = project.tree.get("services")?.get(service)?;
        cause.attributes.iter().find_map(|path| place(tree, path))
    });
    let span = attribute.unwrap_or(Span::NOWHERE);
    let span = span.or(own.map_or(Span::NOWHERE, |origin| origin.span));
    let diagnostic = Diagnostic::error(span, format!("{what_failed}: {whose}{}", cause.what));
    let diagnostic = cause
        .notes
        .iter()
        .fold(diagnostic, |diagnostic, note| diagnostic.note(Span::NOWHERE, note));
    match &cause.hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

/// The error for a service whose tasks did not become stable, outside a deployment of the stack.
pub(super) fn unstable(unstable: &Unstable, project: Option<&Project>) -> Error {
    let service = &unstable.service;
    let goes_on = "ECS goes on trying: `ctx ps -a` and `ctx logs` show how it fares";
    let Some((first, others)) = unstable.causes.split_first() else {
        let what = format!("the tasks of service `{service}` did not become stable");
        return Error::new(what).hint("`ctx ps -a` and `ctx logs` show why");
    };
    let origins = project.map(|project| convert(project).template.origins);
    let what = "its tasks do not become stable";
    let diagnostic = of_cause(what, first, Some(service), &origins.unwrap_or_default(), project);
    let also = others.iter().map(|other| format!("also: {}", other.what));
    let notes = also.chain(unstable.goes_on.then(|| goes_on.to_owned()));
    vec![notes.fold(diagnostic, |diagnostic, note| diagnostic.note(Span::NOWHERE, note))].into()
}

/// Nobody may enter a service's tasks; said where the file could allow it.
pub(super) fn shut(service: &str, project: Option<&Project>) -> Vec<Diagnostic> {
    let tree = project.and_then(|project| project.tree.get("services")?.get(service));
    let extension = tree.and_then(|tree| place(tree, "x-aws-exec"));
    let stands = project.and_then(|project| project.services.get(service));
    let span = extension
        .or(stands.map(|service| service.span))
        .unwrap_or(Span::NOWHERE);
    let message = format!("the tasks of service `{service}` let nobody in");
    let hint = match extension {
        Some(_) => "with `x-aws-exec: true` and `ctx up` they will; tasks that run already are replaced",
        None => "add `x-aws-exec: true` to the service, and `ctx up`; tasks that run already are replaced",
    };
    vec![Diagnostic::error(span, message).hint(hint)]
}

/// Where an attribute stands: its value, or its key where the value is long.
fn place(service: &Node, path: &str) -> Option<Span> {
    let mut node = service;
    let mut span = None;
    for key in path.split('.') {
        let entry = node.as_map()?.get(key)?;
        node = &entry.node;
        let long = node.as_map().is_some() || node.as_list().is_some();
        span = Some(if long { entry.key } else { node.span });
    }
    span.filter(|span| span.is_somewhere())
}

/// Where a failed service comes from: in a task that several share, the one whose container ended badly.
fn culprit<'o>(origin: &'o Origin, cause: &Cause, origins: &'o Origins) -> &'o Origin {
    let is_culprit = |one: &&Origin| one.service.is_some() && one.service == cause.container;
    if origin.service.is_none() || is_culprit(&origin) {
        return origin;
    }
    origins.values().find(is_culprit).unwrap_or(origin)
}

/// Puts what CloudFormation says about a template before it does anything at the line of the resource that it names.
pub(super) fn at_its_line(error: Error, origins: &Origins) -> Error {
    let Error::Message(message) = &error else { return error };
    let said = error.to_string();
    let named = said
        .split(|c: char| !c.is_ascii_alphanumeric())
        .find_map(|word| origins.get(word).filter(|origin| origin.span.is_somewhere()));
    let Some(origin) = named else { return error };
    let diagnostic = Diagnostic::error(origin.span, said);
    vec![match &message.hint {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }]
    .into()
}

/// What a failed deployment has left.
pub(super) fn what_is_left(status: &str) -> Option<&'static str> {
    match status {
        "ROLLBACK_COMPLETE" => {
            Some("what had been created was removed again except for the log; the next `ctx up` starts anew")
        }
        "UPDATE_ROLLBACK_COMPLETE" => Some("everything is again as it was before the update"),
        "UPDATE_ROLLBACK_FAILED" => Some("the update could not be undone either"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::super::aws::events::End;
    use super::super::aws::events::tests::event;
    use super::*;
    use crate::diagnostic::Sources;

    fn origins() -> Origins {
        let file = Sources::default().add("compose.yaml", "services:\n  web:\n");
        let origin = Origin {
            span: Span::new(file, 12..15),
            service: Some("web".into()),
        };
        IndexMap::from([("WebService".to_owned(), origin)])
    }

    fn outcome(failures: Vec<Event>, container: Option<&str>) -> Outcome {
        let cause = |container: &str| Cause {
            what: format!("container `{container}` exited with 3"),
            notes: vec!["it wrote last:\nno licence".to_owned()],
            hint: Some("buy one".to_owned()),
            container: Some(container.to_owned()),
            ..Cause::default()
        };
        let causes = container.map(|container| ("WebService".to_owned(), vec![cause(container)]));
        Outcome {
            end: End::Failure,
            status: "ROLLBACK_COMPLETE".into(),
            touched: vec![],
            failures,
            causes: causes.into_iter().collect(),
        }
    }

    fn diagnostic(outcome: &Outcome, origins: &Origins) -> Diagnostic {
        match failure("create stack `shop`", outcome, origins, None) {
            Error::Report(report) => report.diagnostics[0].clone(),
            error => panic!("no report but {error}"),
        }
    }

    #[test]
    fn a_failure_names_its_cause_at_its_line() {
        let breaker = Some("ECS Deployment Circuit Breaker was triggered");
        let failures = vec![
            event("Cache", "CREATE_FAILED", Some("Resource creation cancelled")),
            event("WebService", "CREATE_FAILED", breaker),
        ];
        let shown = diagnostic(&outcome(failures, Some("web")), &origins());
        assert_eq!(
            shown.message,
            "CloudFormation could not create stack `shop`: service `web`: container `web` exited with 3"
        );
        assert_eq!(shown.span, origins()["WebService"].span);
        let notes: Vec<_> = shown.notes.iter().map(|note| note.message.as_str()).collect();
        assert_eq!(
            notes[..2],
            [
                "it wrote last:\nno licence",
                "CloudFormation says of ECS::Service `WebService`: ECS Deployment Circuit Breaker was triggered"
            ]
        );
        assert_eq!(shown.hint.as_deref(), Some("buy one"));
    }

    #[test]
    fn what_only_cloudformation_explains_is_told_in_its_words() {
        let failures = vec![event("WebService", "CREATE_FAILED", Some("no such thing."))];
        let shown = diagnostic(&outcome(failures, None), &origins());
        assert_eq!(
            shown.message,
            "CloudFormation could not create stack `shop`: ECS::Service `WebService` of service `web`: no such thing"
        );
    }

    #[test]
    fn a_failure_in_a_shared_task_names_the_service_whose_container_ended() {
        let mut origins = origins();
        let origin = Origin {
            span: Span::NOWHERE,
            service: Some("tunnel".into()),
        };
        origins.insert("TunnelImage".to_owned(), origin);
        let failures = vec![event("WebService", "CREATE_FAILED", Some("no"))];
        let said = diagnostic(&outcome(failures, Some("tunnel")), &origins).message;
        assert!(said.contains("service `tunnel`: container `tunnel`"), "{said}");
    }

    #[test]
    fn a_refusal_is_placed_where_the_resource_that_it_names_comes_from() {
        let refused = Error::new("Unresolved resource dependencies [Nowhere] in [WebService]");
        let Error::Report(report) = at_its_line(refused, &origins()) else {
            panic!("no report");
        };
        assert_eq!(report.diagnostics[0].span, origins()["WebService"].span);
        let other = at_its_line(Error::new("Template format error"), &origins());
        assert!(matches!(other, Error::Message(_)));
    }

    #[test]
    fn a_failure_without_a_cause_names_the_state() {
        let mut outcome = outcome(vec![], None);
        outcome.status = "UPDATE_ROLLBACK_COMPLETE".into();
        assert_eq!(
            failure("update stack `shop`", &outcome, &origins(), None).to_string(),
            "CloudFormation could not update stack `shop`: it ended in UPDATE_ROLLBACK_COMPLETE"
        );
    }
}
