//! As much of gRPC as BuildKit's sessions need: messages with their lengths on streams of HTTP/2.
//!
//! Not by the crate `tonic`, which brings a web framework for both sides: here both sides are one connection that an
//! engine has upgraded, and a dozen calls.

use std::future::poll_fn;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};

/// Of `google.rpc.Code`.
pub(super) const UNKNOWN: u32 = 2;
pub(super) const NOT_FOUND: u32 = 5;
pub(super) const UNIMPLEMENTED: u32 = 12;

/// No message that is of use here is larger.
const LIMIT: usize = 16 << 20;

/// Why a call failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Status {
    pub(super) code: u32,
    pub(super) message: String,
}

impl Status {
    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    /// What the end of a call says.
    fn read(headers: &HeaderMap) -> Result<(), Self> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        match text("grpc-status").parse() {
            Ok(0) => Ok(()),
            Ok(code) => {
                let message = percent_decode_str(text("grpc-message")).decode_utf8_lossy();
                Err(Self::new(code, message))
            }
            Err(_) => Err(Self::new(UNKNOWN, "the call ended without a word")),
        }
    }
}

impl From<h2::Error> for Status {
    fn from(error: h2::Error) -> Self {
        Self::new(UNKNOWN, error.to_string())
    }
}

impl From<std::io::Error> for Status {
    fn from(error: std::io::Error) -> Self {
        Self::new(UNKNOWN, error.to_string())
    }
}

/// How much in small frames may wait to be read. A builder asks for thousands of files at once, each in a frame of a few
/// bytes, which HTTP/2 libraries take for an attack; what may wait at all is bounded by the window in any case.
const SMALL_FRAMES: usize = 1 << 30;

/// The side of a connection that asks.
pub(super) async fn asking(
    stream: impl AsyncRead + AsyncWrite + Unpin,
) -> Result<(Client, impl Future<Output = Result<(), h2::Error>>), h2::Error> {
    let mut builder = h2::client::Builder::new();
    let (calls, connection) = builder.data_frame_budget(SMALL_FRAMES).handshake(stream).await?;
    Ok((Client(calls), connection))
}

/// The side of a connection that answers.
pub(super) async fn answering<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
) -> Result<h2::server::Connection<S, Bytes>, h2::Error> {
    let mut builder = h2::server::Builder::new();
    builder.data_frame_budget(SMALL_FRAMES).handshake(stream).await
}

/// What the other side says in one call.
pub(super) struct Receiver {
    stream: RecvStream,
    buffer: BytesMut,
}

impl Receiver {
    pub(super) fn new(stream: RecvStream) -> Self {
        let buffer = BytesMut::new();
        Self { stream, buffer }
    }

    /// The next message; `None` when the other side is done.
    pub(super) async fn next<M: Message + Default>(&mut self) -> Result<Option<M>, Status> {
        loop {
            if let Some(header) = self.buffer.get(..5) {
                let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]) as usize;
                if header[0] != 0 || length > LIMIT {
                    return Err(Status::new(UNKNOWN, "a message is compressed or too large"));
                }
                if self.buffer.len() >= 5 + length {
                    self.buffer.advance(5);
                    let message = M::decode(self.buffer.split_to(length).freeze());
                    return message
                        .map(Some)
                        .map_err(|error| Status::new(UNKNOWN, error.to_string()));
                }
            }
            match self.stream.data().await {
                Some(data) => {
                    let data = data?;
                    self.stream.flow_control().release_capacity(data.len())?;
                    self.buffer.extend_from_slice(&data);
                }
                None => return Ok(None),
            }
        }
    }

    /// The one message of the other side, which says nothing more.
    pub(super) async fn only<M: Message + Default>(&mut self) -> Result<M, Status> {
        let message = self.next().await?;
        // A stream that is not read to its end is reset, and its answer may be lost.
        while self.next::<M>().await?.is_some() {}
        message.ok_or_else(|| Status::new(UNKNOWN, "the call has no message"))
    }

    async fn end(&mut self) -> Result<(), Status> {
        let trailers = self.stream.trailers().await?;
        Status::read(&trailers.unwrap_or_default())
    }
}

/// What this side says in one call.
pub(super) struct Sender(SendStream<Bytes>);

impl Sender {
    /// Sends a message as the other side takes it.
    pub(super) async fn send(&mut self, message: &impl Message) -> Result<(), Status> {
        let mut rest = framed(message);
        while rest.has_remaining() {
            self.0.reserve_capacity(rest.len());
            let capacity = match poll_fn(|context| self.0.poll_capacity(context)).await {
                Some(capacity) => capacity?,
                None => return Err(Status::new(UNKNOWN, "the other side has hung up")),
            };
            let part = rest.split_to(capacity.min(rest.len()));
            self.0.send_data(part, false)?;
        }
        Ok(())
    }

    /// Ends a call that this side answers.
    pub(super) fn end(mut self, result: Result<(), Status>) -> Result<(), Status> {
        Ok(self.0.send_trailers(trailers(result))?)
    }
}

fn framed(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut buffer = BytesMut::with_capacity(5 + length);
    buffer.put_u8(0);
    buffer.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // A buffer that grows has room for everything.
    let _ = message.encode(&mut buffer);
    buffer.freeze()
}

fn trailers(result: Result<(), Status>) -> HeaderMap {
    let status = result.err().unwrap_or_else(|| Status::new(0, ""));
    let message = utf8_percent_encode(&status.message, NON_ALPHANUMERIC).to_string();
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", HeaderValue::from(status.code));
    if let Ok(message) = message.parse() {
        headers.insert("grpc-message", message);
    }
    headers
}

/// Begins the answer to a call.
pub(super) fn answer(respond: &mut SendResponse<Bytes>) -> Result<Sender, Status> {
    let mut response = Response::new(());
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", kind);
    Ok(Sender(respond.send_response(response, false)?))
}

/// A connection on which calls are made.
#[derive(Clone)]
pub(super) struct Client(SendRequest<Bytes>);

impl Client {
    /// Asks once, and hears each part of the answer.
    pub(super) async fn call<M: Message + Default>(
        &self,
        method: &str,
        question: &impl Message,
        mut hear: impl FnMut(M),
    ) -> Result<(), Status> {
        let invalid = |error: http::uri::InvalidUri| Status::new(UNKNOWN, error.to_string());
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = format!("http://docker{method}").parse().map_err(invalid)?;
        for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")] {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let mut client = self.0.clone().ready().await?;
        let (response, stream) = client.send_request(request, false)?;
        let mut sender = Sender(stream);
        sender.send(question).await?;
        sender.0.send_data(Bytes::new(), true)?;
        let response = response.await?;
        let refused = response.headers().contains_key("grpc-status");
        if refused {
            return Status::read(response.headers());
        }
        let mut receiver = Receiver::new(response.into_body());
        while let Some(message) = receiver.next().await? {
            hear(message);
        }
        receiver.end().await
    }
}
