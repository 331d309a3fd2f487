//! Containers of services that the files do not name any more.

use super::Engine;
use super::events::Events;
use super::execute::Execution;
use super::observed::Observed;
use super::plan::{Operation, Plan};
use crate::backend::Io;
use crate::compose::Project;
use crate::error::Result;

impl Engine {
    /// Removes them.
    pub async fn remove_orphans(&self, files: &Project, io: &Io) -> Result<()> {
        let observed = Observed {
            containers: self.containers_of(&files.name, &[]).await?,
            ..Observed::default()
        };
        let mut plan = Plan::default();
        for container in observed.orphans(files) {
            let volumes = false;
            plan.push(Operation::Remove { container, volumes }, vec![]);
        }
        if io.only_tells(&plan)? {
            return Ok(());
        }
        let events = Events::new();
        let execution = Execution::new(&self.connection, io, &events);
        execution.run_interruptibly(&plan, &Observed::default()).await
    }
}
