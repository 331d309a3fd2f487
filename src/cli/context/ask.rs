//! What `ctx create ecs` asks when no option says how to reach AWS.

use crate::context::{AccessKeys, Profiles, region};
use crate::error::Result;
use crate::ui::prompt;

/// How a context reaches AWS.
pub(super) enum Way {
    Profile(String),
    Keys,
    Environment,
}

/// Which of the ways it is to be.
pub(super) fn for_the_way(profiles: &Profiles) -> Result<Way> {
    let names = profiles.names()?;
    let mut ways = vec!["AWS access keys", "AWS environment variables"];
    if !names.is_empty() {
        ways.insert(0, "An existing AWS profile");
    }
    Ok(match prompt::choose("Create a context using:", ways)? {
        "AWS access keys" => Way::Keys,
        "AWS environment variables" => Way::Environment,
        _ => Way::Profile(prompt::choose("AWS profile:", names)?),
    })
}

/// Keys, and the region that belongs to them: `said` is the one that an option gave.
pub(super) fn for_keys(said: Option<&str>, profiles: &Profiles) -> Result<(AccessKeys, Option<String>)> {
    let keys = AccessKeys {
        id: prompt::text("AWS access key id:", "")?,
        secret: prompt::secret("AWS secret access key:")?,
        session_token: None,
    };
    let region = if let Some(region) = said {
        region.to_owned()
    } else {
        let usual = profiles.region("default")?.unwrap_or_else(|| "us-east-1".to_owned());
        prompt::checked_text("AWS region:", &usual, region)?
    };
    Ok((keys, Some(region)))
}
