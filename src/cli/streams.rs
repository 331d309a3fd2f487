//! What a command gets of the person in front of it.

use clap::{ArgAction, Args};

use crate::ui::terminal;

#[derive(Args, Debug)]
pub(super) struct Streams {
    /// Keep the command's input open
    #[arg(short, long, default_value_t = true, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    pub(super) interactive: bool,
    /// Taken as Docker Compose takes it: there is a terminal where `ctx` has one
    #[arg(short, long, default_value_t = true, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set, hide = true)]
    tty: bool,
    /// No terminal for the command, also where `ctx` has one
    #[arg(short = 'T', long, visible_alias = "no-TTY")]
    no_tty: bool,
}

impl Streams {
    pub(super) fn has_terminal(&self) -> bool {
        self.tty && !self.no_tty && terminal::is_interactive()
    }
}
