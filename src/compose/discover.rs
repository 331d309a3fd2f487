//! Which files make up the project, where it is, and what its environment is.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::environment::Environment;
use super::remote::{Remote, is_remote};
use super::sources::{Unreadable, absolute, display_name, read_variables, unreadable};
use super::{LoadOptions, Spanned, dotenv};
use crate::diagnostic::{Diagnostic, Report, Span};

/// What a Compose file is called where nobody names it.
pub(super) const NAMES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// A Compose file that was asked for or found.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Input {
    Stdin,
    /// Absolute.
    File(PathBuf),
    /// Where a file from elsewhere lies now.
    Fetched(PathBuf),
}

impl Input {
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Stdin => None,
            Self::File(path) | Self::Fetched(path) => Some(path.clone()),
        }
    }
}

#[derive(Debug)]
pub(super) struct Found {
    pub(super) working_dir: PathBuf,
    pub(super) inputs: Vec<Input>,
    /// Those that were named.
    pub(super) env_files: Vec<PathBuf>,
    pub(super) environment: Environment,
    /// The folder of the first file from elsewhere: relative paths start there.
    pub(super) fetched_to: Option<PathBuf>,
}

/// Finds the project; nothing when there is none, with the reason in the report.
pub(super) fn discover(options: &LoadOptions, remote: &mut Remote<'_>, report: &mut Report) -> Option<Found> {
    let current = &options.current_dir;
    let mut environment = Environment::of_process(&options.environment);
    let given_directory = options
        .project_directory
        .as_ref()
        .map(|directory| absolute(directory, current));
    let first_file = options.files.iter().find(|file| *file != "-");
    let first_file = first_file.filter(|file| !is_remote(file));
    let mut working_dir = given_directory
        .clone()
        .or_else(|| first_file.map(|file| parent(&absolute(Path::new(file), current))))
        .unwrap_or_else(|| current.clone());

    let here = current.to_string_lossy().into_owned();
    environment.fill([("PWD".to_owned(), Spanned::nowhere(here))]);
    let disabled = is_disabled(&environment, report)?;
    let mut env_files = named_env_files(options, &environment);
    let defaulted = env_files.is_empty();
    if !disabled || !defaulted {
        if defaulted {
            env_files.extend(default_env_file(&working_dir));
        }
        add_env_files(&env_files, &mut environment, current, report);
    }

    let inputs = inputs(options, &environment, remote, report)?;
    if given_directory.is_none()
        && options.files.is_empty()
        && let Some(Input::File(first)) = inputs.iter().find(|input| **input != Input::Stdin)
    {
        working_dir = parent(first);
        if defaulted
            && !disabled
            && let Some(path) = default_env_file(&working_dir)
            && !env_files.contains(&path)
        {
            add_env_files(&[path], &mut environment, current, report);
        }
    }
    let fetched_to = inputs.iter().find_map(|input| match input {
        Input::Fetched(path) => Some(parent(path)),
        _ => None,
    });
    Some(Found {
        working_dir,
        inputs,
        env_files: if defaulted { Vec::new() } else { env_files },
        environment,
        fetched_to,
    })
}

/// What env files say beside the process, before anybody knows the project: mistakes are for loading to tell.
#[must_use]
pub fn dot_env(options: &LoadOptions) -> IndexMap<String, String> {
    let (current, mut report) = (&options.current_dir, Report::default());
    let process = Environment::of_process(&options.environment);
    let mut env_files = named_env_files(options, &process);
    if env_files.is_empty() {
        if is_disabled(&process, &mut report) != Some(false) {
            return IndexMap::new();
        }
        let file = options.files.iter().find(|file| *file != "-" && !is_remote(file));
        let folder = options
            .project_directory
            .as_ref()
            .map(|folder| absolute(folder, current));
        let folder = folder.or_else(|| file.map(|file| parent(&absolute(Path::new(file), current))));
        env_files.extend(default_env_file(folder.as_ref().unwrap_or(current)));
    }
    let mut environment = process;
    add_env_files(&env_files, &mut environment, current, &mut report);
    environment.into_variables()
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_owned()
}

/// Whether `.env` is not to be read; nothing when nobody can tell.
fn is_disabled(environment: &Environment, report: &mut Report) -> Option<bool> {
    match environment.get("COMPOSE_DISABLE_ENV_FILE") {
        None | Some("" | "0" | "f" | "F" | "false" | "False" | "FALSE") => Some(false),
        Some("1" | "t" | "T" | "true" | "True" | "TRUE") => Some(true),
        Some(_) => {
            let message = "the variable `COMPOSE_DISABLE_ENV_FILE` must be `true` or `false`";
            report.push(Diagnostic::error(Span::NOWHERE, message));
            None
        }
    }
}

fn named_env_files(options: &LoadOptions, environment: &Environment) -> Vec<PathBuf> {
    if !options.env_files.is_empty() {
        let files = options.env_files.iter();
        return files.map(|file| absolute(file, &options.current_dir)).collect();
    }
    let files = environment.get("COMPOSE_ENV_FILES").unwrap_or_default().split(',');
    let files = files.filter(|file| !file.is_empty());
    files
        .map(|file| absolute(Path::new(file), &options.current_dir))
        .collect()
}

fn default_env_file(working_dir: &Path) -> Option<PathBuf> {
    let path = working_dir.join(".env");
    path.is_file().then_some(path)
}

/// Adds what env files say to an environment, which wins over them; of the files, the last one does.
pub(super) fn add_env_files(paths: &[PathBuf], environment: &mut Environment, current: &Path, report: &mut Report) {
    let mut earlier = Environment::default();
    for path in paths {
        for (name, value) in read_env_file(path, environment, &earlier, current, report) {
            earlier.put(name, value);
        }
    }
    *environment = environment.over(&earlier);
}

/// The assignments of an env file; a missing file is an error.
fn read_env_file(
    path: &Path,
    environment: &Environment,
    earlier: &Environment,
    current: &Path,
    report: &mut Report,
) -> Vec<(String, Spanned<String>)> {
    let (file, text) = match read_variables(path, current, report) {
        Ok(read) => read,
        Err(Unreadable::Missing) => {
            let name = display_name(path, current);
            let message = format!("couldn't find env file: {name}");
            report.push(Diagnostic::error(Span::NOWHERE, message).hint("create it, or leave out `--env-file`"));
            return Vec::new();
        }
        Err(why) => {
            let name = display_name(path, current);
            report.push(unreadable(Span::NOWHERE, "env file", &name, &why));
            return Vec::new();
        }
    };
    let assignments = dotenv::parse(&text, file, environment, earlier, &mut report.diagnostics);
    let named = |name: &str| environment.get(name).or_else(|| earlier.get(name)).map(str::to_owned);
    let read = assignments.into_iter().filter_map(|assignment| {
        let Spanned { value, span } = assignment.value;
        let value = value.or_else(|| named(&assignment.name))?;
        Some((assignment.name, Spanned::new(value, span)))
    });
    read.collect()
}

fn inputs(
    options: &LoadOptions,
    environment: &Environment,
    remote: &mut Remote<'_>,
    report: &mut Report,
) -> Option<Vec<Input>> {
    let current = &options.current_dir;
    let mut input = |name: &str| match name {
        "-" => Some(Input::Stdin),
        name if is_remote(name) => match remote.fetch(name, Span::NOWHERE) {
            Ok(path) => Some(Input::Fetched(path)),
            Err(diagnostic) => {
                report.push(*diagnostic);
                None
            }
        },
        name => Some(Input::File(absolute(Path::new(name), current))),
    };
    let named: Vec<String> = if options.files.is_empty() {
        let separator = environment
            .get("COMPOSE_PATH_SEPARATOR")
            .filter(|text| !text.is_empty())
            .unwrap_or(":");
        let files = environment.get("COMPOSE_FILE").unwrap_or_default();
        if files.contains("://") && separator == ":" {
            report.push(
                Diagnostic::error(
                    Span::NOWHERE,
                    "the variable `COMPOSE_FILE` has an address, and is parted at every `:`",
                )
                .hint("set `COMPOSE_PATH_SEPARATOR=,` and write commas between the files"),
            );
            return None;
        }
        files
            .split(separator)
            .filter(|file| !file.is_empty())
            .map(str::to_owned)
            .collect()
    } else {
        options.files.clone()
    };
    if !named.is_empty() {
        return named.iter().map(|name| input(name)).collect();
    }
    let start = options
        .project_directory
        .as_ref()
        .map_or_else(|| current.to_owned(), |path| absolute(path, current));
    let folder = start
        .ancestors()
        .find(|folder| NAMES.iter().any(|name| folder.join(name).is_file()));
    let Some(folder) = folder else {
        report.push(
            Diagnostic::error(Span::NOWHERE, "no configuration file provided: not found")
                .hint("start in a folder with a `compose.yaml`, or name the file with `-f`"),
        );
        return None;
    };
    let mut inputs = Vec::new();
    for (names, what) in [(NAMES, "Compose files"), (OVERRIDES, "override files")] {
        let found: Vec<_> = names.into_iter().filter(|name| folder.join(name).is_file()).collect();
        if let [first, others @ ..] = &found[..] {
            inputs.push(Input::File(folder.join(first)));
            if !others.is_empty() {
                report.push(
                    Diagnostic::warning(Span::NOWHERE, format!("there are several {what}: {}", found.join(", ")))
                        .hint(format!("`{first}` is used; name others with `-f`")),
                );
            }
        }
    }
    Some(inputs)
}
