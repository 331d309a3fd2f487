//! Running a command in a task.

use aws_sdk_ecs::types::{DesiredStatus, Task};

use super::session::{self, Invitation};
use super::{Account, failure, services, tasks};
use crate::backend::{Exec, Io, Open};
use crate::error::{Error, Result};

/// What turns on for a service what this needs.
const ENABLE: &str =
    "`x-aws-exec: true` at the service and `ctx up` let `ctx exec` in; tasks that run already are replaced";

/// What ECS cannot do for a command.
fn check(exec: &Exec) -> Result<()> {
    if exec.user.is_some() {
        return Err(Error::new("cannot choose a user: ECS runs commands as root")
            .hint("`ctx exec SERVICE su USER -c 'COMMAND'` changes the user, where the image has `su`"));
    }
    if exec.privileged {
        return Err(Error::new(
            "cannot give a command more privileges than its container has on ECS",
        ));
    }
    if exec.detach {
        return Err(
            Error::new("cannot leave a command behind on ECS: it ends with its session")
                .hint("`sh -c 'nohup COMMAND >/dev/null 2>&1 &'` starts one that stays"),
        );
    }
    Ok(())
}

/// Runs a command in a task of a service; its exit status.
pub async fn run(
    account: &Account,
    project: &str,
    service: &str,
    index: Option<u32>,
    exec: &Exec,
    open: Open<'_>,
    io: &Io,
) -> Result<u8> {
    check(exec)?;
    let services = services::of_project(account, project, &[service.to_owned()]).await?;
    let Some(found) = services.first() else {
        return Err(Error::new(format!("project `{project}` does not run here")).hint("`ctx up` deploys it"));
    };
    let container = found
        .main_container()
        .and_then(|container| container.name())
        .unwrap_or_default();
    let mut running = found.tasks(account, DesiredStatus::Running).await?;
    running.retain(|task| runs(task, container));
    running.sort_by_key(|task| (tasks::time(task.created_at()), task.task_arn.clone()));
    let at = usize::try_from(index.unwrap_or(1).max(1) - 1).unwrap_or(usize::MAX);
    let Some(task) = running.get(at).and_then(Task::task_arn) else {
        let error = match index {
            Some(index) => Error::new(format!(
                "service `{service}` has no task {index} that runs: there are {}",
                running.len()
            )),
            None => Error::new(format!("service `{service}` has no task that runs")),
        };
        return Err(error.hint("`ctx ps --all` tells what became of its tasks"));
    };
    let nonce = session::nonce(task);
    let answer = account
        .ecs
        .execute_command()
        .cluster(&found.name.cluster)
        .task(task)
        .container(container)
        .command(session::line(exec, &nonce))
        .interactive(true)
        .send()
        .await
        .map_err(|error| {
            let failed = account.access.failed(format!("cannot run a command in service `{service}`"), &error);
            if failure::says(&error, "not enabled") {
                failed.hint(ENABLE)
            } else if failure::is(&error, "TargetNotConnectedException") {
                failed.hint("the agent in the task is not connected: it needs a second after the start, a way to `ssmmessages`, and the rights that `x-aws-exec: true` gives")
            } else {
                failed
            }
        })?;
    let session = answer
        .session
        .unwrap_or_else(|| aws_sdk_ecs::types::Session::builder().build());
    let invitation = Invitation {
        url: session.stream_url.unwrap_or_default(),
        token: session.token_value.unwrap_or_default(),
    };
    session::join(&invitation, exec, &nonce, open()?, io).await
}

fn runs(task: &Task, container: &str) -> bool {
    let mut containers = task.containers().iter();
    containers.any(|of| of.name() == Some(container) && of.last_status() == Some("RUNNING"))
}
