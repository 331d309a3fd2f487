//! The digests of images that nobody builds: each tag is deployed as what its registry says it means now, so that a tag
//! that was moved rolls out, and one that was not does not.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::StreamExt;
use indexmap::IndexMap;

use super::aws::Account;
use super::aws::stack::{self, Stack};
use super::cloudformation::{Purpose, Template};
use super::parameters::given_value;
use super::{extensions, images};
use crate::backend::Io;
use crate::compose::{Project, Service};
use crate::diagnostic::{Diagnostic, Span};
use crate::error::Result;
use crate::image::{self, Registries};
use crate::registry::{Failure, Platform, Reference};

/// Manifests that are read at a time.
const PARALLEL: usize = 8;

/// A service's image that comes from a registry.
pub(super) struct Asked<'a> {
    /// The Parameter that it is the value of.
    parameter: &'a str,
    service: &'a Service,
    /// As the file writes it.
    image: &'a str,
    reference: Reference,
}

/// The images that come from registries, those that nobody builds and nobody has given.
///
/// # Errors
///
/// What is no name of an image.
pub(super) fn asked<'a>(
    project: &'a Project,
    template: &'a Template,
    given: &[(String, String)],
) -> Result<Vec<Asked<'a>>> {
    let (mut asked, mut mistakes) = (Vec::new(), Vec::new());
    for (parameter, purpose) in &template.parameters {
        let Purpose::Image {
            service,
            default: Some(image),
            built: false,
        } = purpose
        else {
            continue;
        };
        let Some(service) = project.services.get(service) else {
            continue;
        };
        if given_value(given, parameter).is_some() || builder_of(project, image).is_some() {
            continue;
        }
        match image.parse::<Reference>() {
            Ok(reference) => asked.push(Asked {
                parameter,
                service,
                image,
                reference,
            }),
            Err(invalid) => {
                let hint = "write `registry/repository:tag`";
                mistakes.push(Diagnostic::error(place(service), invalid.to_string()).hint(hint));
            }
        }
    }
    if mistakes.is_empty() {
        Ok(asked)
    } else {
        Err(mistakes.into())
    }
}

/// The service that builds an image which others only use.
fn builder_of<'a>(project: &'a Project, image: &str) -> Option<&'a Service> {
    let mut services = project.services.values();
    services.find(|service| service.build.is_some() && image::name(project, service) == image)
}

/// Gives the services that use what another one builds that one's image.
pub(super) fn share(project: &Project, template: &Template, images: &mut IndexMap<String, String>) {
    for purpose in template.parameters.values() {
        if let Purpose::Image {
            service,
            default: Some(image),
            built: false,
        } = purpose
            && let Some(shared) = builder_of(project, image).and_then(|builder| images.get(&builder.name))
        {
            images.insert(service.clone(), shared.clone());
        }
    }
}

/// Each service's image by digest, as far as registries answer. What they do not know is told, and stays what it is.
///
/// # Errors
///
/// Images that are not there, and images that do not run on their tasks' platform: better now than as tasks that
/// cannot start.
pub(super) async fn resolve(
    account: &Account,
    registries: &Registries,
    asked: &[Asked<'_>],
    stack: Option<&Stack>,
    io: &Io,
) -> Result<IndexMap<String, String>> {
    if asked.is_empty() {
        return Ok(IndexMap::new());
    }
    let unpinned = asked.iter().filter(|asked| asked.reference.digest.is_none());
    let unpinned: Vec<_> = unpinned.map(|asked| asked.reference.clone()).collect();
    let digests = registries.digests(unpinned).await;
    let (mut pinned, mut unknown, mut mistakes) = (IndexMap::new(), Vec::new(), Vec::new());
    for asked in asked {
        match digests.get(&asked.reference) {
            Some(Ok(digest)) => {
                pinned.insert(asked.service.name.clone(), by_digest(asked.image, digest));
            }
            Some(Err(failure @ Failure::Missing { .. })) if !extensions::has_pull_credentials(asked.service) => {
                mistakes.push(Diagnostic::error(place(asked.service), failure.to_string()).hint(failure.hint()));
            }
            Some(Err(failure)) => unknown.push((asked, failure)),
            // The file says the digest.
            None => {}
        }
    }
    let foreign = foreign(registries, asked, &pinned, stack).await;
    mistakes.extend(foreign);
    if !mistakes.is_empty() {
        return Err(mistakes.into());
    }
    if !unknown.is_empty() {
        let kept = match stack {
            Some(stack) => kept(&stack::template(account, &stack.id).await?, &stack.parameters, &unknown),
            None => IndexMap::new(),
        };
        tell(&unknown, &kept, io);
        pinned.extend(kept);
    }
    Ok(pinned)
}

/// Images that do not run where the tasks do. Only those are looked at that the stack does not have yet: reading a
/// manifest counts where pulls are counted.
async fn foreign(
    registries: &Registries,
    asked: &[Asked<'_>],
    pinned: &IndexMap<String, String>,
    stack: Option<&Stack>,
) -> Vec<Diagnostic> {
    let mut new: HashMap<Reference, Vec<&Asked<'_>>> = HashMap::new();
    for asked in asked {
        let image = pinned.get(&asked.service.name).map_or(asked.image, String::as_str);
        let deployed = stack.and_then(|stack| stack.parameters.get(asked.parameter));
        if let Ok(reference) = image.parse::<Reference>()
            && reference.digest.is_some()
            && deployed.is_none_or(|deployed| deployed != image)
        {
            new.entry(reference).or_default().push(asked);
        }
    }
    let looking: Vec<_> = new
        .into_iter()
        .map(|(reference, asked)| async move { (registries.platforms(&reference).await, asked) })
        .collect();
    let platforms = futures_util::stream::iter(looking)
        .buffer_unordered(PARALLEL)
        .collect::<Vec<_>>()
        .await;
    let mut mistakes: Vec<_> = platforms
        .into_iter()
        // A registry that does not let us look lets the tasks try.
        .filter_map(|(platforms, asked)| Some((platforms.ok()?, asked)))
        .flat_map(|(platforms, asked)| {
            let mistakes = asked
                .into_iter()
                .map(|asked| misplaced(asked.service, asked.image, &platforms));
            mistakes.flatten().collect::<Vec<_>>()
        })
        .collect();
    mistakes.sort_by_key(|mistake| mistake.span);
    mistakes
}

/// That an image has nothing for the platform of a service's tasks.
fn misplaced(service: &Service, image: &str, platforms: &[Platform]) -> Option<Diagnostic> {
    let wanted = images::wanted(service);
    let names: BTreeSet<String> = platforms
        .iter()
        .map(|platform| format!("{}/{}", platform.os, platform.architecture))
        .collect();
    if names.is_empty() || names.contains(&wanted) {
        return None;
    }
    let all = names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let message = format!(
        "image `{image}` is for {all}, and the tasks of `{}` run on `{wanted}`",
        service.name
    );
    let hint = names
        .iter()
        .find(|name| matches!(name.as_str(), "linux/amd64" | "linux/arm64" | "windows/amd64"))
        .map_or_else(
            || format!("name an image for `{wanted}`"),
            |name| format!("say `platform: {name}`, or name an image for `{wanted}`"),
        );
    Some(Diagnostic::error(place(service), message).hint(hint))
}

/// An image by its digest, whose name is written as before.
fn by_digest(image: &str, digest: &str) -> String {
    let folder = image.rfind('/').map_or(0, |slash| slash + 1);
    let name = image[folder..]
        .find(':')
        .map_or(image, |colon| &image[..folder + colon]);
    format!("{name}@{digest}")
}

/// The digests that the stack has for tags that nobody can resolve now: as long as the file says the same, a registry's
/// bad day replaces no tasks.
fn kept(
    template: &str,
    deployed: &BTreeMap<String, String>,
    unknown: &[(&Asked<'_>, &Failure)],
) -> IndexMap<String, String> {
    let template: serde_json::Value = serde_yaml::from_str(template).unwrap_or_default();
    let kept = |asked: &Asked<'_>| {
        let before = template.get("Parameters")?.get(asked.parameter)?.get("Default")?;
        let value = deployed.get(asked.parameter)?;
        let same = before.as_str() == Some(asked.image) && value.starts_with(&by_digest(asked.image, ""));
        same.then(|| (asked.service.name.clone(), value.clone()))
    };
    unknown.iter().filter_map(|(asked, _)| kept(asked)).collect()
}

/// One warning for each reason, however many images there are.
fn tell(unknown: &[(&Asked<'_>, &Failure)], kept: &IndexMap<String, String>, io: &Io) {
    let mut reasons: BTreeMap<(&str, String, bool), BTreeSet<&str>> = BTreeMap::new();
    for (asked, failure) in unknown {
        let stays = kept.contains_key(&asked.service.name);
        let reason = (asked.reference.registry.as_str(), failure.to_string(), stays);
        reasons.entry(reason).or_default().insert(asked.image);
    }
    for ((registry, why, stays), images) in reasons {
        let named: Vec<_> = images.iter().take(3).map(|image| format!("`{image}`")).collect();
        let more = match images.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let what = match (stays, images.len()) {
            (true, 1) => "keeps the digest that is deployed",
            (true, _) => "keep the digests that are deployed",
            (false, 1) => "is deployed by tag",
            (false, _) => "are deployed by tag",
        };
        let text = format!("Cannot resolve tags: {why}; {}{more} {what}", named.join(", "));
        io.progress.warning(format!("Registry {registry}"), text);
    }
}

fn place(service: &Service) -> Span {
    service.image.as_ref().map_or(service.span, |image| image.span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_takes_the_place_of_the_tag() {
        for (image, pinned) in [
            ("nginx", "nginx@sha256:1"),
            ("nginx:1.27", "nginx@sha256:1"),
            ("localhost:5000/a/b", "localhost:5000/a/b@sha256:1"),
            ("localhost:5000/a/b:v1", "localhost:5000/a/b@sha256:1"),
        ] {
            assert_eq!(by_digest(image, "sha256:1"), pinned);
        }
    }
}
