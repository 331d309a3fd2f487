//! The first `up`.

use super::WEB;
use crate::support::deadline::block_on;
use crate::world::World;

#[test]
fn a_stack_is_created_and_followed_to_its_end() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    let run = world.ok(&["up"]);
    let account = format!("Account {}  eu-central-1 through context `lab`", world.lab.account());
    assert_eq!(run.stderr.lines().next(), Some(account.as_str()), "{}", run.stderr);
    for line in [
        "web: WebService  Created",
        "cache: CacheService  Created",
        "Stack shop  Created",
    ] {
        assert_eq!(
            run.stderr.lines().filter(|said| *said == line).count(),
            1,
            "{line}\n{}",
            run.stderr
        );
    }
    assert!(
        run.stderr.contains("Address of port 80 of service web  http://"),
        "{}",
        run.stderr
    );

    let stacks = block_on(world.cloudformation().describe_stacks().stack_name("shop").send()).unwrap();
    let stack = &stacks.stacks()[0];
    let tag = &stack.tags()[0];
    assert_eq!(
        (tag.key(), tag.value()),
        (Some("com.docker.compose.project"), Some("shop"))
    );
    assert_eq!(world.change_sets("shop"), Vec::<String>::new());
}

/// What is deployed is what `ctx convert` prints, byte for byte.
#[test]
fn what_is_deployed_is_what_convert_prints() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    let template = block_on(world.cloudformation().get_template().stack_name("shop").send()).unwrap();
    assert_eq!(template.template_body(), Some(world.ok(&["convert"]).stdout.as_str()));
}

#[test]
fn detached_it_returns_when_the_deployment_has_begun() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB.to_owned() + World::HELD);
    let run = world.ok(&["up", "-d"]);
    assert!(
        run.stderr.ends_with("Stack shop  Deployment started\n"),
        "{}",
        run.stderr
    );
    assert_eq!(world.status("shop"), "CREATE_IN_PROGRESS");
}

#[test]
fn what_an_earlier_run_prepared_and_did_not_execute_is_no_hindrance() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    let template = "Resources: {Old: {Type: 'AWS::Logs::LogGroup'}}";
    world.change_set("shop", "ctx-up", template);
    world.ok(&["up"]);
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
}

#[test]
fn names_for_roles_are_asked_for_when_an_overlay_gives_some() {
    let Some(world) = World::new() else { return };
    let named = "
x-aws-cloudformation:
  Resources: {ExecutionRole: {Properties: {RoleName: shop-starter}}}
";
    world.sandbox.write("compose.yaml", WEB.to_owned() + named);
    world.ok(&["up"]);
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
    world.ok(&["down"]);
}

#[test]
fn a_project_of_another_account_is_not_deployed() {
    let Some(world) = World::new() else { return };
    let file = WEB.to_owned() + "\nx-aws-account: '222222222222'\n";
    world.sandbox.write("compose.yaml", file);
    let run = world.fails(&["up"]);
    let expected = format!(
        "the project is for account 222222222222, and this is {}",
        world.lab.account()
    );
    assert!(run.stderr.contains(&expected), "{}", run.stderr);
    assert!(world.lab.stacks().is_empty());

    let file = WEB.to_owned() + &format!("\nx-aws-account: '{}'\n", world.lab.account());
    world.sandbox.write("compose.yaml", file);
    world.ok(&["up"]);
}
