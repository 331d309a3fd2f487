//! `ctx inspect`

use clap::{Args, ValueEnum};

use crate::cli::environment::Environment;
use crate::error::Result;
use crate::ui;

/// Print all that the store knows about contexts, as JSON
#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// Format of the JSON
    #[arg(short, long, value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// Contexts to print [default: the current one]
    names: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Format {
    /// An indented list
    Pretty,
    /// An object a line
    Json,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let store = environment.store()?;
    let selection = environment.selection();
    let names = if arguments.names.is_empty() {
        vec![environment.context()?.name]
    } else {
        arguments.names.clone()
    };
    let contexts: Vec<_> = names
        .iter()
        .map(|name| store.inspect(name, &selection))
        .collect::<Result<_>>()?;
    let text = match arguments.format {
        Format::Json => contexts.iter().map(|context| context.to_string() + "\n").collect(),
        Format::Pretty => format!("{:#}\n", serde_json::Value::from(contexts)),
    };
    ui::output::document(&text, None)?;
    Ok(0)
}
