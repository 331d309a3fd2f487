//! From a file's text to [`Node`]s, by the rules by which Compose reads YAML.
//!
//! Those are YAML 1.2 with the octal numbers of 1.1 (`0440`), with `<<` merge keys, and with two tags of Compose's own:
//! `!reset` and `!override`, which take away what earlier files said about their place. Inside `x-aws-…` the tags of
//! CloudFormation count.
//!
//! Long because the rules of YAML that Compose follows are no library's.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::{Entry, Map, Node, Value, functions};
use crate::diagnostic::{Diagnostic, FileId, Span};

/// How many nodes aliases may add to a file: a few lines of YAML can otherwise stand for millions.
const MOST_ALIASED_NODES: usize = 100_000;
/// How deep a document may be once its aliases are filled in.
const DEEPEST: usize = 512;

/// One YAML document of a file.
#[derive(Debug)]
pub(super) struct Document {
    /// The file that it stands in, if it is one.
    pub(super) path: Option<PathBuf>,
    pub(super) root: Node,
    /// Where it repeats what stands at another place.
    pub(super) aliases: Vec<Alias>,
    /// Paths that `!reset` or `!override` takes away from what came before this document.
    pub(super) cuts: Vec<Vec<String>>,
}

/// The place of an alias, and the bytes of the file that it stands for.
#[derive(Debug)]
pub(super) struct Alias {
    pub(super) place: Span,
    pub(super) content: Range<usize>,
}

/// Reads the documents of a file; those that are empty are left out. After a mistake in the syntax nothing is read.
pub(super) fn parse(text: &str, file: FileId, diagnostics: &mut Vec<Diagnostic>) -> Vec<Document> {
    let mut reader = Reader {
        text,
        file,
        diagnostics,
        anchors: HashMap::new(),
        names: HashMap::new(),
        aliased: 0,
        aliases: Vec::new(),
        reached: 0,
        stack: Vec::new(),
        cuts: Vec::new(),
        root: None,
    };
    let mut documents = Vec::new();
    let options = granit_parser::options! { emit_unresolved_aliases: true, emit_anchor_events: true };
    let mut explicit = false;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, place) = match event {
            Ok((event, place)) => (event, place.byte_range().unwrap_or_default()),
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len());
                let span = reader.span(at..(at + 1).min(text.len()));
                let message = format!("this is no YAML: {}", error.info());
                let mut diagnostic = Diagnostic::error(span, message);
                if text.get(..at).is_some_and(|before| before.ends_with('$')) && text[at..].starts_with('{') {
                    diagnostic = diagnostic.hint("inside of `[…]` and `{…}`, put text with `${…}` in quotes");
                }
                let before = text.get(..at).and_then(|before| before.rsplit('\n').next());
                if error.info().starts_with("mapping values") && before.is_some_and(|line| line.contains(": ")) {
                    diagnostic = diagnostic.hint("put a value that contains `: ` in quotes");
                }
                reader.diagnostics.push(diagnostic);
                return Vec::new();
            }
        };
        if let Event::DocumentStart(marked, _) = event {
            explicit = marked;
        } else if matches!(event, Event::DocumentEnd) {
            let cuts = std::mem::take(&mut reader.cuts);
            // A file may be empty, but what begins with `---` must go on.
            if let Some(root) = reader.root.take().filter(|root| explicit || root.value != Value::Null) {
                let aliases = std::mem::take(&mut reader.aliases);
                documents.push(Document {
                    path: None,
                    root,
                    aliases,
                    cuts,
                });
            }
        } else if reader.event(event, place).is_none() {
            return Vec::new();
        }
    }
    documents
}

struct Reader<'a> {
    text: &'a str,
    file: FileId,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// Nothing for an anchor whose node is not complete yet.
    anchors: HashMap<usize, Option<Anchored>>,
    /// Compose lets a document name the anchors of those before it.
    names: HashMap<String, usize>,
    aliased: usize,
    aliases: Vec<Alias>,
    /// The end of what was read.
    reached: usize,
    stack: Vec<Frame>,
    cuts: Vec<Vec<String>>,
    root: Option<Node>,
}

#[derive(Clone)]
struct Anchored {
    node: Node,
    end: usize,
    size: usize,
    height: usize,
    plain: bool,
}

struct Frame {
    start: usize,
    anchor: usize,
    tag: Option<OwnTag>,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        map: Map,
        /// The key whose value comes next.
        key: Option<(Key, Span)>,
        merges: Vec<Node>,
    },
}

enum Key {
    Name(String),
    Merge,
    /// Reported already.
    Unusable,
}

/// The tags that mean something.
#[derive(Clone, PartialEq)]
enum OwnTag {
    Reset,
    Override,
    /// Perhaps a function of CloudFormation.
    Other(String),
}

impl Reader<'_> {
    /// Takes one event; nothing when the file is beyond reading.
    fn event(&mut self, event: Event<'_>, place: Range<usize>) -> Option<()> {
        self.reached = place.end;
        match event {
            Event::Scalar(mut text, style, anchor, tag) => {
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                // What the last line of a file lacks, its text lacks too.
                if block && !self.text.ends_with('\n') && place.end >= self.text.len() && text.ends_with('\n') {
                    text = Cow::Owned(text[..text.len() - 1].to_owned());
                }
                let value = self.resolve(text, style, tag.as_deref(), &place);
                let plain = style == ScalarStyle::Plain;
                let node = Node::new(value, self.span(place));
                self.complete(node, anchor, tag.as_deref().and_then(own_tag), plain);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.open(place.start, anchor, tag.as_deref(), Content::List(Vec::new()));
            }
            Event::MappingStart(_, anchor, tag) => {
                let content = Content::Map {
                    map: Map::default(),
                    key: None,
                    merges: Vec::new(),
                };
                self.open(place.start, anchor, tag.as_deref(), content);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(place.end),
            Event::Alias(anchor) => self.alias(anchor, place)?,
            Event::Anchor(anchor, name) => {
                self.names.insert(name.into_owned(), anchor);
            }
            Event::UnresolvedAlias(name) => {
                if let Some(anchor) = self.names.get(name.as_ref()) {
                    return self.alias(*anchor, place);
                }
                let message = format!("there is no anchor `&{name}` before this alias");
                self.diagnostics.push(Diagnostic::error(self.span(place), message));
                return None;
            }
            _ => {}
        }
        Some(())
    }

    /// The place of a value, cut at the end of its first line: a mapping of a hundred lines is shown by its first.
    fn span(&self, place: Range<usize>) -> Span {
        let text = self.text.get(place.clone()).unwrap_or_default();
        let line = text.split('\n').next().unwrap_or_default().trim_end();
        Span::new(self.file, place.start..place.start + line.len())
    }

    fn open(&mut self, start: usize, anchor: usize, tag: Option<&Tag>, content: Content) {
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        self.stack.push(Frame {
            start,
            anchor,
            tag: tag.and_then(own_tag),
            content,
        });
    }

    fn close(&mut self, end: usize) {
        let Some(frame) = self.stack.pop() else { return };
        let span = self.span(frame.start..end.max(frame.start));
        let value = match frame.content {
            Content::List(list) => Value::List(list),
            Content::Map { mut map, merges, .. } => {
                for merge in merges {
                    self.merge(&mut map, merge);
                }
                Value::Map(map)
            }
        };
        self.complete(Node::new(value, span), frame.anchor, frame.tag, false);
    }

    /// Adds what `<<` names, without what the mapping says itself.
    fn merge(&mut self, map: &mut Map, merge: Node) {
        match merge.value {
            Value::Map(other) => {
                for (key, entry) in other {
                    map.entry(key).or_insert(entry);
                }
            }
            Value::List(list) => {
                for node in list {
                    if matches!(node.value, Value::List(_)) {
                        self.not_mergeable(node.span);
                    } else {
                        self.merge(map, node);
                    }
                }
            }
            _ => self.not_mergeable(merge.span),
        }
    }

    fn not_mergeable(&mut self, span: Span) {
        self.diagnostics.push(
            Diagnostic::error(span, "`<<` takes a mapping or a list of mappings")
                .hint("name an anchor of a mapping: `<<: *defaults`"),
        );
    }

    fn alias(&mut self, anchor: usize, place: Range<usize>) -> Option<()> {
        let span = self.span(place);
        let Some(Some(anchored)) = self.anchors.get(&anchor).cloned() else {
            let message = "this alias stands inside of what it names";
            self.diagnostics.push(Diagnostic::error(span, message));
            return None;
        };
        self.aliased += anchored.size;
        if self.aliased > MOST_ALIASED_NODES || self.stack.len() + anchored.height > DEEPEST {
            let message = "the aliases of this file stand for too much";
            let hint = format!("they may add {MOST_ALIASED_NODES} values, {DEEPEST} deep");
            self.diagnostics.push(Diagnostic::error(span, message).hint(hint));
            return None;
        }
        self.aliases.push(Alias {
            place: span,
            content: anchored.node.span.range().start..anchored.end,
        });
        self.complete(anchored.node, 0, None, anchored.plain);
        Some(())
    }

    /// Puts a complete value where it belongs.
    fn complete(&mut self, mut node: Node, anchor: usize, mut tag: Option<OwnTag>, plain: bool) {
        if let Some(OwnTag::Other(name)) = &tag {
            if self.is_inside_extension() {
                node = functions::long_form(name, node, self.diagnostics);
            }
            tag = None;
        }
        if anchor > 0 {
            let (size, height) = measure(&node);
            let anchored = Anchored {
                node: node.clone(),
                end: self.reached,
                size,
                height,
                plain,
            };
            self.anchors.insert(anchor, Some(anchored));
        }
        let is_value = self.stack.last().is_none_or(|frame| match &frame.content {
            Content::List(_) => true,
            Content::Map { key, .. } => key.is_some(),
        });
        if let Some(tag) = tag.filter(|_| is_value) {
            if let Some(path) = self.path() {
                self.cuts.push(path);
            }
            if tag == OwnTag::Reset {
                if let Some(Frame {
                    content: Content::Map { key, .. },
                    ..
                }) = self.stack.last_mut()
                {
                    *key = None;
                }
                return;
            }
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        let (map, key, merges) = match &mut frame.content {
            Content::List(list) => return list.push(node),
            Content::Map { map, key, merges } => (map, key, merges),
        };
        let Some((name, key_span)) = key.take() else {
            *key = Some(read_key(self.text, node, plain, self.diagnostics));
            return;
        };
        // A missing value (`command:`) is shown by its key.
        if node.span.is_somewhere() && node.span.range().is_empty() {
            node.span = key_span;
        }
        match name {
            Key::Unusable => {}
            Key::Merge if merges.is_empty() => merges.push(node),
            Key::Merge => self.diagnostics.push(
                Diagnostic::error(key_span, "`<<` is written twice in this mapping")
                    .hint("write one, with a list: `<<: [*a, *b]`"),
            ),
            Key::Name(name) => {
                if let Some(first) = map.get(&name) {
                    let message = format!("`{name}` is written twice in this mapping");
                    self.diagnostics.push(
                        Diagnostic::error(key_span, message)
                            .note(first.key, "the first is here")
                            .hint("remove one of them"),
                    );
                } else {
                    map.insert(name, Entry { key: key_span, node });
                }
            }
        }
    }

    /// Whether the value that comes next stands below `x-aws-…`.
    fn is_inside_extension(&self) -> bool {
        let name = |frame: &Frame| match &frame.content {
            Content::Map {
                key: Some((Key::Name(name), _)),
                ..
            } => name.starts_with(functions::PREFIX),
            _ => false,
        };
        self.stack.iter().any(name)
    }

    /// The path of the value that comes next, when it leads through mappings only.
    fn path(&self) -> Option<Vec<String>> {
        let names = self.stack.iter().map(|frame| match &frame.content {
            Content::Map {
                key: Some((Key::Name(name), _)),
                ..
            } => Some(name.clone()),
            _ => None,
        });
        names.collect()
    }

    fn binary(&mut self, text: &str, place: &Range<usize>) -> Value {
        let decoded = base64(text).and_then(|bytes| String::from_utf8(bytes).ok());
        if decoded.is_none() {
            let span = self.span(place.clone());
            self.diagnostics
                .push(Diagnostic::error(span, "this is no text in base64"));
        }
        Value::String(decoded.unwrap_or_default())
    }

    /// A number without an end cannot be written down in the model.
    fn finite(&mut self, value: Value, place: &Range<usize>) -> Value {
        if matches!(value, Value::Float(number) if !number.is_finite()) {
            let span = self.span(place.clone());
            self.diagnostics
                .push(Diagnostic::error(span, "this number has no end").hint("put it in quotes if it is text"));
            return Value::Int(0);
        }
        value
    }

    fn resolve(&mut self, text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>, place: &Range<usize>) -> Value {
        let plain = style == ScalarStyle::Plain;
        let core = tag.and_then(Tag::core_suffix);
        if tag.is_some_and(is_binary) {
            return self.binary(&text, place);
        }
        match (tag, core) {
            (None, _) if plain => self.finite(resolve_plain(&text), place),
            (Some(tag), None) if matches!(own_tag(tag), Some(OwnTag::Reset | OwnTag::Override)) && plain => {
                resolve_plain(&text)
            }
            // Quotes, and tags that nobody knows, make text.
            (_, None | Some("str")) => Value::String(text.into_owned()),
            (_, Some(kind)) => {
                let value = resolve_plain(&text);
                let value = match (kind, value) {
                    #[allow(clippy::cast_precision_loss, reason = "that is what was asked for")]
                    ("float", Value::Int(number)) => Value::Float(number as f64),
                    (_, value) => value,
                };
                let fits = match &value {
                    Value::Int(_) => kind == "int",
                    Value::Float(_) => kind == "float",
                    Value::Bool(_) => kind == "bool",
                    Value::Null => kind == "null",
                    _ => false,
                };
                if !fits {
                    let message = format!("`{text}` cannot be read as `!!{kind}`");
                    let span = self.span(place.clone());
                    self.diagnostics.push(Diagnostic::error(span, message));
                }
                value
            }
        }
    }
}

fn is_binary(tag: &Tag) -> bool {
    (tag.handle(), tag.suffix()) == ("tag:yaml.org,2002:", "binary")
}

/// The bytes of base64 text, in which blanks mean nothing.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = 0_u32;
    let mut bits = 0;
    for byte in text.trim_end_matches(|c: char| c == '=' || c.is_whitespace()).bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b' ' | b'\n' | b'\r' | b'\t' => continue,
            _ => return None,
        };
        buffer = buffer << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits & 0xff) as u8);
        }
    }
    Some(bytes)
}

fn read_key(text: &str, node: Node, plain: bool, diagnostics: &mut Vec<Diagnostic>) -> (Key, Span) {
    let span = node.span;
    let kind = node.kind();
    let key = match node.value {
        Value::String(name) if plain && name == "<<" => Key::Merge,
        Value::String(name) => Key::Name(name),
        _ => {
            let written = text.get(span.range()).unwrap_or_default();
            diagnostics.push(
                Diagnostic::error(span, format!("a key must be a string, and `{written}` is {kind}"))
                    .hint(format!("put it in quotes: \"{written}\"")),
            );
            Key::Unusable
        }
    };
    (key, span)
}

fn own_tag(tag: &Tag) -> Option<OwnTag> {
    match (tag.handle(), tag.suffix()) {
        ("!", "reset") | ("", "!reset") => Some(OwnTag::Reset),
        ("!", "override") | ("", "!override") => Some(OwnTag::Override),
        ("!", name) if !name.is_empty() => Some(OwnTag::Other(name.to_owned())),
        ("", name) => name.strip_prefix('!').map(|name| OwnTag::Other(name.to_owned())),
        _ => None,
    }
}

/// How many nodes there are, and how many levels.
fn measure(node: &Node) -> (usize, usize) {
    let mut size = 1;
    let mut height = 0;
    let mut child = |node: &Node| {
        let (inner_size, inner_height) = measure(node);
        size += inner_size;
        height = height.max(inner_height);
    };
    match &node.value {
        Value::List(list) => list.iter().for_each(&mut child),
        Value::Map(map) => map.values().for_each(|entry| child(&entry.node)),
        _ => {}
    }
    (size, height + 1)
}

/// What a scalar without quotes and tags is.
pub(super) fn resolve_plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let numeric = text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.'));
    if !numeric {
        return Value::String(text.to_owned());
    }
    let digits = if text.contains('_') {
        Cow::Owned(text.replace('_', ""))
    } else {
        Cow::Borrowed(text)
    };
    match integer(&digits) {
        // The sign of a zero is a float's.
        Some(0) if text.starts_with('-') => return Value::Float(-0.0),
        Some(number) => {
            // What the model's integers cannot hold keeps its digits as text.
            return i64::try_from(number).map_or_else(|_| Value::String(digits.into_owned()), Value::Int);
        }
        None => {}
    }
    if is_float(&digits)
        && let Ok(number) = digits.parse()
    {
        return Value::Float(number);
    }
    Value::String(text.to_owned())
}

/// `12`, `-3`, `0x1F`, `0b11`, `0o10`, and octal `010`.
fn integer(text: &str) -> Option<i128> {
    let (negative, unsigned) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match unsigned.get(..2) {
        Some("0x" | "0X") => (16, &unsigned[2..]),
        Some("0b" | "0B") => (2, &unsigned[2..]),
        Some("0o" | "0O") => (8, &unsigned[2..]),
        Some(_) if unsigned.starts_with('0') => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    let number = i128::from(u64::from_str_radix(digits, radix).ok()?);
    Some(if negative { -number } else { number })
}

fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    mantissa_fits && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_what_compose_says() {
        for (text, value) in [
            ("010", Value::Int(8)),
            ("0o10", Value::Int(8)),
            ("0x1F", Value::Int(31)),
            ("0b11", Value::Int(3)),
            ("1_000", Value::Int(1000)),
            ("-5", Value::Int(-5)),
            ("1.10", Value::Float(1.1)),
            ("1e3", Value::Float(1000.0)),
            (".5", Value::Float(0.5)),
            ("True", Value::Bool(true)),
            ("~", Value::Null),
        ] {
            assert_eq!(resolve_plain(text), value, "{text}");
        }
        for text in [
            "yes",
            "on",
            "22:22",
            "1.2.3",
            "089",
            ".",
            "-",
            "1e",
            "2001-01-01",
            "0x",
            "+-1",
        ] {
            if text == "089" {
                assert_eq!(resolve_plain(text), Value::Float(89.0));
            } else {
                assert_eq!(resolve_plain(text), Value::String(text.to_owned()));
            }
        }
    }
}
