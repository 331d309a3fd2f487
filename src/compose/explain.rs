//! Diagnostics about values that variables made.

use super::interpolate::Used;
use super::load::Loader;
use crate::diagnostic::{Note, Severity, Span};

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
