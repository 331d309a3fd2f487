//! From the engine to a registry.

use bollard::auth::DockerCredentials;
use bollard::query_parameters::{PushImageOptions, RemoveImageOptions, TagImageOptions};
use futures_util::{StreamExt, TryStreamExt};

use super::Builder;
use crate::backend::Io;
use crate::engine::{Connection, Layers, Persistence, is_missing, message};
use crate::error::{Error, Result};
use crate::progress::{Event, Progress, State};

/// An image on the engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Local {
    pub id: String,
    /// `linux/arm64`, without the variant.
    pub platform: String,
}

impl Local {
    /// Whether containers for a platform can be made from it.
    #[must_use]
    pub fn runs_on(&self, platform: &str) -> bool {
        self.platform == platform
    }

    /// A tag that says what the image is.
    #[must_use]
    pub fn tag(&self) -> String {
        self.id.trim_start_matches("sha256:").to_owned()
    }
}

/// What goes where, and who one is there.
pub struct Pushing<'a> {
    pub image: &'a str,
    pub repository: &'a str,
    pub tag: &'a str,
    pub user: &'a str,
    pub password: &'a str,
}

impl Builder {
    /// What the engine knows about an image, if it has it.
    pub async fn local(&self, name: &str) -> Result<Option<Local>> {
        let engine = self.engine()?;
        match engine.docker.inspect_image(name).await {
            Ok(found) => Ok(Some(Local {
                id: found.id.unwrap_or_default(),
                platform: format!(
                    "{}/{}",
                    found.os.unwrap_or_default(),
                    found.architecture.unwrap_or_default()
                ),
            })),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(engine.failed(format!("cannot look at image `{name}`"), &error)),
        }
    }

    /// Pushes an image under another name, which the engine forgets afterwards.
    pub async fn push(&self, pushing: &Pushing<'_>, progress: &Progress) -> Result<()> {
        let engine = self.engine()?;
        let tag = TagImageOptions {
            repo: Some(pushing.repository.to_owned()),
            tag: Some(pushing.tag.to_owned()),
        };
        let tagged = engine.docker.tag_image(pushing.image, Some(tag)).await;
        tagged.map_err(|error| engine.failed(format!("cannot name `{}` for its push", pushing.image), &error))?;
        let credentials = DockerCredentials {
            username: Some(pushing.user.to_owned()),
            password: Some(pushing.password.to_owned()),
            ..DockerCredentials::default()
        };
        let name = format!("{}:{}", pushing.repository, pushing.tag);
        let object = format!("Image {}", pushing.image);
        let pushed = send(&engine, &object, &name, Some(credentials), progress).await;
        // That it stays is no harm to anybody.
        let _ = engine
            .docker
            .remove_image(&name, None::<RemoveImageOptions>, None)
            .await;
        pushed
    }

    /// Pushes images by their names, several at a time; the result is what could not be pushed.
    pub async fn push_each<'a>(&self, names: impl Iterator<Item = &'a str>, io: &Io) -> Vec<(&'a str, Error)> {
        let pushing: Vec<_> = names
            .map(|name| async move { (name, self.push_by_name(name, &io.progress).await) })
            .collect();
        let pushed = futures_util::stream::iter(pushing).buffered(io.transfers());
        let failed = pushed.filter_map(|(name, pushed)| async move { Some((name, pushed.err()?)) });
        failed.collect().await
    }

    /// Pushes an image to where its name says, as who `docker login` knows there.
    async fn push_by_name(&self, name: &str, progress: &Progress) -> Result<()> {
        let engine = self.engine()?;
        let login = engine.login(name).await;
        let login =
            login.map_err(|failure| Error::new(format!("cannot push `{name}`: {failure}")).hint(failure.hint()))?;
        send(&engine, &format!("Image {name}"), name, login, progress).await
    }
}

async fn send(
    engine: &Connection,
    object: &str,
    name: &str,
    credentials: Option<DockerCredentials>,
    progress: &Progress,
) -> Result<()> {
    progress.working(object, "Pushing");
    let (repository, tag) = match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    };
    let options = PushImageOptions {
        tag: Some(tag.to_owned()),
        ..PushImageOptions::default()
    };
    let mut layers = Layers::default();
    let mut persistence = Persistence::new(object, progress);
    let pushed = loop {
        let mut steps = engine
            .docker
            .push_image(repository, Some(options.clone()), credentials.clone());
        let ended = loop {
            let step = match steps.try_next().await {
                Ok(Some(step)) => step,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            let sent = step
                .progress_detail
                .filter(|_| step.status.as_deref() == Some("Pushing"));
            let Some((sent, total)) = sent.and_then(|sent| Some((sent.current?, sent.total?))) else {
                continue;
            };
            // Which layer it is about does not get here; those of one size count as one.
            if let Some(detail) = layers.note(&total.to_string(), sent, total) {
                progress.event(Event {
                    id: object.to_owned(),
                    state: State::Working,
                    text: "Pushing".to_owned(),
                    detail: Some(detail),
                });
            }
        };
        match ended {
            Err(error) if persistence.helps(&error).await => {}
            ended => break ended,
        }
    };
    match pushed {
        Ok(()) => {
            progress.done(object, "Pushed");
            Ok(())
        }
        Err(error) => {
            progress.failed(object, "Error");
            let text = message(&error);
            let failed = match &error {
                bollard::errors::Error::DockerStreamError { .. } => Error::new(format!("cannot push `{name}`: {text}")),
                _ => engine.failed(format!("cannot push `{name}`"), &error),
            };
            Err(match advice(&text) {
                Some(hint) => failed.hint(hint),
                None => failed,
            })
        }
    }
}

/// What to do about a push that failed so.
pub(super) fn advice(said: &str) -> Option<&'static str> {
    let said = said.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if says(&["denied", "unauthorized", "authentication required", "no basic auth"]) {
        Some("`docker login` to the registry as somebody who may push there")
    } else if says(&["an image does not exist locally"]) {
        Some("`ctx build` makes it")
    } else if says(&[
        "connection refused",
        "no such host",
        "i/o timeout",
        "network is unreachable",
    ]) {
        Some("is the registry's name right, and does it run? the engine has to reach it")
    } else if says(&["invalid reference format"]) {
        Some("a name with a digest cannot be pushed: leave out the file that pins it")
    } else {
        None
    }
}
