//! What services ran before: ECS remembers their deployments for ninety days.

use aws_sdk_ecs::types::{
    ContainerDefinition, ServiceDeploymentStatus, ServiceRevision, Tag, TaskDefinition, TaskDefinitionField,
};
use jiff::Timestamp;

use super::services::{self, Service, ServiceName};
use super::{Account, definitions, stack, tags, tasks};
use crate::error::Result;

/// How many deployments back are looked at: as many revisions as ECS describes at a time.
const LOOKED_AT: usize = 20;

/// A deployment of a service that was completed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Completed {
    /// The ARN of its task definition.
    pub definition: String,
    /// When it began.
    pub begun: Option<Timestamp>,
    /// The name of each container, and the digest of its image.
    pub images: Vec<(String, String)>,
}

/// The completed deployments of a service, the newest first.
pub async fn of_service(account: &Account, service: &Service) -> Result<Vec<Completed>> {
    let failed = || format!("cannot look at the deployments of service `{}`", service.key);
    let request = account.ecs.list_service_deployments().cluster(&service.name.cluster);
    let request = request
        .service(&service.name.service)
        .status(ServiceDeploymentStatus::Successful);
    let answer = request.max_results(100).send().await;
    let answer = answer.map_err(|error| account.access.failed(failed(), &error))?;
    let mut deployments = answer.service_deployments.unwrap_or_default();
    deployments.sort_by_key(|deployment| std::cmp::Reverse(tasks::time(deployment.created_at())));
    deployments.truncate(LOOKED_AT);
    let arns = deployments
        .iter()
        .filter_map(|deployment| deployment.target_service_revision_arn.clone());
    let arns: Vec<String> = arns.collect();
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let request = account
        .ecs
        .describe_service_revisions()
        .set_service_revision_arns(Some(arns));
    let answer = request.send().await;
    let answer = answer.map_err(|error| account.access.failed(failed(), &error))?;
    let revisions = answer.service_revisions.unwrap_or_default();
    let completed = deployments.into_iter().filter_map(|deployment| {
        let arn = deployment.target_service_revision_arn()?;
        let revision = revisions
            .iter()
            .find(|revision| revision.service_revision_arn() == Some(arn))?;
        Some(Completed {
            definition: revision.task_definition()?.to_owned(),
            begun: tasks::time(deployment.created_at()),
            images: images(revision),
        })
    });
    Ok(completed.collect())
}

fn images(revision: &ServiceRevision) -> Vec<(String, String)> {
    let images = revision.container_images().iter();
    images
        .filter_map(|image| Some((image.container_name.clone()?, image.image_digest.clone()?)))
        .filter(|(_, digest)| !digest.is_empty())
        .collect()
}

/// The newest that ran another definition than the present one.
#[must_use]
pub fn before<'a>(present: &str, completed: &'a [Completed]) -> Option<&'a Completed> {
    completed.iter().find(|one| one.definition != present)
}

/// When the present definition came to run; a new start of the same does not count.
#[must_use]
pub fn since(present: &str, completed: &[Completed]) -> Option<Timestamp> {
    let same = completed.iter().take_while(|one| one.definition == present);
    same.last().and_then(|first| first.begun)
}

/// Registers the definition of an earlier deployment once more, for ECS starts no task of one that a stack has replaced.
/// Its images are those of then, whatever their tags mean now.
pub async fn again(account: &Account, earlier: &Completed) -> Result<String> {
    let (mut definition, mut tags) = tagged(account, &earlier.definition).await?;
    for container in definition.container_definitions.iter_mut().flatten() {
        pin(container, &earlier.images);
    }
    tags.retain(|tag| !tag.key().unwrap_or_default().starts_with("aws:"));
    tags.push(Tag::builder().key(tags::ROLLBACK).value("True").build());
    definitions::register(account, definition, tags).await
}

fn pin(container: &mut ContainerDefinition, images: &[(String, String)]) {
    let known = images.iter().find(|(name, _)| container.name() == Some(name));
    let (Some((_, digest)), Some(image)) = (known, &container.image) else {
        return;
    };
    if image.contains('@') {
        return;
    }
    // A colon before the last slash is a port's.
    let (folder, name) = image
        .rsplit_once('/')
        .map_or(("", image.as_str()), |(folder, name)| (folder, name));
    let name = name.split(':').next().unwrap_or(name);
    let slash = if folder.is_empty() { "" } else { "/" };
    container.image = Some(format!("{folder}{slash}{name}@{digest}"));
}

/// A definition with its tags.
pub(super) async fn tagged(account: &Account, arn: &str) -> Result<(TaskDefinition, Vec<Tag>)> {
    let request = account.ecs.describe_task_definition().task_definition(arn);
    let answer = request.include(TaskDefinitionField::Tags).send().await;
    let answer = answer.map_err(|error| {
        account
            .access
            .failed(format!("cannot look at task definition `{arn}`"), &error)
    })?;
    let empty = || TaskDefinition::builder().build();
    Ok((
        answer.task_definition.unwrap_or_else(empty),
        answer.tags.unwrap_or_default(),
    ))
}

/// A service that has been rolled back since its stack was deployed.
#[derive(Debug)]
pub struct RolledBack {
    pub service: Service,
    /// The logical id of the nested stack that it belongs to.
    pub nested: Option<String>,
    /// The ARN of the definition that the stack has for it.
    pub deployed: String,
    /// And of the one that it runs.
    pub runs: String,
}

/// The services of a stack that have been rolled back since it was deployed.
pub async fn rolled_back(account: &Account, project: &str, stack_id: &str) -> Result<Vec<RolledBack>> {
    let resources = stack::resources(account, stack_id).await?;
    let mut pairs = Vec::new();
    for resource in resources.iter().filter(|resource| resource.kind == "ECS::Service") {
        let id = resource
            .logical_id
            .strip_suffix("Service")
            .map(|name| format!("{name}TaskDefinition"));
        let definition = resources.iter().find(|other| Some(&other.logical_id) == id.as_ref());
        if let (Some(definition), Some(name)) = (definition, ServiceName::from_arn(&resource.physical_id)) {
            pairs.push((resource, name, &definition.physical_id));
        }
    }
    let described = services::look(account, pairs.iter().map(|(_, name, _)| name)).await;
    let described = described.map_err(|error| account.access.failed("cannot look at the services", &error))?;
    let mut other = Vec::new();
    for (resource, name, deployed) in &pairs {
        let arn = Some(resource.physical_id.as_str());
        let service = described.iter().find(|service| service.service_arn() == arn);
        let runs = service.and_then(|service| service.task_definition());
        let Some(runs) = runs.filter(|runs| runs != deployed) else {
            continue;
        };
        let (_, tags) = tagged(account, runs).await?;
        if tags.iter().any(|tag| tag.key() == Some(tags::ROLLBACK)) {
            let mut stacks = resources.iter();
            let nested = stacks.find(|stack| stack.physical_id == resource.stack);
            let nested = nested.map(|stack| stack.logical_id.clone());
            other.push((name, nested, (*deployed).clone(), runs.to_owned()));
        }
    }
    if other.is_empty() {
        return Ok(Vec::new());
    }
    let services = services::of_project(account, project, &[]).await?.into_iter();
    let found = services
        .filter(|service| service.sidecar.is_none())
        .filter_map(|service| {
            let mut its = other.iter().filter(|(name, ..)| **name == service.name);
            let (_, nested, deployed, runs) = its.next()?.clone();
            Some(RolledBack {
                service,
                nested,
                deployed,
                runs,
            })
        });
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::ContainerImage;

    use super::*;

    fn completed(definition: &str, second: i64) -> Completed {
        Completed {
            definition: definition.into(),
            begun: Timestamp::from_second(second).ok(),
            images: Vec::new(),
        }
    }

    #[test]
    fn the_way_back_leads_over_new_starts_to_another_definition() {
        let all = [completed("web:7", 30), completed("web:7", 20), completed("web:5", 10)];
        assert_eq!(before("web:7", &all), Some(&all[2]));
        assert_eq!(since("web:7", &all), Timestamp::from_second(20).ok());
        assert_eq!(before("web:7", &all[..2]), None);
        // The newest deployment is not complete.
        assert_eq!((before("web:8", &all), since("web:8", &all)), (Some(&all[0]), None));
    }

    #[test]
    fn an_image_without_a_digest_is_not_known() {
        let image = |digest: &str| {
            let image = ContainerImage::builder().container_name("web").image_digest(digest);
            images(&ServiceRevision::builder().container_images(image.build()).build())
        };
        assert_eq!(image("sha256:1"), [("web".to_owned(), "sha256:1".to_owned())]);
        assert_eq!(image(""), []);
    }

    #[test]
    fn an_image_is_the_one_of_then() {
        let pinned = |image: &str| {
            let mut container = ContainerDefinition::builder().name("web").image(image).build();
            pin(&mut container, &[("web".into(), "sha256:1".into())]);
            container.image.unwrap_or_default()
        };
        assert_eq!(pinned("nginx:1.27"), "nginx@sha256:1");
        assert_eq!(pinned("localhost:5000/shop/web"), "localhost:5000/shop/web@sha256:1");
        assert_eq!(pinned("web@sha256:2"), "web@sha256:2");
    }
}
