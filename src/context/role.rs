//! Roles of the AWS command line's profiles that are taken on with a code of a device.
//!
//! The AWS SDK takes on the other roles by itself, and cannot ask for a code.

use super::Profiles;
use super::profiles::{config_section, read};
use crate::error::Result;

/// What a profile says of such a role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MfaRole {
    pub arn: String,
    /// The profile whose credentials take it on; none are those of the environment.
    pub source: Option<String>,
    /// The device: its serial number, or its ARN.
    pub device: String,
    pub external_id: Option<String>,
    pub session_name: Option<String>,
    pub seconds: Option<i32>,
}

impl Profiles {
    /// The role of a profile, if it needs a code.
    pub fn mfa_role(&self, profile: &str) -> Result<Option<MfaRole>> {
        let config = read(&self.config_file)?;
        let credentials = read(&self.credentials_file)?;
        let section = config_section(&config, profile);
        let value = |key: &str| {
            let found = config.get(&section, key).or_else(|| credentials.get(profile, key));
            found.map(str::to_owned)
        };
        let (Some(arn), Some(device)) = (value("role_arn"), value("mfa_serial")) else {
            return Ok(None);
        };
        Ok(Some(MfaRole {
            arn,
            device,
            source: value("source_profile"),
            external_id: value("external_id"),
            session_name: value("role_session_name"),
            seconds: value("duration_seconds").and_then(|seconds| seconds.parse().ok()),
        }))
    }
}
