//! Services that do not become stable: each kind of failure, as its user sees it. A file for each, and what `up` says.
//!
//! What no engine can do (a pull limit, a quota, a role that nobody can take on) the laboratory does where a service's
//! labels ask for it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::support::golden::assert_golden;
use crate::world::World;

fn check(name: &str) {
    let Some(world) = World::new() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/up/troubles");
    let file = std::fs::read(folder.join(name).with_extension("yaml")).unwrap();
    world.sandbox.write("compose.yaml", file);
    let said = world.fails(&["up"]).stderr;
    let error = said.find("error: ").unwrap_or_else(|| panic!("no error:\n{said}"));
    assert_golden(&folder.join(name).with_extension("stderr"), &said[error..]);
}

macro_rules! explained {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            check(stringify!($name));
        }
    )*};
}

explained! {
    a_container_that_ends_with_an_error
    a_container_that_is_done
    a_container_that_needs_more_memory
    a_file_system_that_cannot_be_mounted
    a_health_check_that_fails
    a_page_that_the_load_balancer_does_not_get
    a_permission_that_the_deployer_lacks
    a_port_on_which_nobody_listens
    a_program_that_is_not_there
    a_quota_that_is_used_up
    a_registry_that_is_out_of_reach
    a_registry_that_limits
    a_role_that_ecs_cannot_take_on
    a_secret_that_the_task_may_not_read
    an_image_for_another_processor
    an_image_that_is_not_there
    an_image_that_is_private
    an_init_image_that_is_not_there
    no_capacity
}

#[test]
fn a_failure_is_explained_while_it_happens() {
    let Some(world) = World::new() else { return };
    let file = include_str!("troubles/no_capacity.yaml").replace("labels:", "labels:\n      ctx.lab.patience: '50'");
    world.sandbox.write("compose.yaml", file);
    let mut child = world.sandbox.command(&["--progress", "plain", "up"]);
    let mut child = child.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let told = lines.find(|line| line.contains("AWS has no capacity for the task at the moment"));
    let told = told.expect("it is told before the deployment ends");
    assert!(told.starts_with("web: WebService  0 of 1 tasks run"), "{told}");
    assert_eq!(world.status("shop"), "CREATE_IN_PROGRESS");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn every_file_is_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/up/troubles");
    let own = include_str!("troubles.rs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(own.contains(&format!("\n    {name}\n")), "{name}");
    }
}
