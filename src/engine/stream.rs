//! Connections to an engine that become something else: what bollard keeps to itself.

use std::path::Path;
use std::sync::Arc;

use http::header::{CONNECTION, HOST, UPGRADE};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::Connection;

/// A way to the engine and back.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Connection {
    /// Asks the engine to speak HTTP/2 from here on, to whoever listens behind `path`. `None` where nobody does.
    pub(crate) async fn upgrade(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> std::io::Result<Option<Box<dyn Stream>>> {
        let stream: Box<dyn Stream> = match &self.tunnel {
            Some(tunnel) => Box::new(UnixStream::connect(tunnel.socket()).await?),
            None => dial(&self.host, self.tls.as_deref()).await?,
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(other)?;
        tokio::spawn(connection.with_upgrades());
        let mut request = Request::new(String::new());
        *request.method_mut() = Method::POST;
        let prefix = self.version.map_or_else(String::new, |version| format!("/v{version}"));
        *request.uri_mut() = format!("{prefix}{path}").parse().map_err(other)?;
        let fixed = [(HOST, "docker"), (CONNECTION, "Upgrade"), (UPGRADE, "h2c")];
        let own = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), *value));
        for (name, value) in fixed.into_iter().chain(own) {
            request
                .headers_mut()
                .append(name, HeaderValue::from_str(value).map_err(other)?);
        }
        let response = sender.send_request(request).await.map_err(other)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(None);
        }
        let upgraded = hyper::upgrade::on(response).await.map_err(other)?;
        Ok(Some(Box::new(TokioIo::new(upgraded))))
    }
}

async fn dial(host: &str, tls: Option<&Path>) -> std::io::Result<Box<dyn Stream>> {
    if let Some(path) = host.strip_prefix("unix://") {
        return Ok(Box::new(UnixStream::connect(path).await?));
    }
    let address = host.split_once("://").map_or(host, |(_, address)| address);
    let address = address.trim_end_matches('/');
    let (name, port) = address.rsplit_once(':').unwrap_or((address, "2375"));
    let port = port.parse().map_err(other)?;
    let name = name.trim_matches(['[', ']']);
    let stream = TcpStream::connect((name, port)).await?;
    stream.set_nodelay(true)?;
    let Some(folder) = tls else {
        return Ok(Box::new(stream));
    };
    let connector = TlsConnector::from(Arc::new(client(folder)?));
    let name = ServerName::try_from(name.to_owned()).map_err(other)?;
    Ok(Box::new(connector.connect(name, stream).await?))
}

/// Who one is to an engine, and whom one takes for it.
fn client(folder: &Path) -> std::io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(folder.join("ca.pem")).map_err(other)? {
        roots.add(certificate.map_err(other)?).map_err(other)?;
    }
    let chain = CertificateDer::pem_file_iter(folder.join("cert.pem")).map_err(other)?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(other)?;
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).map_err(other)?;
    ClientConfig::builder()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(other)
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> std::io::Error {
    std::io::Error::other(error)
}
