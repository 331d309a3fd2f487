//! The file that AWS offers when an access key is made: `AWSAccessKeyId=…` and `AWSSecretKey=…`.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};

/// An AWS key pair. It has no `Debug`, so that it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKeys {
    pub id: String,
    pub secret: String,
    pub session_token: Option<String>,
}

const HINT: &str =
    "the file has the lines `AWSAccessKeyId=…` and `AWSSecretKey=…`, and `AWSSessionToken=…` if there is one";

impl AccessKeys {
    /// Reads them. No message shows what stands in the file.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text =
            fs::read_to_string(path).map_err(|error| Error::new(format!("cannot read {name}")).because(&error))?;
        let (mut id, mut secret, mut session_token) = (None, None, None);
        for (number, line) in text.trim_start_matches('\u{feff}').lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = number + 1;
            let Some((key, value)) = line.split_once('=') else {
                return Err(Error::new(format!("{name}:{number}: this line has no `=`")).hint(HINT));
            };
            let slot = match key.trim() {
                "AWSAccessKeyId" => &mut id,
                "AWSSecretKey" => &mut secret,
                "AWSSessionToken" => &mut session_token,
                _ => return Err(Error::new(format!("{name}:{number}: this line sets an unknown name")).hint(HINT)),
            };
            let value = value.trim();
            if !value.is_empty() && slot.replace(value.to_owned()).is_some() {
                return Err(Error::new(format!(
                    "{name}:{number}: this line sets `{}` again",
                    key.trim()
                )));
            }
        }
        let missing = |key: &str| Error::new(format!("{name}: there is no `{key}`")).hint(HINT);
        Ok(Self {
            id: id.ok_or_else(|| missing("AWSAccessKeyId"))?,
            secret: secret.ok_or_else(|| missing("AWSSecretKey"))?,
            session_token,
        })
    }
}
