//! `ctx run`: what is asked of ECS.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_sdk_ecs::types::{Task, TaskField};

use crate::support::deadline::{block_on, within};
use crate::support::terminal::Terminal;
use crate::world::World;

const FILE: &str = "
name: shop
x-aws-tags: {team: blue}
services:
  web:
    image: web
    networks: [front]
  proxied:
    image: web
    restart: always
networks: {front: {}}
";

fn up() -> Option<World> {
    let world = World::new()?;
    world.sandbox.write("compose.yaml", FILE);
    world.ok(&["up"]);
    Some(world)
}

fn ecs(world: &World) -> aws_sdk_ecs::Client {
    aws_sdk_ecs::Client::new(&world.lab.aws())
}

fn task(world: &World, id: &str) -> Task {
    let request = ecs(world).describe_tasks().cluster("shop").tasks(id.trim());
    let answer = block_on(request.include(TaskField::Tags).send()).unwrap();
    answer.tasks.unwrap().remove(0)
}

#[test]
fn a_task_of_its_own_is_made_as_the_services_are() {
    let Some(world) = up() else { return };
    let run = world.ok(&[
        "run",
        "-d",
        "--name",
        "once",
        "-l",
        "why=test",
        "-e",
        "PASSWORD=hidden",
        "web",
        "migrate",
    ]);
    assert!(
        !run.stderr.contains("hidden") && !run.stdout.contains("hidden"),
        "{}",
        run.stderr
    );
    let task = task(&world, &run.stdout);
    let tags: Vec<_> = task
        .tags()
        .iter()
        .map(|tag| format!("{}={}", tag.key().unwrap(), tag.value().unwrap()))
        .collect();
    for expected in [
        "com.docker.compose.project=shop",
        "com.docker.compose.service=web",
        "com.docker.compose.oneoff=True",
        "team=blue",
        "why=test",
        "Name=once",
    ] {
        assert!(tags.contains(&expected.to_owned()), "{expected} in {tags:?}");
    }
    assert_eq!(task.started_by(), Some("ctx-run/shop"));
    let overridden = &task.overrides().unwrap().container_overrides()[0];
    assert_eq!(
        (overridden.name(), overridden.command()),
        (Some("web"), &["migrate".to_owned()][..])
    );
    let services = block_on(ecs(&world).list_services().cluster("shop").send()).unwrap();
    let request = ecs(&world).describe_services().cluster("shop");
    let services = block_on(request.set_services(services.service_arns).send()).unwrap();
    let mut deployed = services
        .services()
        .iter()
        .map(|service| service.task_definition().unwrap());
    assert!(deployed.any(|arn| task.task_definition_arn() == Some(arn)), "{task:?}");
}

#[test]
fn a_definition_of_its_own_is_gone_when_the_task_has_started() {
    let Some(world) = up() else { return };
    let run = world.ok(&["run", "-d", "-u", "1000", "proxied", "migrate"]);
    let arn = task(&world, &run.stdout).task_definition_arn.unwrap();
    assert!(arn.contains(":task-definition/shop-proxied-run:"), "{arn}");
    let request = ecs(&world).describe_task_definition().task_definition(arn);
    let definition = block_on(request.send()).unwrap().task_definition.unwrap();
    assert_eq!(definition.status().unwrap().as_str(), "INACTIVE");
    assert_eq!(
        definition.container_definitions()[0]
            .user()
            .or(definition.container_definitions()[1].user()),
        Some("1000")
    );
}

#[test]
fn what_is_piped_in_is_never_lost_in_silence() {
    let Some(world) = up() else { return };
    let tasks = || {
        let request = ecs(&world).list_tasks().cluster("shop").started_by("ctx-run/shop");
        block_on(request.send()).unwrap().task_arns.unwrap_or_default().len()
    };
    let file = world.sandbox.write("input", "something\n");
    for arguments in [&["run", "web", "sh"][..], &["run", "-T", "web", "sh"]] {
        let mut command = world.sandbox.command(arguments);
        let output = command.stdin(File::open(&file).unwrap()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for expected in [
            "error: what is piped in cannot reach a command",
            "`ctx exec -T SERVICE COMMAND`",
        ] {
            assert!(said.contains(expected), "{said}");
        }
    }
    assert_eq!(tasks(), 0);
    // Who says that nothing is to be read is believed.
    let mut command = world.sandbox.command(&["run", "-d", "web", "sh"]);
    assert!(command.stdin(File::open(&file).unwrap()).status().unwrap().success());
    let run = ["--progress", "plain", "run"];
    let silent = [&run[..], &["--interactive=false", "web", "sh"]].concat();
    let (mut child, mut lines) = begin(&world, &silent, File::open(&file).unwrap().into());
    assert!(lines.any(|line| line.ends_with("  Running")));
    assert_eq!(interrupt(&mut child), Some(130));

    // What comes when the command runs is told then.
    let (mut child, mut lines) = begin(&world, &[&run[..], &["web", "sh"]].concat(), Stdio::piped());
    assert!(lines.any(|line| line.ends_with("  Running")));
    child.stdin.as_mut().unwrap().write_all(b"late\n").unwrap();
    let told = lines.find(|line| line.contains("What is piped in does not reach the command"));
    assert!(told.is_some_and(|line| line.contains("`ctx exec web COMMAND`")));
    assert_eq!(interrupt(&mut child), Some(130));
}

/// A `ctx` that runs, and the lines that it says.
fn begin(world: &World, arguments: &[&str], stdin: Stdio) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut command = world.sandbox.command(arguments);
    let mut child = command.stdin(stdin).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    (child, lines.map(Result::unwrap))
}

fn interrupt(child: &mut Child) -> Option<i32> {
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let ended = within(Duration::from_mins(1), || child.try_wait().unwrap());
    ended.unwrap().code()
}

#[test]
fn who_types_learns_that_nobody_listens() {
    let Some(world) = up() else { return };
    let Some(mut terminal) = Terminal::start(&world.sandbox, &["--progress", "plain", "run", "web", "sh"]) else {
        return;
    };
    terminal.at("Running; keys do not reach it", "hello\r");
    terminal.at("What is typed does not reach the command", "\x03");
    let (code, screen) = terminal.end();
    assert_eq!(code, 130, "{screen}");
}

#[test]
fn what_stands_in_a_nested_stack_is_run_as_anything_else() {
    let Some(world) = World::new() else { return };
    let file = "name: shop
x-aws-nested_stacks: true
services:
  web:
    image: web
    networks: [front]
  tick:
    image: web
    x-aws-schedule: rate(1 hour)
    networks: [front]
networks: {front: {}}
";
    world.sandbox.write("compose.yaml", file);
    world.ok(&["up"]);
    for service in ["web", "tick"] {
        let run = world.ok(&["run", "-d", service, "something"]);
        let task = task(&world, &run.stdout);
        let tagged = |key: &str| task.tags().iter().find(|tag| tag.key() == Some(key))?.value();
        assert_eq!(tagged("com.docker.compose.service"), Some(service));
        let definition = task.task_definition_arn().unwrap();
        assert!(definition.contains(&format!("/shop-{service}:")), "{definition}");
    }
}

#[test]
fn what_cannot_be_run_is_refused_with_what_to_do() {
    let Some(world) = up() else { return };
    for (arguments, said) in [
        (&["run", "wep", "true"][..], "has no service `wep`"),
        (
            &["run", "--service-ports", "web", "true"],
            "`--service-ports` means nothing",
        ),
        (
            &["run", "--build", "web", "true"],
            "`ctx up` deploys what the files say",
        ),
        (&["run", "-v", "./src:/src", "web", "true"], "it is on this machine"),
        (&["run", "-v", "data:/data", "web", "true"], "has no volume `data`"),
    ] {
        let run = world.fails(arguments);
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    world.ok(&["down"]);
    let run = world.fails(&["run", "web", "true"]);
    assert!(
        run.stderr.contains("project `shop` does not run on ECS"),
        "{}",
        run.stderr
    );
}
