//! `ctx attach`

use clap::{ArgAction, Args};

use super::environment::Environment;
use crate::backend::DetachKeys;
use crate::error::Result;
use crate::local::Attach;
use crate::ui::terminal;

/// Join a service's container: its input, its output, its end
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Keys that leave the container alone [default: ctrl-p,ctrl-q]
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<DetachKeys>,
    /// Number of the service's container [default: the first that runs]
    #[arg(long)]
    index: Option<u32>,
    /// Send nothing to the container
    #[arg(long)]
    no_stdin: bool,
    /// Pass signals on to the container
    #[arg(long, default_value_t = true, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    sig_proxy: bool,
    service: String,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let attach = Attach {
        detach_keys: arguments.detach_keys.clone().unwrap_or_default(),
        stdin: !arguments.no_stdin,
        signals: arguments.sig_proxy,
    };
    let name = environment.project_name()?;
    environment.run(async |io| {
        let engine = environment.engine("attach").await?;
        engine
            .attach(&name, &arguments.service, arguments.index, &attach, terminal::open, &io)
            .await
    })
}
