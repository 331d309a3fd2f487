//! `ctx up`, from a Compose file.

mod accounts;
mod adopt;
mod busy;
mod capacity;
mod crashes;
mod create;
mod failure;
mod interrupt;
mod large;
mod network;
mod parameters;
mod ports;
mod refusals;
mod secrets;
mod stuck;
mod tasks;
mod troubles;
mod update;
mod volumes;

/// Two services of which one is published.
const WEB: &str = include_str!("web.yaml");
