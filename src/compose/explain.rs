//! Diagnostics about values that variables made, or that aliases brought to other places.

use super::interpolate::Used;
use super::load::Loader;
use super::yaml::Alias;
use crate::diagnostic::{Note, Report, Severity, Span};

impl Loader<'_> {
    /// Adds to every mistake in a value made of variables where these were set, and takes out what they hold.
    pub(super) fn explain_variables(&mut self) {
        for diagnostic in &mut self.report.diagnostics {
            let Some(variables) = self.uses.variables.get(&diagnostic.span) else {
                continue;
            };
            for Used { name, value, .. } in variables {
                let (message, span) = match value {
                    Some(value) if value.span.is_somewhere() => (format!("`{name}` is set here"), value.span),
                    Some(_) => (format!("`{name}` is a variable of the environment"), Span::NOWHERE),
                    None => (format!("`{name}` is not set"), Span::NOWHERE),
                };
                if let Some(value) = value {
                    diagnostic.message = without_content(&diagnostic.message, name, value);
                    diagnostic.hint = diagnostic.hint.as_ref().map(|hint| without_content(hint, name, value));
                }
                if diagnostic.severity == Severity::Error {
                    diagnostic.notes.push(Note { message, span });
                }
            }
        }
    }
}

/// More places than these are no help.
const MOST_PLACES: usize = 3;
/// More mistakes than these are not read, and a file may have a hundred thousand aliases.
const MOST_EXPLAINED: usize = 100;

/// Adds to every mistake in an anchored value where aliases use it.
pub(super) fn explain_aliases(report: &mut Report, aliases: &[Alias]) {
    let errors = report.diagnostics.iter_mut();
    let errors = errors.filter(|one| one.severity == Severity::Error && one.span.is_somewhere());
    for error in errors.take(MOST_EXPLAINED) {
        let (file, range) = (error.span.file(), error.span.range());
        let holds = |alias: &&Alias| {
            alias.place.file() == file && alias.content.start <= range.start && range.end <= alias.content.end
        };
        error
            .notes
            .extend(aliases.iter().filter(holds).take(MOST_PLACES).map(|alias| Note {
                message: "an alias uses it here".to_owned(),
                span: alias.place,
            }));
    }
}

/// A message in which every quoted piece of a variable's content is its name. What is shorter than any secret stays.
fn without_content(message: &str, name: &str, content: &str) -> String {
    let pieces = message.split('`').enumerate().map(|(index, piece)| {
        let quoted = index % 2 == 1;
        if quoted && content.len() > 3 && piece.contains(content) {
            piece.replace(content, &format!("${{{name}}}"))
        } else if quoted && piece.len() > 3 && content.contains(piece) {
            format!("${{{name}}}")
        } else {
            piece.to_owned()
        }
    });
    pieces.collect::<Vec<_>>().join("`")
}
