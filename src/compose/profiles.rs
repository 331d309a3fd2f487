//! Which services take part: profiles, and the services that were asked for.

use std::collections::{BTreeSet, HashSet};

use indexmap::IndexMap;

use super::{Project, Service};
use crate::diagnostic::{Diagnostic, Span, nearest};

/// That no service takes part; a warning where that may be meant.
#[must_use]
pub fn nobody(project: &Project, may_be_meant: bool) -> Diagnostic {
    let kind = if may_be_meant {
        Diagnostic::warning
    } else {
        Diagnostic::error
    };
    let nobody = kind(Span::NOWHERE, "no service is enabled");
    let profiles = project.disabled_services.values().flat_map(|service| &service.profiles);
    let profiles: BTreeSet<_> = profiles
        .map(|profile| format!("`--profile {}`", profile.value))
        .collect();
    if profiles.is_empty() {
        return nobody.hint("write one under `services:`");
    }
    let profiles: Vec<_> = profiles.into_iter().collect();
    nobody.hint(format!("{} enables some", profiles.join(" or ")))
}

/// Splits services into those that the active profiles enable, and the others.
pub(super) fn split(
    services: IndexMap<String, Service>,
    active: &[String],
) -> (IndexMap<String, Service>, IndexMap<String, Service>) {
    let all = active.iter().any(|profile| profile == "*");
    services.into_iter().partition(|(_, service)| {
        let named = |profile: &super::Spanned<String>| active.contains(&profile.value);
        all || service.profiles.is_empty() || service.profiles.iter().any(named)
    })
}

/// The profiles that are active besides those of the options: those of services asked for by name.
pub(super) fn activated_by(names: &[String], services: &IndexMap<String, Service>, active: &[String]) -> Vec<String> {
    let mut profiles = active.to_vec();
    for service in names.iter().filter_map(|name| services.get(name)) {
        let enabled = service.profiles.is_empty()
            || active.iter().any(|profile| profile == "*")
            || service.profiles.iter().any(|profile| active.contains(&profile.value));
        if !enabled {
            profiles.extend(service.profiles.iter().map(|profile| profile.value.clone()));
        }
    }
    profiles
}

/// Keeps the services asked for and, with `dependencies`, what they depend on; the others become disabled.
pub(super) fn select(
    names: &[String],
    dependencies: bool,
    services: &mut IndexMap<String, Service>,
    disabled: &mut IndexMap<String, Service>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if names.is_empty() {
        return;
    }
    let mut wanted = HashSet::new();
    let mut next: Vec<String> = Vec::new();
    for name in names {
        if services.contains_key(name) {
            next.push(name.clone());
        } else {
            let near = nearest(name, services.keys().map(String::as_str));
            let mut diagnostic = Diagnostic::error(Span::NOWHERE, format!("there is no service `{name}`"));
            if let Some(near) = near {
                diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
            }
            diagnostics.push(diagnostic);
        }
    }
    while let Some(name) = next.pop() {
        if let Some(service) = services.get(&name)
            && wanted.insert(name)
            && dependencies
        {
            next.extend(service.depends_on.keys().cloned());
        }
    }
    let (kept, dropped): (IndexMap<_, _>, IndexMap<_, _>) = std::mem::take(services)
        .into_iter()
        .partition(|(name, _)| wanted.contains(name));
    *services = kept;
    // What was not asked for is not waited for either.
    for service in services.values_mut() {
        service.depends_on.retain(|name, _| wanted.contains(name));
    }
    disabled.extend(dropped);
}
