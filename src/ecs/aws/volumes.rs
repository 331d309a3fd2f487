//! The file systems of a project's volumes. A stack that is deleted leaves them, so that they are found by their tags.

use aws_sdk_efs::types::LifeCycleState;

use super::failure::is;
use super::pace::Pace;
use super::{Account, tags};
use crate::error::{Error, Result};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileSystem {
    pub id: String,
    /// The key of the Compose file's volume.
    pub volume: String,
}

/// Every file system with the project's tag, sorted.
pub async fn of_project(account: &Account, project: &str) -> Result<Vec<FileSystem>> {
    let mut pages = account.efs.describe_file_systems().into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(file_system) = pages.next().await {
        let file_system = file_system.map_err(|error| account.access.failed("cannot list the file systems", &error))?;
        let value = |key: &str| {
            let tag = file_system.tags.iter().find(|tag| tag.key == key);
            tag.map(|tag| tag.value.clone())
        };
        let there = !matches!(
            file_system.life_cycle_state,
            LifeCycleState::Deleting | LifeCycleState::Deleted
        );
        if let (true, Some(volume)) = (
            there && value(tags::PROJECT).as_deref() == Some(project),
            value(tags::VOLUME),
        ) {
            found.push(FileSystem {
                id: file_system.file_system_id,
                volume,
            });
        }
    }
    found.sort_by(|a, b| (&a.volume, &a.id).cmp(&(&b.volume, &b.id)));
    Ok(found)
}

/// The one file system that is called so: the volume of another project (`PROJECT_VOLUME`), or any other.
pub async fn named(account: &Account, name: &str) -> Result<String> {
    let mut pages = account.efs.describe_file_systems().into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(file_system) = pages.next().await {
        let file_system = file_system.map_err(|error| account.access.failed("cannot list the file systems", &error))?;
        if file_system.name() == Some(name) {
            found.push(file_system.file_system_id);
        }
    }
    match found.as_slice() {
        [id] => Ok(id.clone()),
        [] => Err(Error::new(format!("there is no file system `{name}`"))),
        several => Err(Error::new(format!(
            "there are several file systems `{name}`: {}",
            several.join(", ")
        ))),
    }
}

/// The file system to hand to the stack for a volume; `None` when the stack has its own or shall make one.
///
/// `owned` are the physical ids of the stack's resources, `kept` is what the stack was given the last time.
pub fn retained(found: &[FileSystem], volume: &str, owned: &[String], kept: Option<&str>) -> Result<Option<String>> {
    let candidates: Vec<&FileSystem> = found.iter().filter(|system| system.volume == volume).collect();
    if candidates.iter().any(|system| owned.contains(&system.id)) {
        return Ok(None);
    }
    if let Some(kept) = kept.filter(|kept| !kept.is_empty()) {
        return Ok(Some(kept.to_owned()));
    }
    match candidates.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.id.clone())),
        several => {
            let ids: Vec<&str> = several.iter().map(|system| system.id.as_str()).collect();
            Err(Error::new(format!(
                "there are several file systems of volume `{volume}`: {}",
                ids.join(", ")
            )))
        }
    }
}

/// Deletes a file system and all its data.
pub async fn delete(account: &Account, id: &str) -> Result<()> {
    let what = || format!("cannot delete file system `{id}`");
    let mut targets = account
        .efs
        .describe_mount_targets()
        .file_system_id(id)
        .into_paginator()
        .items()
        .send();
    while let Some(target) = targets.next().await {
        let target = target.map_err(|error| account.access.failed(what(), &error))?;
        match account
            .efs
            .delete_mount_target()
            .mount_target_id(target.mount_target_id)
            .send()
            .await
        {
            Err(error) if !is(&error, "MountTargetNotFound") => return Err(account.access.failed(what(), &error)),
            _ => {}
        }
    }
    // A mount target takes a minute to go, and a file system cannot go before it.
    let mut pace = Pace::new();
    loop {
        match account.efs.delete_file_system().file_system_id(id).send().await {
            Err(error) if is(&error, "FileSystemInUse") => pace.wait().await,
            Err(error) if !is(&error, "FileSystemNotFound") => return Err(account.access.failed(what(), &error)),
            _ => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Vec<FileSystem> {
        let system = |id: &str, volume: &str| FileSystem {
            id: id.into(),
            volume: volume.into(),
        };
        vec![system("fs-1", "data"), system("fs-2", "logs"), system("fs-3", "logs")]
    }

    #[test]
    fn a_retained_file_system_is_used_again() {
        assert_eq!(retained(&found(), "data", &[], None).unwrap().as_deref(), Some("fs-1"));
        assert_eq!(retained(&found(), "new", &[], None).unwrap(), None);
    }

    #[test]
    fn what_the_stack_owns_stays_its_own() {
        assert_eq!(retained(&found(), "data", &["fs-1".into()], Some("")).unwrap(), None);
    }

    #[test]
    fn what_the_stack_was_given_it_is_given_again() {
        assert_eq!(
            retained(&found(), "logs", &[], Some("fs-3")).unwrap().as_deref(),
            Some("fs-3")
        );
    }

    #[test]
    fn nobody_guesses_between_two() {
        let error = retained(&found(), "logs", &[], None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there are several file systems of volume `logs`: fs-2, fs-3"
        );
    }
}
