//! The short form of volumes: `[source:]target[:options]`.

use super::forms::{added, said};
use super::{Entry, Map, Node, Value};
use crate::diagnostic::Span;

/// Reads a short form as a long one that stands where the short one stands.
pub(super) fn parse(text: &str, span: Span) -> Result<Node, &'static str> {
    let string = |text: &str| said(Value::String(text.to_owned()), span);
    let mut map = Map::default();
    if text.is_empty() {
        return Err("a volume cannot be empty");
    }
    if text.len() <= 2 {
        map.insert("type".to_owned(), string("volume"));
        map.insert("target".to_owned(), string(text));
        return Ok(Node::new(Value::Map(map), span));
    }
    let parts = split(text);
    if parts.iter().any(|part| part.is_empty()) {
        return Err("there is nothing between two colons");
    }
    let (source, target, options) = match parts[..] {
        [target] => (None, target, ""),
        [source, target] => (Some(source), target, ""),
        [source, target, options] => (Some(source), target, options),
        _ => return Err("there are too many colons"),
    };
    let is_path = source.is_some_and(is_path);
    let kind = if is_path { "bind" } else { "volume" };
    map.insert("type".to_owned(), string(kind));
    if let Some(source) = source {
        map.insert("source".to_owned(), string(source));
    }
    map.insert("target".to_owned(), string(target));
    let mut own = Map::default();
    let mut other = Map::default();
    for option in options.split(',') {
        let (bind, name, value) = match option {
            "ro" => {
                map.insert("read_only".to_owned(), said(Value::Bool(true), span));
                continue;
            }
            "nocopy" => (false, "nocopy", said(Value::Bool(true), span)),
            "z" | "Z" => (true, "selinux", string(option)),
            "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave" => (true, "propagation", string(option)),
            // Docker Compose lets unknown options pass.
            _ => match option.strip_prefix("subpath=") {
                Some(path) => (false, "subpath", string(path)),
                None => continue,
            },
        };
        let kind = if bind == is_path { &mut own } else { &mut other };
        kind.insert(name.to_owned(), value);
    }
    if is_path {
        own.insert("create_host_path".to_owned(), added(Value::Bool(true)));
    }
    let entry = |map: Map| Entry {
        key: span,
        node: Node::new(Value::Map(map), span),
    };
    map.insert(kind.to_owned(), entry(own));
    if !other.is_empty() {
        map.insert(if is_path { "volume" } else { "bind" }.to_owned(), entry(other));
    }
    Ok(Node::new(Value::Map(map), span))
}

/// Splits at colons, but not after the letter of a Windows drive, nor inside of a variable that was left as it is.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(':') {
        let before = &text[start..at];
        if before.matches("${").count() > before.matches('}').count() {
            continue;
        }
        let part = &text[start..at];
        let drive = part.len() == 1 && part.starts_with(|letter: char| letter.is_ascii_alphabetic());
        if !drive {
            parts.push(part);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Whether a source is a path rather than the name of a volume.
pub(super) fn is_path(source: &str) -> bool {
    source.starts_with(['.', '/', '~']) || source.starts_with("\\\\") || is_windows_path(source)
}

fn is_windows_path(source: &str) -> bool {
    let bytes = source.as_bytes();
    bytes.len() > 1 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':'
}

/// What makes two entries of `volumes` the same: their target.
pub(super) fn key(node: &Node) -> Option<String> {
    if let Some(text) = node.as_str() {
        let mount = parse(text, Span::NOWHERE).ok()?;
        return key(&mount);
    }
    node.get("target")?.as_str().map(super::paths::clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(text: &str, name: &str) -> Option<String> {
        let node = parse(text, Span::NOWHERE).ok()?;
        node.get(name)?.as_str().map(str::to_owned)
    }

    #[test]
    fn kinds() {
        assert_eq!(field("data:/x", "type").as_deref(), Some("volume"));
        assert_eq!(field("./data:/x", "type").as_deref(), Some("bind"));
        assert_eq!(field("~/data:/x:ro", "source").as_deref(), Some("~/data"));
        assert_eq!(field("/x", "target").as_deref(), Some("/x"));
        assert_eq!(field("a:/b", "source"), None, "a drive letter");
        assert_eq!(field("C:\\data:/x", "source").as_deref(), Some("C:\\data"));
        assert_eq!(field("x", "target").as_deref(), Some("x"));
    }

    #[test]
    fn mistakes() {
        for text in ["", "data:", "::x", "name:/a:ro:b"] {
            assert!(parse(text, Span::NOWHERE).is_err(), "{text}");
        }
    }
}
