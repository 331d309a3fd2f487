//! Roles that are taken on with a code of a device: the SDK does not ask for it.

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sts::config::Credentials;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::account::timeouts;
use super::failure::Access;
use crate::context::{MfaRole, Profiles, Sessions};
use crate::error::Result;

/// The credentials of a session.
pub(super) type Session = Credentials;

/// A session that ends sooner is not begun with.
const LEAST: SignedDuration = SignedDuration::from_mins(5);

/// Who can be asked for a code, where codes that were given before have led to, and how patient they are.
pub struct Person<'a> {
    pub profiles: &'a Profiles,
    pub sessions: &'a Sessions,
    pub ask: &'a (dyn Fn(&str) -> Result<String> + Sync),
    /// How long AWS may take for an answer, if not the usual time.
    pub silence: Option<Duration>,
}

/// A session of the profile's role, if that needs a code; the one that was begun before as long as it lasts.
pub(super) async fn session(
    profile: &str,
    region: &Region,
    person: &Person<'_>,
    access: &Access,
) -> Result<Option<Session>> {
    let Some(role) = person.profiles.mfa_role(profile)? else {
        return Ok(None);
    };
    let kept = person.sessions.of(&role);
    if let Some(session) = kept.as_ref().and_then(|kept| read(kept, Timestamp::now())) {
        return Ok(Some(session));
    }
    let code = (person.ask)(&format!("Code of {} for profile `{profile}`:", role.device))?;
    let answer = take_on(&role, region, &code, person.silence, access).await?;
    let session = read(&answer, Timestamp::now());
    // Not to have to ask again is a comfort; without it the command goes on.
    let _ = person.sessions.keep(&role, &answer);
    Ok(session)
}

async fn take_on(
    role: &MfaRole,
    region: &Region,
    code: &str,
    silence: Option<Duration>,
    access: &Access,
) -> Result<Value> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(region.clone())
        .timeout_config(timeouts(silence));
    if let Some(source) = &role.source {
        let provider = ProfileFileCredentialsProvider::builder().profile_name(source).build();
        loader = loader.profile_name(source).credentials_provider(provider);
    }
    let request = aws_sdk_sts::Client::new(&loader.load().await)
        .assume_role()
        .role_arn(&role.arn)
        .role_session_name(role.session_name.as_deref().unwrap_or("ctx"))
        .set_external_id(role.external_id.clone())
        .set_duration_seconds(role.seconds)
        .serial_number(&role.device)
        .token_code(code.trim());
    let answer = request.send().await;
    let answer = answer.map_err(|error| access.failed(format!("cannot take on role `{}`", role.arn), &error))?;
    let credentials = answer.credentials();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let expires = credentials.and_then(|one| Timestamp::from_second(one.expiration().secs()).ok());
    Ok(json!({"Credentials": {
        "AccessKeyId": text(credentials.map(aws_sdk_sts::types::Credentials::access_key_id)),
        "SecretAccessKey": text(credentials.map(aws_sdk_sts::types::Credentials::secret_access_key)),
        "SessionToken": text(credentials.map(aws_sdk_sts::types::Credentials::session_token)),
        "Expiration": expires.map(|at| at.to_string()),
    }}))
}

/// The credentials of an answer, as long as they are good for something.
fn read(answer: &Value, now: Timestamp) -> Option<Session> {
    let field = |name: &str| answer["Credentials"][name].as_str();
    let expires: Timestamp = field("Expiration")?.parse().ok()?;
    if expires.duration_since(now) < LEAST {
        return None;
    }
    Some(Credentials::new(
        field("AccessKeyId")?,
        field("SecretAccessKey")?,
        field("SessionToken").map(str::to_owned),
        Some(expires.into()),
        "role with a code",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_has_ended_is_none() {
        let answer = |at: &str| {
            json!({"Credentials": {
                "AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T", "Expiration": at,
            }})
        };
        let now: Timestamp = "2026-01-02T03:00:00Z".parse().unwrap();
        assert!(read(&answer("2026-01-02T04:00:00+00:00"), now).is_some());
        assert!(read(&answer("2026-01-02T03:01:00Z"), now).is_none());
        assert!(read(&json!({}), now).is_none());
    }
}
