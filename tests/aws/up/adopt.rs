//! Stacks that Docker's retired ECS integration made.

use super::WEB;
use crate::world::World;

const RETIRED: &str = include_str!("../stacks/retired.yaml");

/// A stack of the project `shop` as that integration left it, and the Compose file that it was made from.
fn retired() -> Option<World> {
    let world = World::new()?;
    let (vpc, subnets) = world.default_network();
    let template = RETIRED.replace("Vpc: VPC", &format!("Vpc: {vpc}"));
    let template = template.replace("VpcId: VPC", &format!("VpcId: {vpc}"));
    world.stack("shop", &template.replace("SUBNET", &subnets[0]), Some("shop"));
    let file = WEB.replace("image: redis:7", "image: redis:7\n    volumes: [data:/data]");
    world.sandbox.write("compose.yaml", file + "\nvolumes: {data: {}}\n");
    Some(world)
}

#[test]
fn nobody_is_surprised() {
    let Some(world) = retired() else { return };
    let run = world.fails(&["up"]);
    assert!(
        run.stderr.contains("stack `shop` was made by Docker's ECS integration"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("`--yes` goes on"), "{}", run.stderr);
    assert!(
        world
            .resource_types("shop")
            .contains(&"AWS::EFS::FileSystem".to_owned())
    );
}

#[test]
fn diff_says_what_goes_and_what_stays() {
    let Some(world) = retired() else { return };
    let run = world.sandbox.run(&["diff"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    let line = |id: &str| {
        run.stdout
            .lines()
            .find(|line| line.contains(id))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        line("- RedisTaskDefinition").contains("ECS::TaskDefinition"),
        "{}",
        run.stdout
    );
    assert!(
        line("+ cache: CacheTaskDefinition").contains("compose.yaml:7"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("- DataFilesystem  EFS::FileSystem\n      is kept"),
        "{}",
        run.stdout
    );
    // The new stack gets it, and makes none.
    assert_eq!(line("+ DataFileSystem "), "", "{}", run.stdout);
    // Nothing is left of the question.
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
    assert!(world.change_sets("shop").is_empty());
}

#[test]
fn its_file_systems_are_those_of_the_new_stack() {
    let Some(world) = retired() else { return };
    let file_systems = world.lab.file_systems();
    assert_eq!(file_systems.len(), 1);
    let run = world.ok(&["up", "--yes"]);
    assert!(
        run.stderr.contains("Removing the stack of Docker's ECS integration"),
        "{}",
        run.stderr
    );
    assert_eq!(world.lab.file_systems(), file_systems);
    assert_eq!(world.parameters("shop")["DataFileSystemId"], file_systems[0]);
    // From now on it is a stack like any other.
    assert!(world.ok(&["up"]).stderr.contains("No changes"));
    world.ok(&["down"]);
    assert_eq!(world.lab.file_systems(), file_systems);
}

#[test]
fn a_project_that_cannot_be_deployed_leaves_the_old_stack() {
    let Some(world) = retired() else { return };
    let missing = WEB.replace("image: redis:7", "image: redis:7\n    volumes: [data:/data]")
        + "\nvolumes: {data: {external: true, name: nobodys}}\n";
    world.sandbox.write("compose.yaml", missing);
    let run = world.fails(&["up", "--yes"]);
    assert!(
        run.stderr.contains("there is no file system `nobodys`"),
        "{}",
        run.stderr
    );
    assert_eq!(world.status("shop"), "CREATE_COMPLETE");
}
