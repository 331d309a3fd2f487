//! `pull_policy`: when an image that is there is pulled all the same; and `ctx pull` and `ctx push`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;

use super::Engine;
use super::images::{Pull, names as all_names};
use super::names;
use crate::backend::{Deed, Deeds, Io};
use crate::compose::{Duration as Written, Project, Service};
use crate::diagnostic::Span;
use crate::engine::{Connection, is_missing};
use crate::error::{Error, Result};
use crate::image::all_of;

const DAY: Duration = Duration::from_hours(24);

/// What `ctx pull` shall pull.
#[derive(Clone, Default, Debug)]
pub struct PullOptions {
    /// The services that were named; empty: all.
    pub services: Vec<String>,
    /// Only what is not there; otherwise the files decide.
    pub missing: Option<bool>,
    pub ignore_buildable: bool,
    /// Go on when an image cannot be pulled.
    pub ignore_failures: bool,
}

/// After which time a service wants its image pulled again.
pub(super) fn age(service: &Service) -> Option<Duration> {
    match service.pull_policy.as_ref()?.value.as_str() {
        "daily" => Some(DAY),
        "weekly" => Some(7 * DAY),
        "refresh" => {
            let after = service.pull_refresh_after.as_ref();
            Some(after.and_then(|after| duration(&after.value)).unwrap_or(DAY))
        }
        policy => duration(policy.strip_prefix("every_")?),
    }
}

/// `2h`, and with days and weeks `1w2d`.
fn duration(text: &str) -> Option<Duration> {
    let (mut whole, mut rest) = (Duration::ZERO, text);
    for (unit, length) in [('w', 7 * DAY), ('d', DAY)] {
        if let Some((number, after)) = rest.split_once(unit)
            && let Ok(number) = number.parse::<u32>()
        {
            whole += length * number;
            rest = after;
        }
    }
    if rest.is_empty() {
        return Some(whole);
    }
    Written::parse(rest).map(|parsed| whole + parsed.0)
}

/// What `ctx pull` pulls; the rest is told with the reason.
pub(super) fn to_pull<'a>(
    project: &'a Project,
    there: &BTreeMap<String, String>,
    stale: &BTreeSet<String>,
    options: &PullOptions,
    io: &Io,
) -> Vec<Pull<'a>> {
    let mut pulls: Vec<Pull<'a>> = Vec::new();
    let chosen = |service: &&Service| options.services.is_empty() || options.services.contains(&service.name);
    for service in project.services.values().filter(chosen) {
        let image = names::image(project, service);
        if service.provider.is_some() || pulls.iter().any(|pull| pull.image == image) {
            continue;
        }
        let found = there.contains_key(&image);
        let said = service.pull_policy.as_ref().map(|policy| policy.value.as_str());
        let why_not = match (options.missing, said) {
            _ if service.image.is_none() => Some("Built, and not pulled"),
            _ if service.build.is_some() && options.ignore_buildable => Some("Can be built"),
            (Some(true), _) | (None, Some("missing")) if found => Some("There already"),
            (None, Some("never" | "build")) => Some("Not pulled: `pull_policy` says so"),
            (None, _) if found && age(service).is_some() && !stale.contains(&image) => Some("Young enough"),
            _ => None,
        };
        match why_not {
            Some(why) => io.progress.done(format!("Image {image}"), why),
            None => pulls.push(Pull { image, service }),
        }
    }
    pulls
}

impl Engine {
    /// `ctx pull`
    pub async fn pull(&self, project: &Project, options: &PullOptions, io: &Io) -> Result<()> {
        let names = all_names(project);
        let there = self.connection.images_named(&names).await?;
        let stale = self.connection.stale(project, &there).await?;
        let pulls = to_pull(project, &there, &stale, options, io);
        let deeds = pulls.iter().map(|pull| Deed::Pull(pull.image.clone())).collect();
        if io.only_tells(Deeds(deeds))? {
            return Ok(());
        }
        let pulling = async {
            if !options.ignore_failures {
                return self.connection.pull(project, &pulls, io).await.map(drop);
            }
            let each = pulls.iter().map(|pull| async {
                if let Err(error) = self.connection.pull(project, std::slice::from_ref(pull), io).await {
                    let said = match &error {
                        Error::Report(report) => report.diagnostics.iter().map(|one| one.message.clone()).collect(),
                        other => other.to_string(),
                    };
                    io.progress.warning(format!("Image {}", pull.image), said);
                }
            });
            let all: Vec<_> = each.collect();
            let all = futures_util::stream::iter(all).buffer_unordered(io.transfers());
            all.collect::<()>().await;
            Ok(())
        };
        tokio::select! {
            pulled = pulling => pulled,
            () = io.interrupts.reached(1) => Err(Error::INTERRUPTED),
        }
    }

    /// `ctx push`: what is built and has a name of its own, under all of its names.
    pub async fn push(&self, project: &Project, services: &[String], ignore_failures: bool, io: &Io) -> Result<()> {
        let chosen = |service: &&Service| services.is_empty() || services.contains(&service.name);
        let mut names: BTreeMap<&str, Span> = BTreeMap::new();
        for service in project.services.values().filter(chosen) {
            let Some(build) = &service.build else { continue };
            if let Some(image) = &service.image {
                let all = [image].into_iter().chain(&build.tags);
                names.extend(all.map(|name| (name.value.as_str(), name.span)));
            } else {
                let object = format!("Image {}", names::image(project, service));
                io.progress.done(object, "Not pushed: the file gives it no `image`");
            }
        }
        if !project.services.values().any(|service| service.build.is_some()) {
            io.progress
                .warning("Push", "Nothing is pushed: no service has a `build`");
        }
        let deeds = names.keys().map(|name| Deed::Push((*name).to_owned())).collect();
        if io.only_tells(Deeds(deeds))? {
            return Ok(());
        }
        let failed = tokio::select! {
            failed = self.builder.push_each(names.keys().copied(), io) => failed,
            () = io.interrupts.reached(1) => return Err(Error::INTERRUPTED),
        };
        if ignore_failures {
            for (name, error) in failed {
                io.progress.warning(format!("Image {name}"), error.to_string());
            }
            return Ok(());
        }
        all_of(failed, |name| names.get(name).copied().unwrap_or(Span::NOWHERE))
    }
}

impl Connection {
    /// The images that are there and older than their services want them.
    pub(super) async fn stale(&self, project: &Project, there: &BTreeMap<String, String>) -> Result<BTreeSet<String>> {
        let mut stale = BTreeSet::new();
        for service in project.services.values() {
            let (Some(age), image) = (age(service), names::image(project, service)) else {
                continue;
            };
            if !there.contains_key(&image) {
                continue;
            }
            let tagged = match self.docker.inspect_image(&image).await {
                Ok(found) => found.metadata.and_then(|metadata| metadata.last_tag_time),
                Err(error) if is_missing(&error) => None,
                Err(error) => return Err(self.failed(format!("cannot look at image {image}"), &error)),
            };
            let tagged = tagged.and_then(|time| time.parse::<Timestamp>().ok());
            let young = tagged.is_some_and(|time| Timestamp::now().duration_since(time).unsigned_abs() < age);
            if !young {
                stale.insert(image);
            }
        }
        Ok(stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_written_in_weeks_days_and_less() {
        for (text, hours) in [("12h", 12), ("2d", 48), ("1w", 168), ("1w1d1h", 193)] {
            assert_eq!(duration(text), Some(Duration::from_hours(hours)), "{text}");
        }
        assert_eq!(duration("x"), None);
    }
}
