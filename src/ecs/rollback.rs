//! `rollback`: services back to what they ran before.

use jiff::Timestamp;

use super::aws::history::{self, Completed};
use super::aws::rollout::{self, Change, Rollout};
use super::aws::services::Service;
use super::aws::stack::{self, Operation, Stack};
use super::aws::trouble::APART;
use super::aws::{Account, definitions, lifecycle};
use super::deploy::{Deployment, foreign, introduce};
use super::diagnosis::unstable;
use super::interrupt::unless_interrupted;
use crate::backend::{Io, UpOptions};
use crate::compose::Project;
use crate::error::{Error, Result};

/// Goes back to the last completed deployments, in the named services or in those that the last `up` has changed.
pub(super) async fn rollback(
    account: &Account,
    (name, project): (&str, Option<&Project>),
    wanted: &[String],
    yes: bool,
    io: &Io,
) -> Result<()> {
    if let Some(foreign) = project.and_then(|project| foreign(account, project)) {
        return Err(vec![foreign].into());
    }
    introduce(account, io);
    let found = lifecycle::lasting(account, name, wanted).await?;
    let stack = stack::find(account, name).await?;
    if stack::operation(stack.as_ref())? != Operation::Update {
        return Err(Error::new(format!("stack `{name}` is not deployed")).hint("`ctx up` deploys it"));
    }
    let mut ways = Vec::new();
    for service in found {
        let completed = history::of_service(account, &service).await?;
        match way(&service, &completed, stack.as_ref(), wanted) {
            Way::Back(earlier) => ways.push((service, earlier)),
            Way::None if !wanted.is_empty() => {
                let what = format!("ECS remembers no earlier deployment of service `{}`", service.key);
                return Err(
                    Error::new(what).hint("it remembers them for 90 days; an older version is in your files' history")
                );
            }
            Way::None | Way::Unchanged => {}
        }
    }
    if ways.is_empty() {
        let what = format!("the last deployment of `{name}` has changed no service, or was the first");
        return Err(Error::new(what).hint("`ctx rollback SERVICE` goes back to what that ran before"));
    }
    for (service, earlier) in &ways {
        io.progress.warning(object(service), told(service, earlier));
    }
    if !yes {
        match io.consent.ask("Go back?")? {
            Some(true) => {}
            Some(false) => {
                io.progress.warning(format!("Stack {name}"), "Not changed");
                return Err(Error::Exit(1));
            }
            None => {
                let what = "going back replaces tasks, and nobody is here to be asked";
                return Err(Error::new(what).hint("`--yes` goes back without a question"));
            }
        }
    }
    let goes_on = format!(
        "ECS goes on; `ctx -c {} -p {name} ps` shows which tasks run",
        account.context
    );
    let mut rollouts = Vec::new();
    for (service, earlier) in ways {
        let definition = history::again(account, &earlier).await?;
        rollouts.push(Rollout::begin(account, service, Change::Definition(definition), &io.progress).await?);
    }
    let following = Box::pin(rollout::follow(account, rollouts, &io.progress));
    if let Some(failed) = unless_interrupted(io, name, &goes_on, following).await? {
        return Err(unstable(&failed, project));
    }
    let text = "Its template stays as it is: the next `ctx up` deploys what the files say";
    io.progress.done(format!("Stack {name}"), text);
    Ok(())
}

impl Deployment<'_> {
    /// Brings services that were rolled back to what the stack has for them, which its update need not have touched.
    pub(super) async fn bring_forward(
        &self,
        account: &Account,
        stack_id: Option<&str>,
        options: &UpOptions,
        io: &Io,
    ) -> Result<()> {
        let Some(stack_id) = stack_id else {
            return Ok(());
        };
        let mut rollouts = Vec::new();
        let mut left = Vec::new();
        for back in history::rolled_back(account, self.name, stack_id).await? {
            let change = Change::Definition(back.deployed);
            rollouts.push(Rollout::begin(account, back.service, change, &io.progress).await?);
            left.push(back.runs);
        }
        if rollouts.is_empty() {
            return Ok(());
        }
        if !options.detach {
            let following = Box::pin(rollout::follow(account, rollouts, &io.progress));
            if let Some(failed) = unless_interrupted(io, self.name, &self.goes_on(account), following).await? {
                return Err(unstable(&failed, Some(self.project)));
            }
        }
        for definition in left {
            definitions::deregister(account, &definition).await?;
        }
        Ok(())
    }
}

/// Where a service goes back to.
enum Way {
    Back(Completed),
    /// The last deployment of the stack has not changed it.
    Unchanged,
    /// Nothing is known of earlier ones.
    None,
}

fn way(service: &Service, completed: &[Completed], stack: Option<&Stack>, wanted: &[String]) -> Way {
    let present = service.definition.task_definition_arn().unwrap_or_default();
    if wanted.is_empty() {
        let since = history::since(present, completed);
        let updated = stack.and_then(|stack| stack.updated);
        // A deployment that is not complete is of the last update too.
        let before = |since: Timestamp| since.checked_add(APART).is_ok_and(|since| Some(since) < updated);
        if updated.is_none() || since.is_some_and(before) {
            return Way::Unchanged;
        }
    }
    match history::before(present, completed) {
        Some(earlier) => Way::Back(earlier.clone()),
        None => Way::None,
    }
}

fn object(service: &Service) -> String {
    format!("Service {}", service.key)
}

/// The revisions, and the image that will run.
fn told(service: &Service, earlier: &Completed) -> String {
    let revision = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
    let present = revision(service.definition.task_definition_arn().unwrap_or_default());
    let main = service.main_container().and_then(|container| container.name());
    let image = earlier.images.iter().find(|(name, _)| Some(name.as_str()) == main);
    let image = image.map_or(String::new(), |(_, digest)| format!(", image {digest}"));
    let when = earlier
        .begun
        .map(|begun| begun.round(jiff::Unit::Second).unwrap_or(begun));
    let when = when.map_or(String::new(), |when: Timestamp| format!(", deployed {when}"));
    format!("From {present} back to {}{image}{when}", revision(&earlier.definition))
}
