//! Stacks in states from which AWS itself does not come back.

use std::time::Duration;

use super::WEB;
use crate::support::deadline::{block_on, within};
use crate::world::World;

#[test]
fn a_deletion_that_failed_is_finished_and_the_stack_made_anew() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    let stack = "Resources: {Data: {Type: 'AWS::EFS::FileSystem'}}";
    world.stack("shop", stack, Some("shop"));
    let client = aws_sdk_efs::Client::new(&world.lab.aws());
    let (_, subnets) = world.default_network();
    let id = world.lab.file_systems().remove(0);
    let mount = client.create_mount_target().file_system_id(&id).subnet_id(&subnets[0]);
    let mount = block_on(mount.send()).unwrap().mount_target_id;
    world.fails(&["-p", "shop", "down"]);
    assert_eq!(world.status("shop"), "DELETE_FAILED");

    // While what is in the way is there, it is named.
    let run = world.fails(&["up"]);
    assert!(
        run.stderr
            .contains("could not delete stack `shop`: EFS::FileSystem `Data`"),
        "{}",
        run.stderr
    );
    block_on(client.delete_mount_target().mount_target_id(mount).send()).unwrap();
    let run = world.ok(&["up"]);
    assert!(
        run.stderr.contains("Removing what is left of a deletion that failed"),
        "{}",
        run.stderr
    );
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
}

#[test]
fn a_rollback_that_failed_is_gone_on_with_or_explained() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    let held = World::HELD.replace(
        "      Type: AWS::CloudFormation::WaitCondition\n",
        "      Type: AWS::CloudFormation::WaitCondition\n      DependsOn: CacheService\n",
    );
    let after = "    After: {Type: AWS::Logs::LogGroup, DependsOn: Hold}\n";
    let update = WEB.replace("redis:7", "redis:8") + &held + after;
    world.sandbox.write("compose.yaml", update);
    world.ok(&["up", "-d"]);
    let limit = Duration::from_secs(20);
    let resource = |id: &str| {
        let request = world.cloudformation().describe_stack_resource().stack_name("shop");
        let answer = block_on(request.logical_resource_id(id).send()).ok()?;
        answer.stack_resource_detail
    };
    within(limit, || {
        let events = world.cloudformation().describe_stack_events().stack_name("shop");
        let events = block_on(events.send()).unwrap().stack_events.unwrap();
        let mut of_hold = events
            .iter()
            .filter(|event| event.logical_resource_id() == Some("Hold"));
        of_hold.next().map(drop)
    })
    .unwrap();
    // The service that the rollback has to restore is not there.
    let arn = resource("CacheService").unwrap().physical_resource_id.unwrap();
    let ecs = aws_sdk_ecs::Client::new(&world.lab.aws());
    let before = block_on(ecs.describe_services().cluster("shop").services(&arn).send()).unwrap();
    let before = before.services.unwrap().remove(0);
    let delete = ecs.delete_service().cluster("shop").service(&arn).force(true);
    block_on(delete.send()).unwrap();
    block_on(world.cloudformation().cancel_update_stack().stack_name("shop").send()).unwrap();
    world.release("shop");
    within(limit, || {
        (world.status("shop") == "UPDATE_ROLLBACK_FAILED").then_some(())
    })
    .unwrap();

    let run = world.sandbox.run(&["diff"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("could not be rolled back"), "{}", run.stderr);

    // With the service back again it succeeds, and `up` does what it was asked.
    let create = ecs
        .create_service()
        .cluster("shop")
        .service_name(before.service_name.unwrap());
    let create = create.task_definition(before.task_definition.unwrap()).desired_count(1);
    block_on(create.send()).unwrap();
    world.sandbox.write("compose.yaml", WEB.replace("redis:7", "redis:8"));
    let run = world.ok(&["up"]);
    assert!(
        run.stderr.contains("Going on with a rollback that failed"),
        "{}",
        run.stderr
    );
    assert_eq!(world.parameters("shop")["CacheImage"], "redis:8");
}
