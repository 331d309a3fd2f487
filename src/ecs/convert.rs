//! From a project to a template, without looking at anything else.

use super::cloudformation::{Template, limits, split};
use super::draft::Draft;
use super::{extensions, rules, support};
use crate::compose::Project;
use crate::diagnostic::{Diagnostic, Severity, Span};

/// What a conversion gives: the template, and what has to be said about the project's attributes.
#[derive(Debug)]
pub struct Converted {
    /// Complete only if no diagnostic is an error.
    pub template: Template,
    pub diagnostics: Vec<Diagnostic>,
}

/// Notes in the project what the disk has where its mounts point to, also those of volumes whose options name a folder.
/// The last look at the disk before [`convert`].
pub fn survey(project: &mut Project) {
    rules::volume::resolve(project);
    let sources = rules::file::sources(project);
    crate::compose::survey::survey(project, &sources);
}

/// Translates a project that has been [surveyed](survey). Pure: the same project gives the same bytes.
#[must_use]
pub fn convert(project: &Project) -> Converted {
    let mut draft = Draft::new(project);
    let chosen = support::judge(&mut draft);
    extensions::begin(&mut draft);
    rules::task::find_homes(&mut draft);
    rules::job::find(&mut draft);
    rules::file::decide(&mut draft);
    rules::stack::begin(&mut draft);
    rules::network::groups(&mut draft);
    rules::volume::file_systems(&mut draft);
    rules::secret::parameters(&mut draft);
    rules::port::load_balancer(&mut draft);
    let (homes, sidecars): (Vec<_>, Vec<_>) = project
        .services
        .values()
        .partition(|service| !draft.is_sidecar(service));
    for service in homes.into_iter().chain(sidecars) {
        rules::container::begin(service, &mut draft);
        rules::network::join(service, &mut draft);
    }
    for (service, rules) in project.services.values().zip(chosen) {
        for rule in rules {
            rule(service, &mut draft);
        }
        extensions::apply(service, &mut draft);
        rules::credentials::stored(service, &mut draft);
        rules::file::apply(service, &mut draft);
    }
    for service in project.services.values() {
        rules::capacity::place(service, &mut draft);
    }
    rules::task::finish(&mut draft);
    rules::connect::finish(&mut draft);
    rules::isolation::finish(&mut draft);
    rules::role::finish(&mut draft);
    rules::vpc::finish(&mut draft);
    rules::job::finish(&mut draft);
    rules::stack::finish(&mut draft);
    rules::monitoring::finish(&mut draft);
    extensions::finish(&mut draft);

    let (mut template, mut diagnostics) = draft.finish();
    if !diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
    {
        diagnostics.extend(limits::mistakes(&template).into_iter().map(|mistake| {
            let span = template
                .origins
                .get(&mistake.logical_id)
                .map_or(Span::NOWHERE, |origin| origin.span);
            Diagnostic::error(span, format!("`{}` {}", mistake.logical_id, mistake.message))
        }));
        diagnostics.extend(fit(&mut template, project));
    }
    Converted { template, diagnostics }
}

/// Splits a template that is too large for one stack; the result is what is too large even so.
fn fit(template: &mut Template, project: &Project) -> Vec<Diagnostic> {
    let wanted = extensions::nested_stacks(project);
    let excess = limits::excess(&template.document);
    let split = wanted.as_ref().map_or(!excess.is_empty(), |wanted| wanted.value);
    if !split {
        let span = wanted.map_or(Span::NOWHERE, |wanted| wanted.span);
        let error = |excess| Diagnostic::error(span, format!("the template would have {excess}"));
        let errors = excess.into_iter().map(error);
        return errors
            .map(|error| error.hint("remove `x-aws-nested_stacks: false`"))
            .collect();
    }
    split::split(template, &project.name);
    let nested = template.nested.iter().flat_map(|nested| {
        let of = |excess| format!("the template {} would have {excess}", nested.file);
        limits::excess(&nested.document).into_iter().map(of)
    });
    let root = limits::excess(&template.document).into_iter();
    let root = root.map(|excess| format!("the root of the nested stacks would have {excess}"));
    root.chain(nested)
        .map(|message| {
            Diagnostic::error(Span::NOWHERE, message).hint("deploy the project in parts, each with a name of its own")
        })
        .collect()
}
