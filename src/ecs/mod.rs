//! Amazon ECS as a target: [`convert`](convert::convert) turns a project into a CloudFormation template,
//! purely; [`aws`] deploys it.

pub mod aws;
pub mod cloudformation;
pub mod convert;
mod draft;
mod extensions;
mod rules;
pub mod support;

use async_trait::async_trait;

use crate::backend::{Backend, DownOptions, Io, LogsOptions, PsOptions, Replica, UpOptions};
use crate::compose::Project;
use crate::context::EcsEndpoint;
use crate::error::{Error, Result};

/// An AWS account and region to deploy to.
#[derive(Debug)]
pub struct Account {}

impl Account {
    pub async fn connect(_context: &str, _endpoint: &EcsEndpoint) -> Result<Self> {
        Err(Error::new("no account"))
    }
}

#[async_trait]
impl Backend for Account {
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
