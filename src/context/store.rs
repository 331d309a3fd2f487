//! The store: a folder as the docker CLI keeps it.
//!
//! `contexts/meta/<SHA-256 of the name>/meta.json` says what a context is, `contexts/tls/<the same>/docker/` holds its
//! TLS material, and `config.json` says which context is current.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::config_file::ConfigFile;
use super::disk::{self, Access};
use super::metadata::Metadata;
use super::{Context, DockerEndpoint, Selection, Target, TlsMaterial, tls};
use crate::diagnostic::nearest;
use crate::error::{Error, Result};

/// The context that is always there: the local engine, or the one that `DOCKER_HOST` names.
pub const DEFAULT: &str = "default";

#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    config_file: ConfigFile,
}

/// What made a context the current one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChosenBy {
    ContextOption,
    HostOption,
    DockerHost,
    DockerContext,
    ConfigFile,
    /// Nothing chose: it is `default`.
    Nobody,
}

/// A context's new description and target; what is `None` stays as it is.
#[derive(Clone, Default)]
pub struct Change {
    pub description: Option<String>,
    pub target: Option<Target>,
    pub tls: Option<TlsMaterial>,
}

impl Store {
    /// The store in a folder, which need not exist yet.
    #[must_use]
    pub fn open(root: PathBuf) -> Self {
        Self {
            config_file: ConfigFile::new(&root),
            root,
        }
    }

    /// The context that commands use.
    pub fn current(&self, selection: &Selection) -> Result<Context> {
        let (name, chosen_by) = self.current_name(selection)?;
        if self.exists(&name) {
            return self.get(&name, selection);
        }
        let (by, hint) = match chosen_by {
            ChosenBy::DockerContext => (
                "the variable DOCKER_CONTEXT".to_owned(),
                "unset DOCKER_CONTEXT, or set it to a context of `ctx ls`".to_owned(),
            ),
            ChosenBy::ConfigFile => (
                self.config_file.path().display().to_string(),
                format!("`ctx use {DEFAULT}` goes back to the local engine; `ctx ls` lists the contexts"),
            ),
            _ => return Err(self.no_such(&name)),
        };
        Err(Error::new(format!(
            "the current context \"{name}\", chosen by {by}, does not exist"
        ))
        .hint(hint))
    }

    /// The name of the context that commands use, and why it is that one. It may not exist.
    pub fn current_name(&self, selection: &Selection) -> Result<(String, ChosenBy)> {
        let default = |by| (DEFAULT.to_owned(), by);
        Ok(if let Some(name) = &selection.context {
            (name.clone(), ChosenBy::ContextOption)
        } else if selection.host.is_some() {
            default(ChosenBy::HostOption)
        } else if selection.docker_host.is_some() {
            default(ChosenBy::DockerHost)
        } else if let Some(name) = &selection.docker_context {
            (name.clone(), ChosenBy::DockerContext)
        } else if let Some(name) = self.config_file.current_context()? {
            (name, ChosenBy::ConfigFile)
        } else {
            default(ChosenBy::Nobody)
        })
    }

    /// Every context by name, `default` among them; for one that cannot be read, why.
    pub fn list(&self, selection: &Selection) -> Result<Vec<Result<Context>>> {
        let mut contexts = vec![self.default_context(selection)];
        let mut failures = Vec::new();
        for path in self.metadata_files()? {
            match self.read(&path) {
                Ok(Some((context, _))) => contexts.push(context),
                Ok(None) => {}
                Err(error) => failures.push(Err(error)),
            }
        }
        contexts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(contexts.into_iter().map(Ok).chain(failures).collect())
    }

    pub fn get(&self, name: &str, selection: &Selection) -> Result<Context> {
        if name == DEFAULT {
            return Ok(self.default_context(selection));
        }
        check_name(name)?;
        let (context, _) = self
            .read(&self.metadata_file(name))?
            .ok_or_else(|| self.no_such(name))?;
        Ok(context)
    }

    /// Whether a context of this name is in the store, readable or not.
    #[must_use]
    pub fn exists(&self, name: &str) -> bool {
        name == DEFAULT || self.metadata_file(name).exists()
    }

    /// Fails where `create` would, before anything is written.
    pub fn check_new(&self, name: &str) -> Result<()> {
        if name == DEFAULT {
            return Err(Error::new(format!("\"{DEFAULT}\" is a reserved context name"))
                .hint("it stands for the local engine; choose another name"));
        }
        check_name(name)?;
        if self.exists(name) {
            return Err(already_exists(name));
        }
        Ok(())
    }

    pub fn create(&self, context: &Context, tls: &TlsMaterial) -> Result<()> {
        let name = &context.name;
        self.check_new(name)?;
        let _lock = self.lock()?;
        if self.exists(name) {
            return Err(already_exists(name));
        }
        tls.write(&self.tls_folder(name))?;
        let path = self.metadata_file(name);
        disk::create_folder(path.parent().unwrap_or(&self.root), Access::Usual)?;
        // The docker CLI does not know our lock, so that only the file system can tell who came first.
        if disk::create(&path, Metadata::new(context).to_json().as_bytes(), Access::Usual)? {
            Ok(())
        } else {
            Err(already_exists(name))
        }
    }

    pub fn update(&self, name: &str, change: &Change) -> Result<()> {
        if name == DEFAULT {
            return Err(Error::new(format!("context \"{DEFAULT}\" cannot be changed"))
                .hint("it stands for the local engine; `ctx create docker` makes a context for another one"));
        }
        check_name(name)?;
        if !self.exists(name) {
            return Err(self.no_such(name));
        }
        let _lock = self.lock()?;
        let path = self.metadata_file(name);
        let (mut context, mut metadata) = self.read(&path)?.ok_or_else(|| self.no_such(name))?;
        if let Some(description) = &change.description {
            context.description.clone_from(description);
        }
        if let Some(target) = &change.target {
            context.target = target.clone();
        }
        if let Some(tls) = &change.tls {
            tls.write(&self.tls_folder(name))?;
        }
        metadata.set(&context);
        disk::replace(&path, metadata.to_json().as_bytes(), Access::Usual)
    }

    pub fn remove(&self, name: &str) -> Result<()> {
        if name == DEFAULT {
            return Err(Error::new(format!("context \"{DEFAULT}\" cannot be removed")));
        }
        check_name(name)?;
        if !self.exists(name) {
            return Err(self.no_such(name));
        }
        let _lock = self.lock()?;
        let path = self.metadata_file(name);
        disk::remove_folder(path.parent().unwrap_or(&path))?;
        disk::remove_folder(&self.root.join("contexts/tls").join(folder_name(name)))
    }

    /// Makes a context the one that commands use from now on.
    pub fn select(&self, name: &str) -> Result<()> {
        if name == DEFAULT {
            return self.config_file.set_current_context(None);
        }
        self.get(name, &Selection::default())?;
        self.config_file.set_current_context(Some(name))
    }

    /// All that is known about a context, in the docker CLI's form.
    pub fn inspect(&self, name: &str, selection: &Selection) -> Result<Value> {
        if name == DEFAULT {
            let mut default = self.default_context(selection);
            if let Target::Docker(endpoint) = &mut default.target {
                endpoint
                    .host
                    .get_or_insert_with(|| DockerEndpoint::DEFAULT_HOST.to_owned());
            }
            let in_memory = Path::new("<IN MEMORY>");
            return Ok(Metadata::new(&default).inspected(json!({}), in_memory, in_memory));
        }
        check_name(name)?;
        let path = self.metadata_file(name);
        let (_, metadata) = self.read(&path)?.ok_or_else(|| self.no_such(name))?;
        let tls_folder = self.tls_folder(name);
        let files = tls::file_names(&tls_folder);
        let tls_files = if files.is_empty() {
            json!({})
        } else {
            json!({"docker": files})
        };
        let folder = |path: &Path| path.parent().unwrap_or(path).to_owned();
        Ok(metadata.inspected(tls_files, &folder(&path), &folder(&tls_folder)))
    }

    fn default_context(&self, selection: &Selection) -> Context {
        let tls = selection.docker_cert_path.clone().unwrap_or_else(|| self.root.clone());
        Context {
            name: DEFAULT.to_owned(),
            description: String::new(),
            target: Target::Docker(DockerEndpoint {
                host: selection.host.clone().or_else(|| selection.docker_host.clone()),
                skip_tls_verify: false,
                tls: selection.docker_tls_verify.then_some(tls),
                api: None,
            }),
        }
    }

    fn read(&self, path: &Path) -> Result<Option<(Context, Metadata)>> {
        let Some(text) = disk::read(path)? else {
            return Ok(None);
        };
        let metadata = Metadata::parse(&text).map_err(|error| {
            Error::new(format!("{} does not describe a context", path.display()))
                .because(&error)
                .hint("remove its folder and create the context again")
        })?;
        let folder_name = path.parent().and_then(Path::file_name).unwrap_or_default();
        let tls = self.root.join("contexts/tls").join(folder_name).join("docker");
        let tls = (!tls::file_names(&tls).is_empty()).then_some(tls);
        Ok(Some((metadata.context(tls), metadata)))
    }

    fn metadata_files(&self) -> Result<Vec<PathBuf>> {
        let folder = self.root.join("contexts/meta");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::new(format!("cannot read {}", folder.display())).because(&error)),
        };
        let mut files: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path().join("meta.json")))
            .collect();
        files.sort();
        Ok(files)
    }

    fn metadata_file(&self, name: &str) -> PathBuf {
        self.root
            .join("contexts/meta")
            .join(folder_name(name))
            .join("meta.json")
    }

    fn tls_folder(&self, name: &str) -> PathBuf {
        self.root.join("contexts/tls").join(folder_name(name)).join("docker")
    }

    fn lock(&self) -> Result<Option<fs::File>> {
        let folder = self.root.join("contexts");
        disk::create_folder(&self.root, Access::Private)?;
        disk::create_folder(&folder, Access::Usual)?;
        Ok(disk::lock(&folder))
    }

    fn no_such(&self, name: &str) -> Error {
        let known = self.list(&Selection::default()).unwrap_or_default();
        let known: Vec<_> = known
            .into_iter()
            .filter_map(|context| Some(context.ok()?.name))
            .collect();
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(similar) => format!("did you mean \"{similar}\"?"),
            None => "`ctx ls` lists the contexts".to_owned(),
        };
        Error::new(format!("context \"{name}\" does not exist")).hint(hint)
    }
}

fn already_exists(name: &str) -> Error {
    Error::new(format!("context \"{name}\": already exists"))
        .hint(format!("`ctx update {name}` changes it, `ctx rm {name}` removes it"))
}

/// The docker CLI's own rule: `^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$`.
fn check_name(name: &str) -> Result<()> {
    let mut characters = name.chars();
    let legal = characters.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.len() > 1
        && characters.all(|other| other.is_ascii_alphanumeric() || "_.+-".contains(other));
    if legal {
        return Ok(());
    }
    Err(
        Error::new(format!("\"{}\" is not a legal context name", name.escape_debug()))
            .hint("use two or more letters, digits, `_`, `.`, `+` and `-`, beginning with a letter or a digit"),
    )
}

fn folder_name(name: &str) -> String {
    Sha256::digest(name).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
