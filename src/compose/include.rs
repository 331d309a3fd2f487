//! `include`: other projects' resources as one's own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::discover::add_env_files;
use super::load::{Loader, Scope};
use super::remote::{escape, is_remote};
use super::sources::{absolute, display_name, unreadable};
use super::yaml::Document;
use super::{Map, Node, Value, merge};
use crate::diagnostic::{Diagnostic, Span};

/// How many files may be included in all: files that include each other twice would be read without end.
const MOST_INCLUDES: usize = 1000;
/// How many files may lead from one to the other.
const LONGEST_CHAIN: usize = 64;

/// What an `include` brings in.
const SECTIONS: [&str; 6] = ["services", "networks", "volumes", "secrets", "configs", "models"];

impl Loader<'_> {
    /// Merges a document over what it includes.
    pub(super) fn include(&mut self, document: &mut Document, scope: &Scope) {
        let Value::Map(root) = &mut document.root.value else {
            return;
        };
        let Some(entry) = root.get("include") else { return };
        let Value::List(includes) = &entry.node.value else {
            return;
        };
        let includes = includes.clone();
        // The key stays for validation when the list holds something else.
        root.shift_remove("include");
        let mut imported: Option<Node> = None;
        for include in includes {
            let Some(resources) = self.one(&include, scope) else {
                continue;
            };
            match &mut imported {
                Some(imported) => merge::merge_document(imported, resources),
                None => imported = Some(resources),
            }
        }
        if let Some(mut imported) = imported {
            let own = std::mem::replace(&mut document.root, Node::new(Value::Null, Span::NOWHERE));
            imported.span = own.span;
            merge::merge_document(&mut imported, own);
            document.root = imported;
        }
    }

    /// The resources of one entry.
    fn one(&mut self, include: &Node, scope: &Scope) -> Option<Node> {
        let Some(request) = Request::read(include) else {
            self.report.push(
                Diagnostic::error(
                    include.span,
                    "an entry of `include` must be a path, or a mapping with `path`",
                )
                .hint("write `- path/to/compose.yaml`"),
            );
            return None;
        };
        let mut files: Vec<PathBuf> = Vec::new();
        for (path, span) in &request.paths {
            files.push(self.locate("included file", path, *span, &scope.working_dir)?);
        }
        let current = &self.options.current_dir;
        let main = files.first()?.clone();
        if scope.chain.contains(&main) {
            let chain = scope.chain.iter().chain([&main]);
            let chain: Vec<_> = chain.map(|path| format!("`{}`", display_name(path, current))).collect();
            self.report.push(
                Diagnostic::error(include.span, "files include each other in a circle")
                    .hint(format!("the circle: {}", chain.join(" → "))),
            );
            return None;
        }
        self.included += files.len();
        if self.included > MOST_INCLUDES || scope.chain.len() > LONGEST_CHAIN {
            let message =
                format!("there are more than {MOST_INCLUDES} includes, or more than {LONGEST_CHAIN} in a row");
            self.report
                .push(Diagnostic::error(include.span, message).hint("include fewer files"));
            return None;
        }
        let folder = match &request.project_directory {
            Some(directory) => absolute(Path::new(directory), &scope.working_dir),
            None => main.parent().unwrap_or(Path::new("/")).to_owned(),
        };
        let mut environment = scope.environment.clone();
        let mut paths = env_files(&request, &folder, scope);
        paths.retain(|path| {
            let escapes = self.remote.escapes(include.span, path);
            if escapes {
                let name = display_name(path, current);
                self.report.push(escape(include.span, "env file", &name));
            }
            !escapes
        });
        add_env_files(&paths, &mut environment, current, &mut self.report);
        let mut documents = Vec::new();
        for (path, (written, span)) in files.iter().zip(&request.paths) {
            match self.open(path) {
                Ok(file) => documents.push(self.parse(file)),
                Err(why) => {
                    self.report.push(unreadable(*span, "included file", written, &why));
                    return None;
                }
            }
        }
        let mut inner = Scope {
            working_dir: folder.clone(),
            environment,
            chain: scope.chain.iter().cloned().chain([main]).collect(),
            extended: HashMap::new(),
        };
        let from = relative(&folder, &scope.working_dir);
        let mut model = self.model(documents, &mut inner, Some(&from))?;
        if let Value::Map(root) = &mut model.value {
            root.retain(|name, _| SECTIONS.contains(&name.as_str()));
        }
        Some(model)
    }
}

impl Loader<'_> {
    /// Where a file lies that another one names, which is fetched first if it lies elsewhere.
    pub(super) fn locate(&mut self, what: &str, written: &str, span: Span, folder: &Path) -> Option<PathBuf> {
        if is_remote(written) {
            let fetched = self.remote.fetch(written, span);
            return fetched.map_err(|diagnostic| self.report.push(*diagnostic)).ok();
        }
        let path = absolute(Path::new(written), folder);
        if self.remote.escapes(span, &path) {
            self.report.push(escape(span, what, written));
            return None;
        }
        Some(path)
    }
}

/// The env files of an include: those that it names, or the `.env` of its folder.
fn env_files(request: &Request, folder: &Path, scope: &Scope) -> Vec<PathBuf> {
    if request.env_files.is_empty() {
        let path = folder.join(".env");
        return path.is_file().then_some(path).into_iter().collect();
    }
    let files = request.env_files.iter().filter(|path| *path != "/dev/null");
    files
        .map(|path| absolute(Path::new(path), &scope.working_dir))
        .collect()
}

struct Request {
    /// Each with its place; the first one is the project, the others override it.
    paths: Vec<(String, Span)>,
    project_directory: Option<String>,
    env_files: Vec<String>,
}

impl Request {
    fn read(node: &Node) -> Option<Self> {
        let texts = |node: &Node| -> Option<Vec<(String, Span)>> {
            match &node.value {
                Value::String(text) => Some(vec![(text.clone(), node.span)]),
                Value::List(list) => list
                    .iter()
                    .map(|node| Some((node.as_str()?.to_owned(), node.span)))
                    .collect(),
                _ => None,
            }
        };
        if node.as_str().is_some() {
            return Some(Self {
                paths: texts(node)?,
                project_directory: None,
                env_files: Vec::new(),
            });
        }
        let map: &Map = node.as_map()?;
        let known = ["path", "project_directory", "env_file"];
        if map.keys().any(|key| !known.contains(&key.as_str())) {
            return None;
        }
        let paths = texts(node.get("path")?).filter(|paths| !paths.is_empty())?;
        let env_files = match node.get("env_file") {
            Some(node) => texts(node)?.into_iter().map(|(path, _)| path).collect(),
            None => Vec::new(),
        };
        Some(Self {
            paths,
            project_directory: node.get("project_directory").and_then(Node::as_str).map(str::to_owned),
            env_files,
        })
    }
}

/// A folder as seen from another one; both are absolute.
pub(super) fn relative(folder: &Path, from: &Path) -> String {
    let mut common = from
        .components()
        .zip(folder.components())
        .take_while(|(a, b)| a == b)
        .count();
    common = common.max(1);
    let up = from.components().skip(common).map(|_| "..".to_owned());
    let down = folder
        .components()
        .skip(common)
        .map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<_> = up.chain(down).collect();
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}
