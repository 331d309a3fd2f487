//! `ctx exec`

use clap::Args;

use super::environment::Environment;
use super::streams::Streams;
use crate::backend::Exec;
use crate::error::Result;
use crate::ui::terminal;

/// Run a command in a service's container
// One argument for both: all behind the service is the command's, whatever it looks like.
#[derive(Args, Debug)]
#[command(override_usage = "ctx exec [OPTIONS] <SERVICE> <COMMAND>...")]
pub(super) struct Arguments {
    /// Return at once and leave the command running
    #[arg(short, long)]
    detach: bool,
    /// Variable for the command; without a value, `ctx`'s own; may be repeated
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Number of the service's container [default: the first that runs]
    #[arg(long)]
    index: Option<u32>,
    #[command(flatten)]
    streams: Streams,
    /// Give the command all privileges
    #[arg(long)]
    privileged: bool,
    /// User to run as: `name`, `uid`, `uid:gid`
    #[arg(short, long)]
    user: Option<String>,
    /// Folder to run in
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Service, and the command
    #[arg(num_args = 2.., required = true, trailing_var_arg = true, value_names = ["SERVICE", "COMMAND"])]
    words: Vec<String>,
}

pub(super) fn run(environment: &Environment, arguments: &Arguments) -> Result<u8> {
    let Streams { interactive, .. } = arguments.streams;
    let (service, command) = arguments.words.split_first().expect("two words at least");
    let tty = !arguments.detach && arguments.streams.has_terminal();
    let exec = Exec {
        command: command.to_vec(),
        detach: arguments.detach,
        environment: environment.assignments(&arguments.env),
        tty,
        privileged: arguments.privileged,
        user: arguments.user.clone(),
        workdir: arguments.workdir.clone(),
    };
    let name = environment.project_name()?;
    // The files say where the service stands, and are not needed for more.
    let (files, sources) = environment.files_of(&name).unzip();
    environment.run(async |io| {
        let backend = environment.backend().await?;
        let open = Box::new(|| terminal::open(tty, interactive));
        let project = (name.as_str(), files.as_ref());
        let ended = backend.exec(project, service, arguments.index, &exec, open, &io);
        ended
            .await
            .map_err(|error| error.with_sources(&sources.unwrap_or_default()))
    })
}
