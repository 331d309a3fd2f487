//! `up`: from a project to a running stack.

use std::future::Future;

use indexmap::IndexMap;

use super::aws::change_set::{self, ChangeSet, Submission};
use super::aws::events::{End, Follower};
use super::aws::secrets::{self, FileSecret};
use super::aws::stack::{self, Operation, Stack};
use super::aws::{Account, network, tags, volumes};
use super::cloudformation::{Purpose, Template};
use super::follow::{failure, follow};
use super::parameters::{self, Found, given_value};
use super::{convert, files};
use crate::backend::{Io, UpOptions};
use crate::compose::Project;
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::error::{Error, Result};

/// What is wrong with a project that has nothing to do with the account.
pub(super) fn check(project: &Project) -> Vec<Diagnostic> {
    let mut diagnostics = convert::convert(project).diagnostics;
    let legal = stack::legal_name(&project.name);
    if legal != project.name {
        let span = project.tree.get("name").map_or(Span::NOWHERE, |name| name.span);
        let message = format!("`{}` cannot be the name of a CloudFormation stack", project.name);
        let hint = format!("a stack's name has letters, digits and hyphens and begins with a letter: `-p {legal}`");
        diagnostics.push(Diagnostic::error(span, message).hint(hint));
    }
    diagnostics
}

/// What is deployed: all that is known without asking AWS.
struct Deployment<'a> {
    name: &'a str,
    template: &'a Template,
    body: String,
    /// The Parameters to which the user gave a value.
    given: &'a [(String, String)],
    files: Vec<FileSecret>,
}

/// Deploys a project; the result is the command's exit status.
pub(super) async fn up(account: &Account, project: &Project, options: &UpOptions, io: &Io) -> Result<u8> {
    check_options(options)?;
    let converted = convert::convert(project);
    let template = converted.template;
    parameters::check_names(&template, &options.parameters)?;
    let (files, unreadable) = files::secrets(project, &template.parameters, &options.parameters);
    let mut mistakes = converted.diagnostics;
    mistakes.retain(|diagnostic| diagnostic.severity == Severity::Error);
    mistakes.extend(unbuilt(project, &template, &options.parameters));
    mistakes.extend(unreadable);
    if !mistakes.is_empty() {
        return Err(mistakes.into());
    }
    let deployment = Deployment {
        name: &project.name,
        template: &template,
        body: template.to_yaml(),
        given: &options.parameters,
        files,
    };
    check_size(&deployment.body)?;
    deployment.run(account, options.detach, io).await?;
    Ok(0)
}

impl Deployment<'_> {
    async fn run(&self, account: &Account, detach: bool, io: &Io) -> Result<()> {
        introduce(account, io);
        let name = self.name;
        let preparing = Box::pin(self.prepare(account, io));
        let prepared = unless_interrupted(io, name, "nothing has been deployed", preparing).await?;
        let Some((operation, change_set)) = prepared else {
            io.progress.done(format!("Stack {name}"), "No changes");
            return self.show_outputs(account, io).await;
        };
        let follower = Follower::start(account, &change_set.stack_id).await?;
        change_set::execute(account, &change_set).await?;
        if detach {
            io.progress.done(format!("Stack {name}"), "Deployment started");
            return Ok(());
        }
        let goes_on = format!("AWS goes on; `ctx -p {name} ps` shows how far it is");
        let following = follow(account, follower, &self.template.origins, io);
        let outcome = unless_interrupted(io, name, &goes_on, following).await?;
        match (outcome.end, operation) {
            (End::Success, _) => {
                self.remove_stale_secrets(account, io).await?;
                self.show_outputs(account, io).await
            }
            (End::Failure, Operation::Update) => Err(failure(
                &format!("update stack `{name}`"),
                &outcome,
                &self.template.origins,
            )),
            (End::Failure, _) => Err(failure(
                &format!("create stack `{name}`"),
                &outcome,
                &self.template.origins,
            )),
        }
    }

    /// Everything up to the change set; none when there is nothing to change.
    async fn prepare(&self, account: &Account, io: &Io) -> Result<Option<(Operation, ChangeSet)>> {
        let stack = stack::find(account, self.name).await?;
        if let Some(stack) = &stack {
            stack::check_ours(account, stack, self.name).await?;
        }
        let operation = stack::operation(stack.as_ref())?;
        if let (Operation::Recreate, Some(stack)) = (operation, &stack) {
            clear_away(account, stack, io).await?;
        }
        let kept = stack.filter(|_| operation == Operation::Update);
        let found = self.find(account, kept.as_ref(), io).await?;
        let submission = Submission {
            name: self.name.to_owned(),
            body: self.body.clone(),
            parameters: parameters::values(self.template, self.given, &found)?,
            tags: vec![(tags::PROJECT.to_owned(), self.name.to_owned())],
        };
        io.progress
            .working(format!("Stack {}", self.name), "Preparing the change set");
        let change_set = change_set::prepare(account, operation, &submission).await?;
        Ok(change_set.map(|change_set| (operation, change_set)))
    }

    /// Everything that the Parameters ask for and nobody has said.
    async fn find(&self, account: &Account, stack: Option<&Stack>, io: &Io) -> Result<Found> {
        let vpc = self.vpc(account, stack).await?;
        let subnets = self.subnets(account, vpc.as_deref(), stack).await?;
        let file_systems = self.file_systems(account, stack).await?;
        let mut secrets = IndexMap::new();
        for file in &self.files {
            let (arn, change) = secrets::put(account, self.name, file).await?;
            io.progress.done(format!("Secret {}", file.key), change.to_string());
            secrets.insert(file.key.clone(), arn);
        }
        Ok(Found {
            vpc,
            subnets,
            secrets,
            file_systems,
        })
    }

    /// What the user says, what the files say, what the stack has, the default one: in this order.
    async fn vpc(&self, account: &Account, stack: Option<&Stack>) -> Result<Option<String>> {
        let asked = self
            .template
            .parameters
            .iter()
            .find(|(_, purpose)| **purpose == Purpose::Vpc);
        let Some((name, _)) = asked else {
            return Ok(None);
        };
        let said = given_value(self.given, name).map(str::to_owned);
        let known = said.or(self.template.parameter_default(name)).or(kept(stack, name));
        if known.is_some() {
            return Ok(known);
        }
        let vpc = network::default_vpc(account).await?;
        if vpc.is_some() {
            return Ok(vpc);
        }
        Err(
            Error::new(format!("region `{}` has no default VPC", account.region)).hint(format!(
                "name a VPC with `--parameter {name}=vpc-…`, or `aws ec2 create-default-vpc` makes one"
            )),
        )
    }

    async fn subnets(&self, account: &Account, vpc: Option<&str>, stack: Option<&Stack>) -> Result<Vec<String>> {
        let parameters = self.template.parameters.iter();
        let names = parameters.filter_map(|(name, purpose)| matches!(purpose, Purpose::Subnet(_)).then_some(name));
        let names: Vec<&String> = names.collect();
        let slot = |name: &&String| network::Slot {
            given: given_value(self.given, name).map(str::to_owned),
            kept: stack.and_then(|stack| stack.parameters.get(*name).cloned()),
        };
        let slots: Vec<network::Slot> = names.iter().map(slot).collect();
        let (Some(vpc), false) = (vpc, slots.iter().all(|slot| slot.given.is_some())) else {
            return Ok(Vec::new());
        };
        let there = network::subnets(account, vpc).await?;
        network::choose(&there, &slots)
            .map_err(|error| error.hint(format!("name them with `--parameter {}=subnet-…`", names[0])))
    }

    /// The file systems that the stack shall use but does not own: those that an earlier stack of the project left.
    async fn file_systems(&self, account: &Account, stack: Option<&Stack>) -> Result<IndexMap<String, String>> {
        let mut chosen = IndexMap::new();
        let asked = self
            .template
            .parameters
            .iter()
            .filter_map(|(name, purpose)| match purpose {
                Purpose::FileSystem { volume } if given_value(self.given, name).is_none() => Some((name, volume)),
                _ => None,
            });
        let asked: Vec<(&String, &String)> = asked.collect();
        if asked.is_empty() {
            return Ok(chosen);
        }
        let there = volumes::of_project(account, self.name).await?;
        let resources = match stack {
            Some(stack) => stack::resources(account, &stack.id).await?,
            None => Vec::new(),
        };
        let owned: Vec<String> = resources.into_iter().map(|resource| resource.physical_id).collect();
        for (name, volume) in asked {
            let kept = kept(stack, name);
            let id = volumes::retained(&there, volume, &owned, kept.as_deref())
                .map_err(|error| error.hint(format!("say which with `--parameter {name}=fs-…`")))?;
            if let Some(id) = id {
                chosen.insert(volume.clone(), id);
            }
        }
        Ok(chosen)
    }

    /// What the user wants to know now: the addresses.
    async fn show_outputs(&self, account: &Account, io: &Io) -> Result<()> {
        let stack = stack::find(account, self.name).await?;
        for (what, value) in stack.map(|stack| stack.outputs).unwrap_or_default() {
            io.progress.done(what, value);
        }
        Ok(())
    }

    /// Deletes the secrets of files that the project no longer has. Only now: until the update was complete, the old
    /// tasks could still be restarted.
    async fn remove_stale_secrets(&self, account: &Account, io: &Io) -> Result<()> {
        for secret in secrets::of_project(account, self.name).await? {
            let used = |purpose: &Purpose| matches!(purpose, Purpose::Secret { key } if *key == secret.key);
            if !self.template.parameters.values().any(used) {
                secrets::delete(account, &secret).await?;
                io.progress.done(format!("Secret {}", secret.key), "Removed");
            }
        }
        Ok(())
    }
}

/// The value that a Parameter has in the stack.
fn kept(stack: Option<&Stack>, name: &str) -> Option<String> {
    stack?.parameters.get(name).cloned()
}

/// Names the account and the region before anything is done there.
pub(super) fn introduce(account: &Account, io: &Io) {
    let place = format!("{} through context `{}`", account.region, account.context);
    io.progress.done(format!("Account {}", account.id), place);
}

/// Does some work until it is done or the user interrupts it; then says what that means.
pub(super) async fn unless_interrupted<T>(
    io: &Io,
    name: &str,
    what_it_means: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        result = work => result,
        () = io.interrupts.reached(1) => {
            io.progress.warning(format!("Stack {name}"), format!("Interrupted: {what_it_means}"));
            Err(Error::INTERRUPTED)
        }
    }
}

/// Deletes a stack whose creation failed. It never ran, and CloudFormation has undone it already.
async fn clear_away(account: &Account, stack: &Stack, io: &Io) -> Result<()> {
    let id = format!("Stack {}", stack.name);
    io.progress
        .working(id, "Removing what is left of a creation that failed");
    let follower = Follower::start(account, &stack.id).await?;
    stack::delete(account, &stack.id).await?;
    let outcome = follow(account, follower, &IndexMap::new(), io).await?;
    match outcome.end {
        End::Success => Ok(()),
        End::Failure => Err(failure(
            &format!("delete stack `{}`", stack.name),
            &outcome,
            &IndexMap::new(),
        )),
    }
}

/// Services that have to be built first, and whose image nobody has given.
fn unbuilt(project: &Project, template: &Template, given: &[(String, String)]) -> Vec<Diagnostic> {
    let mut mistakes = Vec::new();
    for service in project.services.values() {
        let Some(build) = &service.build else { continue };
        let image = |purpose: &Purpose| matches!(purpose, Purpose::Image { service: of, .. } if *of == service.name);
        let parameter = template.parameters.iter().find(|(_, purpose)| image(purpose));
        let hint = match parameter {
            Some((name, _)) if given_value(given, name).is_some() => continue,
            Some((name, _)) => format!("build and push it yourself, then name it with `--parameter {name}=IMAGE`"),
            None => "build and push it yourself, then name it as `image`".to_owned(),
        };
        let message = format!(
            "service `{}` has to be built, and `ctx` cannot build for ECS yet",
            service.name
        );
        mistakes.push(Diagnostic::error(build.span.or(service.span), message).hint(hint));
    }
    mistakes
}

fn check_size(body: &str) -> Result<()> {
    if body.len() <= change_set::LARGEST_BODY {
        return Ok(());
    }
    Err(Error::new(format!(
        "the project's template has {} bytes, and CloudFormation takes {} in one request",
        body.len(),
        change_set::LARGEST_BODY
    ))
    .hint("deploy the project in parts, each with a name of its own"))
}

/// Options that mean nothing here are refused, so that nobody believes in their effect.
fn check_options(options: &UpOptions) -> Result<()> {
    if !options.services.is_empty() {
        return Err(Error::new("on ECS a project is deployed as a whole").hint("leave out the names of services"));
    }
    if options.force_recreate {
        return Err(Error::new("`--force-recreate` cannot be done on ECS yet")
            .hint("`aws ecs update-service --force-new-deployment` replaces a service's tasks"));
    }
    if options.no_recreate {
        return Err(Error::new(
            "`--no-recreate` means nothing on ECS: it replaces the tasks of changed services",
        ));
    }
    if options.timeout.is_some() {
        return Err(Error::new("`--timeout` means nothing on ECS").hint("set `stop_grace_period` on the services"));
    }
    Ok(())
}
