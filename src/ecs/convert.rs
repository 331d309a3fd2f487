//! From a project to a template, without looking at anything else.

use super::cloudformation::Template;
use crate::compose::Project;
use crate::diagnostic::Diagnostic;

/// What a conversion gives: the template, and what has to be said about the project's attributes.
#[derive(Debug)]
pub struct Converted {
    /// Complete only if no diagnostic is an error.
    pub template: Template,
    pub diagnostics: Vec<Diagnostic>,
}

/// Translates a project. Pure: the same project gives the same bytes.
#[must_use]
pub fn convert(project: &Project) -> Converted {
    let _ = project;
    Converted {
        template: Template::default(),
        diagnostics: Vec::new(),
    }
}
