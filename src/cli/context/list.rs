//! `ctx ls`

use clap::Args;

use crate::cli::environment::Environment;
use crate::context::ChosenBy;
use crate::error::{Error, Result};
use crate::ui;

/// List the contexts
#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// Print only names
    #[arg(short, long)]
    quiet: bool,
    /// `table`, `json`, or a Go template
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ui::Format,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let store = environment.store()?;
    let selection = environment.selection();
    let (current, chosen_by) = store.current_name(&selection)?;
    let (contexts, failures): (Vec<_>, Vec<_>) = store.list(&selection)?.into_iter().partition(Result::is_ok);
    let contexts: Vec<_> = contexts.into_iter().flatten().collect();
    ui::contexts::print(&contexts, &current, &arguments.format, arguments.quiet)?;

    if chosen_by == ChosenBy::DockerHost {
        environment.warn_of_override(chosen_by, None);
    }
    let failures: Vec<_> = failures.into_iter().filter_map(Result::err).collect();
    for failure in &failures {
        environment.show_error(failure);
    }
    if !store.exists(&current) {
        environment.show_error(&store.current(&selection).err().unwrap_or(Error::Exit(1)));
    }
    Ok(u8::from(!failures.is_empty()))
}
