//! The loader and nothing above it. That it can be built so shows that its floor holds; and a fuzzer that had to
//! instrument the SDK of AWS would take longer to build than to run.

#[path = "../../../src/blocking.rs"]
pub mod blocking;
#[path = "../../../src/compose/mod.rs"]
pub mod compose;
#[path = "../../../src/diagnostic.rs"]
pub mod diagnostic;
#[path = "../../../src/registry/reference.rs"]
mod reference;

/// Registries that nobody can reach.
pub mod registry {
    use std::path::Path;

    pub use crate::reference::{InvalidReference, Reference, is_digest};

    pub struct Client;

    pub struct Manifest {
        pub digest: String,
        pub content: Vec<u8>,
    }

    #[derive(Debug)]
    pub struct Failure;

    impl std::fmt::Display for Failure {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the fuzzer reaches no registry")
        }
    }

    impl Failure {
        pub fn hint(&self) -> String {
            String::new()
        }
    }

    #[allow(clippy::unused_async, reason = "as the client has them")]
    impl Client {
        pub fn new(_: Option<&Path>) -> Self {
            Self
        }

        pub async fn manifest(&self, _: &Reference) -> Result<Manifest, Failure> {
            Err(Failure)
        }

        pub async fn blob(&self, _: &Reference, _: &str, _: u64) -> Result<Vec<u8>, Failure> {
            Err(Failure)
        }
    }
}
