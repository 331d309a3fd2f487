//! What proves an engine to us and us to it: three files in a folder of the store.

use std::fs;
use std::path::Path;

use super::disk::{self, Access};
use crate::error::{Error, Result};

/// The content of the files that `create` was given.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsMaterial {
    ca: Option<Vec<u8>>,
    /// Our certificate and the key to it.
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl TlsMaterial {
    /// Reads the files. A certificate without its key is of no use, nor is a key alone.
    pub fn read(ca: Option<&Path>, cert: Option<&Path>, key: Option<&Path>) -> Result<Self> {
        let identity = match (cert, key) {
            (Some(cert), Some(key)) => Some((pem(cert)?, pem(key)?)),
            (None, None) => None,
            (Some(_), None) => return Err(alone("cert", "key")),
            (None, Some(_)) => return Err(alone("key", "cert")),
        };
        Ok(Self {
            ca: ca.map(pem).transpose()?,
            identity,
        })
    }

    /// Makes a folder hold exactly this material, file by file; without any there is no folder.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        if *self == Self::default() {
            return disk::remove_folder(folder);
        }
        disk::create_folder(folder, Access::Private)?;
        let identity = self.identity.as_ref();
        let files = [
            ("ca.pem", self.ca.as_ref()),
            ("cert.pem", identity.map(|(cert, _)| cert)),
            ("key.pem", identity.map(|(_, key)| key)),
        ];
        for (name, content) in files {
            let path = folder.join(name);
            match content {
                Some(content) => disk::replace(&path, content, Access::Secret)?,
                None => disk::remove_file(&path)?,
            }
        }
        Ok(())
    }
}

/// The names of the files in a folder of TLS material, sorted; none when there is no such folder.
pub(super) fn file_names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn pem(path: &Path) -> Result<Vec<u8>> {
    let content =
        fs::read(path).map_err(|error| Error::new(format!("cannot read {}", path.display())).because(&error))?;
    if !content.windows(10).any(|part| part == b"-----BEGIN") {
        return Err(Error::new(format!("{} is not in PEM form", path.display()))
            .hint("such a file begins with a line like `-----BEGIN CERTIFICATE-----`"));
    }
    Ok(content)
}

fn alone(given: &str, missing: &str) -> Error {
    Error::new(format!("`{given}` is given without `{missing}`")).hint("they belong together: `cert=FILE,key=FILE`")
}
