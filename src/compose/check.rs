//! What the schema cannot see: references that lead nowhere, and attributes that contradict each other.

use crate::diagnostic::Diagnostic;

use super::Project;

/// Reports every inconsistency of a project; of its services, those that are enabled.
pub(super) fn check(project: &Project, diagnostics: &mut Vec<Diagnostic>) {
    let _ = (project, diagnostics);
}
