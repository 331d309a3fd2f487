//! A task that was started for one command, from then to its end.

use aws_sdk_ecs::types::{Container, Task};

use super::log::{Log, Unanswered};
use super::stop;
use crate::backend::{Io, Unheard};
use crate::ecs::aws::causes::{self, Cause};
use crate::ecs::aws::pace::Pace;
use crate::ecs::aws::tasks::{self, StoppedTask};
use crate::ecs::aws::{Account, failure, trouble};
use crate::error::{Error, Result};

/// How often a log is looked at after the end of what wrote to it: lines take a moment to get there.
const LOOKS_AFTER_THE_END: usize = 3;

/// A task that was started for one command.
#[derive(Debug)]
pub struct Started {
    /// Its id, as `ctx ps -a` shows it.
    pub id: String,
    pub(super) service: String,
    pub(super) cluster: String,
    pub(super) arn: String,
    pub(super) container: String,
    pub(super) log: Option<Log>,
    /// Whether somebody may expect that what is typed reaches it.
    pub(super) terminal: bool,
    /// What does not, until it has been told.
    pub(super) unheard: Option<Unheard>,
}

/// How it ended.
#[derive(Debug)]
pub enum Ended {
    /// With an exit status; with a reason where ECS gives one.
    Exited(i32, Option<String>),
    /// Stopped before the command was there: it would have missed what is piped in.
    Unheard,
    /// Before the command was there; why, as far as it is known.
    Failed(Box<StoppedTask>, Option<Box<Cause>>),
}

impl Started {
    /// Whether its output can be shown.
    #[must_use]
    pub fn has_log(&self) -> bool {
        self.log.is_some()
    }

    /// Shows what it writes until it ends. Throttling, lost connections and the like are waited out.
    pub async fn follow(&mut self, account: &Account, io: &Io) -> Result<Ended> {
        let mut pace = Pace::new();
        let mut told = String::new();
        loop {
            pace.wait().await;
            match self.look(account, io).await {
                Ok((task, lines)) => {
                    pace.answered();
                    let state = task.last_status().unwrap_or_default();
                    if lines > 0 || told != state {
                        pace.hurry();
                    }
                    if told != state {
                        self.tell(state, io);
                        state.clone_into(&mut told);
                    }
                    if let Some(input) = self.unheard.take_if(|input| (input.waits)()) {
                        if !input.typed && !has_begun(&task, &self.container) {
                            self.stop(account).await?;
                            return Ok(Ended::Unheard);
                        }
                        self.tell_unheard(input, io);
                    }
                    if let Some(ended) = self.end(account, &task).await {
                        self.rest_of_log(account, io).await;
                        return Ok(ended);
                    }
                }
                Err(Unanswered::Passing(error)) => {
                    if !pace.back_off() {
                        return Err(error);
                    }
                }
                Err(Unanswered::Lasting(error)) => return Err(error),
            }
        }
    }

    /// Asks it to end.
    pub async fn stop(&self, account: &Account) -> Result<()> {
        stop(account, &self.cluster, &self.arn, "ctx run was interrupted").await
    }

    fn tell(&self, state: &str, io: &Io) {
        let id = format!("Task {}", self.id);
        match state {
            "RUNNING" if self.terminal => io.progress.done(id, "Running; keys do not reach it"),
            "RUNNING" => io.progress.done(id, "Running"),
            "PROVISIONING" | "PENDING" | "ACTIVATING" => io.progress.working(id, "Starting"),
            _ => {}
        }
    }

    fn tell_unheard(&self, input: Unheard, io: &Io) {
        let what = if input.typed { "is typed" } else { "is piped in" };
        let text = format!(
            "What {what} does not reach the command; `ctx exec {} COMMAND` runs one that it reaches, in a task that runs",
            self.service
        );
        io.progress.warning(format!("Task {}", self.id), text);
    }

    async fn look(&mut self, account: &Account, io: &Io) -> Result<(Task, usize), Unanswered> {
        let request = account.ecs.describe_tasks().cluster(&self.cluster).tasks(&self.arn);
        let answer = request.send().await.map_err(|error| {
            let what = format!("cannot look at task `{}`", self.id);
            Unanswered::of(failure::passes(&error), account.access.failed(what, &error))
        })?;
        let task = answer.tasks.unwrap_or_default().into_iter().next();
        let Some(task) = task else {
            let gone = Error::new(format!("ECS knows no task `{}` any more", self.id));
            return Err(Unanswered::Lasting(gone));
        };
        let lines = match &mut self.log {
            Some(log) => log.news(account, &self.service, io).await?,
            None => 0,
        };
        Ok((task, lines))
    }

    /// How the command ended, once it has. The task itself needs some more seconds for that.
    async fn end(&self, account: &Account, task: &Task) -> Option<Ended> {
        let mut containers = task.containers().iter();
        let own = containers.find(|container| container.name() == Some(&self.container));
        let stopped = |state: Option<&str>| state == Some("STOPPED");
        let over = stopped(task.last_status()) || stopped(own.and_then(Container::last_status));
        if !over {
            return None;
        }
        match own.and_then(Container::exit_code) {
            Some(code) => {
                let reason = own.and_then(|container| container.reason.clone());
                Some(Ended::Exited(code, reason.filter(|reason| !reason.is_empty())))
            }
            None if stopped(task.last_status()) => {
                let task = tasks::read_all(vec![task.clone()]).remove(0);
                let known = trouble::of_stopped(account, std::slice::from_ref(&task)).await;
                let cause = known.into_iter().next().or_else(|| causes::of_task(&task));
                Some(Ended::Failed(Box::new(task), cause.map(Box::new)))
            }
            None => None,
        }
    }

    async fn rest_of_log(&mut self, account: &Account, io: &Io) {
        let Some(log) = &mut self.log else { return };
        let mut pace = Pace::new();
        let mut looks = 0;
        while looks < LOOKS_AFTER_THE_END {
            pace.wait().await;
            match log.news(account, &self.service, io).await {
                Ok(0) | Err(_) => looks += 1,
                Ok(_) => looks = 0,
            }
        }
    }
}

/// Whether the command may have done something already.
fn has_begun(task: &Task, container: &str) -> bool {
    let mut containers = task.containers().iter();
    let own = containers.find(|own| own.name() == Some(container));
    own.and_then(Container::last_status)
        .is_none_or(|state| state != "PENDING")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_begun_when_its_own_container_has() {
        let container = |name: &str, state| Container::builder().name(name).last_status(state).build();
        let task = |state| {
            let init = container("web-init", "RUNNING");
            Task::builder()
                .containers(init)
                .containers(container("web", state))
                .build()
        };
        let begun = ["PENDING", "RUNNING", "STOPPED"].map(|state| has_begun(&task(state), "web"));
        assert_eq!(begun, [false, true, true]);
    }
}
