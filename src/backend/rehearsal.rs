//! A dry run: what a command has decided to do is said in the place of doing it.

use std::fmt;
use std::sync::Arc;

use super::Io;
use crate::error::Result;

/// Where a dry run says what would be done.
#[derive(Clone)]
pub struct Rehearsal(Arc<Tell>);

type Tell = dyn Fn(&str) -> Result<()> + Send + Sync;

impl Rehearsal {
    #[must_use]
    pub fn new(tell: impl Fn(&str) -> Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

impl fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rehearsal")
    }
}

impl Io {
    /// In a dry run, says what is about to be done. The result is whether that is all.
    pub fn only_tells(&self, what: impl fmt::Display) -> Result<bool> {
        match &self.rehearsal {
            Some(Rehearsal(tell)) => {
                let mut text = what.to_string();
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push('\n');
                }
                tell(&text).map(|()| true)
            }
            None => Ok(false),
        }
    }
}

/// Something that a command does to images, containers or files, where that is no step of a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    /// Look over the Dockerfile of an image.
    Check(String),
    Build(String),
    Pull(String),
    Push(String),
    /// Take an image away.
    Remove(String),
    /// Make a container of a service for one command, or for what the service says.
    Run {
        service: String,
        command: Vec<String>,
    },
    Execute {
        container: String,
        command: Vec<String>,
    },
    Attach(String),
    Copy {
        from: String,
        to: String,
    },
    Wait(String),
    /// Lead a port here to somewhere.
    Forward {
        port: u16,
        to: String,
    },
    /// Do something when what is at a path changes.
    Watch {
        path: String,
        action: &'static str,
        service: String,
    },
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check(image) => write!(f, "check the build of {image}"),
            Self::Build(image) => write!(f, "build {image}"),
            Self::Pull(image) => write!(f, "pull {image}"),
            Self::Push(image) => write!(f, "push {image}"),
            Self::Remove(image) => write!(f, "remove image {image}"),
            Self::Run { service, command } if command.is_empty() => write!(f, "run a container of {service}"),
            Self::Run { service, command } => {
                write!(f, "run {} in a container of {service}", shell_words::join(command))
            }
            Self::Execute { container, command } => write!(f, "run {} in {container}", shell_words::join(command)),
            Self::Attach(container) => write!(f, "attach to {container}"),
            Self::Copy { from, to } => write!(f, "copy {from} to {to}"),
            Self::Wait(container) => write!(f, "wait until {container} ends"),
            Self::Forward { port, to } => write!(f, "lead 127.0.0.1:{port} to {to}"),
            Self::Watch { path, action, service } => write!(f, "watch {path}: {action} {service}"),
        }
    }
}

/// A line each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deeds(pub Vec<Deed>);

impl fmt::Display for Deeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|deed| writeln!(f, "{deed}"))
    }
}
