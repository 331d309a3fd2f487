//! The image that the endpoint runs from: made by `ctx` of itself, without a registry.

use bollard::body_full;
use bollard::query_parameters::{CreateImageOptions, ListImagesOptions, RemoveImageOptions};
use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};

use super::program::{self, Program};
use crate::engine::{Connection, is_missing};
use crate::error::{Error, Result};

/// The repository; each build of `ctx` has a tag of its own.
const REPOSITORY: &str = "ctx-ecs-local-endpoint";
/// Images of other builds stay as long as somebody may be about to use them.
const SPARED: SignedDuration = SignedDuration::from_hours(24);

/// How the program is started in the image.
pub const COMMAND: [&str; 2] = [program::PROGRAM, "task-endpoint"];

/// What the program needs to find its libraries and certificates there.
pub const VARIABLES: [(&str, &str); 2] = [
    ("LD_LIBRARY_PATH", program::LIBRARIES),
    ("SSL_CERT_FILE", program::CERTIFICATES),
];

/// The image's name, for the running program.
pub fn name() -> Result<String> {
    Ok(format!("{REPOSITORY}:{}", Program::own()?.key()?))
}

/// Whether an image is one of these.
#[must_use]
pub fn is_own(image: &str) -> bool {
    image
        .split_once(':')
        .is_some_and(|(repository, _)| repository == REPOSITORY)
}

impl Connection {
    /// Makes the image if the engine does not have it, and removes those of older builds; tells before it begins.
    pub(crate) async fn furnish_endpoint(&self, name: &str, making: impl FnOnce()) -> Result<()> {
        let docker = &self.docker;
        let failed = |error: &bollard::errors::Error| self.failed(format!("cannot make image {name}"), error);
        match docker.inspect_image(name).await {
            Ok(_) => return Ok(()),
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(failed(&error)),
        }
        making();
        let archive = Program::own()?.archive();
        let archive = archive.map_err(|error| Error::new("cannot read the running program").because(&error))?;
        let options = CreateImageOptions {
            from_src: Some("-".to_owned()),
            repo: Some(REPOSITORY.to_owned()),
            tag: name.split_once(':').map(|(_, tag)| tag.to_owned()),
            ..CreateImageOptions::default()
        };
        let imported = docker.create_image(Some(options), Some(body_full(archive.into())), None);
        let imported: Result<Vec<_>, _> = imported.try_collect().await;
        imported.map_err(|error| failed(&error))?;
        self.remove_old_endpoints(name).await;
        Ok(())
    }

    /// That some stay, because they are in use or for another reason, is no failure.
    async fn remove_old_endpoints(&self, current: &str) {
        let filters = Some(std::collections::HashMap::from([(
            "reference".to_owned(),
            vec![REPOSITORY.to_owned()],
        )]));
        let options = ListImagesOptions {
            filters,
            ..ListImagesOptions::default()
        };
        let listed = self.docker.list_images(Some(options)).await.unwrap_or_default();
        let oldest = (Timestamp::now() - SPARED).as_second();
        let old = listed.iter().filter(|image| image.created < oldest);
        for name in old.flat_map(|image| &image.repo_tags).filter(|name| *name != current) {
            let _ = self.docker.remove_image(name, None::<RemoveImageOptions>, None).await;
        }
    }
}
