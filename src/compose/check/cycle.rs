//! Services that wait for each other.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::compose::Service;
use crate::diagnostic::Diagnostic;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    Done,
}

/// Reports each circle of dependencies once.
pub(super) fn check(services: &IndexMap<String, Service>, diagnostics: &mut Vec<Diagnostic>) {
    let mut states: HashMap<&str, State> = HashMap::new();
    for name in services.keys() {
        // A path of the walk: services, each with its next dependency to look at. No recursion: chains may be long.
        let mut path: Vec<(&str, usize)> = vec![(name, 0)];
        if states.contains_key(name.as_str()) {
            continue;
        }
        states.insert(name, State::Open);
        while let Some((current, next)) = path.last_mut() {
            let dependency = services
                .get(*current)
                .and_then(|service| service.depends_on.get_index(*next));
            let Some((target, dependency)) = dependency else {
                states.insert(*current, State::Done);
                path.pop();
                continue;
            };
            *next += 1;
            match states.get(target.as_str()) {
                Some(State::Done) => {}
                Some(State::Open) => {
                    let start = path.iter().position(|(name, _)| name == target).unwrap_or_default();
                    let circle = path[start..].iter().map(|(name, _)| *name).chain([target.as_str()]);
                    let circle: Vec<_> = circle.map(|name| format!("`{name}`")).collect();
                    diagnostics.push(
                        Diagnostic::error(dependency.span, "services depend on each other in a circle")
                            .hint(format!("the circle: {}", circle.join(" → "))),
                    );
                }
                None => {
                    states.insert(target, State::Open);
                    path.push((target, 0));
                }
            }
        }
    }
}
