//! The images of a deployment: those that are built go to ECR, and tasks get them by digest.

use indexmap::IndexMap;

use super::aws::{Account, repositories};
use super::cloudformation::instances::Architecture;
use super::cloudformation::{Purpose, Template};
use super::extensions;
use super::parameters::given_value;
use super::rules::platform;
use crate::backend::{BuildPolicy, Io};
use crate::compose::{Project, Service};
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::image::{self, BuildOptions, Builder, Pushing, bake};
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
    let mut images = IndexMap::new();
    let mut login = None;
    for (service, name, local) in found {
        let object = format!("Image {name}");
        let repository = match extensions::repository(service) {
            Some(uri) => repositories::named(account, uri).await.map_err(|error| {
                let message = Diagnostic::error(place(service), error.to_string());
                Error::from(vec![message.hint("leave out `x-aws-repository`, and `ctx` makes one")])
            })?,
            None => repositories::of_service(account, &project.name, &service.name).await?,
        };
        if repository.new {
            io.progress.done(format!("Repository {}", repository.name), "Created");
        }
        let tag = local.tag();
        let known = repositories::digest(account, &repository.name, &tag).await?;
        let digest = if let Some(digest) = known {
            io.progress.done(object, "Unchanged");
            digest
        } else {
            let login = match &login {
                Some(login) => login,
                None => login.insert(repositories::login(account).await?),
            };
            let pushing = Pushing {
                image: &name,
                repository: &repository.uri,
                tag: &tag,
                user: &login.user,
                password: &login.password,
            };
            builder.push(&pushing, &io.progress).await?;
            repositories::digest(account, &repository.name, &tag)
                .await?
                .ok_or_else(|| {
                    Error::new(format!(
                        "repository `{}` has not got `{name}` after its push",
                        repository.name
                    ))
                })?
        };
        images.insert(service.name.clone(), format!("{}@{digest}", repository.uri));
    }
    Ok(images)
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

fn place(service: &Service) -> crate::diagnostic::Span {
    service
        .build
        .as_ref()
        .map_or(service.span, |build| build.span.or(service.span))
}
