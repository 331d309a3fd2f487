//! `x-aws-cloudformation`: whatever else a template can say.

use crate::compose::Node;
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::{Origin, Value};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;

const SECTIONS: [&str; 4] = ["Parameters", "Conditions", "Resources", "Outputs"];

/// Merges the overlay into the finished template: mappings by key, everything else is replaced.
pub(in crate::ecs) fn apply(node: &Node, draft: &mut Draft) {
    let Some(map) = node.as_map() else { return };
    for (section, entry) in map {
        let Some(entries) = entry.node.as_map().filter(|_| SECTIONS.contains(&section.as_str())) else {
            if section != "AWSTemplateFormatVersion" && section != "Description" {
                let message = format!("`x-aws-cloudformation` cannot merge `{section}`");
                draft.say(Diagnostic::error(entry.key, message).hint(format!("it merges {}", SECTIONS.join(", "))));
            }
            continue;
        };
        for (id, entry) in entries {
            let document = &mut draft.template.document;
            let target = match section.as_str() {
                "Parameters" => &mut document.parameters,
                "Conditions" => &mut document.conditions,
                "Outputs" => &mut document.outputs,
                _ => &mut document.resources,
            };
            merge(target.entry(id.clone()).or_default(), extensions::value(&entry.node));
            let origin = Origin {
                span: entry.key,
                service: None,
            };
            draft.template.origins.entry(id.clone()).or_insert(origin);
        }
    }
}

fn merge(target: &mut Value, overlay: Value) {
    match overlay {
        // A mapping with one intrinsic function is a value, not something to merge into.
        Value::Map(entries) if !is_function(&entries) && !is_function(target.as_map()) => {
            for (key, value) in entries {
                merge(target.entry(key), value);
            }
        }
        other => *target = other,
    }
}

fn is_function(entries: &[(std::borrow::Cow<'static, str>, Value)]) -> bool {
    matches!(entries, [(name, _)] if name == "Ref" || name == "Condition" || name.starts_with("Fn::"))
}
