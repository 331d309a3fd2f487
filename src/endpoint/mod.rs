//! What a task finds at 169.254.170.2, for the containers of a project on a local engine: credentials and metadata.
//!
//! It is this same program, in a container of the project: [`image`] makes an image of the running executable, [`serve`]
//! is what runs in there. The project has a network of its own for it, on which the endpoint and each container have
//! link-local addresses beside those that the engine gives out. So every project has its own 169.254.170.2, and none
//! sees another's.

mod address;
mod answer;
mod containers;
mod credentials;
pub mod image;
mod metadata;
mod program;
mod route;
mod serve;

pub use address::{ADDRESS, address, beside, slots};
pub use serve::{ready, serve};

use serde::{Deserialize, Serialize};

use crate::backend::Task;

/// The service of a project that is the endpoint.
pub const SERVICE: &str = "ecs-local-endpoint";
/// The network on which containers reach it.
pub const NETWORK: &str = "ecs-local";
/// The variable in which it finds its [`Settings`].
pub const SETTINGS: &str = "CTX_TASK_ENDPOINT";
/// Its home folder, where the SDK looks for profiles.
pub const HOME: &str = "/home";
/// The file with credentials that were found when the project was brought up.
pub const KEYS: &str = "/run/ctx/credentials.json";
/// The engine's socket, as the endpoint has it.
pub const SOCKET: &str = "/var/run/docker.sock";

/// What the endpoint is told; nothing of it is secret.
#[derive(Clone, PartialEq, Serialize, Deserialize, Debug)]
pub struct Settings {
    pub project: String,
    /// How to speak of the context in messages.
    pub context: String,
    pub region: Option<String>,
    pub account: Option<String>,
    /// The profile to take credentials from; without one they are in [`KEYS`].
    pub profile: Option<String>,
    pub tasks: Vec<Task>,
}
