//! What a registry of images says: the digests of tags, manifests, and blobs. Knows neither Compose nor a target.
//!
//! [`Reference`] reads names as Docker does, `credentials` finds what `docker login` stored, `challenge` and `token`
//! answer what a registry asks for, and [`Client`] asks the registry.

mod challenge;
mod client;
mod credentials;
mod failure;
mod reference;
mod token;
mod transport;

pub use client::{Client, Manifest, Platform};
pub use credentials::{Credentials, Issuer, Login};
pub use failure::Failure;
pub use reference::{InvalidReference, Reference, is_digest};
