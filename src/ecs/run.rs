//! `run`: a task beside those of a service, for one command.

use super::aws::run::{self, Ended, Started};
use super::aws::{Account, explain};
use super::convert::convert;
use super::deploy::{foreign, introduce};
use super::diagnosis::of_cause;
use crate::backend::{Io, Run, unrunnable};
use crate::compose::Project;
use crate::error::{Error, Result};

/// Runs a command in a task as a deployed service's; its exit status. Of the files, where there are any, only lines and
/// the account are needed. `started` is told the task's id if the command does not stay.
pub(super) async fn run(
    account: &Account,
    (name, project): (&str, Option<&Project>),
    service: &str,
    run: &Run,
    started: impl FnOnce(&str) -> Result<()>,
    io: &Io,
) -> Result<u8> {
    if let Some(foreign) = project.and_then(|project| foreign(account, project)) {
        return Err(vec![foreign].into());
    }
    if run.unheard.is_some_and(|input| !input.typed && (input.waits)()) {
        return Err(unheard());
    }
    introduce(account, io);
    let mut task = run::start(account, name, service, run).await?;
    if run.detach {
        return started(&task.id).map(|()| 0);
    }
    let id = format!("Task {}", task.id);
    if !task.has_log() {
        let text = "What it writes does not go to CloudWatch Logs and is not shown";
        io.progress.warning(&id, text);
    }
    let ended = see_through(account, name, &mut task, io).await?;
    match ended {
        Ended::Exited(code, reason) => {
            if let (Some(reason), true) = (reason, code != 0) {
                io.progress.warning(&id, reason);
            }
            Ok(u8::try_from(code).unwrap_or(1))
        }
        Ended::Unheard => Err(unheard()),
        Ended::Failed(stopped, cause) => {
            let said = explain::task(&stopped);
            let code = unrunnable(&said);
            let what = format!("the command could not be run in task {}", task.id);
            match (cause, project) {
                (Some(cause), Some(project)) if code == 1 => {
                    let origins = convert(project).template.origins;
                    Err(vec![of_cause(&what, &cause, Some(service), &origins, Some(project))].into())
                }
                (Some(cause), _) => {
                    let error = Error::new(format!("{what}: {}", cause.what)).exit_with(code);
                    Err(match cause.hint {
                        Some(hint) => error.hint(hint),
                        None => error,
                    })
                }
                (None, _) => Err(Error::new(format!("{what}: {said}")).exit_with(code)),
            }
        }
    }
}

/// Nobody shall take it for done where what was piped in is lost.
fn unheard() -> Error {
    Error::new("what is piped in cannot reach a command in a task of its own on ECS").hint(
        "`ctx exec -T SERVICE COMMAND` pipes it into a task that runs; with `</dev/null` or `--interactive=false` \
         nothing is piped in",
    )
}

/// Follows the task to its end. The first interrupt stops it, the second leaves at once.
async fn see_through(account: &Account, name: &str, task: &mut Started, io: &Io) -> Result<Ended> {
    let id = format!("Task {}", task.id);
    let goes_on = format!("it goes on: `ctx -c {} -p {name} ps --all` shows it", account.context);
    let followed = tokio::select! {
        ended = task.follow(account, io) => Some(ended),
        () = io.interrupts.reached(1) => None,
    };
    if let Some(ended) = followed {
        return ended.inspect_err(|_| io.progress.warning(&id, format!("Not followed any more: {goes_on}")));
    }
    task.stop(account).await?;
    io.progress.working(&id, "Stopping");
    tokio::select! {
        ended = task.follow(account, io) => drop(ended?),
        () = io.interrupts.reached(2) => {}
    }
    io.progress.warning(&id, "Stopped");
    Err(Error::INTERRUPTED)
}
