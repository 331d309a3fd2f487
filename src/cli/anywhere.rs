//! Options of `ctx` that also stand behind the command, where users of Docker Compose write them: `ctx ps -p shop`.
//!
//! A command's own options win: in `ctx logs -f` the letter is the command's, and `--file` is left for the file.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::environment::Global;

/// Lets the commands with these names take the options too. They stay out of the commands' help.
pub(super) fn allow(root: Command, names: impl IntoIterator<Item = String>) -> Command {
    let global = Global::augment_args(Command::new("global"));
    names.into_iter().fold(root, |root, name| {
        root.mut_subcommand(name, |command| {
            let fitting: Vec<_> = global.get_arguments().map(|option| beside(option, &command)).collect();
            command.args(fitting)
        })
    })
}

/// An option without what a command has given a meaning of its own.
fn beside(option: &Arg, command: &Command) -> Arg {
    let taken = |own: &Arg| own.get_short().is_some() && own.get_short() == option.get_short();
    let mut option = option.clone().hide(true);
    if command.get_arguments().any(taken) {
        option = option.short(None);
    }
    option
}

/// All that stands before the command and behind it.
pub(super) fn read(matches: &ArgMatches, names: &[String]) -> Result<Global, clap::Error> {
    let global = Global::from_arg_matches(matches)?;
    match matches.subcommand() {
        Some((name, behind)) if names.iter().any(|one| one == name) => {
            Ok(global.and(Global::from_arg_matches(behind)?))
        }
        _ => Ok(global),
    }
}
