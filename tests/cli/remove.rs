//! `ctx rm`

use crate::sandbox;

#[test]
fn default_is_never_removed() {
    for arguments in [&["rm", "default"][..], &["rm", "-f", "default"]] {
        let run = sandbox().fails(arguments);
        assert_eq!(run.stderr, "error: context \"default\" cannot be removed\n");
    }
}

#[test]
fn the_current_context_is_removed_only_with_force_and_then_default_is_current() {
    let sandbox = sandbox();
    sandbox.ok(&["create", "ecs", "shop", "--from-env"]);
    sandbox.ok(&["use", "shop"]);
    let run = sandbox.fails(&["rm", "shop"]);
    assert!(
        run.stderr.starts_with("error: context \"shop\" is in use\n"),
        "{}",
        run.stderr
    );
    assert_eq!(sandbox.ok(&["rm", "--force", "shop"]).stdout, "shop\n");
    assert_eq!(sandbox.ok(&["show"]).stdout, "default\n");
}

#[test]
fn each_name_is_tried() {
    let sandbox = sandbox();
    for name in ["first", "second"] {
        sandbox.ok(&["create", "ecs", name, "--from-env"]);
    }
    let run = sandbox.fails(&["rm", "first", "frist", "second"]);
    assert_eq!(run.stdout, "first\nsecond\n");
    assert_eq!(
        run.stderr,
        "error: context \"frist\" does not exist\nhint: `ctx ls` lists the contexts\n"
    );
    assert_eq!(sandbox.ok(&["ls", "-q"]).stdout, "default\n");
    let folder = sandbox.home().join(".docker/contexts/meta");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}
