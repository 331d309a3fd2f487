//! Images: which are there, which are pulled, which somebody must build.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use bollard::query_parameters::CreateImageOptions;
use futures_util::{StreamExt, TryStreamExt};

use super::connection::{Connection, message};
use super::names;
use crate::backend::Io;
use crate::compose::{Build, Project, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::error::{Error, Result};
use crate::progress::{Event, State};

/// Pulls under way at a time, as many as the engine runs by itself.
const PARALLEL: usize = 3;

/// What `pull_policy` means for an image that is there, and for one that is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Policy {
    Always,
    Missing,
    Never,
}

/// The names of all images that the project's services are made from.
pub(super) fn names(project: &Project) -> Vec<String> {
    let services = project.services.values().filter(|service| service.provider.is_none());
    let mut names: Vec<_> = services.map(|service| names::image(project, service)).collect();
    names.sort();
    names.dedup();
    names
}

/// An image to pull, and the first service that wants it.
pub(super) struct Pull<'a> {
    image: String,
    service: &'a Service,
}

/// What is to be pulled, given what the engine has.
///
/// # Errors
///
/// Images that are there for nobody to pull: those to be built, and those that shall not be pulled.
pub(super) fn pulls<'a>(project: &'a Project, there: &BTreeMap<String, String>) -> Result<Vec<Pull<'a>>> {
    let mut pulls: Vec<Pull<'a>> = Vec::new();
    let mut missing = Vec::new();
    for service in project.services.values().filter(|service| service.provider.is_none()) {
        let image = names::image(project, service);
        let found = there.contains_key(&image);
        match policy(service) {
            Policy::Missing | Policy::Never if found => {}
            Policy::Always | Policy::Missing if service.build.is_none() => {
                if !pulls.iter().any(|pull| pull.image == image) {
                    pulls.push(Pull { image, service });
                }
            }
            // What can be built is not pulled unless the file says so.
            Policy::Always if service.image.is_some() => pulls.push(Pull { image, service }),
            _ => missing.push(absent(service, &image)),
        }
    }
    if missing.is_empty() {
        Ok(pulls)
    } else {
        Err(missing.into())
    }
}

fn policy(service: &Service) -> Policy {
    match service.pull_policy.as_ref().map(|policy| policy.value.as_str()) {
        Some("always") => Policy::Always,
        // Building is not pulling: what has been built is used.
        Some("never" | "build") => Policy::Never,
        _ => Policy::Missing,
    }
}

fn absent(service: &Service, image: &str) -> Diagnostic {
    let span = image_span(service);
    if let Some(build) = &service.build {
        let message = format!("image `{image}` of service `{}` has not been built", service.name);
        return Diagnostic::error(build.span, message)
            .hint(format!("build it first: `{}`", build_command(build, image)));
    }
    Diagnostic::error(
        span,
        format!("the engine has no image `{image}`, and `pull_policy` forbids to pull it"),
    )
    .hint(format!("`docker pull {image}`, or say `pull_policy: missing`"))
}

/// What builds an image with the docker command line.
fn build_command(build: &Build, image: &str) -> String {
    let context = build.context.as_ref().map_or(".", |context| context.value.as_str());
    let mut words = vec![
        "docker".to_owned(),
        "build".to_owned(),
        "-t".to_owned(),
        image.to_owned(),
    ];
    if let Some(file) = build.dockerfile.as_ref().filter(|file| file.as_str() != "Dockerfile") {
        words.extend([
            "-f".to_owned(),
            Path::new(context).join(&file.value).display().to_string(),
        ]);
    }
    if let Some(target) = &build.target {
        words.extend(["--target".to_owned(), target.value.clone()]);
    }
    for (name, value) in &build.args {
        words.extend(["--build-arg".to_owned(), format!("{name}={}", value.value)]);
    }
    words.push(context.to_owned());
    shell_words::join(words)
}

fn image_span(service: &Service) -> Span {
    service.image.as_ref().map_or(service.span, |image| image.span)
}

impl Connection {
    /// Pulls images; the result is their ids by name.
    pub(super) async fn pull(&self, pulls: &[Pull<'_>], io: &Io) -> Result<BTreeMap<String, String>> {
        let all: Vec<_> = pulls.iter().map(|pull| self.pull_one(pull, io)).collect();
        let results: Vec<_> = futures_util::stream::iter(all)
            .buffer_unordered(PARALLEL)
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

    async fn pull_one(&self, pull: &Pull<'_>, io: &Io) -> Result<(), Refusal> {
        let object = format!("Image {}", pull.image);
        io.progress.working(&object, "Pulling");
        let platform = pull
            .service
            .platform
            .as_ref()
            .map_or_else(String::new, |platform| platform.value.clone());
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
        let mut layers: HashMap<String, (i64, i64)> = HashMap::new();
        let mut told = 0;
        let mut steps = self.docker.create_image(Some(options), None, None);
        loop {
            let step = match steps.try_next().await {
                Ok(Some(step)) => step,
                Ok(None) => break,
                Err(error) => {
                    let about = message(&error);
                    io.progress.failed(&object, &about);
                    return Err(self.refusal(pull, &about, &error));
                }
            };
            if let (Some(layer), Some("Downloading"), Some(progress)) =
                (&step.id, step.status.as_deref(), &step.progress_detail)
            {
                let (current, total) = (progress.current.unwrap_or(0), progress.total.unwrap_or(0));
                layers.insert(layer.clone(), (current, total));
                let sums = layers
                    .values()
                    .fold((0, 0), |sums, layer| (sums.0 + layer.0, sums.1 + layer.1));
                // A word for every megabyte is enough for anyone who watches.
                if sums.0 / 1_000_000 != told {
                    told = sums.0 / 1_000_000;
                    io.progress.event(Event {
                        id: object.clone(),
                        state: State::Working,
                        text: "Pulling".to_owned(),
                        detail: Some(format!("{told} of {} MB", (sums.1 + 999_999) / 1_000_000)),
                    });
                }
            }
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
                .hint("check the name; a private image is pulled after `docker login` by `docker pull`")
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
        } else if says(&["invalid reference format", "no matching manifest"]) {
            Diagnostic::error(span, format!("`{image}` cannot be pulled: {about}"))
        } else {
            return Refusal::Anywhere(self.failed(format!("cannot pull `{image}`"), error));
        };
        Refusal::Here(diagnostic)
    }
}

/// Why a pull failed: something about the file's image, or about the engine.
enum Refusal {
    Here(Diagnostic),
    Anywhere(Error),
}
