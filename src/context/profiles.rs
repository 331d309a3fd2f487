//! The profiles of the AWS command line's two files, read without the AWS SDK.

use std::path::{Path, PathBuf};

use super::AccessKeys;
use super::disk::{self, Access};
use super::ini::Ini;
use crate::diagnostic::nearest;
use crate::error::{Error, Result};

/// Where the two files are.
#[derive(Clone, Debug)]
pub struct Profiles {
    /// `AWS_SHARED_CREDENTIALS_FILE` or `~/.aws/credentials`
    pub credentials_file: PathBuf,
    /// `AWS_CONFIG_FILE` or `~/.aws/config`
    pub config_file: PathBuf,
}

impl Profiles {
    /// The names of all profiles, sorted.
    pub fn names(&self) -> Result<Vec<String>> {
        let credentials = read(&self.credentials_file)?;
        let config = read(&self.config_file)?;
        let mut names: Vec<_> = credentials
            .sections()
            .chain(config.sections().filter_map(profile_of_section))
            .map(|name| unquoted(name).to_owned())
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Fails unless there is such a profile.
    pub fn check(&self, name: &str) -> Result<()> {
        let names = self.names()?;
        if names.iter().any(|known| known == name) {
            return Ok(());
        }
        let error = Error::new(format!("profile \"{name}\" not found"));
        Err(if let Some(similar) = nearest(name, names.iter().map(String::as_str)) {
            error.hint(format!("did you mean \"{similar}\"?"))
        } else if names.is_empty() {
            error.hint(format!(
                "neither {} nor {} has a profile; `aws configure` or `--access-keys FILE` makes one",
                self.credentials_file.display(),
                self.config_file.display()
            ))
        } else {
            error.hint(format!("the known profiles are {}", names.join(", ")))
        })
    }

    /// The region that the files give to a profile.
    pub fn region(&self, profile: &str) -> Result<Option<String>> {
        let config = read(&self.config_file)?;
        let credentials = read(&self.credentials_file)?;
        let region = config
            .get(&config_section(&config, profile), "region")
            .or_else(|| credentials.get(profile, "region"));
        Ok(region.map(str::to_owned))
    }

    /// Fails where [`Profiles::add`] without `force` would, before anything is written.
    pub fn check_new(&self, name: &str) -> Result<()> {
        if self.names()?.iter().any(|known| known == name) {
            return Err(
                Error::new(format!("AWS profile \"{name}\": already exists")).hint(format!(
                    "`--force` replaces its keys; `--profile {name}` uses it as it is"
                )),
            );
        }
        Ok(())
    }

    /// Writes keys as a profile, and its region if there is one to write.
    pub fn add(&self, name: &str, keys: &AccessKeys, region: Option<&str>, force: bool) -> Result<()> {
        change(&self.credentials_file, Access::Secret, |credentials| {
            if !force {
                self.check_new(name)?;
            }
            let values = [
                ("aws_access_key_id", Some(keys.id.as_str())),
                ("aws_secret_access_key", Some(keys.secret.as_str())),
                ("aws_session_token", keys.session_token.as_deref()),
            ];
            credentials.set(name, &values);
            Ok(())
        })?;
        let Some(region) = region else { return Ok(()) };
        change(&self.config_file, Access::Private, |config| {
            let section = config_section(config, name);
            config.set(&section, &[("region", Some(region))]);
            Ok(())
        })
    }
}

pub(super) fn read(path: &Path) -> Result<Ini> {
    Ok(Ini::parse(&disk::read(path)?.unwrap_or_default()))
}

/// Changes a file that others may be changing too.
fn change(path: &Path, access: Access, change: impl FnOnce(&mut Ini) -> Result<()>) -> Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    disk::create_folder(folder, Access::Private)?;
    let _lock = disk::lock(folder);
    let mut ini = read(path)?;
    change(&mut ini)?;
    disk::replace(path, ini.text().as_bytes(), access)
}

/// The section of a profile in the config file, where all but `default` have a prefix.
pub(super) fn config_section(config: &Ini, profile: &str) -> String {
    let of_profile = |section: &&str| profile_of_section(section).is_some_and(|name| unquoted(name) == profile);
    match config.sections().filter(of_profile).last() {
        Some(section) => section.to_owned(),
        None if profile == "default" => profile.to_owned(),
        None => format!("profile {profile}"),
    }
}

/// The profile that a section of the config file describes; others describe SSO sessions and services.
fn profile_of_section(section: &str) -> Option<&str> {
    if section == "default" {
        return Some(section);
    }
    let name = section.strip_prefix("profile")?;
    name.starts_with([' ', '\t']).then(|| name.trim())
}

fn unquoted(name: &str) -> &str {
    let inner = |quote| name.strip_prefix(quote).and_then(|name: &str| name.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(name)
}
