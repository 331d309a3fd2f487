//! What a long command is doing, as a live display or as lines.

use clap::ValueEnum;

use crate::progress::Progress;

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum, Debug)]
pub enum Mode {
    /// A live display on a terminal, plain lines elsewhere
    #[default]
    Auto,
    /// A live display
    Tty,
    /// A line for each change
    Plain,
    /// A JSON object for each change
    Json,
    /// Nothing
    Quiet,
}

/// The display of one command. Standard error is its own until [`Display::finish`].
#[derive(Debug)]
pub struct Display {}

impl Display {
    #[must_use]
    pub fn new(_mode: Mode) -> Self {
        Self {}
    }

    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress::new(|event| eprintln!("{} {}", event.id, event.text))
    }

    /// Leaves what is shown as it is and gives the terminal back.
    pub fn finish(self) {}
}
