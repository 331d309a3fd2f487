//! The sizes of a project's tasks, whichever of its services a command is about: on ECS a project is deployed as a whole.

use crate::backend::{Simulation, Task};
use crate::compose::{LoadOptions, Project, Skip, load};

/// The tasks of the project as its files have it, with the profiles that are enabled, and those of all profiles, which
/// the endpoint knows of: a command that enables one for a while must not make it anew.
pub(super) fn tasks(project: &Project, simulation: &Simulation) -> (Vec<Task>, Vec<Task>) {
    let judged = |profiles: Option<&str>| {
        let mut options = LoadOptions {
            // What variables say changes no size.
            skip: Skip {
                environment: true,
                ..Skip::default()
            },
            ..simulation.files.clone()
        };
        if let Some(profiles) = profiles {
            options.profiles = vec![profiles.to_owned()];
        }
        // What cannot be read a second time, as standard input, is taken as it is.
        let loaded = load(&options).ok().map(|loaded| loaded.project);
        let mut tasks = (simulation.judge)(loaded.as_ref().unwrap_or(project)).tasks;
        tasks.sort_by(|a, b| a.family.cmp(&b.family));
        tasks
    };
    (judged(None), judged(Some("*")))
}
