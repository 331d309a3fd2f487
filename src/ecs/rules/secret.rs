//! Secrets: the template knows their ARNs, ECS hands their values to the init container, and it writes the files.

mod grant;
mod variable;

use crate::compose::{FileObject, FileReference, Node, Service};
use crate::diagnostic::Diagnostic;
use crate::ecs::cloudformation::{Purpose, Value, fragment, names, value};
use crate::ecs::draft::Draft;
use crate::ecs::extensions;
use crate::ecs::rules::{credentials, file};

pub(in crate::ecs) use grant::grant;
pub(in crate::ecs) use variable::is_variable;

/// Where Compose puts secrets.
const FOLDER: &str = "/run/secrets";

/// What makes files of all members of a secret's JSON, in the init container.
const SPLIT: &str = include_str!("secret/split.awk");

/// A Parameter for the ARN of each secret whose content the project has, for what a file or a variable says never
/// stands in the template; and of each that is named, for ECS knows secrets by their ARNs.
pub(in crate::ecs) fn parameters(draft: &mut Draft) {
    let project = draft.project;
    for (key, secret) in &project.secrets {
        if !secret.external {
            let mut declaration = fragment::SECRETS.parameter("SecretArn");
            declaration.set(
                "Description",
                format!("ARN of the secret that holds the content of {key}"),
            );
            draft.parameter(parameter(key), Purpose::Secret { key: key.clone() }, declaration);
        } else if !secret.name.starts_with("arn:") {
            let name = secret.name.value.clone();
            let mut declaration = fragment::SECRETS.parameter("SecretArn");
            declaration.set("Description", format!("ARN of the external secret {name}"));
            draft.parameter(parameter(key), Purpose::ExternalSecret { name }, declaration);
        }
        if let Some(node) = secret.extensions.get("x-aws-kms_key").filter(|_| !secret.external) {
            let message = format!("`x-aws-kms_key` is for external secrets, and `{key}` is none");
            let hint = "leave it out: `ctx` has a secret of the project encrypted with the account's own key";
            draft.say(Diagnostic::error(node.span, message).hint(hint));
        }
    }
}

/// Whether ECS needs a role for this service's task that others must not have.
pub(in crate::ecs) fn needs_own_role(service: &Service, draft: &Draft) -> bool {
    let needs = |one: &&Service| {
        !one.secrets.is_empty()
            || extensions::has_pull_credentials(one)
            || credentials::stored_for(one, draft).is_some()
            || file::is_sent(one, draft)
    };
    draft.housemates(service).iter().any(needs)
}

/// `secrets`
pub(in crate::ecs) fn files(service: &Service, draft: &mut Draft) {
    let mut arns = Vec::new();
    let is_written = |secret: &&Value| {
        let name = secret.get("Name").and_then(Value::as_str);
        name.is_some_and(|name| name.starts_with("SECRET_"))
    };
    let there = draft.init_container(service).get("Secrets").map(Value::as_list);
    let mut nth = there.unwrap_or_default().iter().filter(is_written).count();
    let mut usual = false;
    for reference in &service.secrets {
        let Some(secret) = draft.project.secrets.get(reference.source.as_str()) else {
            continue;
        };
        let arn = arn(&reference.source, secret);
        let path = path(reference);
        if path.split('/').any(|part| part == "..") {
            let message = format!("`{path}` is no path of a secret");
            let span = reference
                .target
                .as_ref()
                .map_or(reference.source.span, |target| target.span);
            draft.say(Diagnostic::error(span, message).hint("write it without `..`"));
            continue;
        }
        let path = if is_usual(reference) {
            usual = true;
            draft.own(service, FOLDER) + path.strip_prefix(FOLDER).unwrap_or_default()
        } else {
            // Nothing can be mounted there: that has been said.
            let Some(path) = file::path_in_init(service, &path, draft) else {
                continue;
            };
            path
        };
        match keys(reference, secret, draft) {
            Keys::None => write(service, draft, &mut nth, &path, arn.clone(), reference),
            Keys::All => {
                let split = Value::map([("Name", "SPLIT".into()), ("Value", SPLIT.into())]);
                draft.init_container(service).push_once("Environment", split);
                write(service, draft, &mut nth, &format!("{path}/"), arn.clone(), reference);
            }
            Keys::These(keys) => {
                for key in keys {
                    let from = member(&arn, &key);
                    write(service, draft, &mut nth, &format!("{path}/{key}"), from, reference);
                }
            }
        }
        variable::variables(reference, service, &arn, draft);
        if let Some(key) = secret.extensions.get("x-aws-kms_key").and_then(Node::as_str) {
            arns.push(key.to_owned().into());
        }
        if !arns.contains(&arn) {
            arns.push(arn);
        }
    }
    if usual {
        let volume = draft.own(service, "secrets");
        let place = draft.own(service, FOLDER);
        draft
            .task(service)
            .push("Volumes", Value::map([("Name", volume.clone().into())]));
        let point = |path: String, read_only: bool| {
            let point = [
                ("SourceVolume", volume.clone().into()),
                ("ContainerPath", path.into()),
                ("ReadOnly", read_only.into()),
            ];
            Value::map(point)
        };
        draft
            .container(service)
            .push("MountPoints", point(FOLDER.to_owned(), true));
        draft.init_container(service).push("MountPoints", point(place, false));
    }
    if !arns.is_empty() {
        grant(service, draft, arns);
    }
}

/// Where the service finds a secret.
pub(in crate::ecs) fn path(reference: &FileReference) -> String {
    let target = reference.target.as_ref().unwrap_or(&reference.source);
    if target.starts_with('/') {
        target.value.clone()
    } else {
        format!("{FOLDER}/{}", target.value)
    }
}

/// Whether a secret stands in the folder of secrets, which is a volume of its own.
pub(in crate::ecs) fn is_usual(reference: &FileReference) -> bool {
    let path = path(reference);
    path.strip_prefix(FOLDER)
        .is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
}

fn parameter(key: &str) -> String {
    names::logical_id(key) + "SecretArn"
}

fn arn(key: &str, secret: &FileObject) -> Value {
    if secret.external && secret.name.starts_with("arn:") {
        secret.name.value.clone().into()
    } else {
        Value::reference(parameter(key))
    }
}

/// Tells the init container to write one file.
fn write(service: &Service, draft: &mut Draft, nth: &mut usize, path: &str, from: Value, reference: &FileReference) {
    let number = |id: &Option<crate::compose::Text>| id.as_ref().map_or("0", |id| id.as_str()).to_owned();
    let owner = format!("{}:{}", number(&reference.uid), number(&reference.gid));
    let mode = format!("{:04o}", reference.mode.map_or(0o444, |mode| mode.value));
    let init = draft.init_container(service);
    for (what, value) in [("FILE", path.to_owned()), ("OWNER", owner), ("MODE", mode)] {
        let variable = [("Name", format!("SECRET_{nth}_{what}").into()), ("Value", value.into())];
        init.push("Environment", Value::map(variable));
    }
    init.push(
        "Secrets",
        Value::map([("Name", format!("SECRET_{nth}").into()), ("ValueFrom", from)]),
    );
    *nth += 1;
}

enum Keys {
    /// The secret is one file.
    None,
    All,
    These(Vec<String>),
}

/// `x-aws-keys` of a secret, or of one use of it: the keys of its JSON that become files.
fn keys(reference: &FileReference, secret: &FileObject, draft: &mut Draft) -> Keys {
    let mut extensions = [&reference.extensions, &secret.extensions].into_iter();
    let Some(node) = extensions.find_map(|extensions| extensions.get("x-aws-keys")) else {
        return Keys::None;
    };
    let keys: Vec<&str> = node
        .as_list()
        .unwrap_or_default()
        .iter()
        .filter_map(Node::as_str)
        .collect();
    if keys.contains(&"*") {
        return Keys::All;
    }
    if grant::service(&arn(&reference.source, secret)) == "ssm" {
        let message = format!(
            "`{}` is a parameter of SSM, of which ECS takes no keys",
            reference.source.value
        );
        draft.say(Diagnostic::error(node.span, message).hint("write `x-aws-keys: [\"*\"]` for all of them"));
    }
    Keys::These(keys.into_iter().map(str::to_owned).collect())
}

/// What ECS calls one member of a secret's JSON.
fn member(arn: &Value, key: &str) -> Value {
    match arn {
        Value::Text(text) => format!("{text}:{key}::").into(),
        _ => Value::substitute(format!(
            "{}:{}::",
            arn.in_sub().unwrap_or_default(),
            value::literal(key)
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    /// What the script makes of a secret: each file with its content, or that it fails and what it says.
    fn split(secret: &str) -> Result<Vec<(String, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let mut awk = Command::new("awk")
            .arg(SPLIT)
            .env("LC_ALL", "C")
            .env("FOLDER", format!("{}/", folder.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        awk.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
        let output = awk.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        if !output.status.success() {
            return Err(text(output.stderr));
        }
        let files = text(output.stdout);
        let file = |path: &str| {
            let name = path.rsplit('/').next().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        };
        Ok(files.lines().map(file).collect())
    }

    #[test]
    fn members_of_a_secret_are_files() {
        for (secret, files) in [
            (r"{}", &[][..]),
            (" {\n}\n", &[]),
            (r#"{"user":"me", "password" : ""}"#, &[("user", "me"), ("password", "")]),
            (r#"{"a": "\"\\\/\b\f\n\r\t"}"#, &[("a", "\"\\/\u{8}\u{c}\n\r\t")]),
            (r#"{"a": "\u0041\u00e9\u20AC\ud83d\ude00é"}"#, &[("a", "Aé€😀é")]),
            (r#"{"a": "100%s & \\u0041 \\"}"#, &[("a", r"100%s & \u0041 \")]),
            (
                r#"{"a": -1.50e3, "b": true, "c": null}"#,
                &[("a", "-1.50e3"), ("b", "true"), ("c", "null")],
            ),
            (
                r#"{"a": {"b": ["}", 1, {}, "\""]}, "c d": []}"#,
                &[("a", r#"{"b":["}",1,{},"\""]}"#), ("c d", "[]")],
            ),
            ("{\"a\": \"two\nlines\"}", &[("a", "two\nlines")]),
        ] {
            let files = files
                .iter()
                .map(|(name, content)| ((*name).to_owned(), (*content).to_owned()));
            assert_eq!(split(secret), Ok(files.collect()), "{secret}");
        }
    }

    #[test]
    fn what_is_no_object_of_files_is_said_without_its_content() {
        for secret in [
            "",
            "hush",
            r#""hush""#,
            "[]",
            r#"{"a": "hush"} hush"#,
            r#"{"a": "hush",}"#,
            r#"{"a" "hush"}"#,
            r#"{"a": "hush}"#,
            r#"{"a": hush}"#,
            r#"{"a": ["hush""#,
            r#"{"a": "hush\q"}"#,
            r#"{"a": "hush\u00g0"}"#,
            r#"{"a": "hush\u0000"}"#,
            r#"{"a": "hush\ud83d"}"#,
            r#"{"a": "hush\ud83d\u0041"}"#,
            r#"{"../hush": "hush"}"#,
            r#"{"..": "hush"}"#,
            r#"{"": "hush"}"#,
        ] {
            let said = split(secret).expect_err(secret);
            assert!(
                said.starts_with("the secret for /") && !said.contains("hush"),
                "{secret}: {said}"
            );
        }
    }
}
