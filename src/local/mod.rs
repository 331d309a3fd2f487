//! A Docker engine as a target, through its HTTP API.

use async_trait::async_trait;

use crate::backend::{Backend, DownOptions, Io, LogsOptions, PsOptions, Replica, UpOptions};
use crate::compose::Project;
use crate::context::DockerEndpoint;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};

/// A connection to an engine.
#[derive(Debug)]
pub struct Engine {}

impl Engine {
    pub async fn connect(_endpoint: &DockerEndpoint) -> Result<Self> {
        Err(Error::new("no engine"))
    }
}

#[async_trait]
impl Backend for Engine {
    async fn check(&self, _: &Project) -> Result<Vec<Diagnostic>> {
        Ok(Vec::new())
    }
    async fn up(&self, _: &Project, _: &UpOptions, _: &Io) -> Result<u8> {
        Ok(0)
    }
    async fn down(&self, _: &str, _: Option<&Project>, _: &DownOptions, _: &Io) -> Result<()> {
        Ok(())
    }
    async fn ps(&self, _: &str, _: &PsOptions) -> Result<Vec<Replica>> {
        Ok(vec![])
    }
    async fn logs(&self, _: &str, _: &LogsOptions, _: &Io) -> Result<()> {
        Ok(())
    }
}
