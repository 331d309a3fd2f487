//! Images: which are there, which are pulled, which somebody must build.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bollard::query_parameters::{CreateImageOptions, TagImageOptions};
use futures_util::{StreamExt, TryStreamExt};

use super::{failure, names, policy};
use crate::backend::{BuildPolicy, Io};
use crate::compose::{Project, Service, Text};
use crate::diagnostic::{Diagnostic, Span};
use crate::endpoint;
use crate::engine::{Connection, Layers, Persistence, message};
use crate::error::{Error, Result};
use crate::progress::{Event, State};

/// The names of all images that the project's services are made from.
pub(super) fn names(project: &Project) -> Vec<String> {
    let services = project.services.values().filter(|service| service.provider.is_none());
    let of_hooks = services.clone().flat_map(hook_images).map(|image| image.value.clone());
    let mut names: Vec<_> = services.map(|service| names::image(project, service)).collect();
    names.extend(of_hooks);
    names.sort();
    names.dedup();
    names
}

/// An image to pull, and the first service that wants it.
pub(super) struct Pull<'a> {
    pub(super) image: String,
    pub(super) service: &'a Service,
}

/// What must be done before there is an image for every service.
#[derive(Default)]
pub(super) struct Wanted<'a> {
    pub(super) pulls: Vec<Pull<'a>>,
    pub(super) builds: Vec<&'a Service>,
}

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Pull { image, .. } in &self.pulls {
            let verb = if endpoint::image::is_own(image) { "make" } else { "pull" };
            writeln!(f, "{verb} {image}")?;
        }
        for service in &self.builds {
            writeln!(f, "build the image of {}", service.name)?;
        }
        Ok(())
    }
}

/// What is to be pulled and built, given what the engine has, and which of it is older than its `pull_policy` wants.
///
/// # Errors
///
/// Images that are missing and that shall be neither pulled nor built.
pub(super) fn wanted<'a>(
    project: &'a Project,
    there: &BTreeMap<String, String>,
    stale: &BTreeSet<String>,
    policy: BuildPolicy,
) -> Result<Wanted<'a>> {
    let mut wanted = Wanted::default();
    let mut missing = Vec::new();
    let services = || project.services.values().filter(|service| service.provider.is_none());
    for service in services() {
        let image = names::image(project, service);
        let found = there.contains_key(&image);
        let pulled = wanted.pulls.iter().any(|pull| pull.image == image);
        let said = service.pull_policy.as_ref().map(|policy| policy.value.as_str());
        if service.build.is_some() {
            match (policy, said) {
                (BuildPolicy::Always, _) | (BuildPolicy::Missing, Some("build")) => wanted.builds.push(service),
                // What can be built is not pulled unless the file says so.
                (_, Some("always")) if service.image.is_some() => wanted.pulls.push(Pull { image, service }),
                _ if found => {}
                (BuildPolicy::Missing, _) => wanted.builds.push(service),
                (BuildPolicy::Never, _) => missing.push(unbuilt(service, &image)),
            }
            continue;
        }
        // What another service builds comes from there.
        let is_it = |other: &Service| other.build.is_some() && names::image(project, other) == image;
        match said {
            _ if pulled || services().any(is_it) => {}
            Some("always") => wanted.pulls.push(Pull { image, service }),
            _ if found && stale.contains(&image) => wanted.pulls.push(Pull { image, service }),
            _ if found => {}
            Some("never" | "build") => missing.push(unpulled(service, &image)),
            _ => wanted.pulls.push(Pull { image, service }),
        }
    }
    for service in services() {
        for image in hook_images(service) {
            let image = image.value.clone();
            let pulled = wanted.pulls.iter().any(|pull| pull.image == image);
            let built = services().any(|other| names::image(project, other) == image);
            if !there.contains_key(&image) && !pulled && !built {
                wanted.pulls.push(Pull { image, service });
            }
        }
    }
    if missing.is_empty() {
        Ok(wanted)
    } else {
        Err(missing.into())
    }
}

/// The images of the containers in which a service's hooks run.
fn hook_images(service: &Service) -> impl Iterator<Item = &Text> {
    service.pre_start.iter().filter_map(|hook| hook.image.as_ref())
}

fn unbuilt(service: &Service, image: &str) -> Diagnostic {
    let span = service.build.as_ref().map_or(service.span, |build| build.span);
    let message = format!("image `{image}` of service `{}` has not been built", service.name);
    Diagnostic::error(span, message).hint(format!("`ctx build {}`, or leave out `--no-build`", service.name))
}

fn unpulled(service: &Service, image: &str) -> Diagnostic {
    let message = format!("the engine has no image `{image}`, and `pull_policy` forbids to pull it");
    Diagnostic::error(image_span(service), message)
        .hint(format!("`docker pull {image}`, or say `pull_policy: missing`"))
}

fn image_span(service: &Service) -> Span {
    service.image.as_ref().map_or(service.span, |image| image.span)
}

impl Connection {
    /// Pulls images; the result is their ids by name.
    pub(super) async fn pull(
        &self,
        project: &Project,
        pulls: &[Pull<'_>],
        io: &Io,
    ) -> Result<BTreeMap<String, String>> {
        let all: Vec<_> = pulls.iter().map(|pull| self.pull_one(project, pull, io)).collect();
        let results: Vec<_> = futures_util::stream::iter(all)
            .buffer_unordered(io.transfers())
            .collect()
            .await;
        let mut failures = Vec::new();
        for result in results {
            match result {
                Ok(()) => {}
                Err(Refusal::Here(diagnostic)) => failures.push(diagnostic),
                Err(Refusal::Anywhere(error)) => return Err(error),
            }
        }
        if !failures.is_empty() {
            return Err(failures.into());
        }
        let names: Vec<_> = pulls.iter().map(|pull| pull.image.clone()).collect();
        self.images_named(&names).await
    }

    async fn pull_one(&self, project: &Project, pull: &Pull<'_>, io: &Io) -> Result<(), Refusal> {
        let object = format!("Image {}", pull.image);
        io.progress.working(&object, "Pulling");
        let platform = project.platform(pull.service).unwrap_or_default().to_owned();
        // Without a tag the engine would pull all of them.
        let tagged = pull
            .image
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains([':', '@']));
        let options = CreateImageOptions {
            from_image: Some(pull.image.clone()),
            tag: (!tagged).then(|| "latest".to_owned()),
            platform,
            ..CreateImageOptions::default()
        };
        let login = self.login(&pull.image).await.map_err(|failure| {
            io.progress.failed(&object, "Error");
            let message = format!("`{}` cannot be pulled: {failure}", pull.image);
            Refusal::Here(Diagnostic::error(image_span(pull.service), message).hint(failure.hint()))
        })?;
        let mut layers = Layers::default();
        let mut persistence = Persistence::new(&object, &io.progress);
        loop {
            let mut steps = self.docker.create_image(Some(options.clone()), None, login.clone());
            let ended = loop {
                let step = match steps.try_next().await {
                    Ok(Some(step)) => step,
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                };
                if let (Some(layer), Some("Downloading"), Some(progress)) =
                    (&step.id, step.status.as_deref(), &step.progress_detail)
                    && let Some(detail) = layers.note(layer, progress.current.unwrap_or(0), progress.total.unwrap_or(0))
                {
                    io.progress.event(Event {
                        id: object.clone(),
                        state: State::Working,
                        text: "Pulling".to_owned(),
                        detail: Some(detail),
                    });
                }
            };
            match ended {
                Ok(()) => break,
                Err(error) if persistence.helps(&error).await => {}
                Err(error) => {
                    let about = message(&error);
                    let refusal = self.refusal(pull, &about, &error);
                    // What is shown at the file's line is not said here, too.
                    let said = if matches!(refusal, Refusal::Here(_)) {
                        "Error"
                    } else {
                        &about
                    };
                    io.progress.failed(&object, said);
                    return Err(refusal);
                }
            }
        }
        if policy::age(pull.service).is_some() {
            // The engine remembers when a name was given, and not when its image was pulled.
            let (repo, tag) = match pull.image.rsplit_once(':') {
                Some((repo, tag)) if tagged => (repo, tag),
                _ => (pull.image.as_str(), "latest"),
            };
            let options = TagImageOptions {
                repo: Some(repo.to_owned()),
                tag: Some(tag.to_owned()),
            };
            // Without it the image is only pulled again.
            let _ = self.docker.tag_image(&pull.image, Some(options)).await;
        }
        io.progress.done(object, "Pulled");
        Ok(())
    }

    fn refusal(&self, pull: &Pull<'_>, about: &str, error: &bollard::errors::Error) -> Refusal {
        let image = &pull.image;
        let span = image_span(pull.service);
        let text = about.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let diagnostic = if says(&[
            "pull access denied",
            "unauthorized",
            "denied",
            "authentication required",
            "no basic auth",
        ]) {
            Diagnostic::error(span, format!("the registry refuses `{image}`, or has no such image"))
                .hint("check the name, or log in with `docker login` as somebody who may pull it")
        } else if says(&[
            "manifest unknown",
            "not found",
            "no such image",
            "repository name not known",
        ]) {
            Diagnostic::error(span, format!("the registry has no image `{image}`")).hint("check its name and tag")
        } else if says(&[
            "no such host",
            "dial tcp",
            "i/o timeout",
            "connection refused",
            "network is unreachable",
            "request canceled",
            "tls handshake",
        ]) {
            Diagnostic::error(
                span,
                format!("the engine cannot reach the registry of `{image}`: {about}"),
            )
            .hint("is the engine's machine online? an image that is there already needs no registry")
        } else if failure::is_full(&text) {
            Diagnostic::error(span, format!("the engine's disk is too full for `{image}`")).hint(failure::FULL)
        } else if says(&["invalid reference format", "no matching manifest"]) {
            Diagnostic::error(span, format!("`{image}` cannot be pulled: {about}"))
        } else {
            return Refusal::Anywhere(self.failed(format!("cannot pull `{image}`"), error));
        };
        let diagnostic = if pull.service.build.is_some() {
            diagnostic.hint(format!("`ctx build {}` makes it", pull.service.name))
        } else {
            diagnostic
        };
        Refusal::Here(if diagnostic.message.contains(about) {
            diagnostic
        } else {
            diagnostic.note(Span::NOWHERE, format!("the engine says: {about}"))
        })
    }
}

/// Why a pull failed: something about the file's image, or about the engine.
enum Refusal {
    Here(Diagnostic),
    Anywhere(Error),
}
