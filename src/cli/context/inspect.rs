//! `ctx inspect`

use clap::Args;

use crate::cli::environment::Environment;
use crate::error::{Error, Result};
use crate::ui;

/// Print all that the store knows about contexts, as JSON
#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// Contexts to print [default: the current one]
    names: Vec<String>,
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
    let text = serde_json::to_string_pretty(&contexts)
        .map_err(|error| Error::new("cannot print the contexts").because(&error))?;
    ui::output::document(&format!("{text}\n"), None)?;
    Ok(0)
}
