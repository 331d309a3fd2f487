//! Volumes: file systems that outlive their stack and are found again.

use super::WEB;
use crate::world::World;

fn with_volume() -> String {
    WEB.replace("image: redis:7", "image: redis:7\n    volumes: [data:/data]") + "\nvolumes: {data: {}}\n"
}

#[test]
fn a_volume_that_an_earlier_stack_left_is_used_again() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", with_volume());
    world.ok(&["up"]);
    let kept = world.lab.file_systems();
    assert_eq!(kept.len(), 1);
    // While the stack owns it, the stack must not be told to use it.
    assert!(world.ok(&["up"]).stderr.contains("No changes"));

    let run = world.ok(&["down"]);
    assert!(
        run.stderr.contains(&format!("Volume data  Kept as {}", kept[0])),
        "{}",
        run.stderr
    );
    world.ok(&["up"]);
    assert_eq!(world.lab.file_systems(), kept);
    assert_eq!(world.parameters("shop")["DataFileSystemId"], kept[0]);
    assert!(world.ok(&["up"]).stderr.contains("No changes"));

    world.ok(&["down", "-v"]);
    assert!(world.lab.file_systems().is_empty());
}

#[test]
fn a_volume_that_the_file_does_not_have_for_a_while_comes_back() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", with_volume());
    world.ok(&["up"]);
    let kept = world.lab.file_systems();
    world.sandbox.write("compose.yaml", WEB);
    world.ok(&["up"]);
    assert_eq!(world.lab.file_systems(), kept);
    world.sandbox.write("compose.yaml", with_volume());
    let differences = world.sandbox.run(&["diff"]).stdout;
    assert!(differences.contains("+ DataAccessPoint"), "{differences}");
    assert!(!differences.contains("DataFileSystem "), "{differences}");
    world.ok(&["up"]);
    assert_eq!(world.lab.file_systems(), kept);
}

#[test]
fn a_failed_creation_leaves_one_file_system_and_not_two() {
    let Some(world) = World::new() else { return };
    let broken = "
x-aws-cloudformation:
  Resources:
    WebService: {Properties: {PlatformVersion: {Fn::GetAtt: [Cluster, NoSuchAttribute]}}}
";
    world.sandbox.write("compose.yaml", with_volume() + broken);
    world.fails(&["up"]);
    let kept = world.lab.file_systems();
    world.sandbox.write("compose.yaml", with_volume());
    world.ok(&["up"]);
    assert_eq!((kept.len(), world.lab.file_systems()), (1, kept));
}

#[test]
fn nobody_guesses_between_two() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("compose.yaml", with_volume());
    for name in ["one", "two"] {
        world.stack(name, include_str!("../stacks/volume-of-shop.yaml"), None);
    }
    let run = world.fails(&["up"]);
    assert!(
        run.stderr.contains("there are several file systems of volume `data`"),
        "{}",
        run.stderr
    );
    let chosen = world.lab.file_systems().remove(1);
    world.ok(&["up", "--parameter", &format!("DataFileSystemId={chosen}")]);
    assert_eq!(world.parameters("shop")["DataFileSystemId"], chosen);
    // What was said once is remembered by the stack.
    assert!(world.ok(&["up"]).stderr.contains("No changes"));
}

#[test]
fn an_external_volume_is_the_file_system_of_another_project() {
    let Some(world) = World::new() else { return };
    let client = "name: client\nservices: {web: {image: nginx, volumes: [\"data:/data\"]}}\nvolumes: {data: {external: true, name: shop_data}}\n";
    world.sandbox.write("compose.yaml", client);
    let run = world.fails(&["up"]);
    assert!(
        run.stderr.contains("there is no file system `shop_data`"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("`--parameter DataFileSystemId=fs-…`"),
        "{}",
        run.stderr
    );

    world.sandbox.write("compose.yaml", with_volume());
    world.ok(&["up"]);
    world.sandbox.write("compose.yaml", client);
    world.ok(&["up"]);
    assert_eq!(
        world.parameters("client")["DataFileSystemId"],
        world.lab.file_systems()[0]
    );
    // What belongs to another project outlives this one.
    world.ok(&["down", "-v"]);
    assert_eq!(world.lab.file_systems().len(), 1);
}
