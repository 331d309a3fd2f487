//! Lines of container output, each behind the coloured name of its container.

use std::io::{ErrorKind, Write};
use std::sync::{Arc, Mutex, Once, PoisonError};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indexmap::IndexSet;
use unicode_width::UnicodeWidthStr;

use super::progress::Display;
use crate::backend::{LogLine, LogSink};

/// Where backends send lines; they are written to standard output without disturbing a live display.
///
/// `closed` is called, once, when nobody reads standard output any more.
#[must_use]
pub fn sink(display: &Display, closed: impl Fn() + Send + Sync + 'static) -> LogSink {
    let colored = AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
    let prefixes = Arc::new(Mutex::new(Prefixes::new(colored)));
    let known = Arc::clone(&prefixes);
    let print = display.printer();
    let told = Once::new();
    LogSink::new(move |line| {
        let text = prefixes.lock().unwrap_or_else(PoisonError::into_inner).prefixed(&line);
        print(&mut || {
            // One write a line, so that nothing comes between; containers' own colours pass untouched.
            let written = std::io::stdout().lock().write_all(text.as_bytes());
            if written.is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
                told.call_once(&closed);
            }
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
    names: IndexSet<String>,
    width: usize,
    colored: bool,
}

impl Prefixes {
    fn new(colored: bool) -> Self {
        Self {
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
        self.add(&line.replica);
        let style = self.style(&line.replica);
        let padding = " ".repeat(self.width - line.replica.width());
        format!("{style}{}{padding} | {style:#}{}\n", line.replica, line.text)
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
        let mut prefixes = Prefixes::new(false);
        assert_eq!(prefixes.prefixed(&line("db-1", "a")), "db-1 | a\n");
        assert_eq!(prefixes.prefixed(&line("redis-1", "")), "redis-1 | \n");
        assert_eq!(prefixes.prefixed(&line("db-1", "b")), "db-1    | b\n");
    }

    #[test]
    fn names_known_beforehand_align_the_first_line() {
        let mut prefixes = Prefixes::new(false);
        prefixes.add("redis-1");
        assert_eq!(prefixes.prefixed(&line("db-1", "a")), "db-1    | a\n");
    }

    #[test]
    fn only_the_prefix_is_coloured_and_the_sixth_name_is_bold() {
        let mut prefixes = Prefixes::new(true);
        assert_eq!(prefixes.prefixed(&line("a", "x")), "\u{1b}[36ma | \u{1b}[0mx\n");
        for name in ["b", "c", "d", "e"] {
            prefixes.add(name);
        }
        assert_eq!(
            prefixes.prefixed(&line("f", "x")),
            "\u{1b}[1m\u{1b}[36mf | \u{1b}[0mx\n"
        );
    }
}
