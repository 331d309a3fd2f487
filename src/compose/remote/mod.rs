//! Compose files on other machines: fetched into a cache, by commit or by digest, and read from there.
//!
//! What a file from elsewhere says is not the user's own word. Files that it includes, extends or reads variables from
//! must lie in the tree that came with it, links followed; so must every relative path. An absolute path that only the
//! target looks at (a mount, a build context, a secret's file) names the user's machine, and stays.

mod git;
mod git_source;
mod oci;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use self::git_source::GitSource;
use super::LoadOptions;
use crate::diagnostic::{Diagnostic, FileId, Span};
use crate::registry::Client;

const OCI: &str = "oci://";
const GIT_SWITCH: &str = "COMPOSE_EXPERIMENTAL_GIT_REMOTE";
const OCI_SWITCH: &str = "COMPOSE_EXPERIMENTAL_OCI_REMOTE";

/// Fetches what lies elsewhere, and remembers which files came from where.
pub(super) struct Remote<'a> {
    /// The process's variables.
    variables: &'a IndexMap<String, String>,
    /// The folder of Docker's `config.json`.
    docker_config: Option<&'a Path>,
    client: Option<Client>,
    /// What was fetched in this run: one name means one content in it.
    known: HashMap<String, PathBuf>,
    /// The folders that were fetched, without links in their paths.
    trees: Vec<PathBuf>,
    /// The tree of each file that was read from one.
    origins: HashMap<FileId, PathBuf>,
}

/// Why something could not be fetched.
#[derive(Debug)]
struct Trouble {
    /// Fits behind "cannot load …:".
    why: String,
    /// What another program said about it.
    said: Vec<String>,
    hint: String,
}

impl Trouble {
    fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            said: Vec::new(),
            hint: hint.into(),
        }
    }

    /// Something on this machine that stands in the way.
    fn here(what: &str, error: &std::io::Error) -> Self {
        Self::new(
            format!("{what}: {error}"),
            "is there space, and may you write to the cache folder?",
        )
    }
}

/// Whether a name says that a file lies on another machine.
pub(super) fn is_remote(name: &str) -> bool {
    name.starts_with(OCI) || git_source::is_git(name)
}

impl<'a> Remote<'a> {
    pub(super) fn new(options: &'a LoadOptions) -> Self {
        Self {
            variables: &options.environment,
            docker_config: options.docker_config.as_deref(),
            client: None,
            known: HashMap::new(),
            trees: Vec::new(),
            origins: HashMap::new(),
        }
    }

    /// The file on this machine that a name elsewhere means; fetched when it is not in the cache.
    pub(super) fn fetch(&mut self, name: &str, span: Span) -> Result<PathBuf, Box<Diagnostic>> {
        let fetched = match (self.known.get(name), name.strip_prefix(OCI)) {
            _ if name.starts_with("file:") && self.tree_of(span).is_some() => Err(Trouble::new(
                "a file from elsewhere cannot name what lies on this machine",
                "name a repository that others can reach, too",
            )),
            (Some(file), _) => return Ok(file.clone()),
            (None, Some(image)) => self.artifact(image),
            (None, None) => self.repository(name),
        };
        let (tree, file) = fetched.map_err(|trouble| {
            let shown = git_source::without_credentials(name);
            let error = Diagnostic::error(span, format!("cannot load `{shown}`: {}", trouble.why)).hint(trouble.hint);
            let lines = trouble.said.into_iter();
            Box::new(lines.fold(error, |error, line| error.note(Span::NOWHERE, line)))
        })?;
        if !self.trees.contains(&tree) {
            self.trees.push(tree);
        }
        self.known.insert(name.to_owned(), file.clone());
        Ok(file)
    }

    fn artifact(&mut self, image: &str) -> Result<(PathBuf, PathBuf), Trouble> {
        self.allowed(OCI_SWITCH)?;
        let cache = self.cache()?;
        let docker_config = self.docker_config;
        let client = self.client.get_or_insert_with(|| Client::new(docker_config));
        let tree = oci::fetch(image, client, &cache)?;
        let file = tree.join(oci::COMPOSE_FILE);
        Ok((tree, file))
    }

    fn repository(&self, name: &str) -> Result<(PathBuf, PathBuf), Trouble> {
        self.allowed(GIT_SWITCH)?;
        let source = GitSource::parse(name)?;
        let tree = git::fetch(&source, self.variables, &self.cache()?)?;
        let file = git::compose_file(&tree, &source)?;
        Ok((tree, file))
    }

    /// The folder of everything that was fetched, without links in its path.
    fn cache(&self) -> Result<PathBuf, Trouble> {
        let variable = |name: &str| self.variables.get(name).filter(|value| value.starts_with('/'));
        let folder = match (variable("XDG_CACHE_HOME"), variable("HOME")) {
            (Some(cache), _) => PathBuf::from(cache),
            (None, Some(home)) => Path::new(home).join(".cache"),
            (None, None) => return Err(Trouble::new("no home folder is known", "set HOME or XDG_CACHE_HOME")),
        };
        let folder = folder.join("ctx/remote");
        let made = std::fs::create_dir_all(&folder).and_then(|()| std::fs::canonicalize(&folder));
        made.map_err(|error| Trouble::here(&format!("cannot make `{}`", folder.display()), &error))
    }

    fn allowed(&self, switch: &str) -> Result<(), Trouble> {
        match self.variables.get(switch).map_or("", String::as_str) {
            "" | "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(()),
            "0" | "f" | "F" | "false" | "False" | "FALSE" => Err(Trouble::new(
                format!("the variable `{switch}` forbids it"),
                format!("unset `{switch}`"),
            )),
            _ => Err(Trouble::new(
                format!("the variable `{switch}` must be `true` or `false`"),
                format!("unset `{switch}`"),
            )),
        }
    }

    /// Remembers that a file was read from a path, which may lie in a tree from elsewhere.
    pub(super) fn was_read(&mut self, file: FileId, path: &Path) {
        if let Some(tree) = self.trees.iter().find(|tree| path.starts_with(tree)) {
            self.origins.insert(file, tree.clone());
        }
    }

    /// Whether a path in a tree from elsewhere leads out of it by a link.
    pub(super) fn is_link_outward(&self, path: &Path) -> bool {
        let tree = self.trees.iter().find(|tree| path.starts_with(tree));
        tree.is_some_and(|tree| std::fs::canonicalize(path).is_ok_and(|real| !real.starts_with(tree)))
    }

    /// Whether a path, written at a place, leads out of the tree that the place's file came with.
    pub(super) fn escapes(&self, span: Span, path: &Path) -> bool {
        let tree = self.tree_of(span);
        tree.is_some_and(|tree| !path.starts_with(tree)) || self.is_link_outward(path)
    }

    fn tree_of(&self, span: Span) -> Option<&PathBuf> {
        self.origins.get(&span.file())
    }
}

/// The refusal of a path that escapes.
pub(super) fn escape(span: Span, what: &str, written: &str) -> Diagnostic {
    Diagnostic::error(
        span,
        format!("{what} `{written}` lies outside of what was fetched with the file that names it"),
    )
    .hint("a file from elsewhere can only use what came with it")
}
