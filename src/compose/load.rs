//! The pipeline from files to a [`Project`].

use std::path::PathBuf;

use indexmap::IndexMap;

use super::Project;
use crate::diagnostic::Report;

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
    /// Where the command was started.
    pub current_dir: PathBuf,
    /// The process's environment variables.
    pub environment: IndexMap<String, String>,
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
    let _ = options;
    Err(Report::default())
}
