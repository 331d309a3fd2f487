//! The command line: a file a command. Commands orchestrate and decide nothing.
//!
//! Long because it names them all.

mod anywhere;
mod attach;
mod build;
mod check;
mod config;
mod context;
mod convert;
mod cp;
mod deployment;
mod diff;
mod digests;
mod down;
mod environment;
mod events;
mod exec;
mod explain;
mod forward;
mod images;
mod kill;
mod logs;
mod moment;
mod pause;
mod permissions;
mod port;
mod projects;
mod prune;
mod ps;
mod pull;
mod push;
mod restart;
mod rollback;
mod run;
mod scale;
mod simulation;
mod start;
mod stats;
mod stop;
mod streams;
mod task_endpoint;
mod top;
mod unpause;
mod up;
mod version;
mod volumes;
mod wait;
mod watch;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::error::{Error, Result};
use environment::{Environment, Global};

/// Run an unmodified Compose file on your laptop and on Amazon ECS
#[derive(Parser, Debug)]
#[command(
    name = "ctx",
    version,
    propagate_version = false,
    arg_required_else_help = true,
    after_help = "Options stand before the command or behind it, but where a command has its own of the same letter.\n\
                  All behind the SERVICE of `ctx run` and `ctx exec` is the command's.\n\
                  Begin with `ctx create ecs NAME`, `ctx use NAME` and `ctx up`."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    #[command(flatten)]
    Context(context::Command),
    Config(config::Arguments),
    Check(check::Arguments),
    Convert(convert::Arguments),
    Permissions(permissions::Arguments),
    Diff(diff::Arguments),
    Build(build::Arguments),
    Pull(pull::Arguments),
    Push(push::Arguments),
    Up(up::Arguments),
    Down(down::Arguments),
    Ps(ps::Arguments),
    Logs(logs::Arguments),
    Events(events::Arguments),
    Explain(explain::Arguments),
    Run(run::Arguments),
    Exec(exec::Arguments),
    Forward(forward::Arguments),
    Attach(attach::Arguments),
    Cp(cp::Arguments),
    Start(start::Arguments),
    Stop(stop::Arguments),
    Restart(restart::Arguments),
    Rollback(rollback::Arguments),
    Kill(kill::Arguments),
    Pause(pause::Arguments),
    Unpause(unpause::Arguments),
    Prune(prune::Arguments),
    Wait(wait::Arguments),
    Scale(scale::Arguments),
    Watch(watch::Arguments),
    Port(port::Arguments),
    Top(top::Arguments),
    Stats(stats::Arguments),
    Images(images::Arguments),
    Volumes(volumes::Arguments),
    Projects(projects::Arguments),
    Version(version::Arguments),
    #[command(hide = true)]
    TaskEndpoint(task_endpoint::Arguments),
}

impl Command {
    /// That a dry run of it changes nothing.
    fn can_be_dry(&self, environment: &Environment) -> Result<()> {
        // What an engine would do is said where it would be done. ECS tells by its change sets alone, which is `up`.
        let word = match self {
            Self::Context(_) | Self::Rollback(_) => {
                let error = Error::new("this command cannot tell what it would do");
                return Err(error.hint("run it without `--dry-run`"));
            }
            Self::Down(_) => "down",
            Self::Run(_) => "run",
            Self::Exec(_) => "exec",
            Self::Forward(_) => "forward",
            Self::Cp(_) => "cp",
            Self::Start(_) => "start",
            Self::Stop(_) => "stop",
            Self::Restart(_) => "restart",
            Self::Kill(_) => "kill",
            Self::Scale(_) => "scale",
            _ => return Ok(()),
        };
        environment.foretells(word)
    }
}

/// All commands and options, for their reference in `docs/cli.md`.
#[must_use]
pub fn command() -> clap::Command {
    anywhere::allow(Cli::command(), project_commands())
}

/// The commands that are about a project or what runs of it.
fn project_commands() -> Vec<String> {
    let contexts = context::Command::augment_subcommands(clap::Command::new("context"));
    let about_contexts = |name: &str| contexts.find_subcommand(name).is_some();
    let all = Cli::command();
    let names = all.get_subcommands().map(clap::Command::get_name);
    names.filter(|name| !about_contexts(name)).map(str::to_owned).collect()
}

/// Runs the command that the process's arguments name; the result is the exit status.
#[must_use]
pub fn run() -> u8 {
    let matches = command().get_matches();
    let read = Cli::from_arg_matches(&matches)
        .and_then(|Cli { command, .. }| Ok((command, anywhere::read(&matches, &project_commands())?)));
    let (command, global) = read.unwrap_or_else(|error| error.format(&mut self::command()).exit());
    let environment = Environment::new(global);
    dispatch(&environment, &command).unwrap_or_else(|error| {
        environment.show_error(&error);
        error.exit_code()
    })
}

fn dispatch(environment: &Environment, command: &Command) -> Result<u8> {
    environment.set_colors()?;
    if environment.is_dry_run() {
        command.can_be_dry(environment)?;
    }
    match command {
        Command::Context(command) => context::run(environment, command),
        Command::Config(arguments) => config::run(environment, arguments),
        Command::Check(arguments) => check::run(environment, arguments),
        Command::Convert(arguments) => convert::run(environment, arguments),
        Command::Permissions(arguments) => permissions::run(environment, arguments),
        Command::Diff(arguments) => diff::run(environment, arguments),
        Command::Build(arguments) => build::run(environment, arguments),
        Command::Pull(arguments) => pull::run(environment, arguments),
        Command::Push(arguments) => push::run(environment, arguments),
        Command::Up(arguments) => up::run(environment, arguments),
        Command::Down(arguments) => down::run(environment, arguments),
        Command::Ps(arguments) => ps::run(environment, arguments),
        Command::Logs(arguments) => logs::run(environment, arguments),
        Command::Events(arguments) => events::run(environment, arguments),
        Command::Explain(arguments) => explain::run(environment, arguments),
        Command::Run(arguments) => run::run(environment, arguments),
        Command::Exec(arguments) => exec::run(environment, arguments),
        Command::Forward(arguments) => forward::run(environment, arguments),
        Command::Cp(arguments) => cp::run(environment, arguments),
        Command::Attach(arguments) => attach::run(environment, arguments),
        Command::Start(arguments) => start::run(environment, arguments),
        Command::Stop(arguments) => stop::run(environment, arguments),
        Command::Restart(arguments) => restart::run(environment, arguments),
        Command::Rollback(arguments) => rollback::run(environment, arguments),
        Command::Kill(arguments) => kill::run(environment, arguments),
        Command::Pause(arguments) => pause::run(environment, arguments),
        Command::Unpause(arguments) => unpause::run(environment, arguments),
        Command::Prune(arguments) => prune::run(environment, arguments),
        Command::Wait(arguments) => wait::run(environment, arguments),
        Command::Scale(arguments) => scale::run(environment, arguments),
        Command::Watch(arguments) => watch::run(environment, arguments),
        Command::Port(arguments) => port::run(environment, arguments),
        Command::Stats(arguments) => stats::run(environment, arguments),
        Command::Top(arguments) => top::run(environment, arguments),
        Command::Images(arguments) => images::run(environment, arguments),
        Command::Volumes(arguments) => volumes::run(environment, arguments),
        Command::Version(arguments) => version::run(arguments),
        Command::TaskEndpoint(arguments) => task_endpoint::run(environment, arguments),
        Command::Projects(arguments) => projects::run(environment, arguments),
    }
}
