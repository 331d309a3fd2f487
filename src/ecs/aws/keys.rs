//! The credentials of a context themselves, for the containers of a simulated task.

use aws_config::Region;
use aws_sdk_sts::config::ProvideCredentials;
use jiff::Timestamp;

use super::account::{configuration, region};
use super::failure::Access;
use super::mfa::{self, Person};
use crate::backend::Keys;
use crate::context::EcsEndpoint;
use crate::error::{Error, Result};

/// Only what is taken on somewhere depends on a region, and there it hardly matters which.
const ANYWHERE: &str = "us-east-1";

/// What the chain of the context finds now. No account is asked whose they are.
pub async fn keys(context: &str, endpoint: &EcsEndpoint, person: &Person<'_>) -> Result<Keys> {
    let region = region(endpoint).await.unwrap_or(Region::from_static(ANYWHERE));
    let access = Access {
        context: context.to_owned(),
        profile: endpoint.credentials.profile().map(str::to_owned),
        region: region.to_string(),
    };
    let session = match endpoint.credentials.profile() {
        Some(profile) => mfa::session(profile, &region, person, &access).await?,
        None => None,
    };
    let config = configuration(endpoint, region, session, person.silence).await?;
    let provider = config
        .credentials_provider()
        .ok_or_else(|| Error::new("no AWS credentials are configured"))?;
    let found = provider.provide_credentials().await;
    let found = found.map_err(|error| access.no_credentials(&error))?;
    Ok(Keys {
        access_key_id: found.access_key_id().to_owned(),
        secret_access_key: found.secret_access_key().to_owned(),
        token: found.session_token().map(str::to_owned),
        expiration: found.expiry().and_then(|at| Timestamp::try_from(at).ok()),
    })
}
