//! What `up` cannot be asked for on ECS.

use crate::backend::{Abort, UpOptions};
use crate::error::{Error, Result};

/// Options that mean nothing here are refused, so that nobody believes in their effect.
pub(super) fn check(options: &UpOptions) -> Result<()> {
    if !options.services.is_empty() {
        return Err(Error::new("on ECS a project is deployed as a whole").hint("leave out the names of services"));
    }
    if options.no_recreate {
        return Err(Error::new(
            "`--no-recreate` means nothing on ECS: it replaces the tasks of changed services",
        ));
    }
    let shown = &options.shown;
    let of_engines = [
        (options.no_start, "--no-start"),
        (options.recreate_dependencies, "--always-recreate-deps"),
        (options.renew_volumes, "--renew-anon-volumes"),
        (options.exit_code_from.is_some(), "--exit-code-from"),
        (options.abort == Abort::OnExit, "--abort-on-container-exit"),
        (options.abort == Abort::OnFailure, "--abort-on-container-failure"),
        (!shown.only.is_empty(), "--attach"),
        (!shown.except.is_empty(), "--no-attach"),
        (shown.dependencies, "--attach-dependencies"),
    ];
    if let Some((_, option)) = of_engines.iter().find(|(given, _)| *given) {
        return Err(Error::new(format!("`{option}` means nothing on ECS")).hint("it is for contexts of engines"));
    }
    if options.timeout.is_some() {
        return Err(Error::new("`--timeout` means nothing on ECS").hint("set `stop_grace_period` on the services"));
    }
    Ok(())
}
