//! The grammar of `.env` and `env_file`: assignments with optional `export`, quotes, comments and variables.

use std::ops::Range;

use super::Spanned;
use super::environment::Environment;
use super::interpolate::{Failure, substitute};
use crate::diagnostic::{Diagnostic, FileId, Span};

/// `NAME=value`, or `NAME` alone, which takes its value from the environment.
#[derive(Debug)]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) value: Spanned<Option<String>>,
}

/// Reads a file of assignments. Values may name variables of the environment, those that the file has set before them,
/// and those of files that were read earlier.
pub(super) fn parse(
    text: &str,
    file: FileId,
    environment: &Environment,
    earlier: &Environment,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Assignment> {
    let mut seen = environment.over(earlier);
    let mut reader = Reader::new(text, file);
    let mut assignments = Vec::new();
    while reader.skip_to_statement() {
        let start = reader.at;
        match reader.assignment(&seen) {
            Ok(Some((name, value))) => {
                let span = reader.line_span(start);
                if let Some(value) = value.clone()
                    && environment.get(&name).is_none()
                {
                    seen.put(name.clone(), Spanned::new(value, span));
                }
                if let Some(behind) = reader.behind.take() {
                    let message = format!("what stands behind the closing quote of `{name}` is not part of its value");
                    diagnostics.push(
                        Diagnostic::warning(Span::new(file, behind), message)
                            .hint("put the whole value in quotes, or write ` #` before a remark"),
                    );
                }
                assignments.push(Assignment {
                    name,
                    value: Spanned::new(value, span),
                });
            }
            Ok(None) => {}
            Err((message, hint)) => {
                let span = reader.line_span(start);
                diagnostics.push(Diagnostic::error(span, message).hint(hint));
                reader.skip_line(start);
            }
        }
    }
    assignments
}

/// Reads a file in which every line is `NAME=value` and nothing has a meaning of its own.
pub(super) fn parse_raw(text: &str, file: FileId, diagnostics: &mut Vec<Diagnostic>) -> Vec<Assignment> {
    let mut at = text.len() - text.trim_start_matches('\u{feff}').len();
    let text = &text[at..];
    let mut assignments = Vec::new();
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let span = Span::new(file, at..at + content.len());
        at += line.len();
        let trimmed = content.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let (name, value) = match trimmed.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (trimmed, None),
        };
        if name.is_empty() || name.contains(char::is_whitespace) {
            let message = match name {
                "" => "a value without a name",
                _ => "the name of a variable cannot contain a space",
            };
            let hint = "a line of the format `raw` is `NAME=value` and nothing else, or begins with `#`";
            diagnostics.push(Diagnostic::error(span, message).hint(hint));
            continue;
        }
        assignments.push(Assignment {
            name: name.to_owned(),
            value: Spanned::new(value, span),
        });
    }
    assignments
}

/// A file with a `*` for every byte of its values: what diagnostics may show of it. Places in it are those of the file.
pub(super) fn masked(text: &str) -> String {
    let mut reader = Reader::new(text, Span::NOWHERE.file());
    let mut values = Vec::new();
    while reader.skip_to_statement() {
        let start = reader.at;
        let failed = reader.assignment(&Environment::default()).is_err();
        let value = reader.value_at.unwrap_or(start);
        if failed {
            // A quote that is never closed may hold the rest of the file.
            let unclosed = text[value..].starts_with(['"', '\'']);
            reader.skip_line(start);
            reader.at = if unclosed { text.len() } else { reader.at };
        }
        reader.at = reader.behind.take().map_or(reader.at, |behind| behind.end);
        values.push(value.min(reader.at)..reader.at);
    }
    let mut bytes = text.as_bytes().to_vec();
    for byte in values.into_iter().flat_map(|range| bytes_of(range, text)) {
        bytes[byte] = b'*';
    }
    // Whole characters have been replaced.
    String::from_utf8(bytes).unwrap_or_default()
}

fn bytes_of(range: Range<usize>, text: &str) -> impl Iterator<Item = usize> {
    range.filter(|at| text.as_bytes()[*at] != b'\n')
}

struct Reader<'a> {
    text: &'a str,
    file: FileId,
    at: usize,
    /// Where the value of the statement at hand begins.
    value_at: Option<usize>,
    /// What follows the closing quote of a value on its line.
    behind: Option<Range<usize>>,
}

type Mistake = (String, String);

impl<'a> Reader<'a> {
    fn new(text: &'a str, file: FileId) -> Self {
        Self {
            text,
            file,
            at: if text.starts_with('\u{feff}') { 3 } else { 0 },
            value_at: None,
            behind: None,
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Goes over blank lines and comments; false at the end.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !self.rest().starts_with('#') {
                return !self.rest().is_empty();
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn skip_line(&mut self, start: usize) {
        let from = self.at.max(start);
        self.at = self.text[from..]
            .find('\n')
            .map_or(self.text.len(), |end| from + end + 1);
    }

    fn line_span(&self, start: usize) -> Span {
        let line = self.text[start..].split('\n').next().unwrap_or_default().trim_end();
        Span::new(self.file, start..start + line.len())
    }

    fn assignment(&mut self, environment: &Environment) -> Result<Option<(String, Option<String>)>, Mistake> {
        if let Some(after) = self.rest().strip_prefix("export")
            && after.starts_with(|next: char| next.is_whitespace() && next != '\n')
        {
            self.at += "export".len() + after.len() - after.trim_start_matches([' ', '\t']).len();
        }
        self.value_at = None;
        let (name, assigned) = self.name()?;
        self.value_at = Some(self.at);
        if !assigned {
            return Ok((!name.is_empty()).then_some((name, None)));
        }
        let blanks = self.rest().len()
            - self
                .rest()
                .trim_start_matches(|c: char| c.is_whitespace() && c != '\n')
                .len();
        self.at += blanks;
        let value = match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote, environment)?,
            _ => self.unquoted(environment)?,
        };
        Ok(Some((name, Some(value))))
    }

    /// The name, and whether `=` or `:` follows it.
    fn name(&mut self) -> Result<(String, bool), Mistake> {
        let rest = self.rest();
        let mut end = rest.len();
        let mut assigned = false;
        for (at, character) in rest.char_indices() {
            match character {
                '=' | ':' => {
                    (end, assigned) = (at, true);
                    break;
                }
                '\n' => {
                    end = at;
                    break;
                }
                '_' | '.' | '-' | '[' | ']' => {}
                _ if character.is_alphanumeric() || character.is_whitespace() => {}
                _ => {
                    let message = format!("`{character}` cannot stand in the name of a variable");
                    return Err((message, "a line is `NAME=value`, or begins with `#`".to_owned()));
                }
            }
        }
        let name = rest[..end].trim_end().to_owned();
        self.at += end + usize::from(assigned);
        if name.contains(char::is_whitespace) {
            let message = "the name of a variable cannot contain a space".to_owned();
            return Err((message, "a line is `NAME=value`, or begins with `#`".to_owned()));
        }
        if name.is_empty() && assigned {
            let message = "a value without a name".to_owned();
            return Err((message, "a line is `NAME=value`".to_owned()));
        }
        Ok((name, assigned))
    }

    fn unquoted(&mut self, environment: &Environment) -> Result<String, Mistake> {
        let rest = self.rest();
        let line = rest.split('\n').next().unwrap_or_default();
        let value = line
            .split_once(" #")
            .map_or(line, |(value, _)| value)
            .trim_end()
            .to_owned();
        self.at += line.len();
        expand(&value, environment)
    }

    fn quoted(&mut self, quote: char, environment: &Environment) -> Result<String, Mistake> {
        let mut value = String::new();
        let mut escaped = false;
        for (at, character) in self.rest().char_indices().skip(1) {
            if character == quote && !escaped {
                self.at += at + 1;
                self.behind = self.behind_quote();
                let value = value.replace("\r\n", "\n");
                return if quote == '"' {
                    expand(&unescape(&value), environment)
                } else {
                    Ok(value)
                };
            }
            if !escaped && character == '\\' {
                escaped = true;
                continue;
            }
            if escaped && character != quote {
                value.push('\\');
            }
            escaped = false;
            value.push(character);
        }
        Err((
            format!("the {quote} that begins this value is never closed"),
            format!("add a {quote} at its end"),
        ))
    }

    /// The rest of a line, if it is more than a remark. It is read as a statement of its own.
    fn behind_quote(&self) -> Option<Range<usize>> {
        let line = self.rest().split('\n').next().unwrap_or_default();
        let rest = line.trim();
        let start = self.at + line.len() - line.trim_start().len();
        (!rest.is_empty() && !rest.starts_with('#')).then(|| start..start + rest.len())
    }
}

fn expand(value: &str, environment: &Environment) -> Result<String, Mistake> {
    substitute(value, environment, &mut Vec::new()).map_err(|failure| match failure {
        Failure::Format(part) => (
            format!("`{part}` is no legal variable"),
            "write `${NAME}`, `$$` for a dollar sign, or put the value in single quotes".to_owned(),
        ),
        Failure::TooMuch => (
            "the variables of this value stand for too much".to_owned(),
            "put the value in single quotes".to_owned(),
        ),
        Failure::Required { name, message } => (
            format!(
                "the variable `{name}` must be set{}{message}",
                if message.is_empty() { "" } else { ": " }
            ),
            format!("set `{name}` in the environment"),
        ),
    })
}

/// The escapes of double quotes: those of C, octal ones with a zero, and `\$`.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some('a') => plain.push('\x07'),
            Some('b') => plain.push('\x08'),
            Some('f') => plain.push('\x0c'),
            Some('v') => plain.push('\x0b'),
            Some('$') => plain.push_str("$$"),
            Some(same @ ('\\' | '"')) => plain.push(same),
            Some('0') => {
                let mut digits = String::new();
                while let Some(digit) = characters.peek().filter(|digit| digits.len() < 3 && digit.is_digit(8)) {
                    digits.push(*digit);
                    characters.next();
                }
                match u8::from_str_radix(&digits, 8) {
                    Ok(code) if digits.len() == 3 => plain.push(char::from(code)),
                    _ => {
                        plain.push_str("\\0");
                        plain.push_str(&digits);
                    }
                }
            }
            Some(other) => {
                plain.push('\\');
                plain.push(other);
            }
            None => plain.push('\\'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Sources;

    fn read(text: &str) -> Vec<(String, Option<String>)> {
        let mut diagnostics = Vec::new();
        let file = Sources::default().add(".env", text);
        let environment = Environment::of_process(&[("HOME".to_owned(), "/root".to_owned())].into_iter().collect());
        let assignments = parse(text, file, &environment, &Environment::default(), &mut diagnostics);
        assert_eq!(diagnostics, []);
        assignments.into_iter().map(|one| (one.name, one.value.value)).collect()
    }

    fn one(text: &str) -> String {
        read(text).remove(0).1.unwrap_or_default()
    }

    #[test]
    fn values() {
        assert_eq!(one("A=b"), "b");
        assert_eq!(one("export A=b"), "b");
        assert_eq!(one("A: b"), "b");
        assert_eq!(one("A = b # remark"), "b");
        assert_eq!(one("A=b#c"), "b#c");
        assert_eq!(one("A='$HOME \\n'"), "$HOME \\n");
        assert_eq!(one("A=\"$HOME\\n\\$x\""), "/root\n$x");
        assert_eq!(one("A=\"two\nlines\""), "two\nlines");
        assert_eq!(one("A=${HOME}/x"), "/root/x");
        assert_eq!(one("A="), "");
        assert_eq!(one("A=b\r\n"), "b");
    }

    #[test]
    fn later_lines_see_earlier_ones() {
        let read = read("# remark\n\nA=1\nB=${A}2\nHOME\nA=3\nB=$A\n");
        assert_eq!(read[1].1.as_deref(), Some("12"));
        assert_eq!(read[2], ("HOME".to_owned(), None));
        assert_eq!(read[4].1.as_deref(), Some("3"));
    }

    #[test]
    fn values_are_masked() {
        assert_eq!(
            masked("# c\nA=bc\nexport D='e\nf' # g\nH\n"),
            "# c\nA=**\nexport D=**\n** # g\nH\n"
        );
        assert_eq!(masked("A B=secret\nC=\"secret\nmore"), "**********\nC=*******\n****");
        assert_eq!(masked("A=é"), "A=**");
        assert_eq!(masked("A='b'c\nD=e\n"), "A=****\nD=*\n");
    }

    #[test]
    fn mistakes_have_a_place_and_do_not_hide_the_rest() {
        let mut diagnostics = Vec::new();
        let file = Sources::default().add(".env", "");
        let nothing = Environment::default();
        let assignments = parse("A B=1\nC=2\n!\nD='", file, &nothing, &nothing, &mut diagnostics);
        assert_eq!(assignments.len(), 1);
        assert_eq!(diagnostics.len(), 3);
        assert_eq!(parse_raw("A B=1\nC=2\n=3\n", file, &mut diagnostics).len(), 1);
        assert_eq!(diagnostics.len(), 5);
    }
}
