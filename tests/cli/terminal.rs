//! What happens on a terminal.

use std::process::Command;

use ctx::backend::LogLine;
use ctx::ui::logs;
use ctx::ui::progress::{Display, Look};

use crate::sandbox_with_profile;
use crate::support::terminal::Terminal;

const DOWN: &str = "\u{1b}[B";
const ENTER: &str = "\r";
const INTERRUPT: &str = "\u{3}";

#[test]
fn create_asks_and_takes_a_profile() {
    let sandbox = sandbox_with_profile();
    let Some(mut terminal) = Terminal::start(&sandbox, &["create", "ecs", "shop", "--description", "d"]) else {
        return;
    };
    terminal.at("to filter", ENTER);
    terminal.at("to filter", ENTER);
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("Successfully created ecs context \"shop\""), "{screen}");
    let listed = sandbox.ok(&["ls"]).stdout;
    assert!(listed.contains("profile Shop") && listed.contains(" d "), "{listed}");
}

#[test]
fn create_asks_for_keys_and_shows_no_secret() {
    let sandbox = sandbox_with_profile();
    let Some(mut terminal) = Terminal::start(&sandbox, &["create", "ecs", "keys"]) else {
        return;
    };
    terminal.at("to filter", &[DOWN, ENTER].concat());
    terminal.at("key id:", "AKIAEXAMPLE\r");
    terminal.at("secret access key:", "se/cret\r");
    terminal.at("region:", "eu-west-1\r");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains("se/cret"), "{screen}");
    let credentials = std::fs::read_to_string(sandbox.home().join(".aws/credentials")).unwrap();
    assert!(
        credentials.contains("aws_secret_access_key = se/cret\n"),
        "{credentials}"
    );
    assert!(sandbox.ok(&["ls"]).stdout.contains("profile keys, eu-west-1"));
}

#[test]
fn an_interrupt_ends_with_130_and_creates_nothing() {
    let sandbox = sandbox_with_profile();
    let Some(mut terminal) = Terminal::start(&sandbox, &["create", "ecs", "shop"]) else {
        return;
    };
    terminal.at("to filter", INTERRUPT);
    let (code, screen) = terminal.end();
    assert_eq!(code, 130, "{screen}");
    assert!(!screen.contains("error"), "{screen}");
    assert_eq!(sandbox.ok(&["ls", "-q"]).stdout, "default\n");
}

#[test]
fn errors_are_coloured_unless_that_is_unwanted() {
    let mut sandbox = sandbox_with_profile();
    for (no_color, colored) in [("", true), ("1", false)] {
        sandbox.set("NO_COLOR", no_color);
        let Some(terminal) = Terminal::start(&sandbox, &["use", "nowhere"]) else {
            return;
        };
        let (_, seen) = terminal.end();
        assert!(seen.contains("does not exist"), "{seen}");
        assert_eq!(seen.contains("\u{1b}[1m"), colored, "{seen:?}");
    }
}

/// Not a test by itself: what the next one sees on its terminal.
#[test]
#[ignore = "`the_last_state_stays_and_log_lines_are_whole` runs it on a terminal"]
fn a_display_at_work() {
    let display = Display::new(Look::default());
    let (progress, log) = (display.progress(), logs::sink(&display, logs::Look::default(), |_| {}));
    let line = |text: &str| LogLine {
        service: "db".to_owned(),
        replica: "db-1".to_owned(),
        time: None,
        stderr: false,
        text: text.to_owned(),
    };
    progress.working("Container shop-db-1", "Creating");
    progress.working("Container shop-web-1", "Creating");
    log.line(line("while it is live"));
    progress.done("Container shop-db-1", "Started");
    progress.done("Container shop-web-1", "Started");
    log.line(line("when it has settled"));
    progress.working("Container shop-db-1", "Stopping");
    display.finish();
}

#[test]
fn the_last_state_stays_and_log_lines_are_whole() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "terminal::a_display_at_work", "--ignored", "--nocapture"])
        .env("NO_COLOR", "1");
    let Some(terminal) = Terminal::run(&command) else {
        return;
    };
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen:?}");
    let plain = anstream::adapter::strip_str(&seen).to_string();
    let lines: Vec<_> = plain
        .lines()
        .map(|line| line.rsplit('\r').next().unwrap_or_default().trim_end())
        .collect();
    // Drawings of the live board come and go; these lines stay, in this order.
    let mut rest = lines.iter();
    for expected in [
        "db-1  | while it is live",
        "[+] Running 2/2",
        " ✔ Container shop-db-1   Started",
        " ✔ Container shop-web-1  Started",
        "db-1  | when it has settled",
        "[+] Running 0/1",
        "Container shop-db-1  Stopping",
    ] {
        assert!(
            rest.any(|line| line.contains(expected)),
            "`{expected}` is missing or late:\n{lines:#?}"
        );
    }
    assert!(!seen.contains("\u{1b}[?25l"), "the cursor is hidden");
    assert!(!seen.contains("\u{1b}[3"), "NO_COLOR is set");
}
