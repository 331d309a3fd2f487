//! HTTP as registries need it: within bounds of time and size, through the proxy that the environment names.

use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use url::{Host, Url};

const CONNECTING: Duration = Duration::from_secs(10);
/// For a whole request and what it brings, which is never large.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often a registry is asked that is busy, or that hangs up in the middle.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Who wants more time than this gets an error instead.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The AWS SDK's own HTTP client: its TLS, its certificates and its way through proxies are in the binary anyhow.
#[derive(Default, Debug)]
pub(super) struct Transport {
    /// To this machine, which no proxy reaches.
    direct: OnceLock<Connector>,
    outward: OnceLock<Connector>,
}

pub(super) struct Request<'a> {
    pub(super) method: &'static str,
    pub(super) url: &'a Url,
    /// Names and values.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
    /// How many bytes the answer may have.
    pub(super) limit: u64,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

impl Transport {
    /// Sends a request, again where that may help; the error says in words why there is no answer.
    pub(super) async fn send(&self, request: Request<'_>) -> Result<Answer, Silence> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            let wanted = match self.once(&request).await {
                Ok(answer) => match patience(&answer, pause) {
                    Some(wanted) => wanted,
                    None => return Ok(answer),
                },
                Err(Silence { kind: Kind::Cut, .. }) => pause,
                Err(silence) => return Err(silence),
            };
            tokio::time::sleep(wanted).await;
            pause *= 2;
        }
        self.once(&request).await
    }

    async fn once(&self, request: &Request<'_>) -> Result<Answer, Silence> {
        tokio::time::timeout(PATIENCE, self.exchange(request))
            .await
            .unwrap_or_else(|_| {
                Err(Silence {
                    why: format!("no answer within {} seconds", PATIENCE.as_secs()),
                    kind: Kind::Unreachable,
                })
            })
    }

    async fn exchange(&self, request: &Request<'_>) -> Result<Answer, Silence> {
        let mut message = HttpRequest::new(request.body.clone().map_or_else(SdkBody::empty, SdkBody::from));
        let illegal = |error: &dyn std::error::Error| Silence::from(innermost(error));
        message.set_method(request.method).map_err(|error| illegal(&error))?;
        message.set_uri(request.url.as_str()).map_err(|error| illegal(&error))?;
        for (name, value) in &request.headers {
            let inserted = message.headers_mut().try_insert(*name, value.clone());
            inserted.map_err(|error| illegal(&error))?;
        }
        let connector = if is_loopback(request.url) {
            self.direct.get_or_init(|| connector(ProxyConfig::disabled()))
        } else {
            self.outward.get_or_init(|| connector(ProxyConfig::from_env()))
        };
        let mut response = connector.call(message).await.map_err(|error| Silence::of(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut stream = ByteStream::new(response.take_body());
        let mut body = Vec::new();
        while let Some(part) = stream.next().await {
            body.extend_from_slice(&part.map_err(|error| Silence::of(&error))?);
            if body.len() as u64 > request.limit {
                return Err(format!("it sends more than {} bytes", request.limit).into());
            }
        }
        Ok(Answer { status, headers, body })
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Silence {
    pub(super) why: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Nobody answers there; the next request would wait as long for nothing.
    Unreachable,
    /// An answer that broke off: the same request may well be answered in a moment.
    Cut,
    /// What cannot be sent or taken.
    Refused,
}

impl Silence {
    fn of(error: &dyn std::error::Error) -> Self {
        let why = innermost(error);
        let cut = [
            "reset by peer",
            "connection closed",
            "connection error",
            "broken pipe",
            "unexpected end of file",
            "end of file before message length reached",
            "unexpected eof",
        ];
        let is_cut = cut.iter().any(|word| why.to_lowercase().contains(word));
        let kind = if is_cut { Kind::Cut } else { Kind::Unreachable };
        Self { why, kind }
    }
}

impl From<String> for Silence {
    fn from(why: String) -> Self {
        Self {
            why,
            kind: Kind::Refused,
        }
    }
}

/// How long to wait before a registry that cannot answer now is asked again; none where that is no use.
fn patience(answer: &Answer, pause: Duration) -> Option<Duration> {
    if !matches!(answer.status, 429 | 500 | 502 | 503 | 504) {
        return None;
    }
    let wanted = answer
        .headers
        .get("retry-after")
        .and_then(|wanted| wanted.trim().parse().ok());
    let wanted = wanted.map_or(pause, Duration::from_secs);
    (wanted <= LONGEST_PAUSE).then_some(wanted)
}

/// Whether a URL leads to this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn connector(proxy: ProxyConfig) -> Connector {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECTING).build();
    Connector::builder()
        .proxy_config(proxy)
        .connector_settings(settings)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build()
}

/// What lies at the bottom of an error says the most: `Connection refused`, and not `dispatch failure`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
