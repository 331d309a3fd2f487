//! `include`: other projects' resources as one's own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::discover::add_env_files;
use super::load::{Loader, Scope};
use super::remote::{escape, is_remote};
use super::sources::{absolute, display_name, unreadable};
use super::yaml::Document;
use super::{Entry, Node, Value, merge, normalize, schema};
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
        // The key stays for validation when it holds something else.
        let holds = |entry: &Entry| matches!(entry.node.value, Value::List(_) | Value::Null);
        let Some(entry) = root.get("include").filter(|entry| holds(entry)) else {
            return;
        };
        let includes = entry.node.as_list().unwrap_or_default().to_vec();
        root.shift_remove("include");
        let chain: Vec<_> = scope.chain.iter().chain(&document.path).cloned().collect();
        let mut imported: Option<Node> = None;
        for (index, include) in includes.iter().enumerate() {
            let Some(request) = self.request(include, index) else {
                continue;
            };
            let Some(resources) = self.one(include, &request, scope, &chain) else {
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

    /// What an entry asks for; nothing when that is nothing, or is reported.
    fn request(&mut self, include: &Node, index: usize) -> Option<Request> {
        if include.value == Value::Null {
            return None;
        }
        let request = Request::read(include);
        if request.is_none() {
            let diagnostics = &mut self.report.diagnostics;
            schema::validate(include, &schema::INCLUDE, &format!("include[{index}]"), diagnostics);
        }
        let request = request?;
        let says_more = request.project_directory.is_some() || !request.env_files.is_empty();
        if request.paths.is_empty() && says_more {
            let diagnostic = Diagnostic::error(include.span, "an entry of `include` needs `path`");
            self.report
                .push(diagnostic.hint("add `path:` with the file to include"));
        }
        Some(request).filter(|request| !request.paths.is_empty())
    }

    /// The resources of one entry; a chain of files led to it.
    fn one(&mut self, include: &Node, request: &Request, scope: &Scope, chain: &[PathBuf]) -> Option<Node> {
        let mut files: Vec<PathBuf> = Vec::new();
        for (path, span) in &request.paths {
            files.push(self.locate("included file", path, *span, &scope.working_dir)?);
        }
        let current = &self.options.current_dir;
        let main = files.first()?.clone();
        if chain.contains(&main) {
            let chain = chain.iter().chain([&main]);
            let chain: Vec<_> = chain.map(|path| format!("`{}`", display_name(path, current))).collect();
            self.report.push(
                Diagnostic::error(include.span, "files include each other in a circle")
                    .hint(format!("the circle: {}", chain.join(" → "))),
            );
            return None;
        }
        self.included += files.len();
        if self.included > MOST_INCLUDES || chain.len() > LONGEST_CHAIN {
            let message =
                format!("there are more than {MOST_INCLUDES} includes, or more than {LONGEST_CHAIN} in a row");
            self.report
                .push(Diagnostic::error(include.span, message).hint("include fewer files"));
            return None;
        }
        let folder = match &request.project_directory {
            Some(directory) => absolute(Path::new(directory), &scope.working_dir),
            None => main.clone(),
        };
        // A file stands for the folder that it is in.
        let folder = match folder.parent() {
            Some(parent) if folder.is_file() => parent.to_owned(),
            _ => folder,
        };
        let mut environment = scope.environment.clone();
        let mut paths = env_files(request, &folder, scope);
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
                Ok(file) => documents.push(self.parse(file, Some(path))),
                Err(why) => {
                    self.report.push(unreadable(*span, "included file", written, &why));
                    return None;
                }
            }
        }
        let mut inner = Scope {
            working_dir: folder.clone(),
            environment,
            chain: chain.to_vec(),
            extended: HashMap::new(),
        };
        let from = relative(&folder, &scope.working_dir);
        let mut model = self.model(documents, &mut inner, Some(&from))?;
        if let Value::Map(root) = &mut model.value {
            root.retain(|name, _| SECTIONS.contains(&name.as_str()));
        }
        if !self.options.skip.interpolation {
            normalize::resolve_environment(&mut model, &inner.environment);
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
    /// Nothing when the entry is not what it should be.
    fn read(node: &Node) -> Option<Self> {
        let texts = |node: &Node| -> Option<Vec<(String, Span)>> {
            match &node.value {
                Value::Null => Some(Vec::new()),
                Value::String(text) => Some(vec![(text.clone(), node.span)]),
                Value::List(list) => list
                    .iter()
                    .map(|node| Some((node.as_str()?.to_owned(), node.span)))
                    .collect(),
                _ => None,
            }
        };
        let mut request = Self {
            paths: Vec::new(),
            project_directory: None,
            env_files: Vec::new(),
        };
        let Value::Map(map) = &node.value else {
            request.paths = vec![(node.as_str()?.to_owned(), node.span)];
            return Some(request);
        };
        for (name, Entry { node, .. }) in map {
            match name.as_str() {
                "path" => request.paths = texts(node)?,
                "env_file" => request.env_files = texts(node)?.into_iter().map(|(path, _)| path).collect(),
                "project_directory" if node.value == Value::Null => {}
                "project_directory" => {
                    request.project_directory = Some(node.as_str()?.to_owned()).filter(|path| !path.is_empty());
                }
                name if name.starts_with("x-") => {}
                _ => return None,
            }
        }
        Some(request)
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
