//! `x-aws-cloudformation`: whatever else a template can say.

use crate::compose::{Entry, Node};
use crate::diagnostic::{Diagnostic, nearest};
use crate::ecs::cloudformation::{Origin, Value, merge};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;

const SECTIONS: [&str; 7] = [
    "Parameters",
    "Conditions",
    "Resources",
    "Outputs",
    "Mappings",
    "Metadata",
    "Rules",
];

/// Merges the overlay into the finished template.
pub(in crate::ecs) fn apply(node: &Node, draft: &mut Draft) {
    let Some(map) = node.as_map() else { return };
    for (section, entry) in map {
        match (section.as_str(), &entry.node) {
            ("AWSTemplateFormatVersion", _) => {}
            ("Description", node) if node.as_str().is_some() => {
                let description = node.as_str().unwrap_or_default();
                description.clone_into(&mut draft.template.document.description);
            }
            ("Transform", _) => {
                let message = "`Transform` in `x-aws-cloudformation` does not work: it changes what `ctx` has checked";
                draft.say(Diagnostic::error(entry.key, message).hint("write what it would have become"));
            }
            (name, _) if !SECTIONS.contains(&name) => {
                let message = format!("a template has no section `{section}`");
                let error = Diagnostic::error(entry.key, message);
                draft.say(match nearest(section, SECTIONS) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint(format!("it has {}", SECTIONS.join(", "))),
                });
            }
            (_, node) => {
                if let Some(entries) = node.as_map() {
                    for (id, entry) in entries {
                        apply_entry(section, id, entry, draft);
                    }
                } else {
                    let message = format!("`{section}` in `x-aws-cloudformation` must be a mapping");
                    draft.say(Diagnostic::error(node.span.or(entry.key), message));
                }
            }
        }
    }
}

/// Merges one resource, parameter…
fn apply_entry(section: &str, id: &str, entry: &Entry, draft: &mut Draft) {
    let document = &mut draft.template.document;
    // What a new one cannot do without.
    let (target, what, needs) = match section {
        "Parameters" => (&mut document.parameters, "parameter", Some("Type")),
        "Conditions" => (&mut document.conditions, "condition", None),
        "Outputs" => (&mut document.outputs, "output", Some("Value")),
        "Mappings" => (&mut document.mappings, "mapping", None),
        "Metadata" => (&mut document.metadata, "entry", None),
        "Rules" => (&mut document.rules, "rule", Some("Assertions")),
        _ => (&mut document.resources, "resource", Some("Type")),
    };
    let over = extensions::value(&entry.node);
    let is_new = !target.contains_key(id);
    if is_new && needs.is_some_and(|key| over.get(key).is_none()) {
        let error = Diagnostic::error(entry.key, format!("the template has no {what} `{id}`"));
        let near = nearest(id, target.keys().map(String::as_str));
        let error = match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!(
                "`ctx convert` shows which it has; a new one needs a `{}`",
                needs.unwrap_or_default()
            )),
        };
        return draft.say(error);
    }
    if over == Value::Null {
        target.shift_remove(id);
        return;
    }
    merge::merge(target.entry(id.to_owned()).or_default(), over, "");
    if section == "Resources" && is_new {
        let origin = Origin {
            span: entry.key,
            service: None,
        };
        draft.template.origins.insert(id.to_owned(), origin);
    }
}
