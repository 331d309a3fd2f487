//! Documents on standard output or in a file.

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
