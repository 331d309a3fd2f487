//! `ctx rm`

use clap::Args;

use crate::cli::environment::Environment;
use crate::context::{DEFAULT, Selection, Store};
use crate::error::{Error, Result};
use crate::ui;

/// Remove contexts; what was deployed with them stays
#[derive(Args, Debug)]
pub(in crate::cli) struct Arguments {
    /// Remove even the current context, and pass over contexts that do not exist
    #[arg(short, long)]
    force: bool,
    /// Contexts to remove
    #[arg(required = true)]
    names: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let store = environment.store()?;
    let mut code = 0;
    for name in &arguments.names {
        match remove(&store, environment, name, arguments.force) {
            Ok(()) => ui::output::document(&format!("{name}\n"), None)?,
            Err(error) => {
                environment.show_error(&error);
                code = 1;
            }
        }
    }
    Ok(code)
}

fn remove(store: &Store, environment: &Environment, name: &str, force: bool) -> Result<()> {
    if force && !store.exists(name) {
        return Ok(());
    }
    // Both the context that is used now and the one that `ctx use` chose are in use.
    let (current, _) = store.current_name(&environment.selection())?;
    let (chosen, _) = store.current_name(&Selection::default())?;
    if name != DEFAULT && !force && store.exists(name) && (name == current || name == chosen) {
        return Err(Error::new(format!("context \"{name}\" is in use"))
            .hint(format!("`ctx use {DEFAULT}` first, or remove it with `--force`")));
    }
    store.remove(name)?;
    if name == chosen {
        store.select(DEFAULT)?;
    }
    Ok(())
}
