//! The sessions of roles that the AWS command line keeps: whoever typed a code there need not type one here.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use super::MfaRole;
use super::disk::{self, Access};
use crate::error::Result;

/// Its folder, `~/.aws/cli/cache`.
#[derive(Clone, Debug)]
pub struct Sessions(pub PathBuf);

impl Sessions {
    /// The answer with which the role was taken on the last time. What cannot be read is not there.
    #[must_use]
    pub fn of(&self, role: &MfaRole) -> Option<Value> {
        let text = disk::read(&self.file(role)).ok()??;
        serde_json::from_str(&text).ok()
    }

    pub fn keep(&self, role: &MfaRole, answer: &Value) -> Result<()> {
        disk::create_folder(&self.0, Access::Private)?;
        disk::replace(&self.file(role), answer.to_string().as_bytes(), Access::Secret)
    }

    fn file(&self, role: &MfaRole) -> PathBuf {
        self.0.join(key(role)).with_extension("json")
    }
}

/// botocore's: the digest of what is asked, as Python writes it.
fn key(role: &MfaRole) -> String {
    let asked: [(&str, Option<Value>); 5] = [
        ("DurationSeconds", role.seconds.map(|seconds| json!(seconds))),
        ("ExternalId", role.external_id.as_ref().map(|id| json!(id))),
        ("RoleArn", Some(json!(role.arn))),
        ("RoleSessionName", role.session_name.as_ref().map(|name| json!(name))),
        ("SerialNumber", Some(json!(role.device))),
    ];
    let said = asked
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let fields: Map<String, Value> = said.collect();
    let text: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\": {value}"))
        .collect();
    let mut digits = String::new();
    for byte in Sha1::digest(format!("{{{}}}", text.join(", "))) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_one_of_the_aws_command_line() {
        let role = MfaRole {
            arn: "arn:aws:iam::123456789012:role/deploy".into(),
            source: Some("base".into()),
            device: "arn:aws:iam::123456789012:mfa/jo".into(),
            external_id: None,
            session_name: None,
            seconds: Some(3600),
        };
        // python3: hashlib.sha1(json.dumps({...}, sort_keys=True).encode()).hexdigest()
        assert_eq!(key(&role), "2dfacdeff40196e5b7c552390afc109d8d878b57");
    }
}
