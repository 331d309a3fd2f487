//! Documents on standard output or in a file, and remarks on standard error.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::str::FromStr;

use clap::ValueEnum;

use crate::error::{Error, Result};

/// When colours are written, and the cursor is moved.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Colors {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

impl Colors {
    /// For everything that is written from now on.
    pub fn set(self) {
        let choice = match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

impl FromStr for Colors {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as ValueEnum>::from_str(text, true).map_err(|_| "use auto, always or never".to_owned())
    }
}

/// Writes a document to standard output, or to a file, which is replaced as a whole.
pub fn document(text: &str, file: Option<&Path>) -> Result<()> {
    if let Some(path) = file {
        return replace(path, text)
            .map_err(|error| Error::new(format!("cannot write {}", path.display())).because(&error));
    }
    match write(text) {
        // A reader that has seen enough (`ctx convert | head`) is no failure.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| unwritten(&error)),
    }
}

/// Writes the next part of what goes on and on (`ctx events`, `ctx stats`). A reader that has gone ends the command, without
/// a failure: there is nobody left to go on for.
pub fn next(text: &str) -> Result<()> {
    match write(text) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Error::Exit(0)),
        result => result.map_err(|error| unwritten(&error)),
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn unwritten(error: &io::Error) -> Error {
    Error::new("cannot write to standard output").because(error)
}

/// Writes bytes to standard output as they are.
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    io::stdout().lock().write_all(bytes)
}

/// Whether a path names a folder: one that is there, or with a slash at its end.
#[must_use]
pub fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// Writes documents, each with its name, into a folder, which is made if it is not there.
pub fn documents(documents: &[(&str, String)], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .map_err(|error| Error::new(format!("cannot make the folder {}", folder.display())).because(&error))?;
    documents
        .iter()
        .try_for_each(|(name, text)| document(text, Some(&folder.join(name))))
}

/// A file keeps its permissions, a link stays one; a pipe or a device is written to and not replaced.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let permissions = match fs::metadata(&path) {
        Ok(existing) if !existing.is_file() => return fs::write(&path, text),
        Ok(existing) => Some(existing.permissions()),
        Err(_) => None,
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let message = format!("there is no folder {}", folder.display());
        return Err(io::Error::new(ErrorKind::NotFound, message));
    }
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.write_all(text.as_bytes())?;
    file.persist(&path)?;
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

/// Writes to the terminal with everything that steers it: even without colours the cursor has to move.
pub(super) fn draw(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_replaces_a_file_but_not_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("template.yaml");
        document("new", Some(&path)).unwrap();
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode() & 0o600, 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        document("newer", Some(&link)).unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode()), ("newer", 0o640));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        document("gone", Some(Path::new("/dev/null"))).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/file");
        let error = document("", Some(&path)).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("cannot write {}: ", path.display())),
            "{error}"
        );
    }
}
