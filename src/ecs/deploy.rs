//! `up`: from a project to a running stack.

use super::attempts::{self, ATTEMPTS, Seen};
use super::aws::change_set::{self, ChangeSet, Submission, Unprepared};
use super::aws::events::Follower;
use super::aws::rollout::{self, Change, Rollout};
use super::aws::secrets::{self, FileSecret, Stored};
use super::aws::stack::{self, Operation, Readiness};
use super::aws::{Account, log_groups, services, tags};
use super::cloudformation::{Purpose, Template};
use super::convert::Converted;
use super::diagnosis::at_its_line;
use super::interrupt::unless_interrupted;
use super::logins::surveyed_for;
use super::parameters::{self, Found};
use super::{adopt, convert, diagnosis, files, images, up_options};
use crate::backend::{Io, UpOptions};
use crate::compose::Project;
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::error::{Error, Result};
use crate::image::Builder;

/// What is wrong with a project that has nothing to do with the account.
pub(super) fn check(project: &Project) -> Vec<Diagnostic> {
    let mut diagnostics = convert::convert(&surveyed(project)).diagnostics;
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
pub(super) struct Deployment<'a> {
    pub(super) name: &'a str,
    pub(super) template: &'a Template,
    pub(super) body: String,
    /// The Parameters to which the user gave a value.
    pub(super) given: &'a [(String, String)],
    pub(super) files: Vec<FileSecret>,
    /// Each use of a secret: its key, and the service.
    uses: Vec<(String, String)>,
    pub(super) project: &'a Project,
}

/// What stands ready to be done.
struct Prepared {
    /// None when the stack is as it should be.
    change: Option<(Operation, ChangeSet)>,
    /// The stack that there was.
    stack_id: Option<String>,
    /// Secrets whose old content tasks still have.
    renewed: Vec<Stored>,
}

/// Deploys a project; the result is the command's exit status.
pub(super) async fn up(
    account: &Account,
    builder: &Builder,
    project: &Project,
    options: &UpOptions,
    io: &Io,
) -> Result<u8> {
    up_options::check(options)?;
    let project = &surveyed_for(project, builder, options).await?;
    let template = convert::convert(project);
    let mut deployment = Deployment::new(account, project, &template, &options.parameters)?;
    deployment.take_logins(builder).await?;
    Box::pin(deployment.run(account, builder, options, io)).await?;
    Ok(0)
}

impl<'a> Deployment<'a> {
    pub(super) fn new(
        account: &Account,
        project: &'a Project,
        converted: &'a Converted,
        given: &'a [(String, String)],
    ) -> Result<Self> {
        let template = &converted.template;
        parameters::check_names(template, given)?;
        let (files, unreadable) = files::secrets(project, &template.parameters, given);
        let mut mistakes = converted.diagnostics.clone();
        mistakes.retain(|diagnostic| diagnostic.severity == Severity::Error);
        mistakes.extend(unreadable);
        mistakes.extend(foreign(account, project));
        if !mistakes.is_empty() {
            return Err(mistakes.into());
        }
        Ok(Self {
            name: &project.name,
            template,
            body: template.to_yaml(),
            given,
            files,
            uses: uses(project, template),
            project,
        })
    }
}

impl Deployment<'_> {
    async fn run(&self, account: &Account, builder: &Builder, options: &UpOptions, io: &Io) -> Result<()> {
        introduce(account, io);
        let name = self.name;
        // Of several that deploy the project at the same moment one goes first; the others wait and look again.
        let mut last = None;
        for attempt in 0..ATTEMPTS {
            // Whoever was in the way of another keeps out of it for longer and longer, and each differently.
            tokio::time::sleep(attempts::turn(attempt, std::process::id())).await;
            let mut seen = None;
            let preparing = Box::pin(self.prepare(account, builder, options, &mut seen, io));
            let prepared = unless_interrupted(io, name, "nothing has been deployed", preparing).await;
            let Prepared {
                change,
                stack_id,
                renewed,
            } = match prepared {
                Err(error @ Error::Message(_)) if attempts::has_moved(account, self.name, seen.as_ref()).await => {
                    last = Some(error);
                    continue;
                }
                prepared => prepared?,
            };
            let Some((operation, change_set)) = change else {
                io.progress.done(format!("Stack {name}"), "No changes");
                self.bring_forward(account, stack_id.as_deref(), options, io).await?;
                self.redeploy(account, &[], &renewed, options, io).await?;
                return self.show_outputs(account, io).await;
            };
            let begin = async {
                let follower = Follower::start(account, &change_set.stack_id).await?;
                Ok::<_, Error>(change_set::execute(account, &change_set).await?.then_some(follower))
            };
            let follower = match begin.await {
                Ok(Some(follower)) => follower,
                Ok(None) => continue,
                Err(error) if attempts::is_others(&error, account, name, &change_set, seen.as_ref()).await => {
                    last = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if options.detach {
                io.progress.done(format!("Stack {name}"), "Deployment started");
                for secret in renewed {
                    let text = "Services that do not change keep the old content until the next `up`";
                    io.progress.warning(format!("Secret {}", secret.key), text);
                }
                return Ok(());
            }
            let touched = self
                .see_through(account, operation, &change_set, follower, options, io)
                .await?;
            self.bring_forward(account, Some(&change_set.stack_id), options, io)
                .await?;
            self.redeploy(account, &touched, &renewed, options, io).await?;
            self.remove_stale_secrets(account, io).await?;
            return self.show_outputs(account, io).await;
        }
        Err(attempts::given_up(name, last.as_ref()))
    }

    /// Replaces tasks that the update of the stack has not replaced: of services that use a renewed secret, and of all
    /// if that is asked for. `touched` are the logical ids of what has just been created or updated.
    async fn redeploy(
        &self,
        account: &Account,
        touched: &[String],
        renewed: &[Stored],
        options: &UpOptions,
        io: &Io,
    ) -> Result<()> {
        let is_new = |secret: &String| renewed.iter().any(|stored| stored.key == *secret);
        let wanted = |service: &String| {
            let mut uses = self.uses.iter();
            options.force_recreate || uses.any(|(secret, user)| user == service && is_new(secret))
        };
        if !options.force_recreate && renewed.is_empty() {
            return Ok(());
        }
        let mut rollouts = Vec::new();
        // Services that share a task are replaced together.
        let mut begun = Vec::new();
        for service in Box::pin(services::of_project(account, self.name, &[])).await? {
            // A job has no tasks to replace.
            if service.family.is_none()
                && wanted(&service.key)
                && !touched.contains(&service.logical_id)
                && !begun.contains(&service.name)
            {
                begun.push(service.name.clone());
                let begun = Rollout::begin(account, service, Change::Redeploy, &io.progress);
                rollouts.push(Box::pin(begun).await?);
            }
        }
        if !options.detach {
            let following = Box::pin(rollout::follow(account, rollouts, &io.progress));
            let followed = unless_interrupted(io, self.name, &self.goes_on(account), following).await?;
            if let Some(unstable) = followed {
                return Err(diagnosis::unstable(&unstable, Some(self.project)));
            }
        }
        for secret in renewed {
            secrets::confirm(account, secret).await?;
        }
        Ok(())
    }

    /// Everything up to the change set.
    async fn prepare(
        &self,
        account: &Account,
        builder: &Builder,
        options: &UpOptions,
        seen: &mut Option<Seen>,
        io: &Io,
    ) -> Result<Prepared> {
        let mut kept = self.settle(account, io).await?;
        *seen = Some(Seen::Stack(kept.as_ref().map(|stack| stack.status.clone())));
        let mut replaced = None;
        if let Some(stack) = &kept
            && let Some(retired) = adopt::retired(account, stack, self.name).await?
        {
            self.check_adoption(&retired, options, io)?;
            replaced = kept.take();
        }
        let operation = match kept {
            Some(_) => Operation::Update,
            None => Operation::Create,
        };
        if let Some(stack) = &kept {
            self.check_stays(stack)?;
            self.check_folders(account, stack).await?;
            self.check_same_project(stack, options, io)?;
            self.tell_lost_logins(stack, io);
        }
        let services = images::built(self.project, self.template, self.given);
        let providing = images::provide(account, builder, self.project, &services, options.build, io);
        let pinning = self.pin(account, builder, kept.as_ref(), options, io);
        let (images, pinned) = tokio::try_join!(Box::pin(providing), Box::pin(pinning))?;
        let stored = self.put_secrets(account, io).await?;
        let mut found = self.find(account, kept.as_ref(), &stored).await?;
        self.add_images(&mut found, pinned);
        self.add_images(&mut found, images);
        let submission = self.submission(account, change_set::NAME, found, io).await?;
        if let Some(old) = &replaced {
            self.make_way(account, old, &submission, io).await?;
        }
        if operation != Operation::Update
            && let Some(group) = log_groups::of_project(account, self.name).await?
        {
            // What a failed creation has left. The stack makes one of the same name. If somebody else has made the stack
            // in the meantime, the group is in use.
            let now = stack::find(account, self.name).await?;
            if stack::readiness(now.as_ref()) != Readiness::Ready(Operation::Create) {
                return Err(Error::new(format!(
                    "somebody else has just created stack `{}`",
                    self.name
                )));
            }
            log_groups::delete(account, &group).await?;
        }
        let change_set = self.change_set(account, operation, &submission, io).await;
        if let Err(Unprepared::Lost) = change_set {
            *seen = Some(Seen::Other);
        }
        let change_set = change_set?;
        if let Some(change_set) = &change_set {
            self.check_losses(account, operation, change_set, options, io).await?;
        }
        let change = change_set.map(|change_set| (operation, change_set));
        let stack_id = kept.map(|stack| stack.id);
        let mut renewed = stored;
        renewed.retain(|stored| stored.change == secrets::Change::Updated);
        Ok(Prepared {
            change,
            stack_id,
            renewed,
        })
    }

    async fn put_secrets(&self, account: &Account, io: &Io) -> Result<Vec<Stored>> {
        let mut all = Vec::new();
        for file in &self.files {
            let stored = secrets::put(account, self.name, file).await?;
            io.progress
                .done(format!("Secret {}", file.key), stored.change.to_string());
            all.push(stored);
        }
        Ok(all)
    }

    pub(super) async fn submission(
        &self,
        account: &Account,
        change_set: &'static str,
        mut found: Found,
        io: &Io,
    ) -> Result<Submission> {
        let (template, templates_url) = self.hand_over(account, io).await?;
        found.templates_url = templates_url;
        Ok(Submission {
            name: self.name.to_owned(),
            change_set,
            template,
            nested: !self.template.nested.is_empty(),
            named_roles: self.template.names_roles(),
            parameters: parameters::values(self.template, self.given, &found)?,
            tags: [(tags::PROJECT.to_owned(), self.name.to_owned())]
                .into_iter()
                .chain(self.template.tags.clone())
                .collect(),
        })
    }

    pub(super) async fn change_set(
        &self,
        account: &Account,
        operation: Operation,
        submission: &Submission,
        io: &Io,
    ) -> Result<Option<ChangeSet>, Unprepared> {
        io.progress
            .working(format!("Stack {}", self.name), "Preparing the change set");
        let prepared = change_set::prepare(account, operation, submission).await;
        prepared.map_err(|unprepared| match unprepared {
            Unprepared::Failed(error) => at_its_line(error, &self.template.origins).into(),
            Unprepared::Lost => Unprepared::Lost,
        })
    }

    /// What the user wants to know now: the addresses.
    async fn show_outputs(&self, account: &Account, io: &Io) -> Result<()> {
        let stack = stack::find(account, self.name).await?;
        for (what, value) in stack.map(|stack| stack.outputs).unwrap_or_default() {
            io.progress.done(what, value);
        }
        Ok(())
    }

    pub(super) fn uses_secret(&self, key: &str) -> bool {
        let used = |purpose: &Purpose| purpose.secret() == Some(key);
        self.template.parameters.values().any(used)
    }

    /// Deletes the secrets of files that the project no longer has. Only now: until the update was complete, the old
    /// tasks could still be restarted.
    async fn remove_stale_secrets(&self, account: &Account, io: &Io) -> Result<()> {
        for secret in secrets::of_project(account, self.name).await? {
            if !self.uses_secret(&secret.key) {
                secrets::delete(account, &secret).await?;
                io.progress.done(format!("Secret {}", secret.key), "Removed");
            }
        }
        Ok(())
    }
}

/// Names the account and the region before anything is done there.
pub(super) fn introduce(account: &Account, io: &Io) {
    let place = format!("{} through context `{}`", account.region, account.context);
    io.progress.done(format!("Account {}", account.id), place);
}

pub(super) fn surveyed(project: &Project) -> Project {
    let mut project = project.clone();
    convert::survey(&mut project);
    project
}

fn uses(project: &Project, template: &Template) -> Vec<(String, String)> {
    let mut uses = Vec::new();
    for service in project.services.values() {
        let secrets = service.secrets.iter().map(|secret| secret.source.value.clone());
        uses.extend(secrets.map(|secret| (secret, service.name.clone())));
    }
    for purpose in template.parameters.values() {
        if let Purpose::Files { key, service, .. } = purpose {
            uses.push((key.clone(), service.clone()));
        }
    }
    uses
}

/// `x-aws-account`, where this is another one.
pub(super) fn foreign(account: &Account, project: &Project) -> Option<Diagnostic> {
    let node = project.tree.get("x-aws-account")?;
    let wanted = node.as_str().filter(|wanted| *wanted != account.id)?;
    let message = format!("the project is for account {wanted}, and this is {}", account.id);
    let context = &account.context;
    Some(Diagnostic::error(node.span, message).hint(format!("choose another context than `{context}` with `-c`")))
}
