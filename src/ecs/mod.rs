//! Amazon ECS as a target: [`convert`](convert::convert) turns a project into a CloudFormation template,
//! purely; [`aws`] deploys it.

pub mod aws;
pub mod cloudformation;
pub mod convert;
mod rules;
pub mod support;

pub use aws::Account;

use async_trait::async_trait;

use crate::backend::{Backend, DownOptions, Io, LogsOptions, PsOptions, Replica, UpOptions};
use crate::compose::Project;
use crate::diagnostic::Diagnostic;
use crate::error::Result;

#[async_trait]
impl Backend for Account {
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
