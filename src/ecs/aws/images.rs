//! The images that a project's tasks run.

use aws_sdk_ecs::types::{CpuArchitecture, DesiredStatus, RuntimePlatform, Task};
use futures_util::future::try_join_all;

use super::services::{self, Service};
use super::{Account, tasks};
use crate::backend::Image;
use crate::error::Result;

pub async fn of_project(account: &Account, project: &str, wanted: &[String]) -> Result<Vec<Image>> {
    let services = Box::pin(services::of_project(account, project, wanted)).await?;
    let running = services
        .iter()
        .map(|service| service.tasks(account, DesiredStatus::Running));
    let running = try_join_all(running).await?;
    let pairs = services.iter().zip(&running);
    Ok(pairs
        .flat_map(|(service, tasks)| tasks.iter().filter_map(|task| image(service, task)))
        .collect())
}

/// The image of the container that a task is for. How large it is ECS does not tell.
fn image(service: &Service, task: &Task) -> Option<Image> {
    let name = service.main_container()?.name();
    let container = task.containers().iter().find(|container| container.name() == name)?;
    let image = container.image().unwrap_or_default();
    let (named, digest) = image.split_once('@').unwrap_or((image, ""));
    // What follows a colon is a port if a slash comes behind it.
    let tagged = named.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
    let (repository, tag) = tagged.unwrap_or((named, if digest.is_empty() { "latest" } else { "" }));
    Some(Image {
        container: tasks::id(task.task_arn().unwrap_or_default()).to_owned(),
        repository: repository.to_owned(),
        tag: tag.to_owned(),
        platform: platform(service.definition.runtime_platform()),
        id: container.image_digest().unwrap_or(digest).to_owned(),
        size: None,
        created: None,
    })
}

fn platform(platform: Option<&RuntimePlatform>) -> String {
    let arm = platform.and_then(RuntimePlatform::cpu_architecture) == Some(&CpuArchitecture::Arm64);
    let family = platform.and_then(RuntimePlatform::operating_system_family);
    let windows = family.is_some_and(|family| family.as_str().starts_with("WINDOWS"));
    let system = if windows { "windows" } else { "linux" };
    format!("{system}/{}", if arm { "arm64" } else { "amd64" })
}
