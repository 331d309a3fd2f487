//! `env_file` and `label_file`: what files say about environment and labels, and contents that variables hold.

use std::path::Path;

use indexmap::IndexMap;

use super::dotenv::{self, Assignment};
use super::environment::Environment;
use super::remote::{Remote, escape};
use super::sources::{Unreadable, absolute, display_name, read_variables, unreadable};
use super::{EnvFile, Project, Service, Spanned};
use crate::diagnostic::{Diagnostic, Report};

/// Adds to every service what its files say, and forgets the files; what the service says itself wins.
pub(super) fn resolve(
    project: &mut Project,
    environment: &Environment,
    current: &Path,
    remote: &Remote<'_>,
    report: &mut Report,
) {
    for service in project.services.values_mut() {
        drop_escapes(service, current, remote, report);
        add_variables(service, environment, current, report);
        add_labels(service, current, report);
    }
}

/// Files that a file from elsewhere names must have come with it: the variables of others are none of its business.
fn drop_escapes(service: &mut Service, current: &Path, remote: &Remote<'_>, report: &mut Report) {
    let mut stays = |what: &str, file: &Spanned<String>| {
        let escapes = remote.escapes(file.span, &absolute(Path::new(&file.value), current));
        if escapes {
            report.push(escape(file.span, what, &file.value));
        }
        !escapes
    };
    service.env_file.retain(|file| stays("env file", &file.path));
    service.label_file.retain(|file| stays("label file", file));
}

fn add_variables(service: &mut Service, environment: &Environment, current: &Path, report: &mut Report) {
    if service.env_file.is_empty() {
        return;
    }
    // Files see the project's variables first, then the service's, then their own, then those of the files before.
    let mut seen = environment.clone();
    let own = service.environment.iter();
    seen.fill(own.filter_map(|(name, value)| Some((name.clone(), Spanned::new(value.value.clone()?, value.span)))));
    let mut earlier = Environment::default();
    let mut variables: IndexMap<String, Spanned<Option<String>>> = IndexMap::new();
    for file in std::mem::take(&mut service.env_file) {
        let assignments = assignments(&file, &seen, &earlier, current, report);
        for Assignment { name, value } in assignments {
            if let Some(text) = &value.value {
                earlier.put(name.clone(), Spanned::new(text.clone(), value.span));
            }
            let value = match value.value {
                Some(text) => Some(text),
                // A bare name takes what the project knows, and says nothing when that is nothing.
                None => match environment.get(&name) {
                    Some(text) => Some(text.to_owned()),
                    None => continue,
                },
            };
            variables.insert(name, Spanned::new(value, file.path.span));
        }
    }
    variables.extend(std::mem::take(&mut service.environment));
    service.environment = variables;
}

fn assignments(
    file: &EnvFile,
    seen: &Environment,
    earlier: &Environment,
    current: &Path,
    report: &mut Report,
) -> Vec<Assignment> {
    let path = Path::new(&file.path.value);
    let (id, text) = match read_variables(&current.join(path), current, report) {
        Ok(read) => read,
        Err(Unreadable::Missing) if !file.required => return Vec::new(),
        Err(why) => {
            let name = display_name(path, current);
            let mut diagnostic = unreadable(file.path.span.or(file.span), "env file", &name, &why);
            if matches!(why, Unreadable::Missing) {
                diagnostic = diagnostic.hint("create it, or write `required: false` beside its `path`");
            }
            report.push(diagnostic);
            return Vec::new();
        }
    };
    match file.format.as_ref().map(|format| format.as_str()) {
        None | Some("") => dotenv::parse(&text, id, seen, earlier, &mut report.diagnostics),
        Some("raw") => dotenv::parse_raw(&text, id, &mut report.diagnostics),
        Some(other) => {
            let span = file.format.as_ref().map_or(file.span, |format| format.span);
            report.push(
                Diagnostic::error(span, format!("`{other}` is no format of env files"))
                    .hint("leave `format` out, or write `raw`"),
            );
            Vec::new()
        }
    }
}

fn add_labels(service: &mut Service, current: &Path, report: &mut Report) {
    if service.label_file.is_empty() {
        return;
    }
    let mut labels = IndexMap::new();
    for file in std::mem::take(&mut service.label_file) {
        let path = Path::new(&file.value);
        match read_variables(&current.join(path), current, report) {
            Ok((id, text)) => {
                // Labels see each other, but no variable.
                let nothing = Environment::default();
                for label in dotenv::parse(&text, id, &nothing, &nothing, &mut report.diagnostics) {
                    let text = label.value.value.unwrap_or_default();
                    labels.insert(label.name, Spanned::new(text, file.span));
                }
            }
            Err(why) => {
                let name = display_name(path, current);
                report.push(unreadable(file.span, "label file", &name, &why));
            }
        }
    }
    labels.extend(std::mem::take(&mut service.labels));
    service.labels = labels;
}

/// Gives secrets and configs that a variable holds their contents.
pub(super) fn fill_contents(project: &mut Project, environment: &Environment) {
    for object in project.secrets.values_mut().chain(project.configs.values_mut()) {
        if let Some(variable) = &object.environment
            && let Some(value) = environment.get(variable)
        {
            object.content = Some(Spanned::new(value.to_owned(), variable.span));
        }
    }
}
