//! `ctx exec`: sessions with the laboratory's agent, which loses, repeats and reorders what it can.

use std::io::Write;
use std::process::Stdio;

use crate::support::terminal::Terminal;
use crate::world::World;

#[test]
fn a_command_has_its_output_and_its_exit_status() {
    let Some(world) = World::open_and_shut() else { return };
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
    let Some(world) = World::open_and_shut() else { return };
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

/// Every byte, each beside each other, and what the agent would shorten; with a line longer than a terminal's.
fn bytes() -> Vec<u8> {
    let pairs = (0..=255_u8).flat_map(|first| (0..=255_u8).flat_map(move |second| [first, second]));
    let mut bytes: Vec<u8> = pairs.collect();
    bytes.extend_from_slice("\u{fffd}\u{fffd}".as_bytes());
    bytes.extend(std::iter::repeat_n(b'x', 200_000));
    bytes
}

/// Runs a command whose input is `input`; what it writes.
fn pipe(world: &World, input: Vec<u8>, arguments: &[&str]) -> Vec<u8> {
    let mut command = world.sandbox.command(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn bytes_go_in_and_out_as_they_are() {
    let Some(world) = World::open_and_shut() else { return };
    let input = bytes();
    assert!(input.len() > 300_000);
    let output = pipe(&world, input.clone(), &["exec", "-T", "web", "cat"]);
    assert!(output == input, "{} bytes of {}", output.len(), input.len());
}

#[test]
fn a_reader_that_takes_its_time_gets_everything() {
    let Some(world) = World::open_and_shut() else { return };
    let input: Vec<u8> = (0..=255).cycle().take(20_000).collect();
    let script = "printf 'first '; dd bs=1 count=21 2>/dev/null | wc -c; wc -c";
    let output = pipe(&world, input, &["exec", "-T", "web", "sh", "-c", script]);
    assert_eq!(String::from_utf8(output).unwrap(), "first 21\n19979\n");
}

#[test]
fn on_a_terminal_keys_sizes_and_interrupts_go_to_the_command() {
    let Some(world) = World::open_and_shut() else { return };
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
    let Some(world) = World::open_and_shut() else { return };
    let run = world.fails(&["exec", "-T", "shut", "true"]);
    for said in [
        "the tasks of service `shut` let nobody in",
        "compose.yaml:6:3",
        "add `x-aws-exec: true` to the service",
    ] {
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    // Without a file there is no line, and the rest is the same.
    let elsewhere = world.sandbox.home();
    let mut command = world.sandbox.command(&["-p", "shop", "exec", "-T", "shut", "true"]);
    let output = command.current_dir(elsewhere).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("let nobody in") && said.contains("`x-aws-exec: true`"),
        "{said}"
    );
    for (arguments, said) in [
        (
            &["exec", "-u", "nobody", "web", "true"][..],
            "ECS runs commands as root",
        ),
        (&["exec", "--privileged", "web", "true"], "more privileges"),
        (&["exec", "-d", "web", "true"], "cannot leave a command behind"),
        (
            &["exec", "--index", "9", "web", "true"],
            "has no task 9 that runs: there is 1",
        ),
        (&["exec", "wep", "true"], "has no service `wep`"),
    ] {
        let run = world.fails(arguments);
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
}
