//! Fetching a commit of a git repository, through the `git` program and with the user's own ways to log in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::process::Command;

use super::Trouble;
use super::git_source::GitSource;
use crate::blocking;
use crate::compose::discover::NAMES;

/// For one run of `git`: a large repository over a slow line takes minutes, and no line is slow for ever.
const PATIENCE: Duration = Duration::from_mins(10);

/// None of them runs a program that an address names. The user's own `url.….insteadOf` may change one to another.
const PROTOCOLS: &str = "file:git:http:https:ssh";

/// Says the user and the password of an address when `git` asks for them.
const HELPER: &str =
    "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$CTX_GIT_USER\" \"$CTX_GIT_PASSWORD\"; }; f";

/// Variables by which a process around us (a git hook) tells `git` of another repository.
const FOREIGN: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
];

/// The folder with the repository's files at the commit that the source means.
pub(super) fn fetch(
    source: &GitSource,
    variables: &IndexMap<String, String>,
    cache: &Path,
) -> Result<PathBuf, Trouble> {
    let git = Git { source, variables };
    let commit = git.commit()?;
    if let Some(wanted) = &source.commit
        && !commit.starts_with(wanted.as_str())
    {
        return Err(Trouble::new(
            format!("`{}` is the commit `{commit}`, and not `{wanted}`", source.reference),
            "somebody moved it: look at what changed, then name the new commit",
        ));
    }
    let tree = cache.join(format!("git-{commit}"));
    if tree.is_dir() {
        return Ok(tree);
    }
    // Nobody sees half a tree: it is made beside its place and then moved there.
    let here = |error| Trouble::here("cannot write to the cache", &error);
    let staging = tempfile::Builder::new()
        .prefix("fetching-")
        .tempdir_in(cache)
        .map_err(here)?;
    let folder = staging.path();
    git.run(folder, &["init", "--quiet", "--template="])?;
    git.run(
        folder,
        &["fetch", "--quiet", "--depth=1", "--no-tags", "--", &source.url, &commit],
    )?;
    git.run(folder, &["checkout", "--quiet", "--detach", "FETCH_HEAD"])?;
    match std::fs::rename(folder, &tree) {
        Ok(()) => {}
        // Somebody else fetched the same at the same time.
        Err(_) if tree.is_dir() => {}
        Err(error) => return Err(here(error)),
    }
    Ok(tree)
}

/// The Compose file that a source means: the file that it names, or the one of its folder.
pub(super) fn compose_file(tree: &Path, source: &GitSource) -> Result<PathBuf, Trouble> {
    let named = tree.join(&source.folder);
    let file = if named.is_dir() {
        let candidates = NAMES.iter().map(|name| named.join(name));
        candidates.into_iter().find(|candidate| candidate.is_file())
    } else {
        Some(named).filter(|file| file.is_file())
    };
    let place = if source.folder.is_empty() {
        "its root"
    } else {
        &source.folder
    };
    let Some(file) = file else {
        return Err(Trouble::new(
            format!("there is no Compose file at `{place}` of `{}`", source.reference),
            "name the folder or the file after `#ref:`",
        ));
    };
    match std::fs::canonicalize(&file) {
        Ok(real) if real.starts_with(tree) => Ok(file),
        _ => Err(Trouble::new(
            format!("`{place}` is a link that leads out of the repository"),
            "name a file of the repository",
        )),
    }
}

struct Git<'a> {
    source: &'a GitSource,
    variables: &'a IndexMap<String, String>,
}

impl Git<'_> {
    /// The commit that the source's reference means now.
    fn commit(&self) -> Result<String, Trouble> {
        let name = &self.source.reference;
        if is_commit(name) {
            return Ok(name.clone());
        }
        // A tag with a message is an object of its own, `name^{}` the commit behind it.
        let peeled = format!("{name}^{{}}");
        let listed = self.run(Path::new("/"), &["ls-remote", "--", &self.source.url, name, &peeled])?;
        let commits: HashMap<&str, &str> = listed
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(commit, name)| (name, commit))
            .collect();
        // Git's own order. The server lists whatever ends in the name.
        let candidates = ["", "refs/", "refs/tags/", "refs/heads/"].map(|prefix| format!("{prefix}{name}"));
        let found = candidates.iter().find_map(|candidate| {
            let peeled = format!("{candidate}^{{}}");
            commits.get(peeled.as_str()).or_else(|| commits.get(candidate.as_str()))
        });
        found
            .filter(|commit| is_commit(commit))
            .map(|commit| (*commit).to_owned())
            .ok_or_else(|| {
                Trouble::new(
                    format!("the repository has no branch or tag `{name}`"),
                    "check the name; a commit must be written with all its digits",
                )
            })
    }

    /// Runs `git`, which asks nobody anything and runs nothing that the repository brings; gives what it prints.
    fn run(&self, folder: &Path, arguments: &[&str]) -> Result<String, Trouble> {
        let mut command = Command::new("git");
        command
            .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"])
            .args(["-c", "submodule.recurse=false", "-c", "advice.detachedHead=false"])
            .args(["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=30"]);
        if self.source.login.is_some() {
            // The empty one makes git forget the others.
            command.args(["-c", "credential.helper=", "-c", &format!("credential.helper={HELPER}")]);
        }
        command
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .envs(self.variables)
            .env("GIT_ALLOW_PROTOCOL", PROTOCOLS)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some((user, password)) = &self.source.login {
            command.env("CTX_GIT_USER", user).env("CTX_GIT_PASSWORD", password);
        }
        for name in FOREIGN {
            command.env_remove(name);
        }
        let is_set = |name: &str| self.variables.get(name).is_some_and(|value| !value.is_empty());
        if !is_set("GIT_TERMINAL_PROMPT") {
            command.env("GIT_TERMINAL_PROMPT", "0");
        }
        if !is_set("GIT_SSH") && !is_set("GIT_SSH_COMMAND") {
            command.env(
                "GIT_SSH_COMMAND",
                "ssh -o ControlMaster=no -o BatchMode=yes -o ConnectTimeout=30",
            );
        }
        let work = async { tokio::time::timeout(PATIENCE, command.output()).await };
        let output = match blocking::wait(work).and_then(|result| result.unwrap_or_else(|late| Err(late.into()))) {
            Ok(output) => output,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Trouble::new("the program `git` is not here", "install git"));
            }
            Err(error) => {
                return Err(Trouble::new(
                    format!("cannot run `git`: {error}"),
                    "run the command again",
                ));
            }
        };
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(trouble(arguments, &output))
        }
    }
}

/// What `git` said when it failed.
fn trouble(arguments: &[&str], output: &Output) -> Trouble {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let verb = arguments.first().copied().unwrap_or_default();
    Trouble {
        why: format!("`git {verb}` did not succeed"),
        said: lines.take(5).map(|line| format!("git says: {line}")).collect(),
        hint: "is the address right, and may you read the repository? `git ls-remote` with it must succeed \
               without asking for a password"
            .to_owned(),
    }
}

/// Whether a text is all of a commit's digits, of either of git's two kinds of hash.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
