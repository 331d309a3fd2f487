//! `ctx exec`: sessions with the laboratory's agent, which loses, repeats and reorders what it can.

use std::io::Write;
use std::process::Stdio;

use crate::support::terminal::Terminal;
use crate::world::World;

const FILE: &str = "
services:
  web:
    image: web
    x-aws-exec: true
  shut:
    image: web
";

fn up() -> Option<World> {
    let world = World::new()?;
    world.sandbox.write("compose.yaml", format!("name: shop\n{FILE}"));
    world.ok(&["up"]);
    Some(world)
}

#[test]
fn a_command_has_its_output_and_its_exit_status() {
    let Some(world) = up() else { return };
    let run = world
        .sandbox
        .run(&["exec", "-T", "web", "sh", "-c", "echo \"it's\" $0; exit 42", "a b"]);
    assert_eq!(
        (run.code, run.stdout.as_str(), run.stderr.as_str()),
        (42, "it's a b\n", "")
    );
}

#[test]
fn folder_and_variables_are_as_wanted() {
    let Some(world) = up() else { return };
    let run = world.ok(&[
        "exec",
        "-T",
        "-e",
        "A=it's $HOME",
        "-w",
        "/usr",
        "web",
        "sh",
        "-c",
        "echo $PWD $A",
    ]);
    assert_eq!(run.stdout, "/usr it's $HOME\n");
}

#[test]
fn what_is_piped_in_arrives_byte_by_byte() {
    let Some(world) = up() else { return };
    let input: Vec<u8> = (0..=255).cycle().take(3_000).collect();
    let mut command = world.sandbox.command(&["exec", "-T", "web", "od", "-An", "-v", "-tx1"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    let bytes: Vec<u8> = words
        .split_whitespace()
        .map(|word| u8::from_str_radix(word, 16).unwrap())
        .collect();
    assert!(bytes == input, "{} bytes of {}", bytes.len(), input.len());
    assert!(output.status.success());
}

#[test]
fn on_a_terminal_keys_sizes_and_interrupts_go_to_the_command() {
    let Some(world) = up() else { return };
    let command = world.sandbox.command(&["exec", "web", "sh"]);
    let line = shell_words::join(
        std::iter::once(command.get_program())
            .chain(command.get_args())
            .map(|word| word.to_str().unwrap()),
    );
    // The terminal changes its size while the session runs.
    let grows = "until [ -e grow ]; do sleep 0.05; done; stty rows 40 cols 120 </dev/tty";
    let script = format!("stty rows 30 cols 100; ({grows}) & exec {line}");
    let mut shell = std::process::Command::new("sh");
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    shell.args(["-c", &script]).envs(variables);
    shell.current_dir(world.sandbox.project());
    let Some(mut terminal) = Terminal::run(&shell) else {
        return;
    };
    terminal.press("stty size\r");
    terminal.at(
        "30 100\r\n",
        "until [ \"$(stty size)\" = '40 120' ]; do sleep 0.05; done; echo gr''own\r",
    );
    world.sandbox.write("grow", "");
    terminal.at("grown\r\n", "sh -c \"echo wai''ting; exec sleep 100\"\r");
    terminal.at("waiting\r\n", "\x03");
    terminal.at("^C", "echo co''de $?\r");
    terminal.at("code 130", "exit 7\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 7, "{screen}");
    assert!(!screen.contains("ctx;"), "{screen}");
}

#[test]
fn a_service_that_lets_nobody_in_says_how_to_change_that() {
    let Some(world) = up() else { return };
    let run = world.fails(&["exec", "-T", "shut", "true"]);
    assert!(
        run.stderr.contains("cannot run a command in service `shut`"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("`x-aws-exec: true`"), "{}", run.stderr);
    for (arguments, said) in [
        (
            &["exec", "-u", "nobody", "web", "true"][..],
            "ECS runs commands as root",
        ),
        (&["exec", "--privileged", "web", "true"], "more privileges"),
        (&["exec", "-d", "web", "true"], "cannot leave a command behind"),
        (
            &["exec", "--index", "9", "web", "true"],
            "has no task 9 that runs: there are 1",
        ),
        (&["exec", "wep", "true"], "has no service `wep`"),
    ] {
        let run = world.fails(arguments);
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
}
