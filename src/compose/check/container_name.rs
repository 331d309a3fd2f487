//! Container names, of which an engine has one each.

use std::collections::HashMap;

use crate::compose::Project;
use crate::diagnostic::{Diagnostic, Span};

pub(super) fn check(project: &Project, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for service in project.services.values() {
        let Some(name) = &service.container_name else { continue };
        if let Some(first) = seen.insert(name, name.span) {
            let message = format!("two services have the container name `{}`", name.value);
            let mut diagnostic = Diagnostic::error(name.span.or(service.span), message)
                .hint("give each a name of its own, or leave the names to Compose");
            if first != name.span {
                diagnostic = diagnostic.note(first, "the first is here");
            }
            diagnostics.push(diagnostic);
        }
    }
}
