//! Running a command in a task.

use super::running::{Running, Shut};
use super::session::{self, Invitation};
use super::{Account, failure};
use crate::backend::{Exec, Io, Open};
use crate::error::{Error, Result};

/// What an agent needs.
pub(super) const NOT_CONNECTED: &str = "the agent in the task is not connected: it needs a second after the start, a way to `ssmmessages`, and the rights that `x-aws-exec: true` gives";

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
    (project, service, index): (&str, &str, Option<u32>),
    exec: &Exec,
    open: Open<'_>,
    shut: Shut<'_>,
    io: &Io,
) -> Result<u8> {
    check(exec)?;
    let running = Running::find(account, project, service, index).await?;
    if !running.open {
        return Err(shut());
    }
    enter(account, service, &running, exec, open, io).await
}

/// Runs a command in a task that lets one in; its exit status.
pub(super) async fn enter(
    account: &Account,
    service: &str,
    running: &Running,
    exec: &Exec,
    open: Open<'_>,
    io: &Io,
) -> Result<u8> {
    let nonce = session::nonce(&running.task);
    let answer = account
        .ecs
        .execute_command()
        .cluster(&running.cluster)
        .task(&running.task)
        .container(&running.container)
        .command(session::line(exec, &nonce))
        .interactive(true)
        .send()
        .await
        .map_err(|error| {
            let failed = account
                .access
                .failed(format!("cannot run a command in service `{service}`"), &error);
            // ECS has one sentence for both: commands are not allowed, or the agent does not run.
            if failure::says(&error, "agent isn't running") || failure::is(&error, "TargetNotConnectedException") {
                failed.hint(NOT_CONNECTED)
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
