//! What registries say of images: asked directly, and where that leads nowhere, through the engine, which may know the
//! registry as insecure, reach it by a mirror, or trust its certificate.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;
use std::time::Duration;

use bollard::models::DistributionInspect;
use futures_util::future::join_all;

use super::Builder;
use crate::engine::Connection;
use crate::registry::{Client, Failure, Platform, Reference};

/// For what an engine asks in our name; it has no end of its own.
const PATIENCE: Duration = Duration::from_secs(20);

/// All registries, for those who ask about images.
pub struct Registries {
    /// Asks directly, and knows who one is.
    pub client: Client,
    builder: Builder,
    /// The engine, once it was needed; `None` where there is none to ask.
    engine: OnceLock<Option<Connection>>,
}

impl Registries {
    pub(super) fn new(client: Client, builder: Builder) -> Self {
        Self {
            client,
            builder,
            engine: OnceLock::new(),
        }
    }

    /// The digests of images, as [`Client::digests`] gives them.
    pub async fn digests(
        &self,
        images: impl IntoIterator<Item = Reference>,
    ) -> HashMap<Reference, Result<String, Failure>> {
        let mut digests = self.client.digests(images).await;
        let mut unknown: BTreeMap<String, Vec<Reference>> = BTreeMap::new();
        for (image, digest) in &digests {
            if digest.as_ref().is_err_and(another_may_know) {
                unknown.entry(image.registry.clone()).or_default().push(image.clone());
            }
        }
        let found = join_all(unknown.into_values().map(|images| self.known_to_engine(images))).await;
        for (image, digest) in found.into_iter().flatten() {
            digests.insert(image, Ok(digest));
        }
        digests
    }

    /// The platforms that an image was built for, as [`Client::platforms`] gives them.
    pub async fn platforms(&self, image: &Reference) -> Result<Vec<Platform>, Failure> {
        match self.client.platforms(image).await {
            Err(failure) if another_may_know(&failure) => match self.ask_engine(image).await {
                Some(known) => Ok(platforms(known)),
                None => Err(failure),
            },
            known => known,
        }
    }

    /// The digests of one registry's images, until the engine cannot say one.
    async fn known_to_engine(&self, images: Vec<Reference>) -> Vec<(Reference, String)> {
        let mut known = Vec::with_capacity(images.len());
        for image in images {
            let digest = self.ask_engine(&image).await.and_then(|said| said.descriptor.digest);
            let Some(digest) = digest else { break };
            known.push((image, digest));
        }
        known
    }

    async fn ask_engine(&self, image: &Reference) -> Option<DistributionInspect> {
        let engine = self.engine.get_or_init(|| self.builder.engine().ok()).as_ref()?;
        let name = image.to_string();
        let login = engine.login(&name).await.ok()?;
        let asked = engine.docker.inspect_registry_image(&name, login);
        tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()
    }
}

/// Whether it may be our way to the registry that is at fault, and not the registry's answer.
fn another_may_know(failure: &Failure) -> bool {
    matches!(failure, Failure::Unreachable { .. } | Failure::Unexpected { .. })
}

fn platforms(known: DistributionInspect) -> Vec<Platform> {
    let platforms = known.platforms.into_iter().filter_map(|platform| {
        Some(Platform {
            os: platform.os.filter(|os| os != "unknown")?,
            architecture: platform.architecture?,
        })
    });
    platforms.collect()
}
