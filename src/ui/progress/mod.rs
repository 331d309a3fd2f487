//! What a long command is doing, as a live display or as lines.

mod board;
mod lines;
mod tty;

use std::io::{IsTerminal, stderr};
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

/// The display of one command. Standard error is its own until [`Display::finish`].
pub struct Display(Arc<Shown>);

enum Shown {
    Live(Live),
    Plain(Mutex<Board>),
    Json(Mutex<Board>),
    Nothing,
}

impl Display {
    /// `dumb` says that the terminal cannot move its cursor, or that nobody looks at it.
    #[must_use]
    pub fn new(mode: Mode, dumb: bool) -> Self {
        let live = stderr().is_terminal();
        Self(Arc::new(match mode {
            Mode::Auto if live && !dumb => Shown::Live(Live::new()),
            Mode::Tty if live => Shown::Live(Live::new()),
            Mode::Auto | Mode::Tty | Mode::Plain => Shown::Plain(Mutex::new(Board::new())),
            Mode::Json => Shown::Json(Mutex::new(Board::new())),
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
        let line = match self {
            Self::Live(live) => {
                live.event(event);
                None
            }
            Self::Plain(board) => lines::plain(&mut board.lock().unwrap_or_else(PoisonError::into_inner), &event),
            Self::Json(board) => lines::json(&mut board.lock().unwrap_or_else(PoisonError::into_inner), &event),
            Self::Nothing => None,
        };
        if let Some(line) = line {
            output::say(&line);
        }
    }
}
