//! A command in a container of its own, beside those of a service.

use super::BuildPolicy;
use crate::compose::{Mount, Port};

/// What the container differs in from its service's others.
#[derive(Clone, Default, Debug)]
pub struct Run {
    /// Empty: the service's own.
    pub command: Vec<String>,
    pub entrypoint: Option<Vec<String>>,
    /// `NAME=VALUE`
    pub environment: Vec<String>,
    /// `NAME=VALUE`
    pub labels: Vec<String>,
    pub name: Option<String>,
    pub user: Option<String>,
    pub workdir: Option<String>,
    pub cap_add: Vec<String>,
    pub cap_drop: Vec<String>,
    pub ports: Vec<Port>,
    /// Publish the service's ports too.
    pub service_ports: bool,
    pub volumes: Vec<Mount>,
    /// Let the service's names mean this container too.
    pub aliases: bool,
    pub tty: bool,
    pub stdin: bool,
    /// Return at once.
    pub detach: bool,
    /// Remove the container when it has ended.
    pub remove: bool,
    pub build: BuildPolicy,
    /// Whether a policy of pulling was given, which the project has already.
    pub pull: bool,
    pub quiet_pull: bool,
    pub quiet_build: bool,
    pub remove_orphans: bool,
    /// Where nothing that is said to the command reaches it: how to find out that somebody does.
    pub unheard: Option<Unheard>,
}

/// Standard input that reaches nobody.
#[derive(Clone, Copy, Debug)]
pub struct Unheard {
    /// Whether somebody types it.
    pub typed: bool,
    /// Whether some of it waits. Takes nothing away.
    pub waits: fn() -> bool,
}

/// The exit status for a command that could not be run, as shells have it.
#[must_use]
pub fn unrunnable(text: &str) -> u8 {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["executable file not found", "no such file or directory"]) {
        127
    } else if says(&["permission denied", "exec format error"]) {
        126
    } else {
        1
    }
}
