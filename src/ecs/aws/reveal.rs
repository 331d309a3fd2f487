//! The values of secrets that somebody else keeps, for the containers of a simulated task: what ECS itself would hand to
//! them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::Account;
use super::secrets::ENCODED;
use crate::error::{Error, Result};

/// How many parts the ARN of a secret has; what follows is for ECS: a key of its JSON, a stage, a version.
const ARN: usize = 7;

/// The value of a secret of Secrets Manager, by its name or ARN, or of a parameter of Systems Manager, by its ARN.
pub async fn reveal(account: &Account, name: &str) -> Result<String> {
    if name.starts_with("arn:") && name.split(':').nth(2) == Some("ssm") {
        let asked = account.ssm.get_parameter().name(name).with_decryption(true).send();
        let found = asked.await;
        let found = found.map_err(|error| account.access.failed(format!("cannot read parameter `{name}`"), &error))?;
        return Ok(found
            .parameter
            .and_then(|parameter| parameter.value)
            .unwrap_or_default());
    }
    let parts: Vec<_> = name.split(':').collect();
    let (own, further) = parts.split_at(if name.starts_with("arn:") {
        parts.len().min(ARN)
    } else {
        parts.len()
    });
    let part = |place: usize| {
        further
            .get(place)
            .filter(|part| !part.is_empty())
            .map(|part| (*part).to_owned())
    };
    let asked = account.secrets.get_secret_value().secret_id(own.join(":"));
    let asked = asked.set_version_stage(part(1)).set_version_id(part(2)).send();
    let found = asked.await;
    let found = found.map_err(|error| account.access.failed(format!("cannot read secret `{name}`"), &error))?;
    let text = found.secret_string.ok_or_else(|| {
        Error::new(format!("secret `{name}` holds no text")).hint("ECS hands texts to containers, and no others")
    })?;
    match part(0) {
        Some(key) => member(name, &text, &key),
        None => decoded(name, text),
    }
}

/// What a key of a secret's JSON has.
fn member(name: &str, text: &str, key: &str) -> Result<String> {
    let object: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    match object.get(key) {
        Some(serde_json::Value::String(text)) => Ok(text.clone()),
        Some(value) => Ok(value.to_string()),
        None => Err(Error::new(format!("secret `{name}` is no JSON with the key `{key}`"))),
    }
}

/// What `ctx` has stored for a file that is no plain text.
fn decoded(name: &str, text: String) -> Result<String> {
    let Some(encoded) = text.strip_prefix(ENCODED) else {
        return Ok(text);
    };
    let bytes = BASE64_STANDARD.decode(encoded).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| Error::new(format!("secret `{name}` holds no text")).hint("give the secret a `file` here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_of_json_and_what_was_encoded() {
        assert_eq!(member("s", r#"{"user":"u","port":1}"#, "port").unwrap(), "1");
        assert_eq!(member("s", r#"{"user":"u"}"#, "user").unwrap(), "u");
        assert!(member("s", "text", "user").is_err());
        assert_eq!(decoded("s", "data:;base64,YQA=".to_owned()).unwrap(), "a\0");
        assert_eq!(decoded("s", "text".to_owned()).unwrap(), "text");
        assert!(decoded("s", "data:;base64,/w==".to_owned()).is_err());
    }
}
