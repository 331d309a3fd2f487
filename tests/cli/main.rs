//! The command line without a target: contexts, messages, documents.

mod access_keys;
mod anywhere;
mod check;
mod create;
mod diagnostics;
mod docker_cli;
mod list;
mod permissions;
mod precedence;
mod reference;
mod remove;
mod shared_files;
mod store;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
mod tls;
mod update;

use support::sandbox::Sandbox;

/// A sandbox in which nothing but the store chooses a context.
fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.unset("DOCKER_HOST");
    sandbox
}

/// A sandbox with an AWS profile `Shop`.
fn sandbox_with_profile() -> Sandbox {
    let sandbox = sandbox();
    let folder = sandbox.home().join(".aws");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("config"), "[profile Shop]\nregion = eu-central-1\n").unwrap();
    sandbox
}
