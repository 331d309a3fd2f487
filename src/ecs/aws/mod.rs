//! The AWS APIs: everything that is not known until a template is deployed. Knows nothing of Compose.
//!
//! Every file is one noun. What to do is decided in functions that call nothing; those that call decide nothing.

mod account;
pub mod addresses;
pub mod causes;
pub mod change_set;
pub mod copy;
pub mod definitions;
pub mod events;
pub mod exec;
pub mod explain;
pub mod failure;
pub mod forward;
pub mod happenings;
pub mod history;
pub mod hosted_zones;
pub mod images;
pub mod interfaces;
mod keys;
pub mod last_lines;
pub mod leftovers;
pub mod lifecycle;
pub mod load_balancers;
pub mod log_groups;
pub mod logs;
mod mfa;
pub mod network;
mod objects;
pub mod one_off;
mod pace;
pub mod projects;
pub mod replicas;
pub mod repositories;
mod reveal;
pub mod rollout;
pub mod run;
mod running;
pub mod secrets;
pub mod services;
mod session;
pub mod stabilising;
pub mod stack;
pub mod tasks;
pub mod templates;
pub mod trouble;
pub mod usage;
pub mod volumes;

pub use account::Account;
pub use keys::keys;
pub use mfa::Person;
pub use reveal::reveal;

/// The tags that say whose something is, as Docker's integration wrote them.
pub mod tags {
    pub const PROJECT: &str = "com.docker.compose.project";
    pub const SERVICE: &str = "com.docker.compose.service";
    pub const NETWORK: &str = "com.docker.compose.network";
    pub const VOLUME: &str = "com.docker.compose.volume";
    /// `True` at tasks that run one command, which no service keeps running.
    pub const ONE_OFF: &str = "com.docker.compose.oneoff";
    /// `True` at task definitions to which services were rolled back.
    pub const ROLLBACK: &str = "com.docker.compose.rollback";
    /// The key of the file secret that a secret of Secrets Manager holds; only those that `up` made have it.
    pub const SECRET: &str = "com.docker.compose.secret";
    /// The digest of a secret's content, to see whether the file has changed.
    pub const DIGEST: &str = "com.docker.compose.digest";
}
