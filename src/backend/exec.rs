//! A command in a container that runs.

use super::Console;
use crate::error::Result;

/// A process to run in a container that runs.
#[derive(Clone, Default, Debug)]
pub struct Exec {
    pub command: Vec<String>,
    /// Return at once.
    pub detach: bool,
    pub environment: Vec<String>,
    pub tty: bool,
    pub privileged: bool,
    pub user: Option<String>,
    pub workdir: Option<String>,
}

/// Opens the user's console; called when the process is about to begin, for until then keys are the terminal's own.
pub type Open<'a> = Box<dyn FnOnce() -> Result<Console> + 'a>;
