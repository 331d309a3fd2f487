//! `${VARIABLE}` in values, and the casts of what variables wrote as text.
//!
//! Long because the parser of `${…}` and its six operators are one thing.

mod variables;

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use super::environment::Environment;
use super::schema::{Cast, Shape};
use super::{Node, Spanned, Value};
use crate::diagnostic::{Diagnostic, Kind, Span};

pub use variables::{Variable, variables};

/// What interpolation remembers over all files of a project.
#[derive(Default, Debug)]
pub(super) struct Uses {
    /// Which variables a value was made of.
    pub(super) variables: HashMap<Span, Vec<Used>>,
    /// Those that were warned about.
    unset: HashSet<String>,
}

/// Fills in the variables of every value below a node.
pub(super) fn interpolate(
    node: &mut Node,
    shape: Option<&'static Shape>,
    environment: &Environment,
    uses: &mut Uses,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut walk = Walk {
        environment,
        uses,
        diagnostics,
        path: String::new(),
    };
    walk.node(node, shape);
}

struct Walk<'a> {
    environment: &'a Environment,
    uses: &'a mut Uses,
    diagnostics: &'a mut Vec<Diagnostic>,
    path: String,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node, shape: Option<&'static Shape>) {
        if let Value::String(text) = &mut node.value {
            if text.contains('$') && !self.fill(text, node.span) {
                return;
            }
            // Schema alternatives are chosen by what the text has become.
            if let Some(cast) = shape.and_then(cast_of) {
                self.cast(node, cast);
            }
            return;
        }
        let shape = shape.map(|shape| shape.choose(node));
        let length = self.path.len();
        match &mut node.value {
            Value::List(list) => {
                let entries = shape.and_then(Shape::entries);
                for (index, entry) in list.iter_mut().enumerate() {
                    let _ = write!(self.path, "[{index}]");
                    self.node(entry, entries);
                    self.path.truncate(length);
                }
            }
            Value::Map(map) => {
                for (key, entry) in map {
                    if length > 0 {
                        self.path.push('.');
                    }
                    self.path.push_str(key);
                    self.node(&mut entry.node, shape.and_then(|shape| shape.under(key)));
                    self.path.truncate(length);
                }
            }
            _ => {}
        }
    }

    /// Whether the text could be filled in.
    fn fill(&mut self, text: &mut String, span: Span) -> bool {
        let mut names = Vec::new();
        match substitute(text, self.environment, &mut names) {
            Ok(filled) => {
                *text = filled;
                for name in &names {
                    if name.value.is_none() && name.warn && self.uses.unset.insert(name.name.clone()) {
                        self.diagnostics.push(
                            Diagnostic::warning(
                                span,
                                format!("the variable `{}` is not set; it is empty here", name.name),
                            )
                            .hint(format!("set it, or give a default: ${{{}:-…}}", name.name))
                            .kind(Kind {
                                message: "these variables are not set; they are empty here",
                                hint: "set them, or give defaults: ${NAME:-…}",
                                name: name.name.clone(),
                            }),
                        );
                    }
                }
                self.uses.variables.insert(span, names);
                true
            }
            Err(Failure::Format(part)) => {
                self.diagnostics.push(
                    Diagnostic::error(span, format!("`{part}` in `{}` is no legal variable", self.path))
                        .hint("write `${NAME}`, or `$$` for a dollar sign"),
                );
                false
            }
            Err(Failure::TooMuch) => {
                self.diagnostics.push(Diagnostic::error(
                    span,
                    format!("the variables of `{}` stand for too much", self.path),
                ));
                false
            }
            Err(Failure::Required { name, message }) => {
                let message = match message.as_str() {
                    "" => format!("the variable `{name}` must be set"),
                    message => format!("the variable `{name}` must be set: {message}"),
                };
                self.diagnostics.push(
                    Diagnostic::error(span, message).hint(format!("set `{name}` in the environment or in `.env`")),
                );
                false
            }
        }
    }

    fn cast(&mut self, node: &mut Node, cast: Cast) {
        let Some(text) = node.as_str() else { return };
        let value = match cast {
            Cast::Integer => text.parse().ok().map(Value::Int),
            Cast::Float => text.parse().ok().map(Value::Float),
            Cast::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                word @ ("y" | "yes" | "on" | "n" | "no" | "off") => {
                    let value = matches!(word, "y" | "yes" | "on");
                    self.diagnostics.push(
                        Diagnostic::warning(node.span, format!("`{text}` in `{}` is read as `{value}`", self.path))
                            .hint(format!("write `{value}`")),
                    );
                    Some(Value::Bool(value))
                }
                _ => None,
            },
        };
        if let Some(value) = value {
            node.value = value;
            return;
        }
        let wanted = match cast {
            Cast::Integer => "an integer",
            Cast::Float => "a number",
            Cast::Boolean => "`true` or `false`",
        };
        // The text may be a secret that a variable held; only what the file itself says is repeated.
        let given = match self.uses.variables.get(&node.span) {
            Some(_) if text.is_empty() => ", and is empty".to_owned(),
            Some(_) => String::new(),
            None => format!(", and is `{text}`"),
        };
        self.diagnostics.push(Diagnostic::error(
            node.span,
            format!("`{}` must be {wanted}{given}", self.path),
        ));
        // What stands here now can only lead to a second report about the same value.
        node.value = match cast {
            Cast::Integer | Cast::Float => Value::Int(1),
            Cast::Boolean => Value::Bool(false),
        };
    }
}

fn cast_of(shape: &Shape) -> Option<Cast> {
    match shape {
        Shape::Cast(cast, _) | Shape::Bounded(cast, ..) => Some(*cast),
        Shape::Either(shapes) => shapes.iter().find_map(cast_of),
        _ => None,
    }
}

/// A variable that a text names.
#[derive(Debug)]
pub(super) struct Used {
    pub(super) name: String,
    /// Its content, and where it was set: nowhere for a variable of the process.
    pub(super) value: Option<Spanned<String>>,
    /// Whether its absence is worth a warning: no operator says what to do then.
    warn: bool,
}

#[derive(Debug, PartialEq)]
pub(super) enum Failure {
    /// The part that is no legal variable.
    Format(String),
    Required {
        name: String,
        message: String,
    },
    /// Variables in variables without end.
    TooMuch,
}

/// How deep defaults may stand in defaults.
const DEEPEST: usize = 64;
/// How long a text may become: a few lines of variables made of variables can otherwise stand for gigabytes.
const LONGEST: usize = 4 << 20;

/// Fills in one text.
pub(super) fn substitute(text: &str, environment: &Environment, used: &mut Vec<Used>) -> Result<String, Failure> {
    substitute_at(text, environment, used, 0)
}

fn substitute_at(text: &str, environment: &Environment, used: &mut Vec<Used>, depth: usize) -> Result<String, Failure> {
    if depth > DEEPEST {
        return Err(Failure::TooMuch);
    }
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        filled.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            filled.push('$');
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('{') {
            let end = closing_brace(inner).ok_or_else(|| Failure::Format(format!("${rest}")))?;
            filled.push_str(&braced(&inner[..end], environment, used, depth)?);
            rest = &inner[end + 1..];
        } else {
            let name = name_at_start(rest);
            if name.is_empty() {
                filled.push('$');
            } else {
                used.push(Used {
                    name: name.to_owned(),
                    value: environment.variable(name).cloned(),
                    warn: true,
                });
                filled.push_str(environment.get(name).unwrap_or_default());
                rest = &rest[name.len()..];
            }
        }
    }
    filled.push_str(rest);
    if filled.len() > LONGEST {
        Err(Failure::TooMuch)
    } else {
        Ok(filled)
    }
}

/// What stands between `${` and `}`.
struct Reference<'a> {
    name: &'a str,
    /// `-`, `+` or `?`.
    operator: Option<char>,
    /// Whether an empty variable counts as unset.
    unless_empty: bool,
    /// What follows the operator.
    argument: &'a str,
}

impl<'a> Reference<'a> {
    fn read(inner: &'a str) -> Option<Self> {
        let name = name_at_start(inner);
        let operation = &inner[name.len()..];
        let (unless_empty, operation) = match operation.strip_prefix(':') {
            Some(operation) => (true, operation),
            None => (false, operation),
        };
        let operator = operation.chars().next();
        let legal = matches!(operator, Some('-' | '+' | '?')) || (operator.is_none() && !unless_empty);
        (!name.is_empty() && legal).then(|| Self {
            name,
            operator,
            unless_empty,
            argument: operation.get(1..).unwrap_or_default(),
        })
    }
}

fn braced(inner: &str, environment: &Environment, used: &mut Vec<Used>, depth: usize) -> Result<String, Failure> {
    // The reference's grammar ends at the line's end.
    let Some(reference) = Reference::read(inner).filter(|_| !inner.contains('\n')) else {
        return Err(Failure::Format(format!("${{{inner}}}")));
    };
    let Reference {
        name,
        operator,
        argument,
        ..
    } = reference;
    used.push(Used {
        name: name.to_owned(),
        value: environment.variable(name).cloned(),
        warn: operator.is_none(),
    });
    let value = environment.get(name);
    let present = value.filter(|value| !(reference.unless_empty && value.is_empty()));
    match (operator, present) {
        (Some('-'), None) | (Some('+'), Some(_)) => substitute_at(argument, environment, used, depth + 1),
        (None | Some('+'), None) => Ok(String::new()),
        (_, Some(value)) => Ok(value.to_owned()),
        (_, None) => Err(Failure::Required {
            name: name.to_owned(),
            message: substitute_at(argument, environment, used, depth + 1)?,
        }),
    }
}

/// Where the brace closes that was opened before the text.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 1;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}

fn name_at_start(text: &str) -> &str {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let length = text
        .bytes()
        .take_while(|byte| letter(*byte) || byte.is_ascii_digit())
        .count();
    match text.bytes().next() {
        Some(first) if letter(first) => &text[..length],
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, Failure> {
        let variables = [("SET", "v"), ("EMPTY", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        substitute(
            text,
            &Environment::of_process(&variables.into_iter().collect()),
            &mut Vec::new(),
        )
    }

    #[test]
    fn every_operator_with_every_state() {
        for (text, expected) in [
            ("$SET ${SET} $UNSET|", "v v |"),
            ("${UNSET-d} ${EMPTY-d} ${SET-d}", "d  v"),
            ("${UNSET:-d} ${EMPTY:-d} ${SET:-d}", "d d v"),
            ("${UNSET+r} ${EMPTY+r} ${SET+r}", " r r"),
            ("${UNSET:+r} ${EMPTY:+r} ${SET:+r}", "  r"),
            ("${EMPTY?m} ${SET?m} ${SET:?m}", " v v"),
            ("$$SET $1 $(x) $", "$SET $1 $(x) $"),
            ("${UNSET:-${EMPTY:-${SET}}}", "v"),
            ("${UNSET:-a{b}c}", "a{b}c"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        for text in ["${", "${}", "${1}", "${SET.x}", "${SET:=d}", "${SET:}", "a ${SET"] {
            assert!(matches!(filled(text), Err(Failure::Format(_))), "{text}");
        }
        assert!(matches!(filled("${UNSET?m}"), Err(Failure::Required { .. })));
        assert!(matches!(filled("${EMPTY:?m}"), Err(Failure::Required { .. })));
    }
}
