//! `ctx use`

use clap::Args;

use crate::cli::environment::Environment;
use crate::error::Result;
use crate::ui;

/// Make a context the current one
#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// Name of the context; `default` is the local engine
    name: String,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let store = environment.store()?;
    store.select(&arguments.name)?;
    ui::output::say(&format!("Current context is now \"{}\"", arguments.name));
    let (current, chosen_by) = store.current_name(&environment.selection())?;
    if current != arguments.name {
        environment.warn_of_override(chosen_by, Some(&arguments.name));
    }
    Ok(0)
}
