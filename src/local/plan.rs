//! What is to be done on an engine, in which order: decided by `reconcile`, done by `execute`, readable by people.

use std::fmt;

use bollard::models::{NetworkCreateRequest, VolumeCreateRequest};

use super::hooks::Hooks;
use super::observed;
use crate::compose::{Condition, Hook, Project, Service};
use crate::diagnostic::Diagnostic;

#[derive(Clone, Default, Debug)]
pub struct Plan<'a> {
    /// Each after all that it waits for.
    pub steps: Vec<Step<'a>>,
    /// Containers that are as they should be, by name.
    pub running: Vec<String>,
    /// What the user should know, as (object, what about it).
    pub warnings: Vec<(String, String)>,
    /// What makes the plan impossible.
    pub errors: Vec<Diagnostic>,
}

#[derive(Clone, Debug)]
pub struct Step<'a> {
    pub operation: Operation<'a>,
    /// Places in the plan of the steps that must be done before.
    pub after: Vec<usize>,
}

/// One request to the engine, or a few that belong together. Containers are addressed by name, or by id where
/// another one is about to take the name.
#[derive(Clone, Debug)]
pub enum Operation<'a> {
    CreateNetwork(Box<NetworkCreateRequest>),
    RemoveNetwork {
        id: String,
        name: String,
    },
    Disconnect {
        network: String,
        container: &'a observed::Container,
    },
    CreateVolume(Box<VolumeCreateRequest>),
    RemoveVolume {
        name: String,
    },
    CreateContainer(Creation<'a>),
    /// `again` is what the engine had of it before, unless it is new.
    Start {
        service: &'a Service,
        name: String,
        again: Option<&'a observed::Container>,
    },
    /// Runs commands in containers beside the one that is about to start.
    PreStart {
        project: &'a Project,
        service: &'a Service,
        name: String,
        hooks: Vec<&'a Hook>,
    },
    /// Runs commands in a container that has just started.
    PostStart {
        service: &'a str,
        name: String,
        hooks: Hooks,
    },
    /// Starts a container of which only its labels are known.
    StartAgain {
        container: &'a observed::Container,
    },
    /// After its `pre_stop` hooks.
    Stop {
        container: &'a observed::Container,
    },
    Kill {
        container: &'a observed::Container,
        signal: Option<String>,
    },
    Pause {
        container: &'a observed::Container,
    },
    Unpause {
        container: &'a observed::Container,
    },
    /// With its nameless volumes, unless another container has them.
    Remove {
        container: &'a observed::Container,
        volumes: bool,
    },
    Rename {
        from: String,
        to: String,
    },
    Wait {
        service: &'a str,
        goal: Goal,
        containers: Vec<String>,
        required: bool,
    },
}

/// What a wait waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goal {
    /// What `depends_on` says.
    Condition(Condition),
    /// That it runs and is healthy, if it has a health check; or that it has ended well.
    Up,
}

/// A container to be made. Its body is put together when it is made, since the ids of others may belong to it.
#[derive(Clone, Debug)]
pub struct Creation<'a> {
    pub project: &'a Project,
    pub service: &'a Service,
    pub number: u32,
    /// A temporary one while the container that this one replaces is there.
    pub name: String,
    pub image_id: String,
    pub replaces: Option<&'a observed::Container>,
    /// Why another one is replaced.
    pub reason: String,
}

impl<'a> Plan<'a> {
    pub(super) fn push(&mut self, operation: Operation<'a>, mut after: Vec<usize>) -> usize {
        after.sort_unstable();
        after.dedup();
        self.steps.push(Step { operation, after });
        self.steps.len() - 1
    }

    /// Whether anything in the plan happens at a time that the engine's events tell.
    pub(super) fn waits(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step.operation, Operation::Wait { .. }))
    }
}

impl fmt::Display for Plan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.errors {
            writeln!(f, "error: {}", error.message)?;
        }
        for (object, about) in &self.warnings {
            writeln!(f, "warning: {object} {about}")?;
        }
        for name in &self.running {
            writeln!(f, "keep {name}")?;
        }
        for (place, Step { operation, after }) in self.steps.iter().enumerate() {
            write!(f, "{}. {operation}", place + 1)?;
            for (nth, step) in after.iter().enumerate() {
                write!(f, "{}{}", if nth == 0 { ", after " } else { " " }, step + 1)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateNetwork(network) => write!(f, "create network {}", network.name),
            Self::RemoveNetwork { name, .. } => write!(f, "remove network {name}"),
            Self::Disconnect { network, container } => write!(f, "disconnect {} from {network}", container.name),
            Self::CreateVolume(volume) => write!(f, "create volume {}", volume.name.as_deref().unwrap_or_default()),
            Self::RemoveVolume { name } => write!(f, "remove volume {name}"),
            Self::CreateContainer(Creation {
                name, replaces, reason, ..
            }) => match replaces {
                None => write!(f, "create {name}"),
                Some(old) => write!(f, "create {name} to replace {} ({reason})", old.name),
            },
            Self::Start { name, .. } => write!(f, "start {name}"),
            Self::PreStart { name, hooks, .. } => write!(f, "run {} pre_start of {name}", hooks.len()),
            Self::PostStart { name, hooks, .. } => write!(f, "run {} post_start in {name}", hooks.post_start.len()),
            Self::StartAgain { container } => write!(f, "start {}", container.name),
            Self::Stop { container } => write!(f, "stop {}", container.name),
            Self::Kill { container, signal } => {
                write!(
                    f,
                    "send {} to {}",
                    signal.as_deref().unwrap_or("SIGKILL"),
                    container.name
                )
            }
            Self::Pause { container } => write!(f, "pause {}", container.name),
            Self::Unpause { container } => write!(f, "unpause {}", container.name),
            Self::Remove { container, .. } => write!(f, "remove {}", container.name),
            Self::Rename { from, to } => write!(f, "rename {from} to {to}"),
            Self::Wait { service, goal, .. } => {
                let becomes = match goal {
                    Goal::Condition(Condition::Started) => "has started",
                    Goal::Condition(Condition::Healthy) => "is healthy",
                    Goal::Condition(Condition::CompletedSuccessfully) => "has completed",
                    Goal::Up => "is up",
                };
                write!(f, "wait until {service} {becomes}")
            }
        }
    }
}
