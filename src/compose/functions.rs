//! The short forms of CloudFormation's functions: `!Ref Web` is `{Ref: Web}`. They mean something inside `x-aws-…`
//! only; everywhere else Compose takes tags for nothing.

use super::{Entry, Map, Node, Value};
use crate::diagnostic::{Diagnostic, nearest};

pub(super) const PREFIX: &str = "x-aws-";

const FUNCTIONS: &[&str] = &[
    "And",
    "Base64",
    "Cidr",
    "Equals",
    "FindInMap",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
];

/// Whether a value is a function in its long form.
pub(super) fn is_function(node: &Node) -> bool {
    let name = node
        .as_map()
        .filter(|map| map.len() == 1)
        .and_then(|map| map.keys().next());
    name.is_some_and(|name| name == "Ref" || name == "Condition" || name.starts_with("Fn::"))
}

/// The long form of a value that had this tag.
pub(super) fn long_form(tag: &str, mut node: Node, diagnostics: &mut Vec<Diagnostic>) -> Node {
    let name = match tag {
        "Ref" | "Condition" => tag.to_owned(),
        _ if FUNCTIONS.contains(&tag) => format!("Fn::{tag}"),
        _ => {
            let message = format!("CloudFormation has no function `!{tag}`");
            let known = FUNCTIONS.iter().copied().chain(["Ref", "Condition"]);
            let error = Diagnostic::error(node.span, message);
            diagnostics.push(match nearest(tag, known) {
                Some(near) => error.hint(format!("did you mean `!{near}`?")),
                None => error.hint("write the long form: `Fn::…`"),
            });
            return node;
        }
    };
    let span = node.span;
    if tag == "GetAtt"
        && let Value::String(text) = &node.value
        && let Some((id, attribute)) = text.split_once('.')
    {
        let part = |text: &str| Node::new(Value::String(text.to_owned()), span);
        node.value = Value::List(vec![part(id), part(attribute)]);
    }
    let mut map = Map::default();
    map.insert(name, Entry { key: span, node });
    Node::new(Value::Map(map), span)
}
