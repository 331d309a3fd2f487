//! The files of a project that are read when it is deployed, and never while it is converted.

use indexmap::IndexMap;

use super::aws::secrets::{FileSecret, LARGEST_VALUE};
use super::cloudformation::Purpose;
use super::parameters::given_value;
use super::rules::secret;
use crate::compose::{FileObject, Project};
use crate::diagnostic::Diagnostic;

/// The content of each secret that a Parameter asks for, and what is wrong with them. What a task is sent of the
/// project's files is packed already.
pub(super) fn secrets(
    project: &Project,
    asked: &IndexMap<String, Purpose>,
    given: &[(String, String)],
) -> (Vec<FileSecret>, Vec<Diagnostic>) {
    let mut secrets = Vec::new();
    let mut mistakes = Vec::new();
    for (name, purpose) in asked {
        if given_value(given, name).is_some() {
            continue;
        }
        if let Purpose::Files {
            key, archive, missing, ..
        } = purpose
        {
            mistakes.extend(missing.iter().map(|(path, span)| {
                Diagnostic::error(*span, format!("`{path}` is not there, and a task has to be sent it"))
                    .hint("create it")
            }));
            secrets.push(FileSecret {
                key: key.clone(),
                content: archive.clone(),
            });
        }
        let Purpose::Secret { key } = purpose else { continue };
        let Some(object) = project.secrets.get(key) else {
            continue;
        };
        match content(key, object) {
            Ok(content) => secrets.push(FileSecret {
                key: key.clone(),
                content,
            }),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    mistakes.extend(not_for_variables(project, &secrets));
    for secret in &secrets {
        let size = secret.value().len();
        // Of archives, conversion knows the size.
        if let Some(object) = project.secrets.get(&secret.key).filter(|_| size > LARGEST_VALUE) {
            let span = object
                .file
                .as_ref()
                .map_or(object.span, |file| file.span.or(object.span));
            let message = format!(
                "secret `{}` has {size} bytes as Secrets Manager would keep it, which are more than {LARGEST_VALUE}",
                secret.key
            );
            let hint = "put the file into the image or on a volume, and keep only its key as a secret";
            mistakes.push(Diagnostic::error(span, message).hint(hint));
        }
    }
    (secrets, mistakes)
}

/// Uses as a variable of what no variable can hold.
fn not_for_variables(project: &Project, secrets: &[FileSecret]) -> Vec<Diagnostic> {
    let mut mistakes = Vec::new();
    for reference in project.services.values().flat_map(|service| &service.secrets) {
        let secret = secrets.iter().find(|secret| secret.key == reference.source.value);
        if secret.is_some_and(|secret| secret.value().as_bytes() != secret.content) && secret::is_variable(reference) {
            let message = format!(
                "secret `{}` is no text, and no variable can hold it",
                reference.source.value
            );
            let hint = "remove its `x-aws-env`, and read its file";
            mistakes.push(Diagnostic::error(reference.source.span, message).hint(hint));
        }
    }
    mistakes
}

fn content(key: &str, object: &FileObject) -> Result<Vec<u8>, Diagnostic> {
    if let Some(content) = &object.content {
        return Ok(content.value.clone().into_bytes());
    }
    let Some(file) = &object.file else {
        let message = format!("secret `{key}` has no content");
        let hint = "give it a `file`, or set the variable that `environment` names";
        return Err(Diagnostic::error(object.span, message).hint(hint));
    };
    std::fs::read(&file.value).map_err(|error| {
        let message = format!("cannot read the file of secret `{key}`: {}: {error}", file.value);
        Diagnostic::error(file.span.or(object.span), message)
    })
}
