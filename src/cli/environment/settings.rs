//! Settings that a person makes once, as variables of the shell or in `.env`, and overrules with options.
//!
//! Long because each says what is wrong with its value.

use std::num::NonZeroUsize;

use super::Environment;
use crate::backend::Io;
use crate::context::DockerEndpoint;
use crate::error::{Error, Result};
use crate::ui::output::Colors;
use crate::ui::progress::{Look, Mode};

impl Environment {
    /// A variable of the process, or else of the env files: not empty.
    pub(in crate::cli) fn setting(&self, name: &str) -> Option<&str> {
        let from_files = || {
            let files = self.env_files.get_or_init(|| {
                let options = self.places();
                options
                    .map(|options| crate::compose::dot_env(&options))
                    .unwrap_or_default()
            });
            files.get(name).map(String::as_str).filter(|value| !value.is_empty())
        };
        self.variable(name).or_else(from_files)
    }

    /// Whether a setting says yes.
    pub(in crate::cli) fn is_on(&self, name: &str) -> bool {
        self.setting(name).is_some_and(is_yes)
    }

    /// Whether names are made as the first version of Docker Compose made them.
    pub(super) fn is_compatible(&self) -> bool {
        self.global.compatibility || self.is_on("COMPOSE_COMPATIBILITY")
    }

    /// How much may be under way at a time, if there is a limit.
    pub(super) fn parallel(&self) -> Result<Option<NonZeroUsize>> {
        let said = self.global.parallel.map(Ok).or_else(|| {
            let said = self.setting("COMPOSE_PARALLEL_LIMIT")?;
            Some(said.parse().map_err(|_| {
                Error::new(format!("`COMPOSE_PARALLEL_LIMIT={said}` is no number"))
                    .hint("set a number, or -1 for no limit")
            }))
        });
        Ok(limit(said.transpose()?))
    }

    /// How progress is shown.
    pub(super) fn look(&self, quiet: bool) -> Result<Look> {
        let said = self.setting("COMPOSE_PROGRESS").map(|said| {
            said.parse::<Mode>()
                .map_err(|hint| Error::new(format!("`COMPOSE_PROGRESS={said}` is no way to show progress")).hint(hint))
        });
        let mode = match self.global.progress {
            _ if quiet => Mode::Quiet,
            Some(mode) => mode,
            None => said.transpose()?.unwrap_or_default(),
        };
        let mode = match (mode, self.colors()?) {
            (Mode::Auto, Some(Colors::Never)) => Mode::Plain,
            (Mode::Auto, Some(Colors::Always)) => Mode::Tty,
            (mode, _) => mode,
        };
        Ok(Look {
            mode,
            dumb: self.variable("TERM") == Some("dumb"),
            to_stdout: self.is_on("COMPOSE_STATUS_STDOUT"),
        })
    }

    /// Writes colours from now on as somebody has said, if anybody has.
    pub(in crate::cli) fn set_colors(&self) -> Result<()> {
        self.colors()?.into_iter().for_each(Colors::set);
        Ok(())
    }

    fn colors(&self) -> Result<Option<Colors>> {
        let said = self.setting("COMPOSE_ANSI").map(|said| {
            said.parse::<Colors>().map_err(|hint| {
                Error::new(format!("`COMPOSE_ANSI={said}` says not when colours are wanted")).hint(hint)
            })
        });
        match self.global.ansi {
            Some(colors) => Ok(Some(colors)),
            None => said.transpose(),
        }
    }

    /// An engine, spoken to in the version that somebody has asked for.
    pub(in crate::cli) fn spoken_to(&self, endpoint: &DockerEndpoint) -> DockerEndpoint {
        DockerEndpoint {
            api: self.variable("DOCKER_API_VERSION").map(str::to_owned),
            ..endpoint.clone()
        }
    }

    /// The proxies that the process is told of, but for those that listen to this machine alone, which no container
    /// reaches.
    pub(in crate::cli) fn proxies(&self) -> Vec<(String, String)> {
        let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"].into_iter();
        let said = names.filter_map(|name| {
            let value = self.variable(name).or_else(|| self.variable(&name.to_lowercase()))?;
            Some((name.to_owned(), value.to_owned()))
        });
        let is_here = |value: &str| {
            ["//localhost", "//127.", "//[::1]"]
                .iter()
                .any(|host| value.contains(host))
        };
        said.filter(|(_, value)| !is_here(value)).collect()
    }

    /// What a command talks with, with how far it may go at a time.
    pub(super) fn limited(&self, io: Io) -> Result<Io> {
        Ok(Io {
            parallel: self.parallel()?,
            ..io
        })
    }
}

pub(super) fn is_yes(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "1" | "t" | "true" | "yes" | "y")
}

/// Docker Compose takes no limit for any number below one.
fn limit(said: Option<i64>) -> Option<NonZeroUsize> {
    said.and_then(|number| usize::try_from(number).ok())
        .and_then(NonZeroUsize::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_above_zero_limits() {
        assert_eq!(limit(Some(3)).map(NonZeroUsize::get), Some(3));
        assert_eq!([limit(Some(-1)), limit(Some(0)), limit(None)], [None; 3]);
    }
}
