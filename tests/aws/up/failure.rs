//! Deployments that fail.

use super::WEB;
use crate::world::World;

/// What CloudFormation cannot know before it creates the service.
const BROKEN: &str = "
x-aws-cloudformation:
  Resources:
    WebService:
      Properties:
        PlatformVersion: {Fn::GetAtt: [Cluster, NoSuchAttribute]}
";

#[test]
fn a_failed_creation_names_its_cause_at_the_services_line_and_can_be_repeated() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB.to_owned() + BROKEN);
    let run = world.fails(&["up"]);
    for words in [
        "CloudFormation could not create stack `shop`: ECS::Service `WebService` of service `web`: ",
        "NoSuchAttribute",
        "compose.yaml:3:3",
        "what had been created was removed again except for the log",
    ] {
        assert!(run.stderr.contains(words), "{words}\n{}", run.stderr);
    }
    assert_eq!(world.status("shop"), "ROLLBACK_COMPLETE");

    // Such a stack can only be deleted. It never held anything, so that nobody has to be asked.
    world.sandbox.write("compose.yaml", WEB);
    let run = world.ok(&["up"]);
    assert!(
        run.stderr.contains("Removing what is left of a creation that failed"),
        "{}",
        run.stderr
    );
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
}

#[test]
fn a_failed_update_is_undone() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    world.sandbox.write("compose.yaml", WEB.to_owned() + BROKEN);
    let run = world.fails(&["up"]);
    assert!(run.stderr.contains("could not update stack `shop`"), "{}", run.stderr);
    assert!(
        run.stderr.contains("everything is again as it was before the update"),
        "{}",
        run.stderr
    );
    assert_eq!(world.status("shop"), "UPDATE_ROLLBACK_COMPLETE");
    world.sandbox.write("compose.yaml", WEB);
    assert!(world.ok(&["up"]).stderr.contains("No changes"));
}

#[test]
fn what_cloudformation_refuses_at_once_leaves_no_stack() {
    let Some(world) = World::new() else { return };
    let unknown = "\nx-aws-cloudformation: {Resources: {Odd: {Type: 'AWS::No::SuchThing'}}}\n";
    world.sandbox.write("compose.yaml", WEB.to_owned() + unknown);
    let run = world.fails(&["up"]);
    assert!(
        run.stderr.contains("CloudFormation refuses stack `shop`"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("AWS::No::SuchThing"), "{}", run.stderr);
    assert!(world.lab.stacks().is_empty());
}
