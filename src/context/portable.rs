//! Profiles whose files can be read elsewhere, in a container for example, and lead to the same credentials there.

use std::path::{Path, PathBuf};

use super::Profiles;
use super::profiles::{config_section, read};
use crate::error::Result;

/// What only works on this machine, or needs a person: programs, other sources of credentials, codes of devices.
const HERE: &[&str] = &[
    "credential_process",
    "credential_source",
    "login_session",
    "mfa_serial",
    "web_identity_token_file",
];

impl Profiles {
    /// Whether a profile's credentials can be found with its files alone.
    pub fn are_enough_for(&self, profile: &str) -> Result<bool> {
        let (config, credentials) = (read(&self.config_file)?, read(&self.credentials_file)?);
        let (mut profile, mut seen) = (profile.to_owned(), Vec::new());
        loop {
            let section = config_section(&config, &profile);
            let value = |key: &str| {
                let found = config.get(&section, key).or_else(|| credentials.get(&profile, key));
                found.map(str::to_owned)
            };
            if HERE.iter().any(|key| value(key).is_some()) {
                return Ok(false);
            }
            let is_source = value("aws_access_key_id").is_some()
                || value("sso_session").is_some()
                || value("sso_start_url").is_some();
            match value("source_profile").filter(|_| value("role_arn").is_some()) {
                None => return Ok(is_source),
                // A role may be taken on with the keys beside it.
                Some(source) if source == profile => return Ok(is_source),
                Some(source) if seen.contains(&source) => return Ok(false),
                Some(source) => seen.push(std::mem::replace(&mut profile, source)),
            }
        }
    }

    /// What has to be where the home folder is `home`, so that profiles are found there: the folder of the AWS command
    /// line, so that what it writes later is seen, or the files, where they are not in it.
    #[must_use]
    pub fn elsewhere(&self, folder: &Path, home: &str) -> Vec<(PathBuf, String)> {
        let target = format!("{home}/.aws");
        if [&self.config_file, &self.credentials_file].map(|file| file.parent()) == [Some(folder); 2] {
            return vec![(folder.to_owned(), target)];
        }
        let files = [
            (self.config_file.clone(), format!("{target}/config")),
            (self.credentials_file.clone(), format!("{target}/credentials")),
            (folder.join("sso"), format!("{target}/sso")),
        ];
        files.into_iter().filter(|(from, _)| from.exists()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles(config: &str, credentials: &str) -> (tempfile::TempDir, Profiles) {
        let folder = tempfile::tempdir().unwrap();
        let profiles = Profiles {
            config_file: folder.path().join("config"),
            credentials_file: folder.path().join("credentials"),
        };
        std::fs::write(&profiles.config_file, config).unwrap();
        std::fs::write(&profiles.credentials_file, credentials).unwrap();
        (folder, profiles)
    }

    #[test]
    fn what_the_files_are_enough_for() {
        let config = "\
[profile sso]
sso_session = work
[profile role]
role_arn = arn
source_profile = keys
[profile code]
role_arn = arn
source_profile = keys
mfa_serial = device
[profile above]
role_arn = arn
source_profile = code
[profile program]
credential_process = /bin/keys
[profile machine]
role_arn = arn
credential_source = Ec2InstanceMetadata
[profile round]
role_arn = arn
source_profile = about
[profile about]
role_arn = arn
source_profile = round
[profile empty]
region = eu-central-1
";
        let (_folder, profiles) = profiles(config, "[keys]\naws_access_key_id = A\naws_secret_access_key = S\n");
        for (profile, enough) in [
            ("sso", true),
            ("role", true),
            ("keys", true),
            ("code", false),
            ("above", false),
            ("program", false),
            ("machine", false),
            ("round", false),
            ("empty", false),
            ("unknown", false),
        ] {
            assert_eq!(profiles.are_enough_for(profile).unwrap(), enough, "{profile}");
        }
    }

    #[test]
    fn the_folder_or_what_there_is_of_the_files() {
        let (folder, mut profiles) = profiles("", "");
        let whole = profiles.elsewhere(folder.path(), "/home");
        assert_eq!(whole, [(folder.path().to_owned(), "/home/.aws".to_owned())]);
        profiles.credentials_file = folder.path().join("nowhere/credentials");
        let files = profiles.elsewhere(folder.path(), "/home");
        assert_eq!(files, [(profiles.config_file.clone(), "/home/.aws/config".to_owned())]);
    }
}
