//! `ctx down`: what it removes, what it keeps, what it leaves alone.

use aws_sdk_secretsmanager::types::Tag;

use crate::support::deadline::block_on;
use crate::support::terminal::Terminal;
use crate::world::World;

const VOLUME: &str = include_str!("stacks/volume.yaml");
const WEB: &str = include_str!("stacks/web.yaml");

#[test]
fn nothing_there_is_said_and_no_failure() {
    let Some(world) = World::new() else { return };
    let run = world.ok(&["-p", "shop", "down"]);
    assert!(run.stderr.contains("Stack shop  Not there"), "{}", run.stderr);
}

#[test]
fn volumes_are_kept_and_named_until_they_are_asked_for() {
    let Some(world) = World::new() else { return };
    world.stack("shop", VOLUME, Some("shop"));
    let file_systems = world.lab.file_systems();
    assert_eq!(file_systems.len(), 1);

    let run = world.ok(&["-p", "shop", "down"]);
    assert!(world.lab.stacks().is_empty());
    assert_eq!(world.lab.file_systems(), file_systems);
    assert!(
        run.stderr.contains(&format!("Kept as {}", file_systems[0])),
        "{}",
        run.stderr
    );

    let run = world.ok(&["-p", "shop", "down", "-v"]);
    assert!(world.lab.file_systems().is_empty());
    assert!(
        run.stderr.contains(&format!("Deleted {}", file_systems[0])),
        "{}",
        run.stderr
    );
}

#[test]
fn what_else_carries_the_projects_tag_is_named_and_left_alone() {
    let Some(world) = World::new() else { return };
    world.stack("shop", WEB, Some("shop"));
    let client = aws_sdk_ecr::Client::new(&world.lab.aws());
    for (name, project) in [("theirs", "other"), ("shop/web", "shop")] {
        let tag = aws_sdk_ecr::types::Tag::builder()
            .key("com.docker.compose.project")
            .value(project);
        let request = client
            .create_repository()
            .repository_name(name)
            .tags(tag.build().unwrap());
        block_on(request.send()).unwrap();
    }
    let run = world.ok(&["-p", "shop", "down"]);
    let expected = "ecr repository/shop/web  Still there: kept with its images; `ctx down --rmi all` deletes it";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
    assert_eq!(run.stderr.matches("Still there").count(), 1, "{}", run.stderr);
    let left = block_on(client.describe_repositories().send()).unwrap();
    assert_eq!(left.repositories().len(), 2);
}

#[test]
fn services_that_a_failed_creation_has_left_behind_as_names_are_not_still_there() {
    let Some(world) = World::new() else { return };
    let file = include_str!("up/troubles/an_image_that_is_not_there.yaml");
    world.sandbox.write("compose.yaml", file);
    world.fails(&["up"]);
    let told = world.ok(&["down"]).stderr;
    assert!(
        told.contains("Stack shop  Deleted") && !told.contains("Still there"),
        "{told}"
    );
}

#[test]
fn at_a_terminal_nobodys_data_goes_unasked() {
    let Some(world) = World::new() else { return };
    world.stack("shop", VOLUME, Some("shop"));
    let down = ["--progress", "plain", "-p", "shop", "down", "-v"];
    let Some(mut terminal) = Terminal::start(&world.sandbox, &down) else {
        return;
    };
    terminal.at("Delete them?", "n\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 1, "{screen}");
    assert_eq!((world.lab.stacks().len(), world.lab.file_systems().len()), (1, 1));
    let mut terminal = Terminal::start(&world.sandbox, &down).unwrap();
    terminal.at("Delete them?", "y\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(world.lab.stacks().is_empty() && world.lab.file_systems().is_empty());
}

#[test]
fn a_volume_that_is_still_mounted_somewhere_goes_too() {
    let Some(world) = World::new() else { return };
    world.stack("shop", VOLUME, Some("shop"));
    world.ok(&["-p", "shop", "down"]);
    let client = aws_sdk_efs::Client::new(&world.lab.aws());
    let (_, subnets) = world.default_network();
    let id = world.lab.file_systems().remove(0);
    block_on(
        client
            .create_mount_target()
            .file_system_id(&id)
            .subnet_id(&subnets[0])
            .send(),
    )
    .unwrap();
    world.ok(&["-p", "shop", "down", "--volumes"]);
    assert!(world.lab.file_systems().is_empty());
}

#[test]
fn a_stack_without_the_projects_tag_is_left_alone() {
    let Some(world) = World::new() else { return };
    world.stack("shop", VOLUME, None);
    world.stack("web", WEB, Some("another"));
    let run = world.fails(&["-p", "shop", "down"]);
    assert!(
        run.stderr.contains("was not made from a Compose file"),
        "{}",
        run.stderr
    );
    let run = world.fails(&["-p", "web", "down"]);
    assert!(
        run.stderr.contains("belongs to the project `another`"),
        "{}",
        run.stderr
    );
    assert_eq!(world.lab.stacks().len(), 2);
}

#[test]
fn only_secrets_that_up_made_are_removed() {
    let Some(world) = World::new() else { return };
    let client = aws_sdk_secretsmanager::Client::new(&world.lab.aws());
    let make = |name: &str, tags: &[(&str, &str)]| {
        let tags = tags
            .iter()
            .map(|(key, value)| Tag::builder().key(*key).value(*value).build())
            .collect();
        block_on(
            client
                .create_secret()
                .name(name)
                .secret_string("x")
                .set_tags(Some(tags))
                .send(),
        )
        .unwrap();
    };
    let project = "com.docker.compose.project";
    let key = "com.docker.compose.secret";
    make("shop/db", &[(project, "shop"), (key, "db")]);
    make("shop/own", &[(project, "shop")]);
    make("shop2/db", &[(project, "shop2"), (key, "db")]);
    world.ok(&["-p", "shop", "down"]);
    assert_eq!(world.lab.secrets(), ["shop/own", "shop2/db"]);
}

#[test]
fn what_cannot_be_deleted_is_named_with_the_reason() {
    let Some(world) = World::new() else { return };
    let stack = "Resources: {Data: {Type: 'AWS::EFS::FileSystem'}}";
    world.stack("shop", stack, Some("shop"));
    let client = aws_sdk_efs::Client::new(&world.lab.aws());
    let (_, subnets) = world.default_network();
    let id = world.lab.file_systems().remove(0);
    let mount = client.create_mount_target().file_system_id(&id).subnet_id(&subnets[0]);
    let mount = block_on(mount.send()).unwrap().mount_target_id;
    let run = world.fails(&["-p", "shop", "down"]);
    assert!(
        run.stderr
            .contains("could not delete stack `shop`: EFS::FileSystem `Data`"),
        "{}",
        run.stderr
    );
    assert_eq!(world.status("shop"), "DELETE_FAILED");

    block_on(client.delete_mount_target().mount_target_id(mount).send()).unwrap();
    world.ok(&["-p", "shop", "down"]);
    assert!(world.lab.stacks().is_empty());
}

/// More events than a page has: none may be lost, none told twice, and the oldest come first.
#[test]
fn every_event_is_told_once_and_in_order() {
    let Some(world) = World::new() else { return };
    let group =
        |n| format!("  Group{n:02}: {{Type: 'AWS::Logs::LogGroup', Properties: {{LogGroupName: /many/{n}}}}}\n");
    let groups = (0..80).map(group).collect::<Vec<_>>().concat();
    world.stack("shop", &format!("Resources:\n{groups}"), Some("shop"));
    let run = world.ok(&["-p", "shop", "down"]);
    let told = |words: &str| run.stderr.lines().filter(|line| line.ends_with(words)).count();
    for n in 0..80 {
        assert_eq!(told(&format!("Group{n:02}  Deleting")), 1, "{n}\n{}", run.stderr);
        assert_eq!(told(&format!("Group{n:02}  Deleted")), 1, "{n}\n{}", run.stderr);
        let place = |words: &str| run.stderr.find(&format!("Group{n:02}  {words}")).unwrap();
        assert!(place("Deleting") < place("Deleted"), "{n}");
    }
    assert!(run.stderr.trim_end().ends_with("Stack shop  Deleted"), "{}", run.stderr);
}

#[test]
fn a_protected_stack_says_how_to_free_it() {
    let Some(world) = World::new() else { return };
    world.stack("shop", VOLUME, Some("shop"));
    let client = world.cloudformation();
    block_on(
        client
            .update_termination_protection()
            .stack_name("shop")
            .enable_termination_protection(true)
            .send(),
    )
    .unwrap();
    let run = world.fails(&["-p", "shop", "down"]);
    assert!(
        run.stderr.contains("TerminationProtection is enabled"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("--no-enable-termination-protection"),
        "{}",
        run.stderr
    );
    assert_eq!(world.lab.stacks(), ["shop"]);
}
