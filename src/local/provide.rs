//! The images that a project's containers are made from, pulled and built.

use std::collections::BTreeMap;

use super::{Engine, images};
use crate::backend::{Io, UpOptions};
use crate::compose::Project;
use crate::error::Result;
use crate::image::{BuildOptions, bake};
use crate::progress::Progress;

impl Engine {
    /// Pulls and builds at the same time; the result are the images' ids by name.
    pub(super) async fn provide(
        &self,
        project: &Project,
        wanted: &images::Wanted<'_>,
        up: &UpOptions,
        io: &Io,
    ) -> Result<BTreeMap<String, String>> {
        let options = BuildOptions {
            to_run: true,
            ..BuildOptions::default()
        };
        let bake = bake(project, wanted.builds.iter().copied(), &options)?;
        let mut pulling = io.clone();
        if up.quiet_pull {
            pulling.progress = io.progress.without_details();
        }
        let mut building = io.clone();
        if up.quiet_build {
            building.progress = Progress::new(|_| {});
        }
        let (mut made, _) = tokio::try_join!(
            self.connection.pull(project, &wanted.pulls, &pulling),
            self.builder.build(&bake, &options, &building)
        )?;
        let built: Vec<_> = bake.targets.iter().map(|target| target.image.clone()).collect();
        made.extend(self.connection.images_named(&built).await?);
        Ok(made)
    }
}
