//! Diagnostics and errors: as rustc prints them, or as JSON for other programs.

use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::output;
use crate::diagnostic::{Diagnostic, Note, Report, Severity, Source, Sources, Span};
use crate::error::{Error, Message};

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum, Debug)]
pub enum Format {
    /// For people: with the source line below
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

/// Shows every diagnostic of a report.
pub fn show(report: &Report, format: Format) {
    output::remark(&render(report, format));
}

/// Shows why a command failed.
pub fn show_error(error: &Error, format: Format) {
    match (error, format) {
        (Error::Report(report), _) => show(report, format),
        (Error::Message(message), Format::Text) => output::remark(&message_text(Severity::Error, message)),
        (Error::Message(message), Format::Json) => {
            let what = std::iter::once(&message.what).chain(&message.because);
            let diagnostic = Diagnostic {
                message: what.cloned().collect::<Vec<_>>().join(": "),
                hint: message.hint.clone(),
                ..Diagnostic::error(Span::NOWHERE, "")
            };
            output::say(&json(&Sources::default(), &diagnostic).to_string());
        }
        (Error::Exit(_), _) => {}
    }
}

/// Shows a warning that is about no file.
pub fn warn(what: &str, hint: &str, format: Format) {
    let diagnostic = Diagnostic::warning(Span::NOWHERE, what).hint(hint);
    match format {
        Format::Text => {
            let message = Message {
                what: what.to_owned(),
                because: Vec::new(),
                hint: Some(hint.to_owned()),
                code: 1,
            };
            output::remark(&message_text(Severity::Warning, &message));
        }
        Format::Json => output::say(&json(&Sources::default(), &diagnostic).to_string()),
    }
}

/// All diagnostics in the order of the files, each once, with the codes of colours in it.
#[must_use]
pub fn render(report: &Report, format: Format) -> String {
    let mut diagnostics: Vec<_> = report.diagnostics.iter().collect();
    diagnostics.sort_by_key(|diagnostic| diagnostic.span);
    let mut seen: Vec<&Diagnostic> = Vec::new();
    for diagnostic in diagnostics {
        // Equal ones have equal spans, so that they stand close together.
        let same_place = seen.iter().rev().take_while(|other| other.span == diagnostic.span);
        if !same_place.into_iter().any(|other| *other == diagnostic) {
            seen.push(diagnostic);
        }
    }
    match format {
        Format::Json => {
            let mut lines = output::lines(seen.iter().take(MOST_JSON).map(|one| json(&report.sources, one)));
            if seen.len() > MOST_JSON {
                let more = Diagnostic::error(Span::NOWHERE, format!("and {} more", seen.len() - MOST_JSON));
                lines.push_str(&output::lines([json(&report.sources, &more)]));
            }
            lines
        }
        Format::Text => {
            // The renderer puts its ellipses beyond the width that it is given.
            let width = output::size().0.saturating_sub(ELLIPSES);
            let renderer = Renderer::styled().term_width(width);
            let mut text = String::new();
            let groups = grouped(&seen);
            for group in groups.iter().take(MOST_TEXT) {
                if group.len() < FEWEST_TOGETHER {
                    for diagnostic in group {
                        text.push_str(&rendered(&renderer, &report.sources, diagnostic));
                        text.push_str("\n\n");
                    }
                } else {
                    let one = together(&report.sources, group, width);
                    text.push_str(&rendered(&renderer, &report.sources, &one));
                    text.push_str("\n\n");
                }
            }
            if groups.len() > MOST_TEXT {
                text.push_str(&format!("The first {MOST_TEXT} are shown, of "));
            }
            if seen.len() > 1 {
                text.push_str(&summary(&seen));
            }
            text
        }
    }
}

const ELLIPSES: usize = 6;

/// From how many on diagnostics that say the same stand in one: two are read faster where they are.
const FEWEST_TOGETHER: usize = 3;
/// How many are drawn: who has more corrects these first.
const MOST_TEXT: usize = 100;
/// How many are written for other programs.
const MOST_JSON: usize = 1000;
/// How many places one diagnostic lists.
const MOST_PLACES: usize = 100;

/// Diagnostics that say the same, in the order of the first of each.
fn grouped<'a>(diagnostics: &[&'a Diagnostic]) -> Vec<Vec<&'a Diagnostic>> {
    let mut groups: IndexMap<_, Vec<&Diagnostic>> = IndexMap::new();
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        let is_error = diagnostic.severity == Severity::Error;
        let says = match &diagnostic.kind {
            Some(kind) => (is_error, kind.message, Some(kind.hint), 0),
            // Notes belong to one place.
            None if diagnostic.notes.is_empty() => (is_error, &*diagnostic.message, diagnostic.hint.as_deref(), 0),
            None => (is_error, &*diagnostic.message, None, index + 1),
        };
        groups.entry(says).or_default().push(diagnostic);
    }
    // What is said fewer times stays where it is.
    let mut scattered: Vec<Vec<&Diagnostic>> = Vec::new();
    for group in groups.into_values() {
        if group.len() < FEWEST_TOGETHER {
            scattered.extend(group.into_iter().map(|one| vec![one]));
        } else {
            scattered.push(group);
        }
    }
    scattered.sort_by_key(|group| group[0].span);
    scattered
}

/// One diagnostic that stands for several: names with their places, or the first in full and the others' places.
fn together(sources: &Sources, group: &[&Diagnostic], width: usize) -> Diagnostic {
    let first = group[0];
    let mut file_before = first
        .kind
        .is_none()
        .then(|| sources.place(first.span))
        .flatten()
        .map(|(file, ..)| file);
    // A list of places in one file names it once.
    let mut place = |one: &Diagnostic| {
        let (file, line, column) = sources.place(one.span)?;
        let known = file_before.replace(file) == Some(file);
        let file = if known { String::new() } else { format!("{file}:") };
        Some(format!("{file}{line}:{column}"))
    };
    let mut one = Diagnostic {
        kind: None,
        ..first.clone()
    };
    let mut list: Vec<String> = if let Some(kind) = &first.kind {
        kind.message.clone_into(&mut one.message);
        one.hint = Some(kind.hint.to_owned());
        one.span = Span::NOWHERE;
        let mut named = |one: &&Diagnostic| {
            let name = one.kind.as_ref().map_or("", |kind| &kind.name);
            place(one).map_or(format!("`{name}`"), |place| format!("`{name}` ({place})"))
        };
        group.iter().map(&mut named).collect()
    } else {
        group[1..].iter().filter_map(|one| place(one)).collect()
    };
    if list.len() > MOST_PLACES {
        let more = list.len() - MOST_PLACES;
        list.truncate(MOST_PLACES);
        list.push(format!("and {more} more"));
    }
    if first.kind.is_none() && !list.is_empty() {
        list[0].insert_str(0, "also at ");
    }
    if !list.is_empty() {
        one = one.note(Span::NOWHERE, wrapped(&list, width.saturating_sub(NOTE)));
    }
    one
}

/// What stands before the text of a note.
const NOTE: usize = "  = note: ".len();

/// A list with commas, in lines of at most so many columns.
fn wrapped(list: &[String], width: usize) -> String {
    let mut text = String::new();
    let mut column = 0;
    for (index, item) in list.iter().enumerate() {
        let length = item.chars().count();
        if index > 0 {
            let fits = column + length + 3 <= width;
            text.push_str(if fits { ", " } else { ",\n" });
            column = if fits { column + 2 } else { 0 };
        }
        text.push_str(item);
        column += length;
    }
    text
}

/// `3 errors, 1 warning`
fn summary(diagnostics: &[&Diagnostic]) -> String {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count();
    let counted = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        _ => Some(format!("{count} {what}s")),
    };
    let counts = [counted(errors, "error"), counted(diagnostics.len() - errors, "warning")];
    format!("{}\n", counts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn rendered(renderer: &Renderer, sources: &Sources, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut elements: Vec<Element> = Vec::new();
    let (near, far): (Vec<_>, Vec<_>) = diagnostic
        .notes
        .iter()
        .partition(|note| note.span.is_somewhere() && note.span.file() == diagnostic.span.file());
    if let Some(source) = sources.get(diagnostic.span.file()) {
        elements.push(snippet(source, Some(diagnostic.span), &near).into());
    }
    for note in far {
        match sources.get(note.span.file()) {
            Some(source) => elements.push(snippet(source, None, &[note]).into()),
            None => elements.push(Level::NOTE.message(&note.message).into()),
        }
    }
    if let Some(hint) = &diagnostic.hint {
        elements.push(Level::HELP.message(hint).into());
    }
    let title = level.primary_title(&diagnostic.message);
    let group = if elements.is_empty() {
        Group::with_title(title)
    } else {
        title.elements(elements)
    };
    renderer.render(&[group])
}

/// The lines of one file that spans stand in, with marks below them.
///
/// Only those lines go to the renderer: it counts lines from the start of what it gets, for every diagnostic anew.
fn snippet<'a>(source: &'a Source, primary: Option<Span>, notes: &[&'a Note]) -> Snippet<'a, Annotation<'a>> {
    let primary = primary.map(|span| (first_line(&source.text, span.range()), AnnotationKind::Primary, None));
    let notes = notes.iter().map(|note| {
        let range = first_line(&source.text, note.span.range());
        (range, AnnotationKind::Context, Some(note.message.as_str()))
    });
    let marks: Vec<_> = primary.into_iter().chain(notes).collect();
    let start = marks.iter().map(|(range, ..)| range.start).min().unwrap_or(0);
    let end = marks.iter().map(|(range, ..)| range.end).max().unwrap_or(0);
    let start = source.text[..start].rfind('\n').map_or(0, |at| at + 1);
    let end = source.text[end..].find('\n').map_or(source.text.len(), |at| end + at);
    let annotations = marks
        .into_iter()
        .map(|(range, kind, label)| kind.span(range.start - start..range.end - start).label(label));
    Snippet::source(&source.text[start..end])
        .line_start(source.text[..start].matches('\n').count() + 1)
        .path(&source.name)
        .annotations(annotations)
}

/// The part of a range that stands on its first line: a mapping may have hundreds of lines, and its first says enough.
fn first_line(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(range.start);
    let end = text.floor_char_boundary(range.end).max(start);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let end = end.min(line_end);
    // A carriage return would be marked as if it were text.
    start..start + text[start..end].trim_end_matches('\r').len()
}

fn json(sources: &Sources, diagnostic: &Diagnostic) -> Value {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut object = json!({"severity": severity});
    set_place(&mut object, sources, &diagnostic.message, diagnostic.span);
    object["hint"] = json!(diagnostic.hint);
    object["notes"] = diagnostic
        .notes
        .iter()
        .map(|note| {
            let mut object = json!({});
            set_place(&mut object, sources, &note.message, note.span);
            object
        })
        .collect();
    object
}

fn set_place(object: &mut Value, sources: &Sources, message: &str, span: Span) {
    let end = span.range().end;
    let start = sources.place(span);
    let end = start.and_then(|_| sources.place(Span::new(span.file(), end..end)));
    object["message"] = json!(message);
    object["file"] = json!(start.map(|(file, ..)| file));
    object["line"] = json!(start.map(|(_, line, _)| line));
    object["column"] = json!(start.map(|(.., column)| column));
    object["end_line"] = json!(end.map(|(_, line, _)| line));
    object["end_column"] = json!(end.map(|(.., column)| column));
}

fn message_text(severity: Severity, message: &Message) -> String {
    let (word, color) = match severity {
        Severity::Error => ("error", AnsiColor::BrightRed),
        Severity::Warning => ("warning", AnsiColor::Yellow),
    };
    let style = color.on_default().bold();
    let bold = Style::new().bold();
    let what = format!("{style}{word}{style:#}{bold}: {}{bold:#}", printable(&message.what));
    let causes = message
        .because
        .iter()
        .map(|cause| format!("  because: {}", printable(cause)));
    let hint = message.hint.as_ref().map(|hint| {
        let style = AnsiColor::BrightCyan.on_default().bold();
        format!("{style}hint{style:#}: {}", printable(hint))
    });
    output::lines(std::iter::once(what).chain(causes).chain(hint))
}

/// What others wrote (an engine, AWS, a file) must not steer the terminal.
fn printable(text: &str) -> String {
    let lines = text.trim_end().replace('\n', "\n    ");
    lines.replace(
        |character: char| character.is_control() && character != '\n' && character != '\t',
        "\u{fffd}",
    )
}
