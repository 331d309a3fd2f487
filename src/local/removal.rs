//! Removing the images of a project.

use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions};

use super::{images, labels, names};
use crate::backend::{Io, RemoveImages};
use crate::compose::Project;
use crate::engine::{Connection, is_missing, message};
use crate::error::Result;

impl Connection {
    /// The names of the images that go with a project: those of its services, without its files those that were built
    /// for it.
    pub(super) async fn images_to_remove(
        &self,
        name: &str,
        project: Option<&Project>,
        which: RemoveImages,
    ) -> Result<Vec<String>> {
        Ok(match project {
            Some(project) => {
                let unnamed = |name: &String| {
                    let mut services = project.services.values();
                    services.any(|service| service.image.is_none() && names::image(project, service) == *name)
                };
                let names = images::names(project).into_iter();
                names
                    .filter(|name| which == RemoveImages::All || unnamed(name))
                    .collect()
            }
            None => self.built_for(name).await?,
        })
    }

    /// Removes images; those that somebody still uses stay.
    pub(super) async fn remove_images(&self, names: &[String], io: &Io) {
        for name in names {
            let object = format!("Image {name}");
            io.progress.working(&object, "Removing");
            match self.docker.remove_image(name, None::<RemoveImageOptions>, None).await {
                Ok(_) => io.progress.done(object, "Removed"),
                Err(error) if is_missing(&error) => io.progress.done(object, "Not there"),
                Err(error) => io.progress.warning(object, message(&error)),
            }
        }
    }

    /// The names of the images that were built for a project.
    async fn built_for(&self, project: &str) -> Result<Vec<String>> {
        let label = format!("{}={project}", labels::PROJECT);
        let options = ListImagesOptions {
            filters: Some([("label".to_owned(), vec![label])].into()),
            ..ListImagesOptions::default()
        };
        let listed = self.docker.list_images(Some(options)).await;
        let listed = listed.map_err(|error| self.failed("cannot list the engine's images", &error))?;
        let names = listed.into_iter().flat_map(|image| image.repo_tags);
        Ok(names.filter(|name| name != "<none>:<none>").collect())
    }
}
