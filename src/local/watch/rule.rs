//! What `develop.watch` says, and which paths it is about.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::backend::Deed;
use crate::compose::{Build, Hook, Project, Service};
use crate::diagnostic::{Diagnostic, Severity};
use crate::image::{Ignore, dockerignore};

/// What editors leave beside the files that they edit, and history, which is nobody's to copy.
const NEVER: &str = "**/.git\n**/.idea\n**/*___jb_old___\n**/*___jb_tmp___\n**/.#*\n**/4913\n**/*~\n**/.*.sw[nopx]";

/// What the first copy leaves out besides: containers are made from it, and have no use for it.
const SOURCES: &str = "**/Dockerfile\n**/compose.y*ml\n**/docker-compose.y*ml\n**/compose.override.y*ml\n\
                       **/docker-compose.override.y*ml";

/// What is done when a file of a rule changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    Sync,
    SyncRestart,
    SyncExec,
    Restart,
    Rebuild,
}

impl Action {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "sync" => Self::Sync,
            "sync+restart" => Self::SyncRestart,
            "sync+exec" => Self::SyncExec,
            "restart" => Self::Restart,
            "rebuild" => Self::Rebuild,
            _ => return None,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::SyncRestart => "sync+restart",
            Self::SyncExec => "sync+exec",
            Self::Restart => "restart",
            Self::Rebuild => "rebuild",
        }
    }

    pub(super) fn syncs(self) -> bool {
        matches!(self, Self::Sync | Self::SyncRestart | Self::SyncExec)
    }
}

/// One rule of one service.
#[derive(Clone, Debug)]
pub(super) struct Rule<'a> {
    pub(super) service: &'a str,
    pub(super) action: Action,
    /// An absolute path, without links.
    pub(super) path: PathBuf,
    /// Where in the container that is.
    pub(super) target: String,
    pub(super) exec: Option<&'a Hook>,
    /// Copy everything before anything changes.
    pub(super) initial: bool,
    include: Option<Ignore>,
    /// Patterns, each with the folder that its paths are relative to.
    ignore: Vec<(PathBuf, Ignore)>,
    sources: Ignore,
}

impl Rule<'_> {
    /// What watching is, for a dry run.
    pub(super) fn deed(&self) -> Deed {
        Deed::Watch {
            path: self.path.display().to_string(),
            action: self.action.word(),
            service: self.service.to_owned(),
        }
    }

    /// Where a path is in the container, if the rule is about it.
    pub(super) fn target(&self, path: &Path) -> Option<String> {
        let below = path.strip_prefix(&self.path).ok()?;
        if self.ignores(path) {
            return None;
        }
        let below = below.to_str()?;
        if self.include.as_ref().is_some_and(|include| !include.excludes(below)) {
            return None;
        }
        let target = self.target.trim_end_matches('/');
        Some(match below {
            // A target that ends with a slash is a folder, also for a rule about one file.
            "" if self.target.ends_with('/') && !target.is_empty() => match self.path.file_name() {
                Some(name) if !self.path.is_dir() => format!("{target}/{}", name.to_string_lossy()),
                _ => target.to_owned(),
            },
            "" => self.target.clone(),
            below => format!("{target}/{below}"),
        })
    }

    /// As [`Self::target`], for the copy that is made before anything has changed.
    pub(super) fn first_target(&self, path: &Path) -> Option<String> {
        let below = path.strip_prefix(&self.path).ok()?.to_str()?;
        self.target(path).filter(|_| !self.sources.excludes(below))
    }

    /// Whether anything below a folder may be of interest.
    pub(super) fn enters(&self, folder: &Path) -> bool {
        folder.starts_with(&self.path)
            && self.ignore.iter().all(|(base, ignore)| match relative(base, folder) {
                Some(below) => !ignore.excludes(below) || ignore.may_see_below(below),
                None => true,
            })
    }

    fn ignores(&self, path: &Path) -> bool {
        let fits =
            |(base, ignore): &(PathBuf, Ignore)| relative(base, path).is_some_and(|below| ignore.excludes(below));
        self.ignore.iter().any(fits)
    }
}

fn relative<'a>(base: &Path, path: &'a Path) -> Option<&'a str> {
    path.strip_prefix(base).ok()?.to_str().filter(|below| !below.is_empty())
}

/// The rules of all services, and what is to be said about them.
pub(super) fn rules(project: &Project) -> (Vec<Rule<'_>>, Vec<Diagnostic>) {
    let (mut rules, mut said) = (Vec::new(), Vec::new());
    for service in project.services.values() {
        let Some(develop) = service.develop.as_ref().filter(|develop| !develop.watch.is_empty()) else {
            continue;
        };
        let build = match service.build.as_ref().map(ignored) {
            Some(Ok(build)) => build,
            Some(Err(why)) => {
                let message = format!("cannot read what the build of `{}` ignores: {why}", service.name);
                said.push(Diagnostic::error(develop.span, message));
                continue;
            }
            None => None,
        };
        for watch in &develop.watch {
            let refused = |about: &str, hint: &str| Diagnostic::error(watch.action.span, about).hint(hint);
            let Some(action) = Action::parse(&watch.action.value) else {
                let about = format!("`{}` is no action of a watch rule", watch.action.value);
                said.push(refused(
                    &about,
                    "they are `sync`, `rebuild`, `restart`, `sync+restart` and `sync+exec`",
                ));
                continue;
            };
            if action == Action::Rebuild && service.build.is_none() {
                let about = format!("service `{}` cannot be rebuilt: it has no `build`", service.name);
                said.push(refused(
                    &about,
                    "give it a `build`, or let the rule `sync` or `restart`",
                ));
                continue;
            }
            let exec = watch.exec.as_ref().filter(|exec| !exec.command.is_empty());
            if action == Action::SyncExec && exec.is_none() {
                said.push(refused(
                    "a watch rule that does `sync+exec` needs a command",
                    "add `exec: {command: […]}`",
                ));
                continue;
            }
            let path = PathBuf::from(&watch.path.value);
            if let Some(source) = mounted(service, &path).filter(|_| action.syncs()) {
                let about = format!(
                    "`{}` is not watched: the container has {source} mounted",
                    watch.path.value
                );
                said.push(Diagnostic::warning(watch.path.span, about).hint("remove the rule or the mount"));
                continue;
            }
            match patterns(watch.ignore.iter().map(|line| line.value.as_str())).and_then(|ignore| {
                let include = watch.include.iter().map(|line| line.value.as_str());
                Ok((ignore, patterns(include)?))
            }) {
                Ok((ignore, include)) => rules.push(Rule {
                    service: &service.name,
                    action,
                    target: watch
                        .target
                        .as_ref()
                        .map(|target| target.value.clone())
                        .unwrap_or_default(),
                    exec,
                    initial: watch.initial_sync.is_some_and(|initial| initial.value),
                    include: (!watch.include.is_empty()).then_some(include),
                    ignore: build
                        .clone()
                        .into_iter()
                        .chain([(path.clone(), never()), (path.clone(), ignore)])
                        .collect(),
                    sources: Ignore::parse(SOURCES).unwrap_or_default(),
                    path,
                }),
                Err(why) => said.push(Diagnostic::error(watch.span, why)),
            }
        }
    }
    said.sort_by_key(|diagnostic| diagnostic.severity != Severity::Error);
    (rules, said)
}

fn never() -> Ignore {
    Ignore::parse(NEVER).unwrap_or_default()
}

fn patterns<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Ignore, String> {
    whole(lines.collect::<Vec<_>>().join("\n").as_str())
}

/// As Docker Compose reads patterns here: with `*` among them, which leaves out everything, nothing is left out.
fn whole(text: &str) -> Result<Ignore, String> {
    if text.lines().any(|line| line.trim() == "*") {
        return Ok(Ignore::default());
    }
    Ignore::parse(text)
}

/// What a build does not see is not watched either.
fn ignored(build: &Build) -> io::Result<Option<(PathBuf, Ignore)>> {
    let Some(context) = build.context.as_ref().map(|context| PathBuf::from(&context.value)) else {
        return Ok(None);
    };
    // As the paths of rules, which events name.
    let context = fs::canonicalize(&context).unwrap_or(context);
    let dockerfile = build
        .dockerfile
        .as_ref()
        .map_or("Dockerfile", |file| file.value.as_str());
    let text = dockerignore(&context, dockerfile)?;
    let invalid = |why| io::Error::new(io::ErrorKind::InvalidData, why);
    Ok(Some((context, whole(&text).map_err(invalid)?)))
}

/// The folder of this machine that a service has mounted and that a path lies in.
fn mounted<'a>(service: &'a Service, path: &Path) -> Option<&'a str> {
    let sources = service
        .volumes
        .iter()
        .filter_map(|mount| match mount.mount_type.value.as_str() {
            "bind" => mount.source.as_ref().map(|source| source.value.as_str()),
            _ => None,
        });
    sources.into_iter().find(|source| path.starts_with(source))
}
