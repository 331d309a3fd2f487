//! What definitions name on this machine: folders, Dockerfiles, secrets. It is looked for before anybody builds, because
//! builders tell of what is missing in words of their own, and of some of it not at all.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Bake, Target, fields};
use crate::diagnostic::Diagnostic;
use crate::error::Result;
use crate::progress::Progress;

const DOCKERFILE: &str = "Dockerfile";
/// What Docker takes instead where there is no `Dockerfile`.
const SMALL: &str = "dockerfile";

/// The same, with the Dockerfiles' names as they are; or all that is missing.
pub(super) fn found(mut bake: Bake) -> Result<Bake> {
    let mut mistakes = Vec::new();
    for target in &mut bake.targets {
        if let Some(small) = small(target) {
            target.definition.insert("dockerfile".to_owned(), json!(small));
        }
        missing(target, &mut mistakes);
    }
    if mistakes.is_empty() {
        Ok(bake)
    } else {
        Err(mistakes.into())
    }
}

/// Says which secrets steps will not see. That may be meant so, for a step can do without.
pub(super) fn tell_unset(bake: &Bake, progress: &Progress) {
    for secret in bake.targets.iter().flat_map(secrets) {
        let known = |variable: &String| bake.variables.iter().any(|(name, _)| name == variable);
        if let (Some(id), Some(variable)) = (secret.get("id"), secret.get("env").filter(|name| !known(name))) {
            progress.warning(format!("Secret {id}"), format!("Not given: `{variable}` is not set"));
        }
    }
}

fn missing(target: &Target, mistakes: &mut Vec<Diagnostic>) {
    let services = target.services.join("`, `");
    let mut miss = |attribute: &str, what: String| {
        let message = format!("service `{services}` cannot be built: {what}");
        mistakes.push(Diagnostic::error(target.place(attribute), message));
    };
    let folder = |path: &str| (!Path::new(path).is_dir()).then(|| format!("there is no folder {path}"));
    let context = text(target, "context").filter(|context| context.starts_with('/'));
    if let Some(what) = context.and_then(folder) {
        miss("context", what);
    } else if let Some(dockerfile) = dockerfile(target) {
        if !exists(&dockerfile) {
            miss("dockerfile", format!("there is no {}", dockerfile.display()));
        } else if dockerfile.is_dir() {
            miss(
                "dockerfile",
                format!("{} is a folder, and no Dockerfile", dockerfile.display()),
            );
        }
    }
    let contexts = target.definition.get("contexts").and_then(Value::as_object);
    let contexts = contexts.into_iter().flat_map(|contexts| contexts.values());
    for context in contexts
        .filter_map(Value::as_str)
        .filter(|place| place.starts_with('/'))
    {
        if let Some(what) = folder(context) {
            miss("contexts", what);
        }
    }
    for secret in secrets(target) {
        if let Some(file) = secret.get("src").filter(|file| !exists(Path::new(file))) {
            miss(
                "secret",
                format!("there is no {file} for the secret `{}`", secret["id"]),
            );
        }
    }
}

/// A Dockerfile on this machine.
fn dockerfile(target: &Target) -> Option<PathBuf> {
    let context = text(target, "context").filter(|context| context.starts_with('/'))?;
    let dockerfile = text(target, "dockerfile").unwrap_or(DOCKERFILE);
    let elsewhere = dockerfile.contains("://") || text(target, "dockerfile-inline").is_some();
    (!elsewhere).then(|| Path::new(context).join(dockerfile))
}

/// The name of a Dockerfile that is there in small letters only.
fn small(target: &Target) -> Option<String> {
    let path = dockerfile(target)?;
    let folder = text(target, "dockerfile")
        .unwrap_or(DOCKERFILE)
        .strip_suffix(DOCKERFILE)?;
    let is_its_name = path.file_name().is_some_and(|name| name == DOCKERFILE);
    let is_small = is_its_name && !exists(&path) && exists(&path.with_file_name(SMALL));
    is_small.then(|| format!("{folder}{SMALL}"))
}

fn secrets(target: &Target) -> impl Iterator<Item = std::collections::HashMap<String, String>> {
    let secrets = target.definition.get("secret").and_then(Value::as_array);
    let secrets = secrets.into_iter().flatten().filter_map(Value::as_str);
    secrets.map(fields::read)
}

fn text<'a>(target: &'a Target, attribute: &str) -> Option<&'a str> {
    target.definition.get(attribute).and_then(Value::as_str)
}

fn exists(path: &Path) -> bool {
    fs::metadata(path).is_ok()
}
