//! What is said between BuildKit and those who build with it: the parts of its protocol files that are used here.

use std::collections::HashMap;

/// `moby.buildkit.v1.SolveRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SolveRequest {
    #[prost(string, tag = "1")]
    pub(super) reference: String,
    #[prost(string, tag = "3")]
    pub(super) exporter: String,
    #[prost(map = "string, string", tag = "4")]
    pub(super) exporter_attributes: HashMap<String, String>,
    #[prost(string, tag = "5")]
    pub(super) session: String,
    #[prost(string, tag = "6")]
    pub(super) frontend: String,
    #[prost(map = "string, string", tag = "7")]
    pub(super) frontend_attributes: HashMap<String, String>,
    #[prost(message, optional, tag = "8")]
    pub(super) cache: Option<Caches>,
    #[prost(string, repeated, tag = "9")]
    pub(super) entitlements: Vec<String>,
}

/// `moby.buildkit.v1.CacheOptions`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Caches {
    #[prost(message, repeated, tag = "4")]
    pub(super) exports: Vec<Cache>,
    #[prost(message, repeated, tag = "5")]
    pub(super) imports: Vec<Cache>,
}

/// `moby.buildkit.v1.CacheOptionsEntry`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Cache {
    #[prost(string, tag = "1")]
    pub(super) kind: String,
    #[prost(map = "string, string", tag = "2")]
    pub(super) attributes: HashMap<String, String>,
}

/// Of what only the end matters, and not what it says.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Nothing {}

/// `moby.buildkit.v1.StatusRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StatusRequest {
    #[prost(string, tag = "1")]
    pub(super) reference: String,
}

/// `moby.buildkit.v1.StatusResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StatusResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) vertexes: Vec<Vertex>,
    #[prost(message, repeated, tag = "3")]
    pub(super) logs: Vec<Log>,
    #[prost(message, repeated, tag = "4")]
    pub(super) warnings: Vec<Warning>,
}

/// `moby.buildkit.v1.VertexWarning`: what a step finds doubtful.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Warning {
    #[prost(string, tag = "1")]
    pub(super) vertex: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) short: Vec<u8>,
    #[prost(message, repeated, tag = "7")]
    pub(super) ranges: Vec<Range>,
}

/// `pb.Range`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Range {
    #[prost(message, optional, tag = "1")]
    pub(super) start: Option<Position>,
}

/// `pb.Position`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Position {
    #[prost(int32, tag = "1")]
    pub(super) line: i32,
}

/// `moby.buildkit.v1.Vertex`: a step.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Vertex {
    #[prost(string, tag = "1")]
    pub(super) digest: String,
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(message, optional, tag = "5")]
    pub(super) started: Option<Nothing>,
    #[prost(message, optional, tag = "6")]
    pub(super) completed: Option<Nothing>,
    #[prost(string, tag = "7")]
    pub(super) error: String,
}

/// `moby.buildkit.v1.VertexLog`: what a step writes.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Log {
    #[prost(string, tag = "1")]
    pub(super) vertex: String,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) data: Vec<u8>,
}

/// `fsutil.types.Packet`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Packet {
    #[prost(enumeration = "PacketKind", tag = "1")]
    pub(super) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) stat: Option<Stat>,
    #[prost(uint32, tag = "3")]
    pub(super) id: u32,
    #[prost(bytes = "bytes", tag = "4")]
    pub(super) data: bytes::Bytes,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, prost::Enumeration)]
#[repr(i32)]
pub(super) enum PacketKind {
    /// A file, or the end of them.
    Stat = 0,
    /// The receiver lacks a file: the one with this place in the order of those told.
    Request = 1,
    /// Some of a file, or its end.
    Data = 2,
    Finish = 3,
    Error = 4,
}

/// `fsutil.types.Stat`
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Stat {
    #[prost(string, tag = "1")]
    pub(super) path: String,
    /// As Go writes it.
    #[prost(uint32, tag = "2")]
    pub(super) mode: u32,
    #[prost(int64, tag = "5")]
    pub(super) size: i64,
    /// In nanoseconds.
    #[prost(int64, tag = "6")]
    pub(super) modified: i64,
    #[prost(string, tag = "7")]
    pub(super) link: String,
}

/// `moby.filesync.v1.CredentialsRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CredentialsRequest {
    #[prost(string, tag = "1")]
    pub(super) host: String,
}

/// `moby.filesync.v1.CredentialsResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CredentialsResponse {
    #[prost(string, tag = "1")]
    pub(super) user: String,
    #[prost(string, tag = "2")]
    pub(super) secret: String,
}

/// `moby.buildkit.secrets.v1.GetSecretRequest`, and `moby.sshforward.v1.CheckAgentRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ById {
    #[prost(string, tag = "1")]
    pub(super) id: String,
}

/// `moby.buildkit.secrets.v1.GetSecretResponse`, and `moby.sshforward.v1.BytesMessage`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Content {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) data: Vec<u8>,
}

/// `grpc.health.v1.HealthCheckResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Health {
    #[prost(int32, tag = "1")]
    pub(super) status: i32,
}
