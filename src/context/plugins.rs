//! The docker CLI's plugins: programs called `docker-NAME` in folders of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Where the docker CLI looks for its plugins, after its user's own folders.
const FOLDERS: &[&str] = &[
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// A plugin, where the docker CLI would find it. `docker_config` is that one's own folder.
#[must_use]
pub fn plugin(name: &str, docker_config: Option<&Path>) -> Option<PathBuf> {
    let own = docker_config.map(|folder| folder.join("cli-plugins"));
    let folders = docker_config.map(extra_folders).unwrap_or_default().into_iter();
    let folders = folders.chain(own).chain(FOLDERS.iter().map(PathBuf::from));
    let mut programs = folders.map(|folder| folder.join(format!("docker-{name}")));
    programs.find(|program| is_program(program))
}

/// Whether something is there that can be executed.
#[must_use]
pub fn is_program(path: &Path) -> bool {
    let found = fs::metadata(path);
    found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// `cliPluginsExtraDirs` of Docker's `config.json`.
fn extra_folders(docker_config: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(docker_config.join("config.json")).unwrap_or_default();
    let settings: Value = serde_json::from_str(&text).unwrap_or_default();
    let folders = settings["cliPluginsExtraDirs"].as_array().into_iter().flatten();
    folders
        .filter_map(|folder| folder.as_str().map(PathBuf::from))
        .collect()
}
