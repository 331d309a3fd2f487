//! `docs/cli.md` says what the command line says; and the command line says how it is used.

use std::fmt::Write;
use std::path::Path;

use clap::Command;

use crate::sandbox;
use crate::support::golden::assert_golden;

#[test]
fn the_reference_is_the_help() {
    // Fixed, so that it does not depend on who looks.
    let mut root = ctx::cli::command().term_width(100);
    root.build();
    let mut page = String::from(
        "# The command line\n\nWhat `ctx COMMAND --help` prints. A test compares this page with it; `UPDATE_GOLDENS=1 cargo test --test cli` writes it.\n",
    );
    describe(&mut root, &mut page);
    assert_golden(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md"), &page);
}

/// A section for a command, and one for each command below it.
fn describe(command: &mut Command, page: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<_> = help.lines().map(str::trim_end).collect();
    write!(page, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n")).unwrap();
    for child in command
        .get_subcommands_mut()
        .filter(|child| child.get_name() != "help" && !child.is_hide_set())
    {
        describe(child, page);
    }
}

#[test]
fn without_a_command_there_is_help() {
    let run = sandbox().fails(&[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("Usage: ctx [OPTIONS] <COMMAND>"), "{}", run.stderr);
}

#[test]
fn a_mistyped_command_is_recognised() {
    let run = sandbox().fails(&["conver"]);
    assert!(
        run.stderr.contains("a similar subcommand exists: 'convert'"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_version_needs_nothing() {
    let mut sandbox = sandbox();
    sandbox.unset("HOME").unset("PATH");
    let run = sandbox.ok(&["--version"]);
    assert_eq!(run.stdout, format!("ctx {}\n", env!("CARGO_PKG_VERSION")));
}
