//! Documents on standard output or in a file, and remarks on standard error.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes a document to standard output, or to a file, which is replaced as a whole.
pub fn document(text: &str, file: Option<&Path>) -> Result<()> {
    let Some(path) = file else {
        return match std::io::stdout().lock().write_all(text.as_bytes()) {
            // A reader that has seen enough (`ctx convert | head`) is no failure.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(|error| Error::new("cannot write to standard output").because(&error)),
        };
    };
    let failed = |error: std::io::Error| Error::new(format!("cannot write {}", path.display())).because(&error);
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Says what a command has done.
pub fn say(message: &str) {
    remark(&format!("{message}\n"));
}

/// Writes to standard error, without colours where they are not wanted. Nobody reading it is no failure.
pub(super) fn remark(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Each of some things on a line of its own.
pub(super) fn lines<T: ToString>(things: impl IntoIterator<Item = T>) -> String {
    things
        .into_iter()
        .fold(String::new(), |text, thing| text + &thing.to_string() + "\n")
}

/// How many columns and rows standard error has.
pub(super) fn size() -> (usize, usize) {
    let size = terminal_size::terminal_size_of(std::io::stderr());
    size.map_or(NO_TERMINAL, |(width, height)| {
        (usize::from(width.0), usize::from(height.0))
    })
}

/// A log has no edge; a diagnostic in it should not be cut.
const NO_TERMINAL: (usize, usize) = (140, 24);
