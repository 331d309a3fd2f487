//! The ECS services of a stack, with what their tasks are made of.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::error::SdkError;
use aws_sdk_ecs::operation::describe_services::DescribeServicesError;
use aws_sdk_ecs::types::{
    ContainerCondition, ContainerDefinition, DesiredStatus, LoadBalancer, Service as EcsService, ServiceField, Tag,
    Task, TaskDefinition, TaskDefinitionField,
};
use futures_util::future::try_join_all;

use super::stack::Resource;
use super::{Account, stack, tags, tasks};
use crate::diagnostic::nearest;
use crate::error::{Error, Result};

/// How many services ECS describes at a time.
pub(super) const DESCRIBED_AT_ONCE: usize = 10;

/// A service's place in ECS, as its ARN names it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
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
    /// The name of its container, when that lives in another service's task.
    pub sidecar: Option<String>,
    /// The family of its tasks, when no ECS service keeps them running.
    pub family: Option<String>,
}

impl Service {
    /// The container that the Compose file describes: the one with its name, else the first without which the task ends.
    #[must_use]
    pub fn main_container(&self) -> Option<&ContainerDefinition> {
        let name = self.sidecar.as_ref().unwrap_or(&self.key);
        let containers = self.definition.container_definitions();
        let mut named = containers.iter().filter(|container| container.name() == Some(name));
        let essential = || {
            containers
                .iter()
                .find(|container| container.essential().unwrap_or(true))
        };
        named.next().or_else(essential)
    }

    /// Its tasks which shall run (or shall not), in no particular order.
    pub async fn tasks(&self, account: &Account, desired: DesiredStatus) -> Result<Vec<Task>> {
        match &self.family {
            Some(family) => tasks::of_family(account, &self.name.cluster, family, desired).await,
            None => tasks::of_service(account, &self.name, desired).await,
        }
    }

    /// Its containers except those that only prepare the others and end.
    pub fn lasting_containers(&self) -> impl Iterator<Item = &ContainerDefinition> {
        let all = self.definition.container_definitions();
        let main = self.main_container().and_then(ContainerDefinition::name);
        let prepares = |container: &ContainerDefinition| {
            let ends = [ContainerCondition::Complete, ContainerCondition::Success];
            let waiting = all.iter().flat_map(ContainerDefinition::depends_on);
            let mut waited_for = waiting.filter(|dependency| ends.contains(&dependency.condition));
            waited_for.any(|dependency| Some(dependency.container_name.as_str()) == container.name())
        };
        all.iter().filter(move |container| {
            let is_main = container.name() == main;
            is_main || (self.sidecar.is_none() && service_of(container).is_none() && !prepares(container))
        })
    }

    /// The service, and those whose containers live in its tasks.
    fn with_sidecars(mut self) -> Vec<Self> {
        let containers = self.definition.container_definitions().iter();
        let others =
            containers.filter_map(|container| Some((service_of(container)?.to_owned(), container.name()?.to_owned())));
        let others: Vec<_> = others.filter(|(key, _)| *key != self.key).collect();
        if others.is_empty() {
            return vec![self];
        }
        let balanced = |name: &str, balancers: &[LoadBalancer]| -> Vec<LoadBalancer> {
            let its = balancers
                .iter()
                .filter(|balancer| balancer.container_name() == Some(name));
            its.cloned().collect()
        };
        let sidecars = others.iter().map(|(key, container)| Self {
            key: key.clone(),
            sidecar: Some(container.clone()),
            load_balancers: balanced(container, &self.load_balancers),
            ..self.clone()
        });
        let mut all: Vec<_> = sidecars.collect();
        let foreign = |balancer: &LoadBalancer| {
            others
                .iter()
                .any(|(_, container)| balancer.container_name() == Some(container))
        };
        self.load_balancers.retain(|balancer| !foreign(balancer));
        all.push(self);
        all
    }
}

/// The service that a container says it belongs to; those of a task's own service do not say it.
fn service_of(container: &ContainerDefinition) -> Option<&str> {
    container.docker_labels()?.get(tags::SERVICE).map(String::as_str)
}

/// The services of a project's stack, those that are named or all; none when there is no stack.
pub async fn of_project(account: &Account, project: &str, wanted: &[String]) -> Result<Vec<Service>> {
    let Some(stack) = stack::find(account, project).await? else {
        return Ok(Vec::new());
    };
    stack::check_ours(account, &stack, project).await?;
    let mut by_cluster: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let resources = stack::resources(account, &stack.id).await?;
    let jobs = passing(&resources, stack.cluster.as_deref().unwrap_or_default());
    for resource in resources {
        if resource.kind == "ECS::Service"
            && let Some(name) = ServiceName::from_arn(&resource.physical_id)
        {
            let services = by_cluster.entry(name.cluster).or_default();
            services.push((name.service, resource.logical_id));
        }
    }
    let mut services: Vec<Service> = Vec::new();
    let described = try_join_all(jobs.into_iter().map(|job| describe_passing(account, job))).await?;
    services.extend(described.into_iter().flat_map(Service::with_sidecars));
    for (cluster, names) in &by_cluster {
        for some in names.chunks(DESCRIBED_AT_ONCE) {
            let described = describe(account, cluster, some).await?.into_iter();
            services.extend(described.flat_map(Service::with_sidecars));
        }
    }
    services.sort_by(|a, b| a.key.cmp(&b.key));
    choose(services, project, wanted)
}

/// That something has no service of a name, and which it may be instead.
pub fn unknown_service<'a>(whose: &str, unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    let known: BTreeSet<_> = known.into_iter().collect();
    let error = Error::new(format!("{whose} has no service `{unknown}`"));
    match nearest(unknown, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => error.hint("`ctx up` deploys it"),
        None => error.hint("`ctx ps --services` lists those that run"),
    }
}

/// Those of the services that are named, or all.
pub(super) fn choose(mut services: Vec<Service>, project: &str, wanted: &[String]) -> Result<Vec<Service>> {
    if let Some(unknown) = wanted
        .iter()
        .find(|wanted| services.iter().all(|service| service.key != **wanted))
    {
        let known = services.iter().map(|service| service.key.as_str());
        return Err(unknown_service(&format!("stack `{project}`"), unknown, known));
    }
    if !wanted.is_empty() {
        services.retain(|service| wanted.contains(&service.key));
    }
    Ok(services)
}

/// A service whose tasks run to their end: a job, or what a schedule starts.
struct Passing {
    logical_id: String,
    cluster: String,
    definition: String,
}

/// Those of a stack. What runs them stands beside their task definition, under the same name.
fn passing(resources: &[Resource], cluster: &str) -> Vec<Passing> {
    let runners = resources.iter().filter_map(|resource| {
        let suffix = match resource.kind.as_str() {
            "Job" => "Job",
            "Scheduler::Schedule" => "Schedule",
            _ => return None,
        };
        Some((resource, resource.logical_id.strip_suffix(suffix)?))
    });
    let passing = runners.filter_map(|(runner, name)| {
        let id = format!("{name}TaskDefinition");
        let definition = resources.iter().find(|resource| resource.logical_id == id)?;
        Some(Passing {
            logical_id: runner.logical_id.clone(),
            cluster: cluster.rsplit('/').next().unwrap_or_default().to_owned(),
            definition: definition.physical_id.clone(),
        })
    });
    passing.collect()
}

async fn describe_passing(account: &Account, passing: Passing) -> Result<Service> {
    let (definition, tags) = tagged_definition(account, &passing.definition).await?;
    let mut tags = tags.into_iter();
    let tagged = tags
        .find(|tag| tag.key() == Some(tags::SERVICE))
        .and_then(|tag| tag.value);
    Ok(Service {
        key: tagged.unwrap_or_else(|| passing.logical_id.clone()),
        logical_id: passing.logical_id,
        name: ServiceName {
            cluster: passing.cluster,
            service: String::new(),
        },
        load_balancers: Vec::new(),
        family: definition.family.clone(),
        definition,
        sidecar: None,
    })
}

/// ECS services as they are now, as few requests as can be.
pub async fn look(
    account: &Account,
    names: impl Iterator<Item = &ServiceName>,
) -> Result<Vec<EcsService>, SdkError<DescribeServicesError>> {
    let mut by_cluster: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for name in names {
        by_cluster.entry(&name.cluster).or_default().push(name.service.clone());
    }
    let mut services = Vec::new();
    for (cluster, names) in by_cluster {
        for some in names.chunks(DESCRIBED_AT_ONCE) {
            let request = account.ecs.describe_services().cluster(cluster);
            let answer = request.set_services(Some(some.to_vec())).send().await?;
            services.extend(answer.services.unwrap_or_default());
        }
    }
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
            sidecar: None,
            family: None,
        })
    }))
    .await
}

pub(super) async fn definition(account: &Account, arn: String) -> Result<TaskDefinition> {
    Ok(tagged_definition(account, &arn).await?.0)
}

async fn tagged_definition(account: &Account, arn: &str) -> Result<(TaskDefinition, Vec<Tag>)> {
    let request = account.ecs.describe_task_definition().task_definition(arn);
    let described = request.include(TaskDefinitionField::Tags).send().await;
    let described = described.map_err(|error| {
        let about = format!("cannot look at task definition `{arn}`");
        account.access.failed(about, &error)
    })?;
    let definition = described
        .task_definition
        .unwrap_or_else(|| TaskDefinition::builder().build());
    Ok((definition, described.tags.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::ContainerDependency;
    use aws_sdk_ecs::types::builders::ContainerDefinitionBuilder;

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

    fn container(name: &str, essential: bool) -> ContainerDefinitionBuilder {
        ContainerDefinition::builder().name(name).essential(essential)
    }

    fn service(containers: impl IntoIterator<Item = ContainerDefinitionBuilder>) -> Service {
        let containers = containers.into_iter().map(ContainerDefinitionBuilder::build);
        Service {
            key: "web".into(),
            logical_id: "WebService".into(),
            name: ServiceName {
                cluster: "shop".into(),
                service: "web".into(),
            },
            load_balancers: Vec::new(),
            definition: TaskDefinition::builder()
                .set_container_definitions(Some(containers.collect()))
                .build(),
            sidecar: None,
            family: None,
        }
    }

    fn names(service: &Service) -> (Option<&str>, Vec<&str>) {
        let main = service.main_container().and_then(ContainerDefinition::name);
        (
            main,
            service
                .lasting_containers()
                .filter_map(ContainerDefinition::name)
                .collect(),
        )
    }

    #[test]
    fn a_container_that_others_wait_for_to_end_is_no_service_of_its_own() {
        let waits = |on: &str, condition| {
            ContainerDependency::builder()
                .container_name(on)
                .condition(condition)
                .build()
                .unwrap()
        };
        let service = service([
            container("web-init", false),
            container("app", true)
                .depends_on(waits("web-init", ContainerCondition::Success))
                .depends_on(waits("proxy", ContainerCondition::Start)),
            container("proxy", false),
        ]);
        assert_eq!(names(&service), (Some("app"), vec!["app", "proxy"]));
    }

    #[test]
    fn a_container_of_another_service_is_that_services() {
        let mut home = service([
            container("web-init", false),
            container("tunnel", true).docker_labels(tags::SERVICE, "tunnel"),
            container("web", false),
        ]);
        let balancer = |container: &str| LoadBalancer::builder().container_name(container).build();
        home.load_balancers = vec![balancer("tunnel"), balancer("web")];
        let [tunnel, web] = home.with_sidecars().try_into().unwrap();
        assert_eq!((tunnel.key.as_str(), web.key.as_str()), ("tunnel", "web"));
        assert_eq!(names(&tunnel), (Some("tunnel"), vec!["tunnel"]));
        assert_eq!(names(&web), (Some("web"), vec!["web-init", "web"]));
        assert_eq!(
            (tunnel.load_balancers, web.load_balancers),
            (vec![balancer("tunnel")], vec![balancer("web")])
        );
    }
}
