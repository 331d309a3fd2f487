//! Options that stand behind the command mean what they mean before it.

use crate::sandbox;

const WEB: &str = "services: {web: {image: web}, job: {image: job, profiles: [once]}}";

#[test]
fn what_stands_behind_the_command_counts() {
    let sandbox = sandbox();
    sandbox.write("one.yaml", WEB);
    sandbox.write("two.yaml", "services: {web: {image: '${IMAGE}'}}");
    sandbox.write("some.env", "IMAGE=other\n");
    let before = sandbox.ok(&[
        "-f",
        "one.yaml",
        "-f",
        "two.yaml",
        "-p",
        "shop",
        "--profile",
        "once",
        "--env-file",
        "some.env",
        "config",
    ]);
    let behind = sandbox.ok(&[
        "config",
        "-f",
        "one.yaml",
        "-f",
        "two.yaml",
        "-p",
        "shop",
        "--profile",
        "once",
        "--env-file",
        "some.env",
    ]);
    let mixed = sandbox.ok(&[
        "-f",
        "one.yaml",
        "-p",
        "market",
        "config",
        "--file",
        "two.yaml",
        "-pshop",
        "--profile=once",
        "--env-file",
        "some.env",
    ]);
    assert_eq!(before.stdout, behind.stdout);
    assert_eq!(before.stdout, mixed.stdout, "files add up, and the last name counts");
    assert!(before.stdout.starts_with("name: shop\n"), "{}", before.stdout);
}

#[test]
fn a_command_keeps_its_own_letters() {
    let run = sandbox().fails(&["logs", "-f", "-p", "shop", "-c", "nowhere"]);
    assert_eq!(
        run.stderr,
        "error: context \"nowhere\" does not exist\nhint: `ctx ls` lists the contexts\n"
    );
}

#[test]
fn diagnostics_are_json_for_every_command_that_loads_files() {
    let sandbox = sandbox();
    sandbox.write("compose.yaml", "services: {web: {imgae: web}}");
    for command in ["config", "check", "convert", "up", "down", "ps", "logs"] {
        let run = sandbox.fails(&[command, "--diagnostics", "json"]);
        let lines = run
            .stderr
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let hints: Vec<_> = lines.map(|line| line["hint"].clone()).collect();
        assert!(
            hints.contains(&"did you mean `image`?".into()),
            "{command}: {}",
            run.stderr
        );
    }
}

#[test]
fn a_missing_context_comes_before_missing_files() {
    for command in ["ps", "logs", "down", "up"] {
        let run = sandbox().fails(&["-c", "nowhere", command]);
        assert!(
            run.stderr.contains("context \"nowhere\" does not exist"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn only_a_name_that_keeps_its_letters_is_suggested() {
    let sandbox = sandbox();
    sandbox.write("compose.yaml", WEB);
    for (name, hint) in [
        ("My Shop", "`myshop` would be legal"),
        ("\u{fc}n\u{ef}", "write it in the letters a to z, such as `my-project`"),
    ] {
        let run = sandbox.fails(&["-p", name, "config"]);
        assert!(run.stderr.contains(hint), "{}", run.stderr);
    }
}

#[test]
fn no_two_options_of_a_command_are_the_same() {
    ctx::cli::command().debug_assert();
}
