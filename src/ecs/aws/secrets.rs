//! The secrets of Secrets Manager that hold a project's file secrets.
//!
//! Their values are read when a project is deployed and go nowhere but there: into no template, event, message or tag.

use std::fmt;

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::failure::is;
use super::{Account, tags};
use crate::backend::seal;
use crate::error::{Error, Result};

/// The largest value that Secrets Manager takes, in bytes.
pub const LARGEST_VALUE: usize = 65_536;

/// How often another `up` may make a secret first.
const RACES: usize = 3;

/// ECS hands secrets to containers as text. What is no text is written as this and its Base64; the init container
/// that writes the file undoes it.
pub(super) const ENCODED: &str = "data:;base64,";

/// A secret whose content stands in a file of the project.
#[derive(Clone, PartialEq, Eq)]
pub struct FileSecret {
    /// Its key in the Compose file.
    pub key: String,
    pub content: Vec<u8>,
}

impl fmt::Debug for FileSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileSecret({}, {} bytes)", self.key, self.content.len())
    }
}

impl FileSecret {
    /// What Secrets Manager is to keep.
    #[must_use]
    pub fn value(&self) -> String {
        match std::str::from_utf8(&self.content) {
            Ok(text) if !text.is_empty() && !text.contains('\0') && !text.starts_with(ENCODED) => text.to_owned(),
            _ => format!("{ENCODED}{}", BASE64_STANDARD.encode(&self.content)),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    Created,
    Updated,
    Unchanged,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "Created",
            Self::Updated => "Updated",
            Self::Unchanged => "Unchanged",
        })
    }
}

/// What became of a file's secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    pub key: String,
    pub arn: String,
    pub change: Change,
    digest: String,
}

/// A secret that `up` made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    pub arn: String,
    pub key: String,
}

/// What is there of the secret of a file, and what would become of it.
pub async fn look(account: &Account, project: &str, secret: &FileSecret) -> Result<Stored> {
    seen(account, project, secret).await.map(|(stored, _)| stored)
}

/// Creates or updates the secret of a file, if its content changed. One that was updated has to be [confirmed](confirm).
pub async fn put(account: &Account, project: &str, secret: &FileSecret) -> Result<Stored> {
    let mut stored = put_unless_raced(account, project, secret).await?;
    // Another `up` has come first: what it has made is there now.
    for _ in 0..RACES {
        stored = match stored {
            Ok(stored) => return Ok(stored),
            Err(_) => put_unless_raced(account, project, secret).await?,
        };
    }
    stored.map_err(|error| {
        error.hint("another `ctx up` of the project seems to run: run this one again when it has ended")
    })
}

/// The same; the error inside says that the secret came to be after it had been looked for.
async fn put_unless_raced(account: &Account, project: &str, secret: &FileSecret) -> Result<Result<Stored>> {
    let (mut stored, deleted) = seen(account, project, secret).await?;
    let name = format!("{project}/{}", secret.key);
    let failed = |doing: &str| format!("cannot {doing} secret `{name}`");
    let client = &account.secrets;
    if deleted {
        let request = client.restore_secret().secret_id(&stored.arn);
        let restored = request.send().await;
        restored.map_err(|error| account.access.failed(failed("restore"), &error))?;
    }
    match stored.change {
        Change::Unchanged => {}
        Change::Updated => {
            let request = client.put_secret_value().secret_id(&stored.arn);
            let updated = request.secret_string(secret.value()).send().await;
            updated.map_err(|error| account.access.failed(failed("update"), &error))?;
        }
        Change::Created => {
            let created = client
                .create_secret()
                .name(&name)
                .description(format!(
                    "The file of secret `{}` of the Compose project `{project}`",
                    secret.key
                ))
                .secret_string(secret.value())
                .tags(tag(tags::PROJECT, project))
                .tags(tag(tags::SECRET, &secret.key))
                .tags(tag(tags::DIGEST, &stored.digest))
                .send()
                .await;
            let created = match created {
                Ok(created) => created,
                Err(error) => {
                    let raced = is(&error, "ResourceExistsException");
                    let error = account.access.failed(failed("create"), &error);
                    return if raced { Ok(Err(error)) } else { Err(error) };
                }
            };
            created.arn().unwrap_or_default().clone_into(&mut stored.arn);
        }
    }
    Ok(Ok(stored))
}

/// What has to be done to the secret of a file, and whether it is deleted and has to be restored for it.
async fn seen(account: &Account, project: &str, secret: &FileSecret) -> Result<(Stored, bool)> {
    let name = format!("{project}/{}", secret.key);
    let digest = seal(&format!("{}/{}/{name}", account.id, account.region), &secret.content);
    let stored = |arn: &str, change| Stored {
        key: secret.key.clone(),
        arn: arn.to_owned(),
        change,
        digest: digest.clone(),
    };
    let described = match account.secrets.describe_secret().secret_id(&name).send().await {
        Ok(described) => described,
        Err(error) if is(&error, "ResourceNotFoundException") => return Ok((stored("", Change::Created), false)),
        Err(error) => {
            return Err(account.access.failed(format!("cannot look at secret `{name}`"), &error));
        }
    };
    let value = |key: &str| {
        let tag = described.tags().iter().find(|tag| tag.key() == Some(key));
        tag.and_then(Tag::value)
    };
    if value(tags::PROJECT) != Some(project) || value(tags::SECRET) != Some(&secret.key) {
        return Err(
            Error::new(format!("there is a secret `{name}` already, and `ctx` did not make it"))
                .hint("declare it as `external` with its ARN as `name`, or rename the secret or the project"),
        );
    }
    let deleted = described.deleted_date().is_some();
    let same = !deleted && value(tags::DIGEST) == Some(&digest);
    let change = if same { Change::Unchanged } else { Change::Updated };
    Ok((stored(described.arn().unwrap_or_default(), change), deleted))
}

/// Notes that no task has the secret's old content any more. A run that ends before this is made up for by the next:
/// to that one the secret has changed.
pub async fn confirm(account: &Account, secret: &Stored) -> Result<()> {
    account
        .secrets
        .tag_resource()
        .secret_id(&secret.arn)
        .tags(tag(tags::DIGEST, &secret.digest))
        .send()
        .await
        .map_err(|error| {
            account
                .access
                .failed(format!("cannot tag secret `{}`", secret.key), &error)
        })?;
    Ok(())
}

/// The secrets that `up` made for a project.
pub async fn of_project(account: &Account, project: &str) -> Result<Vec<Kept>> {
    let filter = |key, value: &str| Filter::builder().key(key).values(value).build();
    let mut pages = account
        .secrets
        .list_secrets()
        .filters(filter(FilterNameStringType::TagKey, tags::SECRET))
        .filters(filter(FilterNameStringType::TagValue, project))
        .into_paginator()
        .send();
    let mut secrets = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| account.access.failed("cannot list the secrets", &error))?;
        secrets.extend(page.secret_list.unwrap_or_default());
    }
    let mut kept = Vec::new();
    for secret in secrets {
        let value = |key: &str| {
            let tag = secret.tags().iter().find(|tag| tag.key() == Some(key));
            tag.and_then(Tag::value)
        };
        // The filters match beginnings of words, and each on its own.
        if let (Some(arn), true, Some(key)) = (secret.arn(), value(tags::PROJECT) == Some(project), value(tags::SECRET))
        {
            kept.push(Kept {
                arn: arn.to_owned(),
                key: key.to_owned(),
            });
        }
    }
    Ok(kept)
}

/// The ARN of a secret that somebody else keeps.
pub async fn named(account: &Account, name: &str) -> Result<String> {
    let filter = Filter::builder().key(FilterNameStringType::Name).values(name).build();
    let mut pages = account.secrets.list_secrets().filters(filter).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| account.access.failed("cannot list the secrets", &error))?;
        // The filter matches beginnings of names.
        let mut secrets = page.secret_list.unwrap_or_default().into_iter();
        if let Some(arn) = secrets
            .find(|secret| secret.name() == Some(name))
            .and_then(|secret| secret.arn)
        {
            return Ok(arn);
        }
    }
    Err(Error::new(format!("Secrets Manager has no secret `{name}`")))
}

/// Deletes a secret at once: one that can be restored would keep its name, and the next `up` could not create it. The
/// file it was made from is still there.
pub async fn delete(account: &Account, secret: &Kept) -> Result<()> {
    let request = account.secrets.delete_secret().secret_id(&secret.arn);
    match request.force_delete_without_recovery(true).send().await {
        // What is gone was deleted by a request whose answer did not arrive, or by somebody else.
        Err(error) if !is(&error, "ResourceNotFoundException") => {
            let what = format!("cannot delete secret `{}`", secret.key);
            Err(account.access.failed(what, &error))
        }
        _ => Ok(()),
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(content: &[u8]) -> String {
        let secret = FileSecret {
            key: "k".into(),
            content: content.to_vec(),
        };
        secret.value()
    }

    #[test]
    fn text_stays_as_it_is_and_everything_else_is_encoded() {
        assert_eq!(value(b"pa$$\n"), "pa$$\n");
        assert_eq!(value(b""), "data:;base64,");
        assert_eq!(value(&[0xff]), "data:;base64,/w==");
        assert_eq!(value(b"a\0"), "data:;base64,YQA=");
        assert_eq!(value(&[0xfb, 0xff, 0xfe]), "data:;base64,+//+");
        assert_eq!(value(b"data:;base64,"), "data:;base64,ZGF0YTo7YmFzZTY0LA==");
    }

    #[test]
    fn a_content_is_never_shown() {
        let secret = FileSecret {
            key: "db".into(),
            content: b"hunter2".to_vec(),
        };
        assert_eq!(format!("{secret:?}"), "FileSecret(db, 7 bytes)");
    }
}
