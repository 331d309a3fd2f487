//! What a project is called.

use std::path::Path;

use super::environment::Environment;
use super::interpolate::substitute;
use super::load::Loader;
use super::yaml::Document;
use crate::diagnostic::{Diagnostic, Span};

impl Loader<'_> {
    /// The project's name: `-p`, `COMPOSE_PROJECT_NAME`, the files' last `name`, or the folder's.
    pub(super) fn name(
        &mut self,
        documents: &[Vec<Document>],
        working_dir: &Path,
        environment: &Environment,
    ) -> Option<String> {
        let given = self.options.project_name.as_deref().filter(|name| !name.is_empty());
        let given = given.or_else(|| environment.get("COMPOSE_PROJECT_NAME").filter(|name| !name.is_empty()));
        if let Some(name) = given {
            if normal_name(name) != name {
                let rule = "must consist only of lowercase alphanumeric characters, hyphens, and underscores \
                            as well as start with a letter or number";
                let message = format!("invalid project name {name:?}: {rule}");
                // A name that lost letters is not what anybody meant.
                let letters = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).count();
                let normal = normal_name(name);
                let hint = match letters(&normal) {
                    kept if kept > 0 && kept == letters(name) => format!("`{normal}` would be legal"),
                    _ => "write it in the letters a to z, such as `my-project`".to_owned(),
                };
                self.report.push(Diagnostic::error(Span::NOWHERE, message).hint(hint));
                return None;
            }
            return Some(name.to_owned());
        }
        let names = documents
            .iter()
            .flatten()
            .rev()
            .filter_map(|document| document.root.get("name")?.as_str());
        // What is written as empty is as good as not written.
        let names: Vec<_> = names
            .filter(|name| !name.is_empty())
            .map(|name| substitute(name, environment, &mut Vec::new()).unwrap_or_default())
            .collect();
        let folder = working_dir.file_name().unwrap_or_default().to_string_lossy();
        let name = match names.iter().find(|name| !name.is_empty()) {
            Some(name) => normal_name(name),
            None if names.is_empty() => normal_name(&folder),
            // A name was wanted, and its variables are empty.
            None => String::new(),
        };
        if name.is_empty() {
            self.report.push(
                Diagnostic::error(Span::NOWHERE, "project name must not be empty")
                    .hint("give one with `-p`, or with `name:` in the file"),
            );
            return None;
        }
        Some(name)
    }
}

/// Lower case, without what names cannot contain or begin with.
fn normal_name(name: &str) -> String {
    let lower = name.to_lowercase();
    let legal = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let name: String = lower.chars().filter(legal).collect();
    name.trim_start_matches(['-', '_']).to_owned()
}
