//! `ctx version`

use clap::{Args, ValueEnum};

use crate::error::Result;
use crate::ui;

/// Print the version of `ctx`
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Print the number alone
    #[arg(long)]
    short: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum, Debug)]
enum Format {
    Pretty,
    Json,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let text = match arguments.format {
        _ if arguments.short => format!("{version}\n"),
        Format::Pretty => format!("ctx version {version}\n"),
        Format::Json => format!("{}\n", serde_json::json!({"version": version})),
    };
    ui::output::document(&text, None).map(|()| 0)
}
