//! The pipeline from files to a [`Project`].
//!
//! 1. [`discover`]: which files, which folder, which environment.
//! 2. For each document of each file: [`yaml`] → [`interpolate`] → [`include`] → resets → [`extends`] → [`merge`] →
//!    [`unique`] → [`schema`]. What comes out is one document.
//! 3. For that document: [`long`] forms → [`paths`] → [`normalize`] → [`decode`] → [`profiles`] → [`check`] →
//!    [`env_file`] → [`prune`].
//!
//! [`discover`]: super::discover [`yaml`]: super::yaml [`interpolate`]: super::interpolate [`include`]: super::include
//! [`extends`]: super::extends [`merge`]: super::merge [`unique`]: super::unique [`schema`]: super::schema
//! [`long`]: super::long [`paths`]: super::paths [`normalize`]: super::normalize [`decode`]: super::decode
//! [`profiles`]: super::profiles [`check`]: super::check [`env_file`]: super::env_file [`prune`]: super::prune
//!
//! Long because the stages are read together: what one gives is what the next takes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::discover::{Found, Input, discover};
use super::environment::Environment;
use super::interpolate::{Uses, interpolate};
use super::paths::{Base, Resolved};
use super::remote::{self, Remote};
use super::sources::{self, Unreadable, display_name, unreadable};
use super::yaml::{self, Alias, Document};
use super::{
    Map, Node, Project, Value, check, decode, env_file, explain, long, merge, normalize, paths, profiles, prune,
    schema, unique,
};
use crate::diagnostic::{Diagnostic, FileId, Report, Severity, Span};

/// What the command line and the process say about which project to load, and how.
#[derive(Clone, Default, Debug)]
pub struct LoadOptions {
    /// `-f`, in their order; `-` is standard input.
    pub files: Vec<String>,
    /// `--project-directory`.
    pub project_directory: Option<PathBuf>,
    /// `-p`.
    pub project_name: Option<String>,
    /// `--env-file`.
    pub env_files: Vec<PathBuf>,
    /// `--profile`.
    pub profiles: Vec<String>,
    /// The services named on the command line; their dependencies are added. Empty: all that are enabled.
    pub services: Vec<String>,
    /// Without the services that the named ones depend on.
    pub no_deps: bool,
    /// The folder of Docker's `config.json`, whose credentials registries are shown.
    pub docker_config: Option<PathBuf>,
    /// Where the command was started.
    pub current_dir: PathBuf,
    /// The process's environment variables.
    pub environment: IndexMap<String, String>,
    /// Name containers and images as the first version of Docker Compose did.
    pub compatible: bool,
    /// Keep what no service uses.
    pub all_resources: bool,
    /// Stages to leave out.
    pub skip: Skip,
}

/// Stages of loading that `ctx config` can leave out, to show what they would change.
#[derive(Clone, Copy, Default, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Skip {
    /// Variables stay as they are written. Nothing is checked that a variable may hide, and the typed model is only as
    /// good as its texts: show [`Project::tree`].
    pub interpolation: bool,
    pub normalization: bool,
    pub path_resolution: bool,
    pub consistency: bool,
    /// Env files are not read, and variables without a value stay so.
    pub environment: bool,
}

/// A project, the warnings about it, and the files that both point into.
#[derive(Debug)]
pub struct Loaded {
    pub project: Project,
    pub report: Report,
}

/// Loads a project.
///
/// # Errors
///
/// A report with at least one error: every mistake that was found in the files.
pub fn load(options: &LoadOptions) -> Result<Loaded, Report> {
    let mut loader = Loader {
        options,
        report: Report::default(),
        uses: Uses::default(),
        aliases: Vec::new(),
        remote: Remote::new(options),
        included: 0,
        obsolete: HashSet::new(),
        own_paths: BTreeSet::new(),
    };
    let project = loader.project();
    loader.explain_variables();
    let mut report = loader.report;
    let mut seen = HashSet::new();
    // A mistake in a value that several places share (an anchor, an extended service) is one mistake.
    report.diagnostics.retain(|one| {
        let is_error = one.severity == Severity::Error;
        let message = seen.insert((one.span, is_error, one.message.clone()));
        let hint = match one.hint.clone() {
            Some(hint) if one.span.is_somewhere() => seen.insert((one.span, is_error, hint)),
            _ => true,
        };
        message && hint
    });
    explain::explain_aliases(&mut report, &loader.aliases);
    match project {
        Some(project) if !report.has_errors() => Ok(Loaded { project, report }),
        _ => Err(report),
    }
}

pub(super) struct Loader<'a> {
    pub(super) options: &'a LoadOptions,
    pub(super) report: Report,
    pub(super) uses: Uses,
    /// Of all files.
    pub(super) aliases: Vec<Alias>,
    pub(super) remote: Remote<'a>,
    /// How many files were included so far.
    pub(super) included: usize,
    /// Files whose `version` was warned about.
    obsolete: HashSet<FileId>,
    own_paths: BTreeSet<String>,
}

/// Files that share a project folder and an environment: those of the command line, or of one `include`.
pub(super) struct Scope {
    /// Absolute.
    pub(super) working_dir: PathBuf,
    pub(super) environment: Environment,
    /// The files that led to this one by `include`, outermost first.
    pub(super) chain: Vec<PathBuf>,
    /// Files that services of this scope extend, read once each.
    pub(super) extended: HashMap<PathBuf, Option<std::rc::Rc<Document>>>,
}

impl Loader<'_> {
    fn project(&mut self) -> Option<Project> {
        let Found {
            working_dir,
            inputs,
            env_files,
            mut environment,
            fetched_to,
        } = discover(self.options, &mut self.remote, &mut self.report)?;
        let mut files = Vec::new();
        for input in &inputs {
            files.push(self.read(input)?);
        }
        let paths: Vec<_> = inputs.iter().map(Input::path).collect();
        let read = files.into_iter().zip(&paths);
        let documents: Vec<Vec<Document>> = read.map(|(file, path)| self.parse(file, path.as_deref())).collect();
        if documents.iter().all(Vec::is_empty) {
            if !self.report.has_errors() {
                self.report
                    .push(Diagnostic::error(Span::NOWHERE, "empty compose file").hint("it needs `services:` at least"));
            }
            return None;
        }
        let name = self.name(&documents, &working_dir, &environment)?;
        environment.set("COMPOSE_PROJECT_NAME", &name);

        let mut scope = Scope {
            // What a file from elsewhere names relatively lies beside it.
            working_dir: fetched_to.unwrap_or(working_dir),
            environment,
            chain: Vec::new(),
            extended: HashMap::new(),
        };
        let folder = scope.working_dir.to_string_lossy().into_owned();
        let base = (!self.options.skip.path_resolution).then_some(folder.as_str());
        let mut tree = self.model(documents, &mut scope, base)?;
        if let Value::Map(root) = &mut tree.value {
            let entry = root
                .entry("name".to_owned())
                .or_insert_with(|| super::forms::added(Value::Null));
            entry.node.value = Value::String(name.clone());
        }
        let files = paths.into_iter().map(|path| path.unwrap_or_else(|| "-".into()));
        let files = files.collect();
        Some(self.finish(tree, name, scope, files, env_files))
    }

    fn read(&mut self, input: &Input) -> Option<FileId> {
        let current = &self.options.current_dir;
        let (result, name) = match input {
            Input::Stdin => (sources::read_stdin(&mut self.report), "standard input".to_owned()),
            Input::File(path) | Input::Fetched(path) => (self.open(path), display_name(path, current)),
        };
        let failed = |why| unreadable(Span::NOWHERE, "Compose file", &name, &why);
        result.map_err(|why| self.report.push(failed(why))).ok()
    }

    /// Reads a Compose file, of this machine or from a tree that came from elsewhere.
    pub(super) fn open(&mut self, path: &Path) -> Result<FileId, Unreadable> {
        if self.remote.is_link_outward(path) {
            return Err(Unreadable::Other(
                "it is a link that leads out of what was fetched".to_owned(),
            ));
        }
        let file = sources::read(path, &self.options.current_dir, &mut self.report)?;
        self.remote.was_read(file, path);
        Ok(file)
    }

    /// The documents of a file that was read from a path; a document that is no mapping is reported.
    pub(super) fn parse(&mut self, file: FileId, path: Option<&Path>) -> Vec<Document> {
        let Report { sources, diagnostics } = &mut self.report;
        let text = sources.get(file).map_or("", |source| source.text.as_str());
        let mut documents = yaml::parse(text, file, diagnostics);
        documents.retain(|document| {
            let fits = document.root.as_map().is_some();
            if !fits {
                let kind = document.root.kind();
                diagnostics.push(Diagnostic::error(
                    document.root.span,
                    format!("a Compose file must be a mapping, not {kind}"),
                ));
            }
            fits
        });
        for document in &mut documents {
            document.path = path.map(Path::to_owned);
            let aliases = std::mem::take(&mut document.aliases);
            self.aliases.extend(aliases);
        }
        documents
    }

    /// One document out of all documents of a scope: merged, valid, in its long form, with its paths resolved.
    pub(super) fn model(
        &mut self,
        documents: Vec<Vec<Document>>,
        scope: &mut Scope,
        folder: Option<&str>,
    ) -> Option<Node> {
        let mut merged: Option<Node> = None;
        for mut document in documents.into_iter().flatten() {
            self.null_sections(&document.root);
            self.interpolate(&mut document.root, scope);
            self.include(&mut document, scope);
            if let Some(merged) = &mut merged {
                document.cuts.iter().for_each(|path| merge::cut(merged, path));
            }
            self.extend_services(&mut document, scope);
            match &mut merged {
                Some(merged) => merge::merge_document(merged, document.root),
                None => merged = Some(document.root),
            }
            let merged = merged.as_mut()?;
            unique::unique(merged);
            schema::validate(merged, &schema::PROJECT, "", &mut self.report.diagnostics);
            self.drop_version(merged);
        }
        let mut tree = merged?;
        long::expand(&mut tree, self.options.skip.interpolation, &mut self.report.diagnostics);
        unique::unique(&mut tree);
        if let Some(folder) = folder {
            let base = Base {
                folder,
                home: scope.environment.get("HOME"),
            };
            let resolved = paths::resolve(&mut tree, base);
            self.own_paths.extend(resolved.iter().map(|path| path.path.clone()));
            self.refuse_escapes(resolved);
        }
        Some(tree)
    }

    /// A file from elsewhere cannot name what lies outside of what came with it, if not by an absolute path.
    fn refuse_escapes(&mut self, resolved: Vec<Resolved>) {
        for Resolved { span, written, path } in resolved {
            if self.remote.escapes(span, Path::new(&path)) {
                self.report.push(remote::escape(span, "the path", &written));
            }
        }
    }

    pub(super) fn interpolate(&mut self, root: &mut Node, scope: &Scope) {
        if !self.options.skip.interpolation {
            let diagnostics = &mut self.report.diagnostics;
            interpolate(
                root,
                Some(&schema::PROJECT),
                &scope.environment,
                &mut self.uses,
                diagnostics,
            );
        }
    }

    /// Merging would let a section without content pass.
    fn null_sections(&mut self, document: &Node) {
        let services = document.as_map().and_then(|root| root.get("services"));
        if let Some(entry) = services.filter(|entry| entry.node.value == Value::Null) {
            self.report.push(
                Diagnostic::error(entry.key, "`services` must be a mapping, not null")
                    .hint("write services under it, or remove it"),
            );
        }
    }

    fn drop_version(&mut self, document: &mut Node) {
        let Value::Map(root) = &mut document.value else { return };
        if let Some(version) = root.shift_remove("version")
            && version.node.as_str().is_some()
            && self.obsolete.insert(version.key.file())
        {
            self.report
                .push(Diagnostic::warning(version.key, "`version` is obsolete and has no effect").hint("remove it"));
        }
    }

    fn finish(
        &mut self,
        mut tree: Node,
        name: String,
        scope: Scope,
        files: Vec<PathBuf>,
        env_files: Vec<PathBuf>,
    ) -> Project {
        let skip = self.options.skip;
        let environment = scope.environment;
        let nothing = Environment::default();
        let visible = if skip.interpolation { &nothing } else { &environment };
        normalize::resolve_environment(&mut tree, visible);
        if !skip.normalization {
            normalize::normalize(&mut tree, &name, visible);
        }
        let mut project = Project {
            name,
            working_dir: scope.working_dir,
            files,
            env_files,
            services: IndexMap::new(),
            disabled_services: IndexMap::new(),
            networks: IndexMap::new(),
            volumes: IndexMap::new(),
            secrets: IndexMap::new(),
            configs: IndexMap::new(),
            models: IndexMap::new(),
            extensions: tree.as_map().map(decode::extensions).unwrap_or_default(),
            tree,
            environment: IndexMap::new(),
            own_paths: std::mem::take(&mut self.own_paths),
            disk: BTreeMap::new(),
            logins: BTreeSet::new(),
            compatible: self.options.compatible,
        };
        // Where variables still stand in the texts, numbers and sizes cannot be read.
        let mut hidden = Vec::new();
        let diagnostics = if skip.interpolation {
            &mut hidden
        } else {
            &mut self.report.diagnostics
        };
        decode::project(&mut project, diagnostics);
        let diagnostics = &mut self.report.diagnostics;

        let mut active = self.options.profiles.clone();
        if active.is_empty() {
            let profiles = environment.get("COMPOSE_PROFILES").unwrap_or_default().split(',');
            active.extend(
                profiles
                    .map(str::trim)
                    .filter(|profile| !profile.is_empty())
                    .map(str::to_owned),
            );
        }
        let all = std::mem::take(&mut project.services);
        let active = profiles::activated_by(&self.options.services, &all, &active);
        (project.services, project.disabled_services) = profiles::split(all, &active);
        if !skip.consistency && !skip.interpolation {
            check::check(&project, diagnostics);
        }
        profiles::select(
            &self.options.services,
            !self.options.no_deps,
            &mut project.services,
            &mut project.disabled_services,
            diagnostics,
        );
        if !skip.environment && !skip.interpolation {
            let current = &self.options.current_dir;
            env_file::resolve(&mut project, &environment, current, &self.remote, &mut self.report);
            env_file::fill_contents(&mut project, &environment);
        }
        // Who uses what is not known before variables are filled in.
        if !skip.normalization && !skip.interpolation {
            prune::prune(&mut project, self.options.all_resources);
        }
        project.environment = environment.into_variables();
        project
    }
}

/// The map under a key of a document.
pub(super) fn section<'a>(document: &'a mut Node, name: &str) -> Option<&'a mut Map> {
    let Value::Map(root) = &mut document.value else {
        return None;
    };
    match &mut root.get_mut(name)?.node.value {
        Value::Map(map) => Some(map),
        _ => None,
    }
}
