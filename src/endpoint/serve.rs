//! The endpoint itself, as it runs in its container.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use super::answer::Answerer;
use super::{ADDRESS, Settings};
use crate::error::{Error, Result};

/// Where tasks ask, as they do on ECS.
const PORT: u16 = 80;
/// How long the endpoint may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a caller may take to say what it wants.
const SLOWEST: Duration = Duration::from_secs(30);

/// Answers until the process is ended. `log` is told what went wrong.
pub async fn serve(settings: Settings, log: impl Fn(&str) + Send + Sync + 'static) -> Result<()> {
    let answerer = Arc::new(Answerer::new(settings)?);
    let listener = TcpListener::bind((ADDRESS, PORT)).await;
    let listener = listener.map_err(|error| {
        Error::new(format!("cannot listen at {ADDRESS}:{PORT}"))
            .because(&error)
            .hint("the engine must give containers the link-local addresses that they ask for, as Docker's does")
    })?;
    let log = Arc::new(log);
    loop {
        let Ok((stream, from)) = listener.accept().await else {
            // Too many open connections, most likely: some of them are about to end.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (answerer, log) = (Arc::clone(&answerer), Arc::clone(&log));
        tokio::spawn(async move {
            let respond = service_fn(move |request| {
                let (answerer, log) = (Arc::clone(&answerer), Arc::clone(&log));
                async move { Ok::<_, Infallible>(respond(&answerer, &request, from.ip(), &*log).await) }
            });
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(SLOWEST);
            // A caller that hangs up in between is its own business.
            let _ = server.serve_connection(TokioIo::new(stream), respond).await;
        });
    }
}

async fn respond(
    answerer: &Answerer,
    request: &Request<Incoming>,
    from: IpAddr,
    log: &(impl Fn(&str) + Sync),
) -> Response<String> {
    let (status, answer) = if request.method() == Method::GET {
        let path = request.uri().path();
        let (status, answer, failure) = answerer.answer(path, from).await;
        if let Some(failure) = failure {
            log(&format!("{from} {path}: {failure}"));
        }
        (status, answer)
    } else {
        let message = "only GET is answered";
        (
            StatusCode::METHOD_NOT_ALLOWED,
            json!({"code": "MethodNotAllowed", "message": message}),
        )
    };
    let mut response = Response::new(answer.to_string());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

/// Returns as soon as the endpoint answers; runs beside it, before the containers start that may ask it at once.
pub async fn ready() -> Result<()> {
    let address = SocketAddr::from((ADDRESS, PORT));
    let connected = async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, connected).await;
    in_time.map_err(|_| Error::new(format!("nobody answers at {address}")).hint("its log says why"))
}
