//! What a deployment would change.

use std::fmt::Write;

use serde_json::{Value, json};

use super::output;
use crate::backend::{Action, Change, Property};
use crate::diagnostic::Sources;
use crate::error::Result;

/// For people.
pub fn print(changes: &[Change], stack: &str, sources: &Sources) -> Result<()> {
    output::document(&text(changes, stack, sources), None)
}

/// For machines: one object.
pub fn print_json(changes: &[Change], stack: &str, sources: &Sources) -> Result<()> {
    let changes: Vec<Value> = changes.iter().map(|change| object(change, sources)).collect();
    let document = json!({"Stack": stack, "Changes": changes});
    output::document(&format!("{document:#}\n"), None)
}

fn text(changes: &[Change], stack: &str, sources: &Sources) -> String {
    if changes.is_empty() {
        return format!("Stack {stack}: no changes\n");
    }
    let mut text = format!("Stack {stack}: {}\n", summary(changes));
    for change in changes {
        let _ = write!(text, "  {} ", sign(change.action));
        if let Some(service) = &change.service {
            let _ = write!(text, "{service}: ");
        }
        let _ = write!(text, "{}  {}", change.logical_id, change.kind);
        if let Some((file, line, _)) = sources.place(change.span) {
            let _ = write!(text, "  {file}:{line}");
        }
        text.push('\n');
        let remark = change.loss().or_else(|| remark(change).map(str::to_owned));
        if let Some(remark) = remark {
            let mark = if change.loss().is_some() { "! " } else { "" };
            let _ = writeln!(text, "      {mark}{remark}");
        }
        if change.rolled_back && change.action != Action::Remove {
            text.push_str("      was rolled back with `ctx rollback`; `ctx up` deploys what the files say\n");
        }
        for property in &change.properties {
            let _ = writeln!(text, "      {}", line(property));
        }
    }
    text
}

fn summary(changes: &[Change]) -> String {
    let words = [
        (Action::Add, "to add"),
        (Action::Modify, "to change"),
        (Action::MayReplace, "to change or replace"),
        (Action::Replace, "to replace"),
        (Action::Remove, "to remove"),
    ];
    let count = |(action, words): (Action, &str)| {
        let count = changes.iter().filter(|change| change.action == action).count();
        (count > 0).then(|| format!("{count} {words}"))
    };
    let parts: Vec<_> = words.into_iter().filter_map(count).collect();
    parts.join(", ")
}

fn remark(change: &Change) -> Option<&'static str> {
    match change.action {
        Action::Replace => Some("is replaced"),
        Action::MayReplace => Some("may be replaced"),
        Action::Remove if change.kept => Some("is kept, outside the stack"),
        Action::Add | Action::Modify | Action::Remove => None,
    }
}

fn sign(action: Action) -> &'static str {
    match action {
        Action::Add => "+",
        Action::Modify => "~",
        Action::MayReplace | Action::Replace => "±",
        Action::Remove => "-",
    }
}

fn line(property: &Property) -> String {
    let Property {
        path,
        before,
        after,
        follows,
    } = property;
    match (before, after, follows) {
        (None, None, Some(follows)) => format!("{path}: follows {follows}"),
        (Some(before), None, Some(follows)) => format!("{path}: {} → follows {follows}", shown(Some(before))),
        (None, None, None) => format!("{path}: changes"),
        (before, after, _) => format!("{path}: {} → {}", shown(before.as_ref()), shown(after.as_ref())),
    }
}

/// A value on one line. What is long is told by its beginning; `--format json` has all of it.
fn shown(value: Option<&Value>) -> String {
    const LONGEST: usize = 80;
    let text = match value {
        None => return "(not set)".to_owned(),
        Some(Value::String(text)) => text.replace('\n', "⏎"),
        Some(value) => value.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

fn object(change: &Change, sources: &Sources) -> Value {
    let action = match change.action {
        Action::Add => "Add",
        Action::Modify | Action::MayReplace | Action::Replace => "Modify",
        Action::Remove => "Remove",
    };
    let replacement = match change.action {
        Action::Replace => "True",
        Action::MayReplace => "Conditional",
        Action::Add | Action::Modify | Action::Remove => "False",
    };
    let place = sources.place(change.span);
    let place = place.map(|(file, line, column)| json!({"File": file, "Line": line, "Column": column}));
    let properties = change.properties.iter().map(|property| {
        json!({
            "Path": property.path,
            "Before": property.before,
            "After": property.after,
            "Follows": property.follows,
        })
    });
    json!({
        "LogicalId": change.logical_id,
        "PhysicalId": change.physical_id,
        "Type": change.kind,
        "Stack": change.stack,
        "Action": action,
        "Replacement": replacement,
        "Kept": change.kept,
        "Loss": change.loss(),
        "Service": change.service,
        "RolledBack": change.rolled_back,
        "Place": place,
        "Properties": properties.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Holding;
    use crate::diagnostic::Span;

    #[test]
    fn changes_are_told_with_their_lines_and_what_would_be_lost() {
        let mut sources = Sources::default();
        let file = sources.add("compose.yaml", "services:\n  web:\n");
        let change = |logical_id: &str, kind: &str, action| Change {
            logical_id: logical_id.into(),
            physical_id: Some("fs-1".into()),
            kind: kind.into(),
            stack: None,
            action,
            kept: false,
            holds: None,
            service: None,
            span: Span::NOWHERE,
            properties: Vec::new(),
            rolled_back: false,
        };
        let property = |path: &str, before: Option<Value>, after: Option<Value>, follows: Option<&str>| Property {
            path: path.into(),
            before,
            after,
            follows: follows.map(str::to_owned),
        };
        let web = Change {
            service: Some("web".into()),
            span: Span::new(file, 12..15),
            properties: vec![
                property("DesiredCount", Some(json!(1)), Some(json!(2)), None),
                property("Command", None, Some(json!(["a\nb"])), None),
                property("TaskDefinition", None, None, Some("WebTaskDefinition")),
            ],
            ..change("WebService", "ECS::Service", Action::Modify)
        };
        let data = Change {
            holds: Some(Holding::Data),
            ..change("Data", "EFS::FileSystem", Action::Replace)
        };
        let kept = Change {
            kept: true,
            ..data.clone()
        };
        let kept = Change {
            action: Action::Remove,
            ..kept
        };
        let expected = "\
Stack shop: 1 to change, 1 to replace, 1 to remove
  ~ web: WebService  ECS::Service  compose.yaml:2
      DesiredCount: 1 → 2
      Command: (not set) → [\"a\\nb\"]
      TaskDefinition: follows WebTaskDefinition
  ± Data  EFS::FileSystem
      ! would be replaced by an empty one, and its data lost
  - Data  EFS::FileSystem
      is kept, outside the stack
";
        assert_eq!(text(&[web, data, kept], "shop", &sources), expected);
        assert_eq!(text(&[], "shop", &sources), "Stack shop: no changes\n");
        assert_eq!(shown(Some(&json!("x".repeat(200)))).chars().count(), 81);
    }
}
