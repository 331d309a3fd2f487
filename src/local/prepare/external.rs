//! External secrets of a project that simulates ECS: there they are in Secrets Manager or in Systems Manager, and their
//! values are asked for as the context may.

use std::borrow::Cow;

use super::Sources;
use crate::backend::Simulation;
use crate::compose::{Project, Spanned, Value};
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};

/// The project as the engine is to judge it: what is asked for elsewhere need not be there.
pub(in crate::local) fn here(project: &Project) -> Cow<'_, Project> {
    if !project.secrets.values().any(|secret| secret.external) {
        return Cow::Borrowed(project);
    }
    let mut here = project.clone();
    for (key, secret) in &mut here.secrets {
        secret.external = false;
        let written = here.tree.get_mut("secrets").and_then(|secrets| secrets.get_mut(key));
        if let Some(Value::Map(map)) = written.map(|node| &mut node.value) {
            map.shift_remove("external");
        }
    }
    Cow::Owned(here)
}

impl Sources<'_> {
    /// Gives the external secrets that services use their values, which then stand in the project alone.
    pub(super) async fn reveal(&self, project: &mut Project, simulation: &Simulation) -> Result<()> {
        let references = project.services.values().flat_map(|service| &service.secrets);
        let used: Vec<_> = references.map(|reference| reference.source.value.clone()).collect();
        let secrets = project.secrets.iter_mut();
        let wanted: Vec<_> = secrets
            .filter(|(key, secret)| secret.external && used.contains(key))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let names = wanted.iter().map(|(_, secret)| secret.name.value.clone()).collect();
        let values = (simulation.vault.0)(names).await;
        let (values, nothing) = match values {
            Ok(values) => (values, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let mut values = values.into_iter();
        let mut failures = Vec::new();
        for (key, secret) in wanted {
            match values.next() {
                Some(Ok(value)) => {
                    secret.external = false;
                    secret.content = Some(Spanned::nowhere(value));
                }
                failed => {
                    let error = failed.and_then(Result::err);
                    let because = error.as_ref().or(nothing.as_ref());
                    let why = because.map(ToString::to_string).unwrap_or_default();
                    let message = format!("the value of external secret `{key}` cannot be had: {why}");
                    let hint = match because {
                        Some(Error::Message(said)) => said.hint.clone(),
                        _ => None,
                    };
                    let own = "or give the secret a `file` or an `environment` in an override file for this machine";
                    let hint = hint.map_or_else(|| own.replacen("or ", "", 1), |hint| format!("{hint}; {own}"));
                    failures.push(Diagnostic::error(secret.span, message).hint(hint));
                }
            }
        }
        if failures.is_empty() {
            Ok(())
        } else {
            Err(failures.into())
        }
    }
}
