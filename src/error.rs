//! Why a command could not do what it was asked.

use std::fmt;

use crate::diagnostic::{Diagnostic, Report, Sources};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A command's failure. `main` alone turns it into words and an exit status.
#[derive(Debug)]
pub enum Error {
    /// Something outside the user's files: the engine, AWS, the file system, an argument.
    Message(Box<Message>),
    /// Mistakes in the user's files, each with its place.
    Report(Box<Report>),
    /// Everything has been said already; leave with this status.
    Exit(u8),
}

#[derive(Debug)]
pub struct Message {
    /// What failed, in one sentence that begins in lower case and has no full stop.
    pub what: String,
    /// What lies beneath, outermost first.
    pub because: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The exit status.
    pub code: u8,
}

impl Error {
    /// The status of a command that the user interrupted.
    pub const INTERRUPTED: Self = Self::Exit(130);

    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self::Message(Box::new(Message {
            what: what.into(),
            because: Vec::new(),
            hint: None,
            code: 1,
        }))
    }

    /// Adds the error beneath and everything beneath that.
    #[must_use]
    pub fn because(mut self, cause: &dyn std::error::Error) -> Self {
        if let Self::Message(message) = &mut self {
            let mut next = Some(cause);
            while let Some(error) = next {
                let text = error.to_string();
                // Many crates repeat their source in their own message.
                if !message.because.last().is_some_and(|last| last.contains(&text)) {
                    message.because.push(text);
                }
                next = error.source();
            }
        }
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Message(message) = &mut self {
            message.hint = Some(hint.into());
        }
        self
    }

    /// Has the command end with another exit status than 1.
    #[must_use]
    pub fn exit_with(mut self, code: u8) -> Self {
        if let Self::Message(message) = &mut self {
            message.code = code;
        }
        self
    }

    /// Gives mistakes that were found without their files (by a backend) the files that they point into.
    #[must_use]
    pub fn with_sources(mut self, sources: &Sources) -> Self {
        if let Self::Report(report) = &mut self
            && report.sources.is_empty()
        {
            report.sources = sources.clone();
        }
        self
    }

    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Exit(code) => *code,
            Self::Message(message) => message.code,
            Self::Report(_) => 1,
        }
    }
}

impl From<Report> for Error {
    fn from(report: Report) -> Self {
        Self::Report(Box::new(report))
    }
}

/// What a backend found wrong with a project; the command adds the files ([`Error::with_sources`]).
impl From<Vec<Diagnostic>> for Error {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Report {
            sources: Sources::default(),
            diagnostics,
        }
        .into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => {
                f.write_str(&message.what)?;
                message.because.iter().try_for_each(|cause| write!(f, ": {cause}"))
            }
            Self::Report(report) => write!(f, "{} mistakes in the project's files", report.diagnostics.len()),
            Self::Exit(code) => write!(f, "exit status {code}"),
        }
    }
}

impl std::error::Error for Error {}
