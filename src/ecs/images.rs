//! The images of a deployment: those that are built go to ECR, and tasks get them by digest.

use futures_util::{StreamExt, stream};
use indexmap::IndexMap;
use tokio::sync::OnceCell;

use super::aws::Account;
use super::aws::repositories::{self, Login};
use super::cloudformation::instances::Architecture;
use super::cloudformation::{Purpose, Template};
use super::extensions;
use super::parameters::given_value;
use super::rules::platform;
use crate::backend::{BuildPolicy, Io};
use crate::compose::{Project, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::error::{Error, Result};
use crate::image::{self, BuildOptions, Builder, Local, Pushing, all_of, bake};
use crate::progress::Progress;
use crate::registry::Reference;

/// The services whose images are built: those with `build` whose image nobody has given.
pub(super) fn built<'a>(project: &'a Project, template: &Template, given: &[(String, String)]) -> Vec<&'a Service> {
    let services = project.services.values().filter(|service| service.build.is_some());
    let asked = |service: &&Service| {
        let image = |purpose: &Purpose| matches!(purpose, Purpose::Image { service: of, .. } if *of == service.name);
        let mut parameters = template.parameters.iter();
        parameters.any(|(name, purpose)| image(purpose) && given_value(given, name).is_none())
    };
    services.filter(asked).collect()
}

/// Whether an image of the project, or another name of one that is built, is in a registry of AWS.
pub(super) fn uses_aws_registries(project: &Project) -> bool {
    let mut names = project.services.values().flat_map(|service| {
        let tags = service.build.iter().flat_map(|build| &build.tags);
        service.image.iter().chain(tags)
    });
    let is_of_aws = |image: Reference| repositories::is_of_aws(&image.registry);
    names.any(|name| name.value.parse().is_ok_and(is_of_aws))
}

/// Builds images and brings those that ECR lacks there; the result is each service's image by digest.
pub(super) async fn provide(
    account: &Account,
    builder: &Builder,
    project: &Project,
    services: &[&Service],
    policy: BuildPolicy,
    io: &Io,
) -> Result<IndexMap<String, String>> {
    if services.is_empty() {
        return Ok(IndexMap::new());
    }
    let options = BuildOptions {
        to_run: true,
        platforms: services
            .iter()
            .map(|service| (service.name.clone(), wanted(service)))
            .collect(),
        ..BuildOptions::default()
    };
    if policy != BuildPolicy::Never {
        // What has not changed costs the builder nothing, so the tasks run what the files say now.
        builder
            .build(&bake(project, services.iter().copied(), &options)?, &options, io)
            .await?;
    }
    let (mut found, mut mistakes) = (Vec::new(), Vec::new());
    for service in services {
        let name = image::name(project, service);
        match builder.local(&name).await? {
            Some(local) if local.runs_on(&wanted(service)) => found.push((*service, name, local)),
            Some(local) => {
                let message = format!(
                    "image `{name}` is for `{}`, and the tasks of `{}` run on `{}`",
                    local.platform,
                    service.name,
                    wanted(service)
                );
                let hint = format!(
                    "say `platform: {}`, or build it for `{}`",
                    local.platform,
                    wanted(service)
                );
                mistakes.push(Diagnostic::error(place(service), message).hint(hint));
            }
            None => {
                let message = format!("image `{name}` of service `{}` has not been built", service.name);
                mistakes.push(Diagnostic::error(place(service), message).hint("leave out `--no-build`"));
            }
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes.into());
    }
    let store = Store {
        account,
        builder,
        project,
        progress: &io.progress,
        login: OnceCell::new(),
    };
    let brought = found
        .iter()
        .map(|(service, name, local)| async { (*service, store.bring(service, name, local).await) });
    let brought = stream::iter(brought.collect::<Vec<_>>()).buffered(io.transfers());
    let (mut images, mut failures) = (IndexMap::new(), Vec::new());
    for (service, result) in brought.collect::<Vec<_>>().await {
        match result {
            Ok(image) => drop(images.insert(service.name.clone(), image)),
            Err(error) => failures.push((service.name.as_str(), error)),
        }
    }
    all_of(failures, |name| project.services.get(name).map_or(Span::NOWHERE, place))?;
    Ok(images)
}

/// Where the images of a project go.
struct Store<'a> {
    account: &'a Account,
    builder: &'a Builder,
    project: &'a Project,
    progress: &'a Progress,
    /// Asked for when something is to be pushed.
    login: OnceCell<Login>,
}

impl Store<'_> {
    /// Brings an image to its service's repository if it is not there; the result is the image by digest.
    async fn bring(&self, service: &Service, name: &str, local: &Local) -> Result<String> {
        let (account, progress) = (self.account, self.progress);
        let object = format!("Image {name}");
        let repository = match extensions::repository(service) {
            Some(uri) => repositories::named(account, uri).await.map_err(|error| {
                let message = Diagnostic::error(place(service), error.to_string());
                Error::from(vec![message.hint("leave out `x-aws-repository`, and `ctx` makes one")])
            })?,
            None => repositories::of_service(account, &self.project.name, &service.name).await?,
        };
        if repository.new {
            progress.done(format!("Repository {}", repository.name), "Created");
        }
        let tag = local.tag();
        let known = repositories::digest(account, &repository.name, &tag).await?;
        let digest = if let Some(digest) = known {
            progress.done(object, "Unchanged");
            digest
        } else {
            let login = self.login.get_or_try_init(|| repositories::login(account)).await?;
            let pushing = Pushing {
                image: name,
                repository: &repository.uri,
                tag: &tag,
                user: &login.user,
                password: &login.password,
            };
            self.builder.push(&pushing, progress).await?;
            let pushed = repositories::digest(account, &repository.name, &tag).await?;
            pushed.ok_or_else(|| {
                let name = format!("repository `{}` has not got `{name}` after its push", repository.name);
                Error::new(name)
            })?
        };
        Ok(format!("{}@{digest}", repository.uri))
    }
}

/// The platform of a service's tasks.
pub(super) fn wanted(service: &Service) -> String {
    if platform::is_windows(service) {
        return "windows/amd64".to_owned();
    }
    match platform::architecture(service) {
        Some(Architecture::Arm) => "linux/arm64".to_owned(),
        Some(Architecture::Intel) | None => "linux/amd64".to_owned(),
    }
}

fn place(service: &Service) -> Span {
    service
        .build
        .as_ref()
        .map_or(service.span, |build| build.span.or(service.span))
}
