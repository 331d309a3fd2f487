//! What a long command is doing, as a live display or as lines.

mod board;
mod lines;
mod tty;

use std::io::{IsTerminal, stderr};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum;

use super::output;
use crate::progress::{Event, Progress};
use board::Board;
use tty::Live;

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum, Debug)]
pub enum Mode {
    /// A live display on a terminal, plain lines elsewhere
    #[default]
    Auto,
    /// A live display, even on a terminal that says it is dumb
    Tty,
    /// A line for each change
    Plain,
    /// A JSON object for each change
    Json,
    /// Nothing
    Quiet,
}

/// How a command's progress is shown.
#[derive(Clone, Copy, Default, Debug)]
pub struct Look {
    pub mode: Mode,
    /// The terminal cannot move its cursor, or nobody looks at it.
    pub dumb: bool,
    /// Lines go to standard output, which commands have for what they found.
    pub to_stdout: bool,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as ValueEnum>::from_str(text, true).map_err(|_| "use auto, tty, plain, json or quiet".to_owned())
    }
}

/// The display of one command. Standard error is its own until [`Display::finish`].
pub struct Display(Arc<Shown>);

enum Shown {
    Live(Live),
    Plain(Lines),
    Json(Lines),
    Nothing,
}

struct Lines {
    board: Mutex<Board>,
    to_stdout: bool,
}

impl Lines {
    fn event(&self, event: &Event, line: impl FnOnce(&mut Board, &Event) -> Option<String>) {
        let line = line(&mut self.board.lock().unwrap_or_else(PoisonError::into_inner), event);
        match line {
            Some(line) if self.to_stdout => drop(output::document(&(line + "\n"), None)),
            Some(line) => output::say(&line),
            None => {}
        }
    }
}

impl Display {
    #[must_use]
    pub fn new(look: Look) -> Self {
        let live = stderr().is_terminal() && !look.to_stdout;
        let lines = || Lines {
            board: Mutex::new(Board::new()),
            to_stdout: look.to_stdout,
        };
        Self(Arc::new(match look.mode {
            Mode::Auto if live && !look.dumb => Shown::Live(Live::new()),
            Mode::Tty if live => Shown::Live(Live::new()),
            Mode::Auto | Mode::Tty | Mode::Plain => Shown::Plain(lines()),
            Mode::Json => Shown::Json(lines()),
            Mode::Quiet => Shown::Nothing,
        }))
    }

    #[must_use]
    pub fn progress(&self) -> Progress {
        let (shown, left) = (Arc::clone(&self.0), Arc::clone(&self.0));
        Progress::new(move |event| shown.event(event)).resting(move || {
            if let Shown::Live(live) = &*left {
                live.finish();
            }
        })
    }

    /// What writes to the terminal between two drawings.
    pub(super) fn printer(&self) -> impl Fn(&mut dyn FnMut()) + Send + Sync + 'static {
        let shown = Arc::clone(&self.0);
        move |write| match &*shown {
            Shown::Live(live) => live.print(write),
            _ => write(),
        }
    }

    /// Leaves what is shown as it is and gives the terminal back.
    pub fn finish(self) {
        drop(self);
    }
}

/// However the command ends, its last state stays on the screen.
impl Drop for Display {
    fn drop(&mut self) {
        if let Shown::Live(live) = &*self.0 {
            live.finish();
        }
    }
}

impl Shown {
    fn event(&self, event: Event) {
        match self {
            Self::Live(live) => live.event(event),
            Self::Plain(shown) => shown.event(&event, lines::plain),
            Self::Json(shown) => shown.event(&event, lines::json),
            Self::Nothing => {}
        }
    }
}
