//! Files that other programs read while we change them: they see the old text or the new one, never half of it.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Who may read a new file or folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    /// The owner alone, also where the file that is replaced was open to others.
    Secret,
    /// The owner alone.
    Private,
    /// Whomever the process's umask allows.
    Usual,
}

/// A file's text; `None` when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::new(format!("cannot read {}", path.display())).because(&error)),
    }
}

/// Creates a file with all its text at once; `false` when it exists already.
pub(super) fn create(path: &Path, text: &[u8], access: Access) -> Result<bool> {
    let failed = |error| failed_to_write(path, &error);
    match staged(path, text, access).map_err(failed)?.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error.error)),
    }
}

/// Replaces a file, or creates it. A file that exists keeps its permissions unless it is secret; a link keeps being one.
pub(super) fn replace(path: &Path, text: &[u8], access: Access) -> Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let replace = || {
        let file = staged(&path, text, access)?;
        if access != Access::Secret
            && let Ok(existing) = fs::metadata(&path)
        {
            fs::set_permissions(file.path(), existing.permissions())?;
        }
        file.persist(&path).map_err(|error| error.error)
    };
    replace().map(drop).map_err(|error| failed_to_write(&path, &error))
}

/// Creates a folder and those above it, where they are missing.
pub(super) fn create_folder(path: &Path, access: Access) -> Result<()> {
    let mode = if access == Access::Usual { 0o777 } else { 0o700 };
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(|error| Error::new(format!("cannot create the folder {}", path.display())).because(&error))
}

/// Removes a folder with all that is in it; one that is not there is no failure.
pub(super) fn remove_folder(path: &Path) -> Result<()> {
    removed(path, fs::remove_dir_all(path))
}

/// Removes a file; one that is not there is no failure.
pub(super) fn remove_file(path: &Path) -> Result<()> {
    removed(path, fs::remove_file(path))
}

/// Keeps other runs of `ctx` from changing what is in a folder until the lock is dropped.
///
/// The lock is on the folder itself, so that it leaves no file behind. File systems that cannot do that (NFS) go
/// without: even then each file is replaced as a whole.
pub(super) fn lock(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    file.lock().ok()?;
    Some(file)
}

/// The new text in a temporary file beside the one that it becomes.
fn staged(path: &Path, text: &[u8], access: Access) -> io::Result<NamedTempFile> {
    let mode = if access == Access::Usual { 0o666 } else { 0o600 };
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned))?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn removed(path: &Path, result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Error::new(format!("cannot remove {}", path.display())).because(&error))
        }
        _ => Ok(()),
    }
}

fn failed_to_write(path: &Path, error: &io::Error) -> Error {
    Error::new(format!("cannot write {}", path.display())).because(error)
}
