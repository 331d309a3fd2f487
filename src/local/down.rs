//! `down`: what there is of a project, or of some of its services, is taken away.

use super::events::Events;
use super::execute::Execution;
use super::observed::{Container, Observed};
use super::prepare::Verb as ProviderVerb;
use super::{Engine, Remains, hooks, teardown};
use crate::backend::{Deed, Deeds, DownOptions, Io};
use crate::compose::Project;
use crate::endpoint;
use crate::error::{Error, Result};

impl Engine {
    pub(super) async fn take_down(
        &self,
        name: &str,
        project: Option<&Project>,
        options: &DownOptions,
        io: &Io,
    ) -> Result<()> {
        let whole = options.services.is_empty();
        if !whole && options.images.is_some() {
            return Err(Error::new("images are removed for the whole project only")
                .hint("leave out `--rmi`, or the names of services"));
        }
        let project_has = |service: &String| project.is_some_and(|project| project.services.contains_key(service));
        let strangers: Vec<_> = options
            .services
            .iter()
            .filter(|service| !project_has(service))
            .cloned()
            .collect();
        if !strangers.is_empty() {
            self.containers_of(name, &strangers).await?;
        }
        let remains = self.remains(name, project, options).await?;
        if whole && remains.is_empty() && options.images.is_none() {
            let about = "Nothing to remove; `ctx projects --all` lists what there is";
            io.progress.warning(format!("Project {name}"), about);
        }
        let plan = teardown(&remains, options.volumes);
        let images = match options.images {
            Some(which) => self.connection.images_to_remove(name, project, which).await?,
            None => Vec::new(),
        };
        let removed = Deeds(images.iter().cloned().map(Deed::Remove).collect());
        if io.only_tells(format!("{plan}{removed}"))? {
            return Ok(());
        }
        let events = Events::new();
        let execution = Execution::new(&self.connection, io, &events).timeout(options.timeout);
        execution.run_interruptibly(&plan, &Observed::default()).await?;
        if let Some(project) = project.filter(|_| whole) {
            self.sources().tell(project, ProviderVerb::Down, io).await?;
        }
        self.connection.remove_images(&images, io).await;
        Ok(())
    }

    /// What there is for `down` to remove.
    async fn remains(&self, name: &str, project: Option<&Project>, options: &DownOptions) -> Result<Remains> {
        let volumes = async {
            if options.volumes {
                self.connection.project_volumes(name).await
            } else {
                Ok(Vec::new())
            }
        };
        let (containers, networks, volumes) = tokio::try_join!(
            self.connection.project_containers(name),
            self.connection.project_networks(name),
            volumes,
        )?;
        let mut found = Observed {
            containers: containers.iter().map(Container::read).collect(),
            ..Observed::default()
        };
        if let Some(project) = project {
            hooks::adopt(&mut found.containers, project);
        }
        if let Some(project) = project.filter(|_| !options.remove_orphans) {
            // What simulates ECS stands in no file, and belongs to the project all the same.
            let orphans = found
                .orphans(project)
                .filter(|container| container.service != endpoint::SERVICE);
            let orphans: Vec<_> = orphans.map(|container| container.id.clone()).collect();
            found.containers.retain(|container| !orphans.contains(&container.id));
        }
        let remains = Remains {
            containers: found.containers,
            networks: networks
                .into_iter()
                .map(|network| (network.id.unwrap_or_default(), network.name.unwrap_or_default()))
                .collect(),
            volumes,
        };
        Ok(remains.of(&options.services))
    }
}
