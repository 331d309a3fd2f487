//! Lines of container output, each behind the coloured name of its container.

use std::io::{ErrorKind, Write};
use std::sync::{Arc, Mutex, Once, PoisonError};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indexmap::IndexSet;
use unicode_width::UnicodeWidthStr;

use super::output;
use super::progress::Display;
use crate::backend::{LogLine, LogSink};

/// What stands before each line.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Look {
    pub no_prefix: bool,
    pub no_color: bool,
    /// When it was written.
    pub timestamps: bool,
}

/// Where backends send lines; they are written to standard output without disturbing a live display.
///
/// `closed` is called, once, with the reason when nothing can be written to standard output any more.
#[must_use]
pub fn sink(display: &Display, look: Look, closed: impl Fn(ErrorKind) + Send + Sync + 'static) -> LogSink {
    let colored = !look.no_color && AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
    let prefixes = Arc::new(Mutex::new(Prefixes::new(look, colored)));
    let known = Arc::clone(&prefixes);
    let print = display.printer();
    let told = Once::new();
    LogSink::new(move |line| {
        let text = prefixes.lock().unwrap_or_else(PoisonError::into_inner).prefixed(&line);
        print(&mut || {
            // One write a line, so that nothing comes between; containers' own colours pass untouched.
            let Err(error) = std::io::stdout().lock().write_all(text.as_bytes()) else {
                return;
            };
            told.call_once(|| {
                // That nobody reads on is no mistake; that a disk is full, is.
                if error.kind() != ErrorKind::BrokenPipe {
                    output::say(&format!("error: cannot write to standard output\n  because: {error}"));
                }
                closed(error.kind());
            });
        });
    })
    .expecting(move |names| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            known.add(name);
        }
    })
}

/// The colours of names, in the order in which they were seen: Docker Compose's own.
const COLORS: [AnsiColor; 5] = [
    AnsiColor::Cyan,
    AnsiColor::Yellow,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
];

#[derive(Debug)]
struct Prefixes {
    look: Look,
    names: IndexSet<String>,
    width: usize,
    colored: bool,
}

impl Prefixes {
    fn new(look: Look, colored: bool) -> Self {
        Self {
            look,
            names: IndexSet::new(),
            width: 0,
            colored,
        }
    }

    /// Makes room for a name and gives it the next colour.
    fn add(&mut self, name: &str) {
        if self.names.insert(name.to_owned()) {
            self.width = self.width.max(name.width());
        }
    }

    fn prefixed(&mut self, line: &LogLine) -> String {
        let time = match line.time.filter(|_| self.look.timestamps) {
            Some(time) => format!("{time:.9} "),
            None => String::new(),
        };
        if self.look.no_prefix {
            return format!("{time}{}\n", line.text);
        }
        self.add(&line.replica);
        let style = self.style(&line.replica);
        // As wide as Docker Compose has it: one more than the longest name.
        let padding = " ".repeat(self.width + 1 - line.replica.width());
        format!("{style}{}{padding} | {style:#}{time}{}\n", line.replica, line.text)
    }

    /// The colours once, then all of them in bold, then from the start.
    fn style(&self, name: &str) -> Style {
        if !self.colored {
            return Style::new();
        }
        let place = self.names.get_index_of(name).unwrap_or(0);
        let style = COLORS[place % COLORS.len()].on_default();
        if place / COLORS.len() % 2 == 1 {
            style.bold()
        } else {
            style
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(replica: &str, text: &str) -> LogLine {
        LogLine {
            service: String::new(),
            replica: replica.to_owned(),
            time: None,
            stderr: false,
            text: text.to_owned(),
        }
    }

    #[test]
    fn the_width_grows_with_the_longest_name() {
        let mut prefixes = Prefixes::new(Look::default(), false);
        assert_eq!(prefixes.prefixed(&line("db-1", "a")), "db-1  | a\n");
        assert_eq!(prefixes.prefixed(&line("redis-1", "")), "redis-1  | \n");
        assert_eq!(prefixes.prefixed(&line("db-1", "b")), "db-1     | b\n");
    }

    #[test]
    fn names_known_beforehand_align_the_first_line() {
        let mut prefixes = Prefixes::new(Look::default(), false);
        prefixes.add("redis-1");
        assert_eq!(prefixes.prefixed(&line("db-1", "a")), "db-1     | a\n");
    }

    #[test]
    fn a_line_has_its_time_and_no_prefix_if_that_is_asked_for() {
        let stamped = LogLine {
            time: Some("2026-01-02T03:04:05.6Z".parse().unwrap()),
            ..line("db-1", "a")
        };
        let timestamps = Look {
            timestamps: true,
            ..Look::default()
        };
        let time = "2026-01-02T03:04:05.600000000Z";
        let mut prefixes = Prefixes::new(timestamps, false);
        assert_eq!(prefixes.prefixed(&stamped), format!("db-1  | {time} a\n"));
        let bare = Look {
            no_prefix: true,
            ..timestamps
        };
        assert_eq!(Prefixes::new(bare, true).prefixed(&stamped), format!("{time} a\n"));
    }

    #[test]
    fn only_the_prefix_is_coloured_and_the_sixth_name_is_bold() {
        let mut prefixes = Prefixes::new(Look::default(), true);
        assert_eq!(prefixes.prefixed(&line("a", "x")), "\u{1b}[36ma  | \u{1b}[0mx\n");
        for name in ["b", "c", "d", "e"] {
            prefixes.add(name);
        }
        assert_eq!(
            prefixes.prefixed(&line("f", "x")),
            "\u{1b}[1m\u{1b}[36mf  | \u{1b}[0mx\n"
        );
    }
}
