//! Building with the engine's own first builder, where there is no plugin: the most of what it can do, and a refusal
//! of what it cannot.

use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;

use bollard::query_parameters::{BuildImageOptions, TagImageOptions};
use bollard::{body_full, body_try_stream};
use bytes::Bytes;
use futures_util::stream::poll_fn;
use futures_util::{Stream, TryStreamExt};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::context::{self, Context, Dockerfile};
use super::{Bake, BuildOptions, Target, fields, progress};
use crate::backend::Io;
use crate::diagnostic::{Diagnostic, Note, Span};
use crate::engine::{Connection, message};
use crate::error::{Error, Result};
use crate::progress::{Event, State};

const INSTALL: &str = "install the docker CLI's plugin `buildx`, with which `ctx` builds all of this";
const UNSET: &str = "unset DOCKER_BUILDKIT, which forbids to build with BuildKit";
/// How much of a context is sent at a time, in bytes, and how many of these wait.
const PIECE: usize = 256 * 1024;
const PIECES: usize = 4;
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
        let mut refuse = |attribute: &str, what: &str| {
            let (why, hint) = if bake.without_buildkit {
                ("DOCKER_BUILDKIT asks for it", UNSET)
            } else {
                ("there is neither BuildKit nor the plugin `buildx`", INSTALL)
            };
            let message = format!("the engine's first builder cannot honour {what}, and {why}");
            mistakes.push(Diagnostic::error(target.place(attribute), message).hint(hint));
        };
        let context = target.definition.get("context").and_then(Value::as_str);
        let elsewhere = context.is_some_and(is_elsewhere);
        for (name, value) in &target.definition {
            let name = name.as_str();
            let many = || value.as_array().into_iter().flatten().filter_map(Value::as_str);
            match (name, value) {
                ("platforms", Value::Array(platforms)) if platforms.len() > 1 => refuse(name, "several `platforms`"),
                ("extra-hosts", Value::Object(hosts)) if hosts.len() > 1 => refuse(name, "several `extra_hosts`"),
                ("dockerfile-inline", _) if elsewhere => {
                    refuse(name, "`dockerfile_inline` for a context that is elsewhere");
                }
                ("cache-from", _) if many().any(|said| cache(said).is_none()) => {
                    refuse(name, "`cache_from` that is no image");
                }
                ("attest", _) if many().all(|said| said.ends_with(",disabled=true")) => {}
                (name, _) if KNOWN.contains(&name) => {}
                ("secret", _) => refuse(name, "`secrets`"),
                ("contexts", _) => refuse(name, "`additional_contexts`"),
                ("attest", _) => refuse(name, "`provenance` and `sbom`"),
                (name, _) => refuse(name, &format!("`{}`", name.replace('-', "_"))),
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
pub(super) async fn build(connection: &Connection, bake: &Bake, asked: &BuildOptions, io: &Io) -> Result<()> {
    for target in &bake.targets {
        let object = format!("Image {}", target.image);
        io.progress.working(&object, "Building");
        match one(connection, target, asked, io).await {
            Ok(()) => io.progress.done(object, "Built"),
            Err(error) => {
                io.progress.failed(object, "Error");
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Writes a context's archive while it is sent, so that memory does not grow with it.
fn archived(
    context: Context,
) -> (
    impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    JoinHandle<std::io::Result<()>>,
) {
    let (pieces, mut queue) = mpsc::channel(PIECES);
    let sending = tokio::task::spawn_blocking(move || {
        let written = context.write(BufWriter::with_capacity(PIECE, Pieces(pieces.clone())));
        if let Err(error) = &written {
            // Or what has been sent would look whole.
            let _ = pieces.blocking_send(Err(std::io::Error::new(error.kind(), error.to_string())));
        }
        written
    });
    (poll_fn(move |context| queue.poll_recv(context)), sending)
}

/// Hands over what is written to it, and waits while nobody takes it.
struct Pieces(mpsc::Sender<std::io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
        let taken = self.0.blocking_send(Ok(Bytes::copy_from_slice(piece)));
        taken.map_err(|_| ErrorKind::BrokenPipe)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Whether the engine fetches a context itself.
fn is_elsewhere(context: &str) -> bool {
    !context.starts_with('/')
}

/// The image that a cache is.
fn cache(said: &str) -> Option<String> {
    if !said.contains('=') {
        return Some(said.to_owned());
    }
    let mut said = fields::read(said);
    let is_image = said.get("type").is_some_and(|kind| kind == "registry");
    said.remove("ref").filter(|_| is_image)
}

/// What steps wrote, without the colours of errors, and without what the builder says about its own containers.
fn lines(text: &str) -> impl Iterator<Item = String> {
    let own = [" --->", "Removing intermediate container "];
    let lines = text
        .lines()
        .map(|line| line.replace("\u{1b}[91m", "").replace("\u{1b}[0m", ""));
    lines.filter(move |line| !line.trim().is_empty() && !own.iter().any(|own| line.starts_with(own)))
}

async fn one(connection: &Connection, target: &Target, asked: &BuildOptions, io: &Io) -> Result<()> {
    let services = target.services.join("`, `");
    let text = |name: &str| target.definition.get(name).and_then(Value::as_str).map(str::to_owned);
    let place = text("context").unwrap_or_default();
    let elsewhere = is_elsewhere(&place);
    let dockerfile = text("dockerfile").unwrap_or_else(|| "Dockerfile".to_owned());
    let unreadable = |error: &std::io::Error| {
        let message = format!("service `{services}` cannot be built: {error}");
        Error::from(vec![Diagnostic::error(target.span, message)])
    };
    let (context, dockerfile) = if elsewhere {
        (None, dockerfile)
    } else {
        let inline = text("dockerfile-inline");
        let dockerfile = inline
            .as_deref()
            .map_or(Dockerfile::File(&dockerfile), Dockerfile::Inline);
        let mut context = context::list(Path::new(&place), &dockerfile).map_err(|error| unreadable(&error))?;
        let dockerfile = std::mem::take(&mut context.dockerfile);
        (Some(context), dockerfile)
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
    let caches = list("cache-from").iter().filter_map(|said| cache(said)).collect();
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
        cachefrom: Some(caches).filter(|images: &Vec<_>| !images.is_empty()),
        pull: flag("pull").then(|| "1".to_owned()),
        rm: true,
        forcerm: true,
        buildargs: map("args"),
        memory: asked.memory,
        shmsize: text("shm-size").and_then(|size| size.parse().ok()),
        labels: map("labels"),
        networkmode: text("network"),
        platform: list("platforms").into_iter().next().unwrap_or_default(),
        target: text("target").unwrap_or_default(),
        ..BuildImageOptions::default()
    };
    let (body, sending) = match context {
        Some(context) => {
            let (archive, sending) = archived(context);
            (body_try_stream(archive), Some(sending))
        }
        None => (body_full(Bytes::new()), None),
    };
    let mut steps = connection.docker.build_image(options, None, Some(body));
    let mut output: Vec<String> = Vec::new();
    loop {
        match steps.try_next().await {
            Ok(Some(step)) => {
                for line in lines(&step.stream.unwrap_or_default()) {
                    io.progress.event(Event {
                        id: format!("Image {}", target.image),
                        state: State::Working,
                        text: "Building".to_owned(),
                        detail: Some(line.clone()),
                    });
                    output.push(line);
                }
                output.drain(..output.len().saturating_sub(LINES));
            }
            Ok(None) => break,
            Err(bollard::errors::Error::DockerStreamError { error }) => {
                let mut diagnostic = progress::mistake(target, error.trim());
                diagnostic.notes = output
                    .into_iter()
                    .map(|message| Note {
                        message,
                        span: Span::NOWHERE,
                    })
                    .collect();
                return Err(vec![diagnostic].into());
            }
            Err(error) => {
                // What could not be read is why the engine has got no more.
                if let Some(sending) = sending
                    && let Ok(Err(why)) = sending.await
                    && why.kind() != ErrorKind::BrokenPipe
                {
                    return Err(unreadable(&why));
                }
                // What the engine says about the build itself: a context that cannot be fetched, a name that is none.
                if let bollard::errors::Error::DockerResponseServerError { message, .. } = &error {
                    return Err(vec![progress::mistake(target, message.trim())].into());
                }
                return Err(connection.failed(format!("cannot build service `{services}`"), &error));
            }
        }
    }
    if let Some(wanted) = list("platforms").first() {
        let made = connection.docker.inspect_image(&target.image).await;
        let made = made.map_err(|error| connection.failed("cannot look at what was built", &error))?;
        let made = [made.os, made.architecture].map(Option::unwrap_or_default).join("/");
        // A variant (`linux/arm/v7`) is not told.
        if !wanted.starts_with(&made) {
            let message = format!(
                "service `{services}` was to be built for `{wanted}`, and the engine's first builder made it for `{made}`, as its base image is"
            );
            let hint = "build it with BuildKit, or from a base image for that platform";
            return Err(vec![Diagnostic::error(target.place("platforms"), message).hint(hint)].into());
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What of a definition the first builder refuses.
    fn refused(definition: &Value) -> Vec<String> {
        let target = Target {
            name: "web".to_owned(),
            services: vec!["web".to_owned()],
            image: "shop-web".to_owned(),
            span: Span::NOWHERE,
            places: std::collections::BTreeMap::new(),
            definition: definition.as_object().unwrap().clone(),
        };
        let bake = Bake {
            targets: vec![target],
            entitlements: Vec::new(),
            variables: Vec::new(),
            check: false,
            ssh_agent: None,
            without_buildkit: true,
        };
        match check(&bake) {
            Err(Error::Report(report)) => report.diagnostics.into_iter().map(|mistake| mistake.message).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn what_would_be_dropped_is_refused() {
        let elsewhere = json!({"context": "http://h/web.tar", "dockerfile-inline": "FROM a"});
        assert!(refused(&elsewhere)[0].contains("`dockerfile_inline` for a context that is elsewhere"));
        assert!(refused(&json!({"cache-from": ["type=local,src=/a"]}))[0].contains("`cache_from` that is no image"));
        assert!(refused(&json!({"attest": ["type=provenance,mode=max"]}))[0].contains("`provenance` and `sbom`"));
        for fine in [
            json!({"context": "/web", "dockerfile-inline": "FROM a"}),
            json!({"cache-from": ["a/b:1", "type=registry,ref=a/b:2"]}),
            json!({"attest": ["type=provenance,disabled=true"]}),
        ] {
            assert_eq!(refused(&fine), Vec::<String>::new());
        }
        assert_eq!(cache("type=registry,ref=a/b:2").as_deref(), Some("a/b:2"));
    }

    #[test]
    fn what_steps_write_is_told_without_colours() {
        let text = "Step 2/3 : RUN a\n ---> Running in 1\n\u{1b}[91mno\n\u{1b}[0mRemoving intermediate container 1\n";
        assert_eq!(lines(text).collect::<Vec<_>>(), ["Step 2/3 : RUN a", "no"]);
    }
}
