//! The credentials that containers get: found, kept while they are good, and found anew.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sts::config::ProvideCredentials;
use aws_sdk_sts::error::DisplayErrorContext;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{KEYS, Settings};
use crate::backend::Keys;

/// Only what is taken on somewhere depends on a region, and there it hardly matters which.
const ANYWHERE: &str = "us-east-1";
/// The SDKs come again a while before credentials end; those that end sooner are not given out again.
const LEAST: SignedDuration = SignedDuration::from_mins(10);
/// When an SDK shall come again for credentials of which nobody knows when they end.
const AGAIN: SignedDuration = SignedDuration::from_mins(15);
/// A container that starts waits for this.
const PATIENCE: Duration = Duration::from_secs(10);
/// There is another way.
const IMPATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct Credentials {
    context: String,
    profile: Option<String>,
    region: Region,
    /// By role; those of the context itself have no name.
    kept: Mutex<HashMap<String, Keys>>,
    /// When AWS last gave no session.
    refused: Mutex<Option<Timestamp>>,
}

impl Credentials {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            context: settings.context.clone(),
            profile: settings.profile.clone(),
            region: Region::new(settings.region.clone().unwrap_or_else(|| ANYWHERE.to_owned())),
            kept: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// The context's own.
    pub(super) async fn own(&self) -> Result<Value, String> {
        let now = Timestamp::now();
        let mut keys = self.found().await?;
        if keys.token.is_none() {
            keys = self.session(keys, now).await;
        }
        Ok(written(&keys, None, now))
    }

    /// Tasks have credentials that end, and some SDKs expect no others. Where AWS gives none for these keys, because it
    /// is out of reach or no AWS, the keys themselves have to do.
    async fn session(&self, keys: Keys, now: Timestamp) -> Keys {
        let name = format!("session of {}", keys.access_key_id);
        if let Some(kept) = self.kept(&name, now) {
            return kept;
        }
        let refused = |at: &Option<Timestamp>| at.is_some_and(|at| now.duration_since(at) < AGAIN);
        if refused(&self.refused.lock().unwrap_or_else(PoisonError::into_inner)) {
            return keys;
        }
        let answer = self.sts(&keys).await.get_session_token().send();
        let answer = tokio::time::timeout(IMPATIENCE, answer).await;
        let session = answer.ok().and_then(Result::ok);
        if let Some(session) = session.as_ref().and_then(|answer| answer.credentials()).map(read) {
            self.keep(&name, &session);
            return session;
        }
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        keys
    }

    /// Those of a role that the context's own may take on.
    pub(super) async fn of(&self, role: &str) -> Result<Value, String> {
        let now = Timestamp::now();
        let own = self.found().await?;
        let sts = self.sts(&own).await;
        let arn = if role.contains(':') {
            role.to_owned()
        } else {
            let identity = sts.get_caller_identity().send().await;
            let identity = identity.map_err(|error| DisplayErrorContext(error).to_string())?;
            arn_of(role, identity.arn().unwrap_or_default())?
        };
        if let Some(keys) = self.kept(&arn, now) {
            return Ok(written(&keys, Some(&arn), now));
        }
        let taken = sts.assume_role().role_arn(&arn).role_session_name("ctx-ecs-local");
        let taken = taken.send().await;
        let taken = taken.map_err(|error| format!("cannot take on role {arn}: {}", DisplayErrorContext(error)))?;
        let keys = taken.credentials().map(read);
        let keys = keys.ok_or_else(|| format!("AWS gave no credentials for role {arn}"))?;
        self.keep(&arn, &keys);
        Ok(written(&keys, Some(&arn), now))
    }

    async fn found(&self) -> Result<Keys, String> {
        let now = Timestamp::now();
        let Some(profile) = &self.profile else {
            let keys = given(Path::new(KEYS), &self.context)?;
            return match keys.expiration {
                Some(at) if at <= now => Err(format!(
                    "the credentials of context \"{}\" ended at {at}; `ctx up` brings new ones",
                    self.context
                )),
                _ => Ok(keys),
            };
        };
        if let Some(keys) = self.kept("", now) {
            return Ok(keys);
        }
        // A new one each time, since it reads the files once.
        let configured = ProviderConfig::without_region().with_region(Some(self.region.clone()));
        let provider = ProfileFileCredentialsProvider::builder()
            .profile_name(profile)
            .configure(&configured)
            .build();
        let found = provider.provide_credentials().await;
        let found = found.map_err(|error| {
            format!(
                "profile \"{profile}\" gives no credentials: {}",
                DisplayErrorContext(error)
            )
        })?;
        let keys = Keys {
            access_key_id: found.access_key_id().to_owned(),
            secret_access_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
            expiration: found.expiry().and_then(|at| Timestamp::try_from(at).ok()),
        };
        // Those that do not end may be changed in the files at any time.
        if keys.expiration.is_some() {
            self.keep("", &keys);
        }
        Ok(keys)
    }

    fn kept(&self, role: &str, now: Timestamp) -> Option<Keys> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(role).filter(|keys| lasts(keys, now)).cloned()
    }

    fn keep(&self, role: &str, keys: &Keys) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(role.to_owned(), keys.clone());
    }

    async fn sts(&self, keys: &Keys) -> aws_sdk_sts::Client {
        let credentials = aws_sdk_sts::config::Credentials::new(
            &keys.access_key_id,
            &keys.secret_access_key,
            keys.token.clone(),
            keys.expiration.map(Into::into),
            "context",
        );
        let mut config = aws_config::defaults(BehaviorVersion::latest())
            .region(self.region.clone())
            .credentials_provider(credentials)
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE).build());
        // It may say where AWS is.
        if let Some(profile) = &self.profile {
            config = config.profile_name(profile);
        }
        aws_sdk_sts::Client::new(&config.load().await)
    }
}

/// What `ctx up` brought.
fn given(file: &Path, context: &str) -> Result<Keys, String> {
    let text = std::fs::read_to_string(file).map_err(|_| {
        format!("context \"{context}\" had no AWS credentials when the project was brought up; `ctx up` looks again")
    })?;
    serde_json::from_str(&text).map_err(|error| format!("{} is damaged: {error}", file.display()))
}

fn lasts(keys: &Keys, now: Timestamp) -> bool {
    keys.expiration.is_some_and(|at| at.duration_since(now) > LEAST)
}

fn read(credentials: &aws_sdk_sts::types::Credentials) -> Keys {
    Keys {
        access_key_id: credentials.access_key_id().to_owned(),
        secret_access_key: credentials.secret_access_key().to_owned(),
        token: Some(credentials.session_token().to_owned()),
        expiration: Timestamp::from_second(credentials.expiration().secs()).ok(),
    }
}

/// As ECS answers. SDKs insist on a token and an end.
fn written(keys: &Keys, role: Option<&str>, now: Timestamp) -> Value {
    let end = keys.expiration.unwrap_or(now + AGAIN);
    json!({
        "AccessKeyId": keys.access_key_id,
        "SecretAccessKey": keys.secret_access_key,
        "Token": keys.token.as_deref().unwrap_or_default(),
        "Expiration": format!("{:.0}", end),
        "RoleArn": role.unwrap_or_default(),
    })
}

/// The ARN of a role in the account of somebody who is known by an ARN.
fn arn_of(role: &str, caller: &str) -> Result<String, String> {
    let parts: Vec<_> = caller.split(':').collect();
    match parts.as_slice() {
        ["arn", partition, _, _, account, ..] => Ok(format!("arn:{partition}:iam::{account}:role/{role}")),
        _ => Err(format!("AWS does not say whose account role {role} would be in")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(expiration: Option<&str>) -> Keys {
        Keys {
            access_key_id: "A".to_owned(),
            secret_access_key: "S".to_owned(),
            token: None,
            expiration: expiration.map(|at| at.parse().unwrap()),
        }
    }

    #[test]
    fn what_does_not_end_is_asked_for_again() {
        let now = "2026-01-02T03:00:00.123Z".parse().unwrap();
        let answer = written(&keys(None), None, now);
        assert_eq!(answer["Expiration"], "2026-01-02T03:15:00Z");
        assert_eq!(answer["Token"], "");
    }

    #[test]
    fn what_ends_soon_is_found_anew() {
        let now = "2026-01-02T03:00:00Z".parse().unwrap();
        assert!(lasts(&keys(Some("2026-01-02T03:11:00Z")), now));
        assert!(!lasts(&keys(Some("2026-01-02T03:10:00Z")), now));
        assert!(!lasts(&keys(None), now));
    }

    #[test]
    fn a_role_is_in_the_callers_account() {
        let caller = "arn:aws-cn:sts::123456789012:assumed-role/dev/me";
        assert_eq!(
            arn_of("worker", caller).as_deref(),
            Ok("arn:aws-cn:iam::123456789012:role/worker")
        );
        assert!(arn_of("worker", "").is_err());
    }

    #[test]
    fn what_was_brought_is_read_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        assert!(
            given(&file, "dev")
                .unwrap_err()
                .contains("\"dev\" had no AWS credentials")
        );
        std::fs::write(&file, serde_json::to_string(&keys(None)).unwrap()).unwrap();
        let read = given(&file, "dev").unwrap();
        assert_eq!(read, keys(None));
        assert!(!format!("{read:?}").contains('S'));
    }
}
