//! YAML as Go's `yaml.v3` writes it, by which `diff` finds nothing between what Docker Compose prints and `ctx`.
//!
//! That is no library's style: keys are sorted so that `a9` precedes `a10`, text is quoted twice where an older reader
//! would take it for something else and once where YAML would, and text of several lines stands as a block.

use std::cmp::Ordering;
use std::fmt::Write;

use serde_json::Value as Json;

use super::{EXTENSIONS, take_mark};
use crate::compose::Value;
use crate::compose::units::float_text;
use crate::compose::yaml::resolve_plain;

/// A longer key is written on its own, after a question mark.
const LONGEST_KEY: usize = 128;

/// Sorts keys as people do, and puts extensions behind the attributes of what they extend.
pub(super) fn finish(value: &mut Json) {
    match value {
        Json::Object(map) => {
            if take_mark(map) {
                sort(map);
            } else if let Some(Json::Object(mut own)) = map.shift_remove(EXTENSIONS) {
                take_mark(&mut own);
                sort(&mut own);
                map.extend(own);
            }
            map.values_mut().for_each(finish);
        }
        Json::Array(list) => list.iter_mut().for_each(finish),
        _ => {}
    }
}

fn sort(map: &mut serde_json::Map<String, Json>) {
    let mut entries: Vec<_> = std::mem::take(map).into_iter().collect();
    entries.sort_by(|(a, _), (b, _)| natural(a, b));
    map.extend(entries);
}

/// The document as text.
pub(super) fn text(document: &Json) -> String {
    let mut text = String::new();
    node(document, 0, &mut text);
    text
}

/// Writes a value behind what introduces it (`key:`, `-`), down to the end of its last line.
fn node(value: &Json, indent: usize, text: &mut String) {
    match value {
        Json::Object(map) if map.is_empty() => text.push_str("{}\n"),
        Json::Array(list) if list.is_empty() => text.push_str("[]\n"),
        Json::Object(map) => {
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    pad(indent, text);
                }
                let long = key.len() > LONGEST_KEY || key.contains('\n');
                if long {
                    text.push_str("? ");
                    string(key, indent + 2, text);
                    text.push('\n');
                    pad(indent, text);
                } else {
                    string(key, indent, text);
                }
                text.push(':');
                under(value, indent, text);
            }
        }
        Json::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                if index > 0 {
                    pad(indent, text);
                }
                text.push_str("- ");
                node(value, indent + 2, text);
            }
        }
        scalar => {
            match scalar {
                Json::String(value) => string(value, indent, text),
                Json::Number(number) if number.is_f64() => {
                    text.push_str(&float_text(number.as_f64().unwrap_or_default()));
                }
                other => {
                    let _ = write!(text, "{other}");
                }
            }
            text.push('\n');
        }
    }
}

/// Writes the value of a key.
fn under(value: &Json, indent: usize, text: &mut String) {
    let block = match value {
        Json::Object(map) => !map.is_empty(),
        Json::Array(list) => !list.is_empty(),
        _ => false,
    };
    if block {
        text.push('\n');
        pad(indent + 2, text);
    } else {
        text.push(' ');
    }
    node(value, indent + 2, text);
}

fn pad(indent: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// Writes text without the end of its line. The lines of a block stand at `indent`.
fn string(value: &str, indent: usize, text: &mut String) {
    let traits = Traits::of(value);
    if value.contains('\n') && traits.may_be_block {
        block(value, indent, text);
    } else if value.contains('\n') || is_something_else(value) || !traits.may_be_single {
        double_quoted(value, text);
    } else if traits.may_be_plain {
        text.push_str(value);
    } else {
        let _ = write!(text, "'{}'", value.replace('\'', "''"));
    }
}

fn block(value: &str, indent: usize, text: &mut String) {
    text.push('|');
    if value.starts_with([' ', '\n']) {
        text.push('2');
    }
    match value.strip_suffix('\n') {
        None => text.push('-'),
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => text.push('+'),
        Some(_) => {}
    }
    for line in value.strip_suffix('\n').unwrap_or(value).split('\n') {
        text.push('\n');
        if !line.is_empty() {
            pad(indent, text);
            text.push_str(line);
        }
    }
}

fn double_quoted(value: &str, text: &mut String) {
    text.push('"');
    for character in value.chars() {
        let escape = match character {
            '\0' => '0',
            '\x07' => 'a',
            '\x08' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\x0b' => 'v',
            '\x0c' => 'f',
            '\r' => 'r',
            '\x1b' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            printable if is_printable(printable) => {
                text.push(printable);
                continue;
            }
            other => {
                let code = u32::from(other);
                let _ = match code {
                    0..=0xff => write!(text, "\\x{code:02X}"),
                    0x100..=0xffff => write!(text, "\\u{code:04X}"),
                    _ => write!(text, "\\U{code:08X}"),
                };
                continue;
            }
        };
        text.push('\\');
        text.push(escape);
    }
    text.push('"');
}

/// What text allows. Go looks at each of its characters, and so does this.
struct Traits {
    may_be_plain: bool,
    may_be_single: bool,
    may_be_block: bool,
}

impl Traits {
    fn of(value: &str) -> Self {
        let mut indicators = value.starts_with("---") || value.starts_with("...");
        let mut special = false;
        let mut tab = false;
        let mut space_break = false;
        let mut before = None;
        let mut characters = value.chars().peekable();
        while let Some(character) = characters.next() {
            let blank_follows = characters.peek().is_none_or(|next| is_blank(*next));
            indicators |= match (before, character) {
                (
                    None,
                    '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`',
                ) => true,
                (None, '?' | '-') | (_, ':') => blank_follows,
                (Some(before), '#') => is_blank(before) || is_break(before),
                _ => false,
            };
            tab |= character == '\t';
            special |= character != '\t' && !is_printable(character);
            space_break |= before == Some(' ') && is_break(character);
            before = Some(character);
        }
        let break_space = value.contains("\n ");
        let padded = value.starts_with([' ', '\n']) || value.ends_with([' ', '\n']);
        let broken = value.contains(is_break);
        let odd = break_space || space_break || tab || special;
        Self {
            may_be_plain: !(indicators || padded || broken || odd),
            may_be_single: !odd,
            may_be_block: !(value.ends_with(' ') || space_break || special),
        }
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Whether a reader, or one of YAML 1.1, takes plain text for something else than text.
fn is_something_else(text: &str) -> bool {
    const WORDS: [&str; 8] = ["y", "yes", "on", "n", "no", "off", "Y", "N"];
    let word = |text: &str| {
        let lower = text.to_ascii_lowercase();
        let title = |word: &str| text[..1] == word[..1].to_ascii_uppercase() && text[1..] == word[1..];
        WORDS.contains(&text)
            || WORDS
                .iter()
                .any(|word| *word == lower && word.len() > 1 && (text.to_ascii_uppercase() == text || title(word)))
    };
    let first = text.as_bytes().first().copied().unwrap_or_default();
    let numeric = first.is_ascii_digit() || matches!(first, b'+' | b'-');
    !matches!(resolve_plain(text), Value::String(_))
        || (text.len() < 4 && !text.is_empty() && word(text))
        || (numeric && (is_huge(text) || is_base_60(text) || is_time(text)))
}

/// An integer that the model does not hold, and Go does.
fn is_huge(text: &str) -> bool {
    text.replace('_', "").parse::<u64>().is_ok()
}

/// `12:30`, which YAML 1.1 counts as minutes and seconds.
fn is_base_60(text: &str) -> bool {
    let mut parts = text.strip_prefix(['+', '-']).unwrap_or(text).split(':');
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    if !parts.next().is_some_and(digits) {
        return false;
    }
    let parts: Vec<_> = parts.collect();
    let Some((last, others)) = parts.split_last() else {
        return false;
    };
    let sixty = |text: &str| text.parse::<u8>().is_ok_and(|part| part < 60) && !text.starts_with('+') && text.len() < 3;
    let (whole, fraction) = last.split_once('.').unwrap_or((last, ""));
    others.iter().all(|part| sixty(part)) && sixty(whole) && (fraction.is_empty() || digits(fraction))
}

/// A date, also with a time behind it.
fn is_time(text: &str) -> bool {
    let date_ends = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let (date, time) = text.split_at(date_ends);
    let mut parts = date.split('-').map(|part| (part.len(), part.parse::<u8>().ok()));
    let year = parts.next().is_some_and(|(length, _)| length == 4);
    let rest: Vec<_> = parts.collect();
    let [(1..=2, Some(1..=12)), (1..=2, Some(1..=31))] = rest[..] else {
        return false;
    };
    year && (time.is_empty()
        || (time.matches(':').count() >= 2 && !time[1..].contains(|c: char| c.is_ascii_lowercase())))
}

/// The order of keys: that of letters, but numbers by what they count, and letters behind all else.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(a, b)| a != b) else {
        return a.len().cmp(&b.len());
    };
    let digits = at > 0 && a[at - 1].is_numeric();
    match (a[at].is_alphabetic(), b[at].is_alphabetic()) {
        (true, true) => return a[at].cmp(&b[at]),
        (true, false) => return if digits { Ordering::Less } else { Ordering::Greater },
        (false, true) => return if digits { Ordering::Greater } else { Ordering::Less },
        (false, false) => {}
    }
    // Zeros at the start of a number count nothing, and those inside of one do.
    let inside = (a[at] == '0' || b[at] == '0')
        && a[..at]
            .iter()
            .rev()
            .take_while(|c| c.is_numeric())
            .any(|digit| *digit != '0');
    let number = |text: &[char]| {
        let digits = text[at..].iter().take_while(|c| c.is_numeric());
        digits.fold((u128::from(inside), 0_usize), |(number, count), digit| {
            let digit = digit.to_digit(10).unwrap_or_default();
            (number.saturating_mul(10).saturating_add(digit.into()), count + 1)
        })
    };
    number(&a).cmp(&number(&b)).then_with(|| a[at].cmp(&b[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_as_go_quotes_it() {
        for (value, expected) in [
            ("a b", "a b"),
            ("a: b", "'a: b'"),
            ("it's", "it's"),
            ("- a", "'- a'"),
            ("-a", "-a"),
            ("~", "\"~\""),
            ("no", "\"no\""),
            ("On", "\"On\""),
            ("oN", "oN"),
            ("12:30", "\"12:30\""),
            ("22:99", "22:99"),
            ("2001-01-01", "\"2001-01-01\""),
            ("1.2.3", "1.2.3"),
            ("12345678901234567890", "\"12345678901234567890\""),
            ("a\tb", "\"a\\tb\""),
            ("\u{1f600}", "\"\\U0001F600\""),
            ("a\nb", "|-\n  a\n  b"),
            ("a\n\nb\n", "|\n  a\n\n  b"),
            ("\n", "|2+\n"),
            (" \na", "\" \\na\""),
        ] {
            let mut text = String::new();
            string(value, 2, &mut text);
            assert_eq!(text, expected, "{value:?}");
        }
    }

    #[test]
    fn keys_are_sorted_as_go_sorts_them() {
        let mut keys = [
            "a9", "a10", "a_b", "A", "_z", "1", "ab", "a1b", "a.b", "B", "a-b", "a01", "a1", "a",
        ];
        keys.sort_by(|a, b| natural(a, b));
        let expected = [
            "_z", "1", "A", "B", "a", "a-b", "a.b", "a_b", "a1", "a1b", "a01", "a9", "a10", "ab",
        ];
        assert_eq!(keys, expected);
    }
}
