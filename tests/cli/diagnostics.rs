//! Diagnostics as people and programs see them.

use std::path::Path;

use ctx::diagnostic::{Diagnostic, Kind, Report, Span};
use ctx::ui::diagnostics::{Format, render};
use serde_json::Value;

use crate::support::golden::assert_golden;
use crate::{Sandbox, sandbox};

/// A report about one file; each diagnostic points at the first place of a text in it.
fn report(text: &str, diagnostics: impl FnOnce(&dyn Fn(&str) -> Span) -> Vec<Diagnostic>) -> Report {
    let mut report = Report::default();
    let file = report.sources.add("compose.yaml", text);
    let place = |needle: &str| {
        let start = text.find(needle).unwrap();
        Span::new(file, start..start + needle.len())
    };
    report.diagnostics = diagnostics(&place);
    report
}

fn plain(report: &Report) -> String {
    anstream::adapter::strip_str(&render(report, Format::Text)).to_string()
}

#[track_caller]
fn assert_looks(name: &str, report: &Report) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cli/diagnostics")
        .join(name);
    assert_golden(&golden, &plain(report));
}

const COMPOSE: &str =
    "services:\n  web:\n    image: nginx\n    prots: [80]\n    image: caddy\n  db:\n    image: postgres\n";

#[test]
fn a_message_stands_with_its_place_its_notes_and_its_hint() {
    let report = report(COMPOSE, |at| {
        let first = at("image: nginx");
        vec![
            Diagnostic::warning(at("db"), "`db` publishes no port"),
            Diagnostic::error(at("image: caddy"), "`image` is set twice")
                .note(first, "first set here")
                .note(Span::NOWHERE, "Compose allows each key once"),
            Diagnostic::error(at("prots"), "unknown key `prots`").hint("did you mean `ports`?"),
            Diagnostic::error(at("prots"), "unknown key `prots`").hint("did you mean `ports`?"),
            Diagnostic::error(Span::NOWHERE, "there is no service to start").hint("enable a profile"),
        ]
    });
    assert_looks("several.txt", &report);
}

#[test]
fn what_is_said_at_many_places_is_said_once() {
    let text: String = (0..30)
        .map(|n| format!("  service{n}: {{prots: 1, image: $V{n}}}\n"))
        .collect();
    let all = report(&text, |at| {
        let unset = |n| {
            let kind = Kind {
                message: "these variables are not set",
                hint: "set them",
                name: format!("V{n}"),
            };
            Diagnostic::warning(at(&format!("$V{n}}}")), format!("the variable `V{n}` is not set")).kind(kind)
        };
        let unknown = |n: usize| {
            let start = text.match_indices("prots").nth(n).unwrap().0;
            let span = Span::new(at("prots").file(), start..start + 5);
            Diagnostic::error(span, "unknown key `prots`").hint("did you mean `ports`?")
        };
        (0..30).map(unset).chain((0..30).map(unknown)).collect()
    });
    assert_looks("many.txt", &all);
    assert_eq!(render(&all, Format::Json).lines().count(), 60);
}

#[test]
fn notes_in_other_files_show_their_own_lines() {
    let mut report = report(COMPOSE, |_| Vec::new());
    let other = report
        .sources
        .add("compose.override.yaml", "services:\n  web:\n    image: !reset\n");
    let base = Span::new(report.sources.add("base.yaml", "x: 1\n"), 0..1);
    report.push(
        Diagnostic::error(Span::new(other, 28..33), "nothing is left of `image`").note(base, "it came from here"),
    );
    assert_looks("two-files.txt", &report);
}

#[test]
fn tabs_wide_characters_and_long_lines_stay_aligned() {
    let long = format!("{}here{}", "x".repeat(300), "y".repeat(300));
    let text = format!("a:\tvalue\nb: 漢字 wide\nc: {long}\nd: \u{1b}[31mred\r\ne: last");
    let report = report(&text, |at| {
        ["value", "wide", "here", "red", "last"]
            .map(|needle| Diagnostic::error(at(needle), format!("`{needle}` is wrong")))
            .into()
    });
    assert_looks("odd-lines.txt", &report);
}

#[test]
fn places_at_and_beyond_the_end_are_shown() {
    for text in ["", "a", "a: é", "a\n", "a\n\n", "\u{feff}a: 1\r\n"] {
        let mut report = Report::default();
        let file = report.sources.add("compose.yaml", text);
        let (end, backwards) = (text.len(), (9, 3));
        for (number, range) in [0..0, 0..end, end..end, end..end + 9, 4..5, backwards.0..backwards.1]
            .into_iter()
            .enumerate()
        {
            report.push(Diagnostic::error(Span::new(file, range), format!("wrong {number}")));
        }
        assert!(plain(&report).contains("compose.yaml:"), "{text:?}");
        assert_eq!(
            render(&report, Format::Json).lines().count(),
            report.diagnostics.len(),
            "{text:?}"
        );
    }
}

#[test]
fn a_place_of_many_lines_is_shown_by_its_first() {
    let report = report(COMPOSE, |at| {
        let start = at("web").range().start;
        vec![Diagnostic::error(
            Span::new(at("web").file(), start..COMPOSE.len()),
            "`web` has no image",
        )]
    });
    let text = plain(&report);
    assert!(text.contains("compose.yaml:2:3"), "{text}");
    assert!(text.lines().count() < 8, "{text}");
}

#[test]
fn programs_get_an_object_a_line() {
    let report = report(COMPOSE, |at| {
        vec![
            Diagnostic::error(at("prots"), "unknown key `prots`")
                .hint("did you mean `ports`?")
                .note(at("web"), "in this service"),
            Diagnostic::warning(Span::NOWHERE, "nowhere"),
        ]
    });
    let lines: Vec<Value> = render(&report, Format::Json)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = serde_json::json!([
        {
            "severity": "error", "message": "unknown key `prots`", "file": "compose.yaml",
            "line": 4, "column": 5, "end_line": 4, "end_column": 10, "hint": "did you mean `ports`?",
            "notes": [{
                "message": "in this service", "file": "compose.yaml",
                "line": 2, "column": 3, "end_line": 2, "end_column": 6
            }]
        },
        {
            "severity": "warning", "message": "nowhere", "file": null,
            "line": null, "column": null, "end_line": null, "end_column": null, "hint": null, "notes": []
        }
    ]);
    assert_eq!(Value::from(lines), expected);
}

#[test]
fn failures_are_json_too_when_asked() {
    let run = sandbox().fails(&["--diagnostics", "json", "use", "nowhere"]);
    let object: Value = serde_json::from_str(&run.stderr).unwrap();
    assert_eq!(object["message"], "context \"nowhere\" does not exist");
    assert_eq!(object["hint"], "`ctx ls` lists the contexts");
}

#[test]
fn colours_are_for_those_who_want_them() {
    let mut sandbox = sandbox();
    assert!(!sandbox.fails(&["use", "nowhere"]).stderr.contains('\u{1b}'));
    sandbox.set("CLICOLOR_FORCE", "1");
    assert!(sandbox.fails(&["use", "nowhere"]).stderr.contains("\u{1b}["));
    sandbox.set("NO_COLOR", "1").unset("CLICOLOR_FORCE");
    assert!(!sandbox.fails(&["use", "nowhere"]).stderr.contains('\u{1b}'));
}

#[test]
fn of_very_many_mistakes_the_first_are_shown() {
    let sandbox = Sandbox::new();
    let services: String = (0..20_000)
        .map(|n| format!("  s{n}: {{image: a, x{n}: 1}}\n"))
        .collect();
    sandbox.write("compose.yaml", format!("services:\n{services}"));
    let text = sandbox.run(&["config"]);
    assert_ne!(text.code, 0);
    assert_eq!(text.stderr.matches("\nerror: ").count() + 1, 100);
    assert!(text.stderr.ends_with("The first 100 are shown, of 20000 errors\n"));
    let json = sandbox.run(&["--diagnostics", "json", "config"]).stderr;
    assert_eq!(json.lines().count(), 1001);
    assert!(
        json.lines().last().is_some_and(|last| last.contains("and 19000 more")),
        "{:?}",
        json.lines().last()
    );
}
