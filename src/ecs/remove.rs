//! `down`: removes what `up` made.

use super::aws::events::{End, Follower};
use super::aws::leftovers::{self, Leftover};
use super::aws::stack::{self, Stack};
use super::aws::volumes::{self, FileSystem};
use super::aws::{Account, definitions, log_groups, repositories, run, secrets, templates};
use super::convert::convert;
use super::deploy::introduce;
use super::diagnosis::failure;
use super::follow::follow;
use super::interrupt::unless_interrupted;
use crate::backend::{DownOptions, Io};
use crate::compose::Project;
use crate::error::{Error, Result};

pub(super) async fn down(
    account: &Account,
    name: &str,
    project: Option<&Project>,
    options: &DownOptions,
    io: &Io,
) -> Result<()> {
    introduce(account, io);
    if options.timeout.is_some() {
        let text = "Not for containers that run: on ECS `stop_grace_period` says how long they may take";
        io.progress.warning("--timeout", text);
    }
    let what_it_means = format!(
        "AWS goes on deleting the stack; `ctx -c {} -p {name} down` removes the rest",
        account.context
    );
    let removing = Box::pin(all(account, name, project, options, io));
    unless_interrupted(io, name, &what_it_means, removing).await
}

/// Removes all that belongs to a project, whatever interrupts there were.
pub(super) async fn all(
    account: &Account,
    name: &str,
    project: Option<&Project>,
    options: &DownOptions,
    io: &Io,
) -> Result<()> {
    if options.volumes && !options.yes {
        check_volumes(account, name, io).await?;
    }
    // A name that cannot be a stack's has none.
    let stack = if stack::legal_name(name) == name {
        stack::find(account, name).await?
    } else {
        None
    };
    let mut gone = Vec::new();
    match &stack {
        Some(stack) => gone = delete_stack(account, stack, name, project, io).await?,
        None => io.progress.done(format!("Stack {name}"), "Not there"),
    }
    if let Some(group) = log_groups::of_project(account, name).await? {
        log_groups::delete(account, &group).await?;
        io.progress.done(format!("Log group {group}"), "Removed");
    }
    if templates::remove(account, name).await? > 0 {
        io.progress.done("Templates", "Removed from the bucket");
    }
    for secret in secrets::of_project(account, name).await? {
        secrets::delete(account, &secret).await?;
        io.progress.done(format!("Secret {}", secret.key), "Removed");
    }
    if options.images.is_some() {
        for repository in repositories::of_project(account, name).await? {
            repositories::delete(account, &repository).await?;
            io.progress.done(format!("Repository {repository}"), "Removed");
        }
    }
    let file_systems = volumes::of_project(account, name).await?;
    for file_system in &file_systems {
        let id = format!("Volume {}", file_system.volume);
        if options.volumes {
            io.progress.working(&id, format!("Deleting {}", file_system.id));
            volumes::delete(account, &file_system.id).await?;
            io.progress.done(&id, format!("Deleted {}", file_system.id));
        } else {
            io.progress
                .done(&id, format!("Kept as {}; `ctx down -v` deletes it", file_system.id));
        }
    }
    tell_leftovers(account, name, gone, &file_systems, io).await
}

/// Says what else carries the project's tag, and removes of it what `ctx` itself has registered.
async fn tell_leftovers(
    account: &Account,
    name: &str,
    mut gone: Vec<String>,
    told: &[FileSystem],
    io: &Io,
) -> Result<()> {
    gone.extend(told.iter().map(|file_system| file_system.id.clone()));
    let found = match leftovers::of_project(account, name, &gone).await {
        Ok(found) => found,
        Err(error) => {
            // Nothing depends on it.
            io.progress.warning("Leftovers", error.to_string());
            return Ok(());
        }
    };
    for Leftover { arn, ours } in found {
        let (what, advice) = leftovers::advice(&arn);
        if ours {
            definitions::deregister(account, &arn).await?;
            io.progress.done(what, "Removed");
        } else {
            io.progress.warning(what, format!("Still there: {advice}"));
        }
    }
    Ok(())
}

/// Asks before data is lost. Who says `-v` where nobody can be asked has said it.
async fn check_volumes(account: &Account, name: &str, io: &Io) -> Result<()> {
    let there = volumes::of_project(account, name).await?;
    if there.is_empty() {
        return Ok(());
    }
    for volume in &there {
        let text = format!("{} and its data would be deleted", volume.id);
        io.progress.warning(format!("Volume {}", volume.volume), text);
    }
    if io.consent.ask("Delete them?")? == Some(false) {
        io.progress.warning(format!("Stack {name}"), "Not changed");
        return Err(Error::Exit(1));
    }
    Ok(())
}

/// The physical ids of what it had.
async fn delete_stack(
    account: &Account,
    stack: &Stack,
    name: &str,
    project: Option<&Project>,
    io: &Io,
) -> Result<Vec<String>> {
    stack::check_ours(account, stack, name).await?;
    // The files tell which service a resource belongs to; that they may have mistakes does not matter here.
    let origins = project
        .map(|project| convert(project).template.origins)
        .unwrap_or_default();
    if let Some(cluster) = &stack.cluster {
        // They use what is deleted, and no service ends them.
        for task in run::stop_all(account, name, cluster).await? {
            io.progress.done(format!("Task {task}"), "Stopped");
        }
    }
    let resources = stack::resources(account, &stack.id).await?.into_iter();
    let gone = resources.map(|resource| resource.physical_id).chain([stack.id.clone()]);
    let gone: Vec<String> = gone.collect();
    let follower = Follower::start(account, &stack.id).await?;
    stack::delete(account, &stack.id).await?;
    let outcome = follow(account, follower, &origins, io).await?;
    match outcome.end {
        End::Success => Ok(gone),
        End::Failure => Err(failure(&format!("delete stack `{name}`"), &outcome, &origins, None)),
    }
}
