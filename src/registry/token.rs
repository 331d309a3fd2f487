//! Tokens for a registry, from the server that gives them out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::Url;

use super::credentials::Login;
use super::transport::{Request, Transport, is_loopback};
use super::{Failure, Reference};

/// No token comes near.
const LARGEST: u64 = 1 << 20;

#[derive(Deserialize)]
struct Granted {
    token: Option<String>,
    /// What OAuth calls it.
    access_token: Option<String>,
}

/// What stands behind `Basic` in a header.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Asks for a token to read an image.
pub(super) async fn token(
    http: &Transport,
    image: &Reference,
    login: &Login,
    realm: &str,
    service: Option<&str>,
    scope: Option<&str>,
) -> Result<String, Failure> {
    let registry = image.registry.clone();
    let unexpected = |why: String| Failure::Unexpected {
        registry: registry.clone(),
        why,
    };
    let mut url =
        Url::parse(realm).map_err(|_| unexpected(format!("gives out tokens at `{realm}`, which is no URL")))?;
    // Whoever stands between must not learn passwords; a registry on this machine may use plain HTTP on this machine.
    if url.scheme() != "https" && !(url.scheme() == "http" && image.is_loopback() && is_loopback(&url)) {
        return Err(unexpected(format!("gives out tokens at `{realm}`, without encryption")));
    }
    let own = format!("repository:{}:pull", image.repository);
    let mut fields = vec![("scope", scope.unwrap_or(&own))];
    fields.extend(service.map(|service| ("service", service)));
    let mut request = Request {
        method: "GET",
        url: &url.clone(),
        headers: vec![("Accept", "application/json".to_owned())],
        body: None,
        limit: LARGEST,
    };
    if let Login::IdentityToken(token) = login {
        fields.extend([
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", "ctx"),
        ]);
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        request.method = "POST";
        request
            .headers
            .push(("Content-Type", "application/x-www-form-urlencoded".to_owned()));
        request.body = Some(form);
    } else {
        if let Login::Password { user, password } = login {
            request.headers.push(("Authorization", basic(user, password)));
            fields.push(("account", user));
        }
        url.query_pairs_mut().extend_pairs(fields);
        request.url = &url;
    }
    let host = url.host_str().unwrap_or_default();
    let answer = http.send(request).await.map_err(|silence| Failure::Unreachable {
        registry: host.to_owned(),
        why: silence.why,
    })?;
    match answer.status {
        200 => {}
        401 | 403 => {
            return Err(Failure::Denied {
                registry,
                repository: image.repository.clone(),
                known: *login != Login::Nobody,
            });
        }
        429 => return Err(Failure::Busy { registry }),
        status => {
            return Err(unexpected(format!(
                "gets status {status} from `{host}`, which gives out its tokens"
            )));
        }
    }
    let granted: Option<Granted> = serde_json::from_slice(&answer.body).ok();
    granted
        .and_then(|granted| granted.token.or(granted.access_token))
        .ok_or_else(|| unexpected(format!("gets no token from `{host}`, which gives out its tokens")))
}
