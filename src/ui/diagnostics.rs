//! Diagnostics and errors, as rustc prints them.

use crate::diagnostic::Report;
use crate::error::Error;

/// Shows every diagnostic of a report.
pub fn show(report: &Report) {
    for diagnostic in &report.diagnostics {
        eprintln!("{:?}: {}", diagnostic.severity, diagnostic.message);
    }
}

/// Shows why a command failed.
pub fn show_error(error: &Error) {
    match error {
        Error::Report(report) => show(report),
        Error::Message(_) => eprintln!("error: {error}"),
        Error::Exit(_) => {}
    }
}
