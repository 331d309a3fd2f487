//! What is wrong, where, and what to do instead.
//!
//! Loading and translating never stop at the first mistake: they collect [`Diagnostic`]s and go on, so that one run
//! shows all of them. Nothing here prints; `ui::diagnostics` renders a [`Report`] once, at the end.

use std::ops::Range;

/// A file that was read, by its place in [`Sources`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileId(u32);

/// A range of bytes in one source file: where a key or a value stands.
///
/// A value that nobody wrote (a default) has the span [`Span::NOWHERE`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Span {
    file: FileId,
    start: u32,
    end: u32,
}

impl Default for Span {
    fn default() -> Self {
        Self::NOWHERE
    }
}

impl Span {
    /// The place of what stands in no file.
    pub const NOWHERE: Self = Self {
        file: FileId(u32::MAX),
        start: 0,
        end: 0,
    };

    #[must_use]
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            file,
            start: offset(range.start),
            end: offset(range.end),
        }
    }

    /// Whether this is a place in a file at all.
    #[must_use]
    pub fn is_somewhere(self) -> bool {
        self != Self::NOWHERE
    }

    #[must_use]
    pub fn file(self) -> FileId {
        self.file
    }

    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// This span, or the other one when this one is nowhere.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.is_somewhere() { self } else { other }
    }
}

/// One file's name, as the user would write it, and its text.
#[derive(Clone, Debug)]
pub struct Source {
    pub name: String,
    pub text: String,
}

/// Every file that a [`Span`] may point into.
#[derive(Clone, Default, Debug)]
pub struct Sources(Vec<Source>);

impl Sources {
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.0.push(Source {
            name: name.into(),
            text: text.into(),
        });
        FileId(u32::try_from(self.0.len() - 1).expect("fewer than 2³² files"))
    }

    /// A file that was added, by its name and text.
    #[must_use]
    pub fn find(&self, name: &str, text: &str) -> Option<FileId> {
        let is_it = |source: &Source| source.name == name && source.text == text;
        let at = self.0.iter().position(is_it)?;
        u32::try_from(at).ok().map(FileId)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The file that a span points into; none for [`Span::NOWHERE`].
    #[must_use]
    pub fn get(&self, file: FileId) -> Option<&Source> {
        self.0.get(file.0 as usize)
    }

    /// `(file name, line, column)` of a span's first character, counted from 1 in characters.
    #[must_use]
    pub fn place(&self, span: Span) -> Option<(&str, usize, usize)> {
        let source = self.get(span.file)?;
        let before = &source.text[..source.text.floor_char_boundary(span.start as usize)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Some((
            &source.name,
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        ))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    Error,
    Warning,
}

/// A second place that helps to understand the first, or a remark without a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    pub message: String,
    pub span: Span,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    pub severity: Severity,
    /// What is wrong, in one sentence that begins in lower case and has no full stop.
    pub message: String,
    pub span: Span,
    pub notes: Vec<Note>,
    /// What to do instead.
    pub hint: Option<String>,
    /// How several of its kind are said in one.
    pub kind: Option<Box<Kind>>,
}

/// What diagnostics that differ by a name alone have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kind {
    /// The message about all of them, which a list of the names follows.
    pub message: &'static str,
    pub hint: &'static str,
    /// What this one is about.
    pub name: String,
}

impl Diagnostic {
    #[must_use]
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            span,
            notes: Vec::new(),
            hint: None,
            kind: None,
        }
    }

    #[must_use]
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(span, message)
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = Some(Box::new(kind));
        self
    }

    #[must_use]
    pub fn note(mut self, span: Span, message: impl Into<String>) -> Self {
        self.notes.push(Note {
            message: message.into(),
            span,
        });
        self
    }
}

/// Diagnostics together with the files that they point into.
#[derive(Clone, Default, Debug)]
pub struct Report {
    pub sources: Sources,
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Adds what a target says; `strict` makes an error of every warning.
    pub fn push_all(&mut self, diagnostics: Vec<Diagnostic>, strict: bool) {
        for mut diagnostic in diagnostics {
            if strict {
                diagnostic.severity = Severity::Error;
            }
            self.push(diagnostic);
        }
    }

    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// The candidate that a misspelt word most likely meant, for the hint of a [`Diagnostic`].
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    // Nobody misspells more; what is longer only costs time.
    let word: String = word.chars().take(64).collect();
    let limit = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = if plain(candidate) == plain(&word) {
                0
            } else {
                strsim::osa_distance(&word, candidate)
            };
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_finds_its_neighbour() {
        let known = ["image", "environment", "restart", "ports"];
        assert_eq!(nearest("enviroment", known), Some("environment"));
        assert_eq!(nearest("imgae", known), Some("image"));
        assert_eq!(nearest("port", known), Some("ports"));
        assert_eq!(nearest("quux", known), None);
    }
}
