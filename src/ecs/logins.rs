//! `--with-registry-auth`: what `docker login` stored for the registries of a project's images goes along, as secrets
//! that the tasks' starter may read.

use std::collections::BTreeMap;

use super::aws::repositories;
use super::aws::secrets::FileSecret;
use super::aws::stack::Stack;
use super::cloudformation::{Purpose, Template};
use super::deploy::{Deployment, surveyed};
use super::parameters::given_value;
use super::rules::credentials::{self, PARAMETER};
use crate::backend::{Io, UpOptions};
use crate::compose::Project;
use crate::diagnostic::{Diagnostic, Span};
use crate::error::{Error, Result};
use crate::image::Builder;
use crate::registry::{Client, Login};

/// Notes in the project at which of its registries somebody is logged in on this machine; conversion asks nobody.
///
/// # Errors
///
/// Where there is nobody, or only a token that ECS cannot use.
pub async fn survey(project: &mut Project, registries: &Client) -> Result<()> {
    let mut asked: BTreeMap<String, Span> = BTreeMap::new();
    for service in project.services.values() {
        // ECS is at home in ECR.
        if let Some((registry, span)) = credentials::registry(service)
            && !repositories::is_private(&registry)
        {
            asked.entry(registry).or_insert(span);
        }
    }
    let (mut nobody, mut mistakes) = (Vec::new(), Vec::new());
    for (registry, span) in asked {
        match registries.login(&registry).await {
            Ok(Login::Nobody) => nobody.push(registry),
            Ok(Login::Password { .. }) => drop(project.logins.insert(registry)),
            Ok(Login::IdentityToken(_) | Login::RegistryToken(_)) => {
                let message = format!("`docker login` stored a token for `{registry}`, and ECS takes only passwords");
                let hint = "log in with a user and an access token, or name a secret in `x-aws-pull_credentials`";
                mistakes.push(Diagnostic::error(span, message).hint(hint));
            }
            Err(failure) => mistakes.push(Diagnostic::error(span, failure.to_string()).hint(failure.hint())),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes.into());
    }
    if project.logins.is_empty() {
        let what = match nobody.as_slice() {
            [] => "no image of the project comes from a registry that wants credentials of yours".to_owned(),
            registries => format!("nobody is logged in at `{}`", registries.join("`, `")),
        };
        return Err(Error::new(what).hint("`docker login` first, or leave out `--with-registry-auth`"));
    }
    Ok(())
}

/// A project that is about to be converted for a deployment.
pub(super) async fn surveyed_for(project: &Project, builder: &Builder, options: &UpOptions) -> Result<Project> {
    let mut project = surveyed(project);
    if options.with_registry_auth {
        survey(&mut project, &builder.registries().client).await?;
    }
    Ok(project)
}

impl Deployment<'_> {
    /// Adds the secrets with credentials for registries to those that are stored.
    pub(super) async fn take_logins(&mut self, builder: &Builder) -> Result<()> {
        let logins = secrets(self.template, self.given, &builder.registries().client).await?;
        self.files.extend(logins);
        Ok(())
    }

    /// Says that tasks will no longer log in where they did.
    pub(super) fn tell_lost_logins(&self, stack: &Stack, io: &Io) {
        let mut names = stack.parameters.keys();
        let is_lost = |name: &String| name.ends_with(PARAMETER) && !self.template.parameters.contains_key(name);
        if names.any(is_lost) {
            let text =
                "The tasks lose the credentials for registries that they have: `--with-registry-auth` keeps them";
            io.progress.warning(format!("Stack {}", self.name), text);
        }
    }
}

/// The secrets that Parameters ask for, as Secrets Manager is to keep them for ECS.
async fn secrets(template: &Template, given: &[(String, String)], registries: &Client) -> Result<Vec<FileSecret>> {
    let mut secrets = Vec::new();
    for (name, purpose) in &template.parameters {
        let Purpose::RegistryLogin { registry, key } = purpose else {
            continue;
        };
        if given_value(given, name).is_some() {
            continue;
        }
        let login = registries.login(registry).await;
        let login = login.map_err(|failure| Error::new(failure.to_string()).hint(failure.hint()))?;
        if let Login::Password { user, password } = login {
            secrets.push(FileSecret {
                key: key.clone(),
                content: serde_json::json!({"username": user, "password": password})
                    .to_string()
                    .into_bytes(),
            });
        }
    }
    Ok(secrets)
}
