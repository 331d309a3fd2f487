//! The way to an engine, and what its failures mean.

mod ssh;
mod stream;
mod transfer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::sync::OnceCell;

use crate::context::{DockerEndpoint, proxies};
use crate::error::{Error, Result};
use crate::registry::{Credentials, Failure, Issuer, Login, Reference};

pub(crate) use stream::Stream;
pub(crate) use transfer::{Layers, Persistence};

/// The oldest engine API that `ctx` works with: that of Docker 20.10.
const OLDEST: Api = Api(41);

/// Where an engine listens unless somebody has said otherwise.
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// The minor number of an engine's API version: all that are of use begin with `1.`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Api(pub(crate) usize);

impl Api {
    /// What DOCKER_API_VERSION says.
    fn read(text: &str) -> Result<Self> {
        let minor = text.strip_prefix("1.").and_then(|minor| minor.parse().ok());
        let api = minor.map(Self).filter(|api| *api >= OLDEST);
        api.ok_or_else(|| {
            Error::new(format!(
                "`DOCKER_API_VERSION={text}` is no version that `ctx` can speak"
            ))
            .hint(format!(
                "it speaks {OLDEST} (Docker 20.10) and newer; without the variable, what the engine speaks"
            ))
        })
    }
}

impl std::fmt::Display for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) docker: Docker,
    pub(crate) host: String,
    /// The folder with the certificates for it.
    tls: Option<PathBuf>,
    api: OnceCell<Api>,
    /// The one that somebody has asked for, in every request.
    version: Option<Api>,
    /// The docker CLI's own folder.
    docker_config: Option<PathBuf>,
    credentials: Credentials,
    /// What leads to an engine on another machine; open as long as it is needed.
    tunnel: Option<Arc<ssh::Tunnel>>,
}

impl Connection {
    /// Prepares a connection; the engine is first spoken to by the first request.
    ///
    /// Requests carry no version, so that the engine answers with its own newest one: whatever it is, the engine
    /// supports it, while any fixed one is too new for some engines and too old for others.
    /// `docker_config` is the docker CLI's own folder, with what `docker login` stored.
    pub(crate) fn open(endpoint: &DockerEndpoint, docker_config: Option<&Path>) -> Result<Self> {
        let host = endpoint.host.clone().unwrap_or_else(|| DEFAULT_HOST.to_owned());
        let scheme = host.split_once("://").map_or("", |(scheme, _)| scheme);
        let version = endpoint.api.as_deref().map(Api::read).transpose()?;
        // An engine may take any time for a request (a container its grace period, a registry its own): people, not
        // timers, decide when to give up.
        let patience = Duration::from_hours(24).as_secs();
        let mut tunnel = None;
        let docker = match scheme {
            "unix" => Docker::connect_with_unix(&host, patience, API_DEFAULT_VERSION),
            "tcp" | "http" | "https" => {
                if endpoint.skip_tls_verify && endpoint.tls.is_some() {
                    return Err(
                        Error::new(format!("cannot connect to {host} without verifying its certificate"))
                            .hint("give the context a `ca.pem` that signed the engine's certificate"),
                    );
                }
                match &endpoint.tls {
                    Some(folder) => Docker::connect_with_ssl(
                        &host,
                        &folder.join("key.pem"),
                        &folder.join("cert.pem"),
                        &folder.join("ca.pem"),
                        patience,
                        API_DEFAULT_VERSION,
                    ),
                    None => Docker::connect_with_http(&host, patience, API_DEFAULT_VERSION),
                }
            }
            "ssh" => {
                let way = tunnel.insert(ssh::Tunnel::to(&host)?);
                Docker::connect_with_unix(&way.socket().display().to_string(), patience, API_DEFAULT_VERSION)
            }
            _ => {
                return Err(Error::new(format!("`{host}` is no address of an engine"))
                    .hint("it begins with `unix://`, `tcp://` or `ssh://`"));
            }
        };
        match docker {
            Ok(docker) => Ok(Self {
                docker: docker.with_request_modifier(move |request| in_version(version, url_safe(request))),
                tls: endpoint.tls.clone().filter(|_| scheme != "unix"),
                host: host.clone(),
                api: OnceCell::new_with(version),
                version,
                docker_config: docker_config.map(Path::to_owned),
                credentials: Credentials::new(docker_config),
                tunnel,
            }),
            Err(error) => Err(unreachable(&host, &error)),
        }
    }

    /// Asks somebody who one is at registries before what `docker login` stored.
    pub(crate) fn issued_by(self, issuer: Option<Arc<dyn Issuer>>) -> Self {
        Self {
            credentials: self.credentials.issued_by(issuer),
            ..self
        }
    }

    /// The engine's API version; asked for once, by the first who needs it.
    pub(crate) async fn api(&self) -> Result<Api> {
        let ask = async || {
            let version = self
                .docker
                .version()
                .await
                .map_err(|error| self.failed("cannot ask the engine's version", &error))?;
            let text = version.api_version.unwrap_or_default();
            let minor = text.strip_prefix("1.").and_then(|minor| minor.parse().ok());
            let api = minor.map(Api).filter(|api| *api >= OLDEST);
            api.ok_or_else(|| {
                Error::new(format!("the engine at {} has API version `{text}`", self.host))
                    .hint(format!("`ctx` works with {OLDEST} (Docker 20.10) and newer"))
            })
        };
        self.api.get_or_try_init(ask).await.copied()
    }

    /// Who one is at an image's registry, in the engine's words; `None` where nobody is known.
    pub(crate) async fn login(&self, image: &str) -> Result<Option<DockerCredentials>, Failure> {
        // The engine says itself what is no name of an image.
        let Ok(reference) = image.parse::<Reference>() else {
            return Ok(None);
        };
        let server = match reference.registry.as_str() {
            "docker.io" => "https://index.docker.io/v1/",
            registry => registry,
        };
        let known = DockerCredentials {
            serveraddress: Some(server.to_owned()),
            ..DockerCredentials::default()
        };
        Ok(match self.credentials.login(&reference.registry).await? {
            Login::Nobody => None,
            Login::Password { user, password } => Some(DockerCredentials {
                username: Some(user),
                password: Some(password),
                ..known
            }),
            Login::IdentityToken(token) => Some(DockerCredentials {
                identitytoken: Some(token),
                ..known
            }),
            Login::RegistryToken(token) => Some(DockerCredentials {
                registrytoken: Some(token),
                ..known
            }),
        })
    }

    /// The variables that tell its builds and containers of proxies.
    pub(crate) fn proxies(&self) -> Result<Vec<(String, String)>> {
        match &self.docker_config {
            Some(folder) => proxies(folder, &self.host),
            None => Ok(Vec::new()),
        }
    }

    /// Who one is at a registry, by its host.
    pub(crate) async fn login_at(&self, registry: &str) -> Result<Login, Failure> {
        self.credentials.login(registry).await
    }

    /// Everybody that one is known to be, by registry, in the docker CLI's words.
    pub(crate) async fn logins(&self) -> Result<Vec<(String, Login)>, Failure> {
        self.credentials.all().await
    }

    /// What a failed request means: that there is no engine, or that the engine could not do it.
    pub(crate) fn failed(&self, what: impl Into<String>, error: &bollard::errors::Error) -> Error {
        if let Some(tunnel) = &self.tunnel
            && matches!(error, bollard::errors::Error::HyperLegacyError { .. })
        {
            // The way here is open; what is behind it, ssh alone knows.
            let reason = tunnel.said().unwrap_or_else(|| message(error));
            Error::new(format!("cannot reach a Docker engine at {}: {reason}", self.host))
                .hint("does it listen at that socket of the machine, and may the user open it?")
        } else if is_unreachable(error) {
            unreachable(&self.host, error)
        } else {
            Error::new(what).because(&Said(message(error)))
        }
    }
}

/// Puts a version before a request's path.
fn in_version(version: Option<Api>, mut request: bollard::BollardRequest) -> bollard::BollardRequest {
    let Some(version) = version else { return request };
    let mut parts = request.uri().clone().into_parts();
    let path = parts
        .path_and_query
        .as_ref()
        .map_or("/", http::uri::PathAndQuery::as_str);
    parts.path_and_query = format!("/v{version}{path}").parse().ok();
    if let Ok(uri) = http::Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// Writes credentials in the alphabet that engines read, which is not bollard's.
fn url_safe(mut request: bollard::BollardRequest) -> bollard::BollardRequest {
    for name in ["x-registry-auth", "x-registry-config"] {
        if let Some(value) = request.headers_mut().get_mut(name) {
            let text = value.to_str().unwrap_or_default().replace('+', "-").replace('/', "_");
            if let Ok(text) = text.parse() {
                *value = text;
            }
        }
    }
    request
}

/// The engine's own words where it gave some.
pub(crate) fn message(error: &bollard::errors::Error) -> String {
    use bollard::errors::Error as E;
    match error {
        E::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        E::DockerStreamError { error } | E::DockerContainerWaitError { error, .. } => error.trim().to_owned(),
        other => other.to_string(),
    }
}

/// Whether the engine answered that there is no such object.
pub(crate) fn is_missing(error: &bollard::errors::Error) -> bool {
    matches!(
        error,
        bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }
    )
}

/// Whether the engine answered that the object is in no state for it.
pub(crate) fn is_conflict(error: &bollard::errors::Error) -> bool {
    matches!(
        error,
        bollard::errors::Error::DockerResponseServerError { status_code: 409, .. }
    )
}

/// A text that stands for an error beneath another.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(String);

fn is_unreachable(error: &bollard::errors::Error) -> bool {
    use bollard::errors::Error as E;
    match error {
        E::HyperLegacyError { err } => err.is_connect(),
        E::SocketNotFoundError(_) => true,
        _ => false,
    }
}

fn unreachable(host: &str, error: &bollard::errors::Error) -> Error {
    // What lies beneath says it; the layers above only pass it on.
    let mut beneath: &(dyn std::error::Error + 'static) = error;
    while let Some(cause) = beneath.source() {
        beneath = cause;
    }
    let io = beneath.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    let said = Said(beneath.to_string());
    let failed = Error::new(format!("cannot reach a Docker engine at {host}"));
    match (io, error) {
        (Some(std::io::ErrorKind::PermissionDenied), _) => failed
            .because(&said)
            .hint("the socket belongs to the group `docker`: `sudo usermod -aG docker $USER`, then log in again"),
        (_, bollard::errors::Error::SocketNotFoundError(path)) => {
            failed.because(&Said(format!("there is no socket {path}"))).hint(
                "is Docker installed and running? another engine is chosen with `--host`, `--context` or DOCKER_HOST",
            )
        }
        _ => failed
            .because(&said)
            .hint("is it running? another engine is chosen with `--host`, `--context` or DOCKER_HOST"),
    }
}
