//! The ECS services of a stack, with what their tasks are made of.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ContainerCondition, ContainerDefinition, LoadBalancer, ServiceField, TaskDefinition};
use futures_util::future::try_join_all;

use super::{Account, stack, tags};
use crate::error::{Error, Result};

/// How many services ECS describes at a time.
const DESCRIBED_AT_ONCE: usize = 10;

/// A service's place in ECS, as its ARN names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceName {
    pub cluster: String,
    pub service: String,
}

impl ServiceName {
    /// Out of `arn:aws:ecs:eu-west-1:123456789012:service/cluster/service`.
    #[must_use]
    pub fn from_arn(arn: &str) -> Option<Self> {
        let (_, path) = arn.split_once(":service/")?;
        let (cluster, service) = path.split_once('/')?;
        Some(Self {
            cluster: cluster.to_owned(),
            service: service.to_owned(),
        })
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Service {
    /// Its key in the Compose file.
    pub key: String,
    /// Its name in the stack's template.
    pub logical_id: String,
    pub name: ServiceName,
    pub load_balancers: Vec<LoadBalancer>,
    pub definition: TaskDefinition,
}

impl Service {
    /// The container that the Compose file describes: the first without which the task ends.
    #[must_use]
    pub fn main_container(&self) -> Option<&ContainerDefinition> {
        let mut containers = self.definition.container_definitions().iter();
        containers.find(|container| container.essential().unwrap_or(true))
    }

    /// Its containers except those that only prepare the others and end.
    pub fn lasting_containers(&self) -> impl Iterator<Item = &ContainerDefinition> {
        let all = self.definition.container_definitions();
        let prepares = |container: &ContainerDefinition| {
            let ends = [ContainerCondition::Complete, ContainerCondition::Success];
            let waiting = all.iter().flat_map(ContainerDefinition::depends_on);
            let mut waited_for = waiting.filter(|dependency| ends.contains(&dependency.condition));
            waited_for.any(|dependency| Some(dependency.container_name.as_str()) == container.name())
        };
        all.iter().filter(move |container| !prepares(container))
    }
}

/// The services of a project's stack, those that are named or all; none when there is no stack.
pub async fn of_project(account: &Account, project: &str, wanted: &[String]) -> Result<Vec<Service>> {
    let Some(stack) = stack::find(account, project).await? else {
        return Ok(Vec::new());
    };
    stack::check_ours(account, &stack, project).await?;
    let mut by_cluster: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for resource in stack::resources(account, &stack.id).await? {
        if resource.kind == "ECS::Service"
            && let Some(name) = ServiceName::from_arn(&resource.physical_id)
        {
            let services = by_cluster.entry(name.cluster).or_default();
            services.push((name.service, resource.logical_id));
        }
    }
    let mut services = Vec::new();
    for (cluster, names) in &by_cluster {
        for some in names.chunks(DESCRIBED_AT_ONCE) {
            services.extend(describe(account, cluster, some).await?);
        }
    }
    if let Some(unknown) = wanted
        .iter()
        .find(|wanted| services.iter().all(|service| service.key != **wanted))
    {
        return Err(Error::new(format!("stack `{project}` has no service `{unknown}`")));
    }
    if !wanted.is_empty() {
        services.retain(|service| wanted.contains(&service.key));
    }
    services.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(services)
}

async fn describe(account: &Account, cluster: &str, names: &[(String, String)]) -> Result<Vec<Service>> {
    let described = account
        .ecs
        .describe_services()
        .cluster(cluster)
        .set_services(Some(names.iter().map(|(name, _)| name.clone()).collect()))
        .include(ServiceField::Tags)
        .send()
        .await
        .map_err(|error| account.access.failed("cannot look at the services", &error))?;
    let services = described.services.unwrap_or_default().into_iter();
    try_join_all(services.map(async |service| {
        let name = service.service_name.unwrap_or_default();
        let mut tags = service.tags.unwrap_or_default().into_iter();
        let tagged = tags
            .find(|tag| tag.key() == Some(tags::SERVICE))
            .and_then(|tag| tag.value);
        let known = names.iter().find(|(of, _)| *of == name);
        let logical_id = known.map(|(_, logical_id)| logical_id.clone()).unwrap_or_default();
        Ok(Service {
            key: tagged.unwrap_or_else(|| logical_id.clone()),
            logical_id,
            name: ServiceName {
                cluster: cluster.to_owned(),
                service: name,
            },
            load_balancers: service.load_balancers.unwrap_or_default(),
            definition: definition(account, service.task_definition.unwrap_or_default()).await?,
        })
    }))
    .await
}

pub(super) async fn definition(account: &Account, arn: String) -> Result<TaskDefinition> {
    let described = account
        .ecs
        .describe_task_definition()
        .task_definition(&arn)
        .send()
        .await
        .map_err(|error| {
            account
                .access
                .failed(format!("cannot look at task definition `{arn}`"), &error)
        })?;
    Ok(described
        .task_definition
        .unwrap_or_else(|| TaskDefinition::builder().build()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::ContainerDependency;

    use super::*;

    #[test]
    fn a_service_is_looked_for_in_the_cluster_that_its_arn_names() {
        let name = ServiceName::from_arn("arn:aws:ecs:eu-west-1:123456789012:service/prod/shop-Web-1");
        let expected = ServiceName {
            cluster: "prod".into(),
            service: "shop-Web-1".into(),
        };
        assert_eq!(name, Some(expected));
        assert_eq!(ServiceName::from_arn("shop-Web-1"), None);
    }

    #[test]
    fn a_container_that_others_wait_for_to_end_is_no_service_of_its_own() {
        let container = |name: &str, essential| ContainerDefinition::builder().name(name).essential(essential);
        let waits = |on: &str, condition| {
            ContainerDependency::builder()
                .container_name(on)
                .condition(condition)
                .build()
                .unwrap()
        };
        let service = Service {
            key: "web".into(),
            logical_id: "WebService".into(),
            name: ServiceName {
                cluster: "shop".into(),
                service: "web".into(),
            },
            load_balancers: Vec::new(),
            definition: TaskDefinition::builder()
                .container_definitions(container("web-init", false).build())
                .container_definitions(
                    container("web", true)
                        .depends_on(waits("web-init", ContainerCondition::Success))
                        .depends_on(waits("proxy", ContainerCondition::Start))
                        .build(),
                )
                .container_definitions(container("proxy", false).build())
                .build(),
        };
        let names: Vec<_> = service
            .lasting_containers()
            .filter_map(ContainerDefinition::name)
            .collect();
        assert_eq!(names, ["web", "proxy"]);
        assert_eq!(
            service.main_container().and_then(ContainerDefinition::name),
            Some("web")
        );
    }
}
