//! The only place that prints. What a command found goes to standard output, everything else to standard error.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the place")]

pub mod changes;
pub mod contexts;
pub mod diagnostics;
pub mod events;
mod listing;
pub mod logs;
pub mod output;
pub mod progress;
pub mod project;
pub mod prompt;
pub mod replicas;
mod table;
pub mod terminal;
pub mod usage;
pub mod verdicts;

pub use listing::Format;
