//! What `up` would change, and the question whether that is meant.

use std::collections::BTreeMap;

use super::aws::change_set::{self, ChangeSet, PREVIEW, Submission};
use super::aws::secrets::{self, Stored};
use super::aws::stack::{self, Operation, Stack};
use super::aws::{Account, history, log_groups};
use super::changes::{self, Side};
use super::cloudformation::split::TEMPLATES_URL;
use super::deploy::{Deployment, introduce};
use super::interrupt::unless_interrupted;
use super::logins::surveyed_for;
use super::{adopt, convert, images, parameters, permissions};
use crate::backend::{Action, Change, Holding, Io, Property, UpOptions};
use crate::compose::Project;
use crate::diagnostic::{Diagnostic, Span};
use crate::error::{Error, Result};
use crate::image::{self, Builder};

/// What `up` would change. Changes nothing.
pub(super) async fn diff(
    account: &Account,
    builder: &Builder,
    project: &Project,
    options: &UpOptions,
    io: &Io,
) -> Result<Vec<Change>> {
    let project = &surveyed_for(project, builder, options).await?;
    let template = convert::convert(project);
    let mut deployment = Deployment::new(account, project, &template, &options.parameters)?;
    deployment.take_logins(builder).await?;
    introduce(account, io);
    let previewing = Box::pin(deployment.preview(account, builder, options, io));
    unless_interrupted(io, deployment.name, "nothing has been deployed", previewing).await
}

impl Deployment<'_> {
    /// Makes a change set, tells what is in it, and removes it.
    pub(super) async fn preview(
        &self,
        account: &Account,
        builder: &Builder,
        options: &UpOptions,
        io: &Io,
    ) -> Result<Vec<Change>> {
        let stack = stack::find(account, self.name).await?;
        if let Some(stack) = &stack {
            stack::check_ours(account, stack, self.name).await?;
        }
        let operation = stack::operation(stack.as_ref())?;
        let mut kept = stack.filter(|_| operation == Operation::Update);
        let mut replaced = None;
        if let Some(stack) = &kept
            && let Some(retired) = adopt::retired(account, stack, self.name).await?
        {
            replaced = Some(self.replaced(account, stack, &retired).await?);
            kept = None;
        }
        if let Some(stack) = &kept {
            self.check_stays(stack)?;
            self.check_folders(account, stack).await?;
        }
        let pinned = self.pin(account, builder, kept.as_ref(), options, io).await?;
        for service in images::built(self.project, self.template, self.given) {
            if kept.is_some() {
                let object = format!("Image {}", image::name(self.project, service));
                io.progress
                    .done(object, "Not built: the one that is deployed is compared");
            }
        }
        let mut stored = Vec::new();
        for file in &self.files {
            stored.push(secrets::look(account, self.name, file).await?);
        }
        let told = self.changes_of_secrets(account, &stored).await?;
        let partition = permissions::partition(&account.region);
        for stored in stored.iter_mut().filter(|stored| stored.arn.is_empty()) {
            // Nobody reads it: the change set is never executed.
            stored.arn = format!(
                "arn:{partition}:secretsmanager:{}:{}:secret:{}/{}-000000",
                account.region, account.id, self.name, stored.key
            );
        }
        let mut found = self.find(account, kept.as_ref(), &stored).await?;
        self.add_images(&mut found, pinned);
        let submission = self.submission(account, PREVIEW, found, io).await?;
        // A stack that goes first is in a change set's way, and so is what is left of a failed creation.
        let blocked = operation == Operation::Recreate
            || replaced.is_some()
            || (operation == Operation::Create && log_groups::of_project(account, self.name).await?.is_some());
        let mut changes = if blocked {
            self.sides(&submission).0.added(&self.template.origins)
        } else if let Some(change_set) = self.change_set(account, operation, &submission, io).await? {
            let read = self.read(account, kept.as_ref(), &submission, &change_set).await;
            change_set::abandon(account, operation, &change_set.stack_id, PREVIEW).await?;
            read?
        } else {
            Vec::new()
        };
        if let Some(stack) = &kept {
            for back in history::rolled_back(account, self.name, &stack.id).await? {
                changes::bring_forward(&mut changes, &back, &self.template.origins);
            }
        }
        changes.extend(told);
        changes.extend(replaced.into_iter().flatten());
        changes.sort_by(|a, b| (&a.stack, a.action, &a.logical_id).cmp(&(&b.stack, b.action, &b.logical_id)));
        io.progress.done(format!("Stack {}", self.name), "Compared");
        Ok(changes)
    }

    /// Asks before something is lost that cannot be brought back, and refuses it where nobody is there to ask.
    pub(super) async fn check_losses(
        &self,
        account: &Account,
        operation: Operation,
        change_set: &ChangeSet,
        options: &UpOptions,
        io: &Io,
    ) -> Result<()> {
        if options.yes {
            return Ok(());
        }
        let nothing = Side::default();
        let tell = |planned| changes::change(planned, &nothing, &nothing, &self.template.origins);
        let changes = change_set.changes.iter().map(tell);
        let losses: Vec<_> = changes.filter_map(|change| Some((change.loss()?, change))).collect();
        if losses.is_empty() {
            return Ok(());
        }
        for (loss, change) in &losses {
            io.progress.warning(title(change), sentence(loss));
        }
        // Nothing moves on the display while somebody thinks.
        io.progress
            .warning(format!("Stack {}", self.name), "What is lost does not come back");
        let answer = io.consent.ask("Go on?");
        if let Ok(Some(true)) = answer {
            return Ok(());
        }
        change_set::abandon(account, operation, &change_set.stack_id, change_set::NAME).await?;
        if answer?.is_some() {
            io.progress.warning(format!("Stack {}", self.name), "Not changed");
            return Err(Error::Exit(1));
        }
        let mut diagnostics: Vec<Diagnostic> = losses
            .iter()
            .map(|(loss, change)| {
                let what = format!("{} `{}` {loss}", change.kind, change.logical_id);
                Diagnostic::error(change.span, what)
            })
            .collect();
        if let Some(last) = diagnostics.pop() {
            diagnostics.push(
                last.hint("nobody is there to ask: `--yes` goes on without asking, `ctx diff` shows all changes"),
            );
        }
        Err(diagnostics.into())
    }

    /// Asks before a stack is taken whose services have nothing in common with the project's: a mistyped `-p`.
    pub(super) fn check_same_project(&self, stack: &Stack, options: &UpOptions, io: &Io) -> Result<()> {
        if options.yes || !parameters::are_of_another(&stack.parameters, self.template, self.given) {
            return Ok(());
        }
        let name = self.name;
        let what = format!("stack `{name}` has none of the project's services: it seems to be another project's");
        io.progress.warning(format!("Stack {name}"), sentence(&what));
        match io.consent.ask("Replace all of its services?")? {
            Some(true) => Ok(()),
            Some(false) => Err(Error::Exit(1)),
            None => Err(Error::new(what).hint(
                "`-p NAME` gives the project another name; `ctx diff` shows what would change, and `--yes` does it",
            )),
        }
    }

    async fn read(
        &self,
        account: &Account,
        stack: Option<&Stack>,
        submission: &Submission,
        change_set: &ChangeSet,
    ) -> Result<Vec<Change>> {
        let (ours, nested) = self.sides(submission);
        let deployed = match stack {
            Some(stack) => Side::new(&stack::template(account, &stack.id).await?, &stack.parameters),
            None => Side::default(),
        };
        let mut of_nested: BTreeMap<&str, Side> = BTreeMap::new();
        let mut changes = Vec::new();
        for planned in &change_set.changes {
            let origins = &self.template.origins;
            let Some((name, id)) = &planned.stack else {
                changes.push(changes::change(planned, &deployed, &ours, origins));
                continue;
            };
            if !of_nested.contains_key(name.as_str()) {
                let side = match id {
                    Some(id) => Side::new(&stack::template(account, id).await?, &BTreeMap::new()),
                    None => Side::default(),
                };
                of_nested.insert(name, side);
            }
            let nothing = Side::default();
            let ours = nested.get(name).unwrap_or(&nothing);
            changes.push(changes::change(planned, &of_nested[name.as_str()], ours, origins));
        }
        Ok(changes)
    }

    /// What would be deployed: the root, and the nested stacks by their logical ids.
    fn sides(&self, submission: &Submission) -> (Side, BTreeMap<String, Side>) {
        let mut values: BTreeMap<String, String> = submission.parameters.iter().cloned().collect();
        // Where the templates are says nothing about what is in them.
        values.remove(TEMPLATES_URL);
        let ours = Side::new(&self.body, &values);
        let nested = self.template.nested.iter().filter_map(|nested| {
            let id = ours.naming(&nested.file)?;
            Some((id, Side::new(&nested.to_yaml(), &BTreeMap::new())))
        });
        let nested = nested.collect();
        (ours, nested)
    }

    /// Secrets are no part of the stack, but what they hold is.
    async fn changes_of_secrets(&self, account: &Account, stored: &[Stored]) -> Result<Vec<Change>> {
        let change = |key: &str, action, arn: Option<&str>| Change {
            logical_id: key.to_owned(),
            physical_id: arn.map(str::to_owned),
            kind: "SecretsManager::Secret".to_owned(),
            stack: None,
            action,
            kept: false,
            holds: Some(Holding::Data),
            service: None,
            span: Span::NOWHERE,
            properties: Vec::new(),
            rolled_back: false,
        };
        let mut changes = Vec::new();
        for stored in stored {
            match stored.change {
                secrets::Change::Unchanged => {}
                secrets::Change::Created => changes.push(change(&stored.key, Action::Add, None)),
                secrets::Change::Updated => changes.push(Change {
                    properties: vec![Property {
                        path: "SecretString".to_owned(),
                        before: None,
                        after: None,
                        follows: Some("its file".to_owned()),
                    }],
                    ..change(&stored.key, Action::Modify, Some(&stored.arn))
                }),
            }
        }
        for secret in secrets::of_project(account, self.name).await? {
            if !self.uses_secret(&secret.key) {
                changes.push(change(&secret.key, Action::Remove, Some(&secret.arn)));
            }
        }
        Ok(changes)
    }
}

fn title(change: &Change) -> String {
    match &change.service {
        Some(service) => format!("{service}: {}", change.logical_id),
        None => change.logical_id.clone(),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
