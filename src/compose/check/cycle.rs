//! Services that wait for each other, and images that are built from each other.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::compose::Service;
use crate::diagnostic::{Diagnostic, Span};

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    Done,
}

/// Reports each circle once.
pub(super) fn check(services: &IndexMap<String, Service>, diagnostics: &mut Vec<Diagnostic>) {
    let dependency = |service: &'_ Service, at: usize| {
        let (name, dependency) = service.depends_on.get_index(at)?;
        Some((name.clone(), dependency.span))
    };
    circles(
        services,
        dependency,
        "services depend on each other in a circle",
        diagnostics,
    );
    let origin = |service: &'_ Service, at: usize| {
        let contexts = service
            .build
            .iter()
            .flat_map(|build| build.additional_contexts.values());
        let mut others = contexts.filter_map(|context| Some((context.value.strip_prefix("service:")?, context.span)));
        others.nth(at).map(|(name, span)| (name.to_owned(), span))
    };
    circles(
        services,
        origin,
        "images are built from each other in a circle",
        diagnostics,
    );
}

/// `next` gives the services that a service leads to, by their number.
fn circles(
    services: &IndexMap<String, Service>,
    next: impl Fn(&Service, usize) -> Option<(String, Span)>,
    message: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut states: HashMap<String, State> = HashMap::new();
    for name in services.keys() {
        // A path of the walk: services, each with its next dependency to look at. No recursion: chains may be long.
        let mut path: Vec<(String, usize)> = vec![(name.clone(), 0)];
        if states.contains_key(name.as_str()) {
            continue;
        }
        states.insert(name.clone(), State::Open);
        while let Some((current, at)) = path.last_mut() {
            let led = services.get(current.as_str()).and_then(|service| next(service, *at));
            let Some((target, span)) = led else {
                states.insert(current.clone(), State::Done);
                path.pop();
                continue;
            };
            *at += 1;
            match states.get(&target) {
                Some(State::Done) => {}
                Some(State::Open) => {
                    let start = path.iter().position(|(name, _)| *name == target).unwrap_or_default();
                    let circle = path[start..].iter().map(|(name, _)| name).chain([&target]);
                    let circle: Vec<_> = circle.map(|name| format!("`{name}`")).collect();
                    diagnostics
                        .push(Diagnostic::error(span, message).hint(format!("the circle: {}", circle.join(" → "))));
                }
                None => {
                    states.insert(target.clone(), State::Open);
                    path.push((target, 0));
                }
            }
        }
    }
}
