//! Asking registries over their HTTP API.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

use super::challenge::{Challenge, challenge};
use super::credentials::{Credentials, Issuer, Login};
use super::token::{basic, token};
use super::transport::{Answer, Kind, Request, Transport, is_loopback};
use super::{Failure, Reference, is_digest};

/// What the registries agree on as a manifest's bound.
const LARGEST_MANIFEST: u64 = 4 << 20;
/// Requests under way at a time.
const PARALLEL: usize = 8;
const MOST_REDIRECTIONS: usize = 5;

/// Manifests of one image and of several, in the words of OCI and of Docker.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// A client of all registries, which knows what they granted so far.
pub struct Client {
    http: Transport,
    credentials: Credentials,
    /// The `Authorization` that opened a repository, by registry and repository.
    granted: Mutex<HashMap<(String, String), String>>,
    /// Why a registry cannot be reached, so that it is not waited for again.
    silent: Mutex<HashMap<String, String>>,
}

/// What an image runs on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Deserialize)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
}

/// A manifest, as the registry sent it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    pub digest: String,
    pub content: Vec<u8>,
}

impl Client {
    /// `settings` is the folder of Docker's `config.json`, with what `docker login` stored.
    #[must_use]
    pub fn new(settings: Option<&Path>) -> Self {
        Self {
            http: Transport::default(),
            credentials: Credentials::new(settings),
            granted: Mutex::default(),
            silent: Mutex::default(),
        }
    }

    /// Asks somebody who one is before what `docker login` stored.
    #[must_use]
    pub fn issued_by(self, issuer: Option<Arc<dyn Issuer>>) -> Self {
        Self {
            credentials: self.credentials.issued_by(issuer),
            ..self
        }
    }

    /// Who one is at a registry.
    pub async fn login(&self, registry: &str) -> Result<Login, Failure> {
        self.credentials.login(registry).await
    }

    /// The digests of images, each asked for once, several at a time.
    pub async fn digests(
        &self,
        images: impl IntoIterator<Item = Reference>,
    ) -> HashMap<Reference, Result<String, Failure>> {
        let images: HashSet<Reference> = images.into_iter().collect();
        futures_util::stream::iter(images)
            .map(|image| async move {
                let digest = self.digest(&image).await;
                (image, digest)
            })
            .buffer_unordered(PARALLEL)
            .collect()
            .await
    }

    /// The digest of what a name means now.
    pub async fn digest(&self, image: &Reference) -> Result<String, Failure> {
        let path = format!("manifests/{}", image.version());
        let answer = match self.ask("HEAD", image, &path, LARGEST_MANIFEST).await {
            Ok(answer) => answer,
            // Not every registry answers HEAD.
            Err(Failure::Unexpected { .. }) => return Ok(self.manifest(image).await?.digest),
            Err(failure) => return Err(failure),
        };
        match answer.headers.get("docker-content-digest") {
            Some(digest) if is_digest(digest) => Ok(digest.to_owned()),
            _ => Ok(self.manifest(image).await?.digest),
        }
    }

    /// The manifest of what a name means now, or of exactly what a digest says.
    pub async fn manifest(&self, image: &Reference) -> Result<Manifest, Failure> {
        let path = format!("manifests/{}", image.version());
        let content = self.ask("GET", image, &path, LARGEST_MANIFEST).await?.body;
        let digest = digest_of(&content);
        match &image.digest {
            Some(wanted) if *wanted != digest => Err(corrupt(image, wanted)),
            _ => Ok(Manifest { digest, content }),
        }
    }

    /// The platforms that an image was built for; none where it does not say.
    pub async fn platforms(&self, image: &Reference) -> Result<Vec<Platform>, Failure> {
        #[derive(Deserialize)]
        struct Parts {
            #[serde(default)]
            manifests: Vec<Part>,
            config: Option<Config>,
        }
        #[derive(Deserialize)]
        struct Part {
            platform: Option<Platform>,
        }
        #[derive(Deserialize)]
        struct Config {
            digest: String,
            size: u64,
        }
        let Manifest { content, .. } = self.manifest(image).await?;
        let Ok(Parts { manifests, config }) = serde_json::from_slice(&content) else {
            return Ok(Vec::new());
        };
        let mut platforms: Vec<_> = manifests.into_iter().filter_map(|part| part.platform).collect();
        // Attestations stand beside images, and say so.
        platforms.retain(|platform| platform.os != "unknown");
        if let Some(Config { digest, size }) = config
            && size <= LARGEST_MANIFEST
        {
            let settings = self.blob(image, &digest, size).await?;
            platforms.extend(serde_json::from_slice::<Platform>(&settings));
        }
        Ok(platforms)
    }

    /// A blob of a repository, which must have this size and digest.
    pub async fn blob(&self, image: &Reference, digest: &str, size: u64) -> Result<Vec<u8>, Failure> {
        let content = self.ask("GET", image, &format!("blobs/{digest}"), size).await?.body;
        if content.len() as u64 == size && digest_of(&content) == digest {
            Ok(content)
        } else {
            Err(corrupt(image, digest))
        }
    }

    /// Asks about an image, and says who asks where the registry wants to know.
    async fn ask(&self, method: &'static str, image: &Reference, path: &str, limit: u64) -> Result<Answer, Failure> {
        let mut url = address(image, path)?;
        let place = (image.registry.clone(), image.repository.clone());
        let mut authorization = self.granted().get(&place).cloned();
        let (mut answered, mut redirections) = (false, 0);
        loop {
            let mut headers = vec![("Accept", MANIFESTS.to_owned())];
            headers.extend(authorization.iter().map(|value| ("Authorization", value.clone())));
            let request = Request {
                method,
                url: &url,
                headers,
                body: None,
                limit,
            };
            let answer = self.send(&image.registry, request).await?;
            match answer.status {
                200..=299 => return Ok(answer),
                401 if !answered => {
                    let wanted = challenge(answer.headers.get_all("www-authenticate"));
                    let value = self.answer(image, wanted).await?;
                    self.granted().insert(place.clone(), value.clone());
                    authorization = Some(value);
                    answered = true;
                }
                301 | 302 | 303 | 307 | 308 if redirections < MOST_REDIRECTIONS => {
                    let next = elsewhere(image, &url, &answer)?;
                    if next.origin() != url.origin() {
                        // Who one is here is nobody's business there.
                        authorization = None;
                        answered = true;
                    }
                    url = next;
                    redirections += 1;
                }
                status => return Err(self.failure(image, path, status, &answer).await),
            }
        }
    }

    async fn send(&self, registry: &str, request: Request<'_>) -> Result<Answer, Failure> {
        let unreachable = |why| Failure::Unreachable {
            registry: registry.to_owned(),
            why,
        };
        let silent = || self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(why) = silent().get(registry) {
            return Err(unreachable(why.clone()));
        }
        let answer = self.http.send(request).await;
        answer.map_err(|silence| {
            if silence.kind == Kind::Unreachable {
                silent().insert(registry.to_owned(), silence.why.clone());
            }
            unreachable(silence.why)
        })
    }

    /// The `Authorization` that answers a challenge.
    async fn answer(&self, image: &Reference, wanted: Option<Challenge>) -> Result<String, Failure> {
        let login = self.credentials.login(&image.registry).await?;
        match (wanted, &login) {
            (Some(Challenge::Bearer { .. }), Login::RegistryToken(token)) => Ok(format!("Bearer {token}")),
            (Some(Challenge::Bearer { realm, service, scope }), login) => {
                let (service, scope) = (service.as_deref(), scope.as_deref());
                let token = token(&self.http, image, login, &realm, service, scope).await?;
                Ok(format!("Bearer {token}"))
            }
            (Some(Challenge::Basic), Login::Password { user, password }) => Ok(basic(user, password)),
            (Some(Challenge::Basic), login) => Err(denied(image, *login != Login::Nobody)),
            (None, _) => Err(Failure::Unexpected {
                registry: image.registry.clone(),
                why: "wants to know who asks, in a way that `ctx` does not know".to_owned(),
            }),
        }
    }

    async fn failure(&self, image: &Reference, path: &str, status: u16, answer: &Answer) -> Failure {
        let registry = image.registry.clone();
        match status {
            401 | 403 => {
                let login = self.credentials.login(&image.registry).await;
                denied(image, login.is_ok_and(|login| login != Login::Nobody))
            }
            404 => Failure::Missing {
                registry,
                name: if path.starts_with("blobs/") {
                    format!("{path} of {}", image.repository)
                } else {
                    image.to_string()
                },
            },
            429 => Failure::Busy { registry },
            status => Failure::Unexpected {
                registry,
                why: match said(&answer.body) {
                    Some(said) => format!("answers with status {status}: {said}"),
                    None => format!("answers with status {status}"),
                },
            },
        }
    }

    fn granted(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), String>> {
        self.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn address(image: &Reference, path: &str) -> Result<Url, Failure> {
    let scheme = if image.is_loopback() { "http" } else { "https" };
    let host = match image.registry.as_str() {
        "docker.io" => "registry-1.docker.io",
        host => host,
    };
    let url = Url::parse(&format!("{scheme}://{host}/v2/{}/{path}", image.repository));
    url.map_err(|error| Failure::Unreachable {
        registry: image.registry.clone(),
        why: error.to_string(),
    })
}

/// Where a registry keeps what was asked for. Only what is on this machine may be there without encryption.
fn elsewhere(image: &Reference, from: &Url, answer: &Answer) -> Result<Url, Failure> {
    let location = answer.headers.get("location").unwrap_or_default();
    match from.join(location) {
        Ok(next) if next.scheme() == "https" => Ok(next),
        Ok(next) if next.scheme() == "http" && image.is_loopback() && is_loopback(&next) => Ok(next),
        _ => Err(Failure::Unexpected {
            registry: image.registry.clone(),
            why: "sends on to where nothing can be fetched safely".to_owned(),
        }),
    }
}

fn denied(image: &Reference, known: bool) -> Failure {
    Failure::Denied {
        registry: image.registry.clone(),
        repository: image.repository.clone(),
        known,
    }
}

fn corrupt(image: &Reference, digest: &str) -> Failure {
    Failure::Unexpected {
        registry: image.registry.clone(),
        why: format!("sends something else than `{digest}`"),
    }
}

fn digest_of(content: &[u8]) -> String {
    let mut digest = "sha256:".to_owned();
    for byte in Sha256::digest(content) {
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}

/// The first message of a registry's error.
fn said(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<Message>,
    }
    #[derive(Deserialize)]
    struct Message {
        message: String,
    }
    let Errors { errors } = serde_json::from_slice(body).ok()?;
    errors.into_iter().next().map(|error| error.message)
}
