//! JSON as Go writes it.

use std::io::{Result, Write};

use serde::Serialize;
use serde_json::Value as Json;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::{EXTENSIONS, take_mark};

/// Sorts keys by their bytes, and leaves out extensions of attributes.
pub(super) fn finish(value: &mut Json) {
    match value {
        Json::Object(map) => {
            if take_mark(map) {
                map.sort_keys();
            } else {
                map.shift_remove(EXTENSIONS);
            }
            map.values_mut().for_each(finish);
        }
        Json::Array(list) => list.iter_mut().for_each(finish),
        _ => {}
    }
}

pub(super) fn compact(value: &Json) -> String {
    written(value, CompactFormatter)
}

pub(super) fn pretty(value: &Json) -> String {
    written(value, PrettyFormatter::new()) + "\n"
}

fn written(value: &Json, form: impl Formatter) -> String {
    let mut bytes = Vec::new();
    // Writing values into memory does not fail, and JSON is UTF-8.
    let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, Go(form)));
    debug_assert!(written.is_ok());
    String::from_utf8(bytes).unwrap_or_default()
}

/// A number as Go's `encoding/json` writes it: without a fraction that is zero, and with an exponent only far out.
fn number(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    match text.split_once("e-") {
        Some(_) => text,
        None => text.replace('e', "e+"),
    }
}

/// Adds to a form of JSON the escapes of Go, which keep text harmless inside of HTML, and its numbers.
struct Go<F>(F);

impl<F: Formatter> Formatter for Go<F> {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> Result<()> {
        writer.write_all(number(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> Result<()> {
        let special = ['<', '>', '&', '\u{2028}', '\u{2029}'];
        let mut rest = fragment;
        while let Some(at) = rest.find(special) {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = tail.chars();
            let character = characters.next().unwrap_or_default();
            write!(writer, "\\u{:04x}", u32::from(character))?;
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.0.end_object_value(writer)
    }
}
