//! Who may read what `ctx` writes, and what happens where it may not write.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::sandbox;

#[test]
fn new_settings_are_the_owners_alone_and_existing_ones_keep_their_mode() {
    let sandbox = sandbox();
    sandbox.ok(&["create", "ecs", "shop", "--from-env"]);
    sandbox.ok(&["use", "shop"]);
    let config = sandbox.home().join(".docker/config.json");
    let mode = || fs::metadata(&config).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&config, fs::Permissions::from_mode(0o640)).unwrap();
    sandbox.ok(&["use", "default"]);
    assert_eq!(mode(), 0o640);
}

#[test]
fn settings_behind_a_link_stay_there() {
    let sandbox = sandbox();
    sandbox.ok(&["create", "ecs", "shop", "--from-env"]);
    let real = sandbox.write("dotfiles/config.json", "{}");
    let link = sandbox.home().join(".docker/config.json");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    sandbox.ok(&["use", "shop"]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(real).unwrap().contains("shop"));
}

#[test]
fn a_store_that_cannot_be_is_named() {
    let sandbox = sandbox();
    let file = sandbox.write("file", "");
    let store = file.join("store").display().to_string();
    let run = sandbox.fails(&["--config", &store, "create", "ecs", "shop", "--from-env"]);
    assert!(
        run.stderr.starts_with("error: cannot create the folder "),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains(&store), "{}", run.stderr);
}
