//! `config.json`, the docker CLI's own settings. One key of it is ours to change: which context is current.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use super::disk::{self, Access};
use crate::error::{Error, Result};

/// The kinds of proxies, and the variables that name them.
const PROXIES: &[(&str, &str)] = &[
    ("allProxy", "ALL_PROXY"),
    ("ftpProxy", "FTP_PROXY"),
    ("httpProxy", "HTTP_PROXY"),
    ("httpsProxy", "HTTPS_PROXY"),
    ("noProxy", "NO_PROXY"),
];

const CURRENT_CONTEXT: &str = "currentContext";

/// The variables for an engine's builds and containers that the docker CLI's settings in a folder ask for.
///
/// # Errors
///
/// Settings that cannot be read.
pub fn proxies(folder: &Path, host: &str) -> Result<Vec<(String, String)>> {
    ConfigFile::new(folder).proxies(host)
}

#[derive(Clone, Debug)]
pub(super) struct ConfigFile {
    path: PathBuf,
}

impl ConfigFile {
    pub(super) fn new(store_root: &Path) -> Self {
        Self {
            path: store_root.join("config.json"),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The context that was chosen with `use`, if one was.
    pub(super) fn current_context(&self) -> Result<Option<String>> {
        let settings = self.read()?;
        let name = settings.get(CURRENT_CONTEXT).and_then(Value::as_str);
        Ok(name.filter(|name| !name.is_empty()).map(str::to_owned))
    }

    /// Chooses a context, or none, and leaves every other setting as it is.
    pub(super) fn set_current_context(&self, name: Option<&str>) -> Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        disk::create_folder(folder, Access::Private)?;
        let _lock = disk::lock(folder);
        let mut settings = self.read()?;
        match name {
            Some(name) => settings.insert(CURRENT_CONTEXT.to_owned(), json!(name)),
            None if !settings.contains_key(CURRENT_CONTEXT) => return Ok(()),
            None => settings.shift_remove(CURRENT_CONTEXT),
        };
        let mut text = Vec::new();
        // The docker CLI indents with tabs.
        let mut serializer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t"));
        settings
            .serialize(&mut serializer)
            .map_err(|error| Error::new(format!("cannot write {}", self.path.display())).because(&error))?;
        disk::replace(&self.path, &text, Access::Private)
    }

    /// The variables that tell builds and containers of an engine which proxies there are, in both spellings, as in
    /// <https://docs.docker.com/engine/cli/proxy/>.
    pub(super) fn proxies(&self, host: &str) -> Result<Vec<(String, String)>> {
        let settings = self.read()?;
        let proxies = settings.get("proxies").and_then(Value::as_object);
        let of_host = proxies.and_then(|proxies| proxies.get(host).or_else(|| proxies.get("default")));
        let known = |(key, name): &(&str, &str)| {
            let value = of_host?.get(*key)?.as_str().filter(|value| !value.is_empty())?;
            Some([name.to_lowercase(), (*name).to_owned()].map(|name| (name, value.to_owned())))
        };
        Ok(PROXIES.iter().filter_map(known).flatten().collect())
    }

    fn read(&self) -> Result<Map<String, Value>> {
        let Some(text) = disk::read(&self.path)? else {
            return Ok(Map::new());
        };
        if text.trim().is_empty() {
            return Ok(Map::new());
        }
        serde_json::from_str(&text).map_err(|error| {
            Error::new(format!("{} is not what the docker CLI writes", self.path.display()))
                .because(&error)
                .hint("correct the file, or move it away")
        })
    }
}
