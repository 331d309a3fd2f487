//! Top-level resources, used or not.

use crate::compose::{FileObject, Project, Volume};
use crate::diagnostic::Diagnostic;

pub(super) fn check(project: &Project, diagnostics: &mut Vec<Diagnostic>) {
    for (name, volume) in &project.volumes {
        external_volume(name, volume, diagnostics);
    }
    for (kind, objects) in [("secret", &project.secrets), ("config", &project.configs)] {
        for (name, object) in objects {
            content(kind, name, object, diagnostics);
        }
    }
}

/// What exists already cannot be told how to be made.
fn external_volume(name: &str, volume: &Volume, diagnostics: &mut Vec<Diagnostic>) {
    if !volume.external {
        return;
    }
    let first = |mapping: &crate::compose::Mapping| mapping.values().next().map(|value| value.span);
    for (attribute, span) in [
        ("driver", volume.driver.as_ref().map(|driver| driver.span)),
        ("driver_opts", first(&volume.driver_opts)),
        ("labels", first(&volume.labels)),
    ] {
        if let Some(span) = span {
            let message = format!("the external volume `{name}` cannot have `{attribute}`");
            diagnostics.push(
                Diagnostic::error(span.or(volume.span), message).hint("remove it: the volume was made by someone else"),
            );
        }
    }
}

/// A secret or config has its content from exactly one place.
fn content(kind: &str, name: &str, object: &FileObject, diagnostics: &mut Vec<Diagnostic>) {
    let places = [
        ("file", object.file.as_ref()),
        ("environment", object.environment.as_ref()),
        ("content", object.content.as_ref()),
    ];
    let given: Vec<_> = places
        .iter()
        .filter_map(|(place, value)| Some((*place, value.as_ref()?.span)))
        .collect();
    if object.external {
        if let Some((place, span)) = given.first() {
            let message = format!("`{place}` of the external {kind} `{name}` has no effect");
            diagnostics.push(Diagnostic::warning(*span, message).hint("remove it, or `external`"));
        }
        return;
    }
    match given[..] {
        [] if object.driver.is_none() => {
            let choices = if kind == "config" {
                "`file`, `environment` or `content`"
            } else {
                "`file` or `environment`"
            };
            diagnostics.push(
                Diagnostic::error(object.span, format!("the {kind} `{name}` has no content"))
                    .hint(format!("add {choices}, or `external: true`")),
            );
        }
        [_, (second, span), ..] => {
            let message = format!("the {kind} `{name}` has both `{}` and `{second}`", given[0].0);
            diagnostics.push(
                Diagnostic::error(span, message)
                    .note(given[0].1, "the first is here")
                    .hint("keep one of them"),
            );
        }
        _ => {}
    }
}
