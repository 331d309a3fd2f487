//! Building with the engine's own first builder, where there is no plugin: the most of what it can do, and a refusal
//! of what it cannot.

use std::path::Path;

use bollard::query_parameters::{BuildImageOptions, TagImageOptions};
use futures_util::TryStreamExt;
use serde_json::Value;

use super::context::{self, Dockerfile};
use super::{Bake, Target};
use crate::backend::Io;
use crate::diagnostic::{Diagnostic, Note, Span};
use crate::engine::{Connection, message};
use crate::error::{Error, Result};

const HINT: &str = "install the docker CLI's plugin `buildx`, with which `ctx` builds all of this";
/// Of what the build wrote, so many lines are shown when it fails.
const LINES: usize = 20;

/// What the engine's first builder understands. What else a definition says would be dropped.
const KNOWN: &[&str] = &[
    "context",
    "dockerfile",
    "dockerfile-inline",
    "args",
    "labels",
    "tags",
    "cache-from",
    "target",
    "platforms",
    "pull",
    "no-cache",
    "network",
    "shm-size",
    "extra-hosts",
    "output",
];

/// Refuses what cannot be built this way, all of it at once.
pub(super) fn check(bake: &Bake) -> Result<()> {
    let mut mistakes = Vec::new();
    for target in &bake.targets {
        let mut refuse = |what: &str| {
            let message = format!(
                "the engine's own builder cannot honour {what}, and there is neither BuildKit nor the plugin `buildx`"
            );
            mistakes.push(Diagnostic::error(target.span, message).hint(HINT));
        };
        for (name, value) in &target.definition {
            match (name.as_str(), value) {
                ("platforms", Value::Array(platforms)) if platforms.len() > 1 => refuse("several `platforms`"),
                ("extra-hosts", Value::Object(hosts)) if hosts.len() > 1 => refuse("several `extra_hosts`"),
                (name, _) if KNOWN.contains(&name) => {}
                ("secret", _) => refuse("`secrets`"),
                ("contexts", _) => refuse("`additional_contexts`"),
                ("attest", _) => refuse("`provenance` and `sbom`"),
                (name, _) => refuse(&format!("`{}`", name.replace('-', "_"))),
            }
        }
    }
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(mistakes.into())
    }
}

/// Builds one after the other, in the order of the targets.
pub(super) async fn build(connection: &Connection, bake: &Bake, io: &Io) -> Result<()> {
    for target in &bake.targets {
        let object = format!("Image {}", target.image);
        io.progress.working(&object, "Building");
        match one(connection, target).await {
            Ok(()) => io.progress.done(object, "Built"),
            Err(error) => {
                io.progress.failed(object, "Error");
                return Err(error);
            }
        }
    }
    Ok(())
}

async fn one(connection: &Connection, target: &Target) -> Result<()> {
    let services = target.services.join("`, `");
    let text = |name: &str| target.definition.get(name).and_then(Value::as_str).map(str::to_owned);
    let place = text("context").unwrap_or_default();
    let elsewhere = !place.starts_with('/');
    let dockerfile = text("dockerfile").unwrap_or_else(|| "Dockerfile".to_owned());
    let (archive, dockerfile) = if elsewhere {
        (Vec::new(), dockerfile)
    } else {
        let inline = text("dockerfile-inline");
        let dockerfile = inline
            .as_deref()
            .map_or(Dockerfile::File(&dockerfile), Dockerfile::Inline);
        let context = context::read(Path::new(&place), &dockerfile).map_err(|error| {
            let message = format!("service `{services}` cannot be built: {error}");
            Error::from(vec![Diagnostic::error(target.span, message)])
        })?;
        (context.archive, context.dockerfile)
    };
    let map = |name: &str| {
        let map = target.definition.get(name)?.as_object()?.iter();
        Some(
            map.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
        )
    };
    let flag = |name: &str| target.definition.get(name).is_some();
    let list = |name: &str| -> Vec<String> {
        let list = target
            .definition
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        list.filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let hosts: Option<std::collections::HashMap<String, String>> = map("extra-hosts");
    let options = BuildImageOptions {
        dockerfile,
        t: Some(target.image.clone()),
        remote: elsewhere.then_some(place),
        extrahosts: hosts.and_then(|hosts| {
            hosts
                .into_iter()
                .next()
                .map(|(name, address)| format!("{name}:{address}"))
        }),
        nocache: flag("no-cache"),
        cachefrom: Some(list("cache-from")).filter(|images| !images.is_empty()),
        pull: flag("pull").then(|| "1".to_owned()),
        rm: true,
        forcerm: true,
        buildargs: map("args"),
        shmsize: text("shm-size").and_then(|size| size.parse().ok()),
        labels: map("labels"),
        networkmode: text("network"),
        platform: list("platforms").into_iter().next().unwrap_or_default(),
        target: text("target").unwrap_or_default(),
        ..BuildImageOptions::default()
    };
    let body = bollard::body_full(archive.into());
    let mut steps = connection.docker.build_image(options, None, Some(body));
    let mut output: Vec<String> = Vec::new();
    loop {
        match steps.try_next().await {
            Ok(Some(step)) => {
                let text = step.stream.unwrap_or_default();
                output.extend(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned));
                output.drain(..output.len().saturating_sub(LINES));
            }
            Ok(None) => break,
            Err(bollard::errors::Error::DockerStreamError { error }) => {
                let message = format!("service `{services}` cannot be built: {}", error.trim());
                let mut diagnostic = Diagnostic::error(target.span, message);
                diagnostic.notes = output
                    .into_iter()
                    .map(|message| Note {
                        message,
                        span: Span::NOWHERE,
                    })
                    .collect();
                return Err(vec![diagnostic].into());
            }
            Err(error) => return Err(connection.failed(format!("cannot build service `{services}`"), &error)),
        }
    }
    for tag in list("tags").iter().filter(|tag| **tag != target.image) {
        let (repo, tag) = match tag.rsplit_once(':') {
            Some((repo, version)) if !version.contains('/') => (repo.to_owned(), version.to_owned()),
            _ => (tag.clone(), "latest".to_owned()),
        };
        let options = TagImageOptions {
            repo: Some(repo.clone()),
            tag: Some(tag),
        };
        let tagged = connection.docker.tag_image(&target.image, Some(options)).await;
        tagged.map_err(|error| {
            Error::new(format!(
                "cannot name `{}` also `{repo}`: {}",
                target.image,
                message(&error)
            ))
        })?;
    }
    Ok(())
}
