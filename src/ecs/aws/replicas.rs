//! Tasks as `ctx ps` lists them.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{Container, ContainerOverride, DesiredStatus, HealthStatus, Task, TaskOverride, TaskStopCode};
use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::Account;
use super::addresses::{self, Addresses};
use super::interfaces::{self, Interface, Interfaces};
use super::run;
use super::services::{self, Service};
use super::stack;
use super::tasks::{id, time};
use crate::backend::{Fittings, PsOptions, Publication, Replica};
use crate::error::{Error, Result};

/// For how many services tasks are listed at a time.
const ASKED_AT_ONCE: usize = 10;

/// The tasks of a project's services.
pub async fn of_project(account: &Account, project: &str, options: &PsOptions, now: Timestamp) -> Result<Vec<Replica>> {
    let services = services::of_project(account, project, &options.services).await?;
    let balanced = services.iter().flat_map(|service| &service.load_balancers);
    let groups: BTreeSet<String> = balanced
        .filter_map(|balanced| balanced.target_group_arn.clone())
        .collect();
    let groups: Vec<String> = groups.into_iter().collect();
    let listing = async {
        let mut listed = Vec::new();
        for some in services.chunks(ASKED_AT_ONCE) {
            let listing = some.iter().map(|service| tasks(account, service, options.all));
            listed.extend(try_join_all(listing).await?);
        }
        Ok(listed)
    };
    let one_offs = one_offs(account, project, &services, options.all);
    let addresses = addresses::of_target_groups(account, &groups);
    let (addresses, tasks, mut one_offs) = tokio::try_join!(addresses, listing, one_offs)?;
    let mut replicas = Vec::new();
    for (service, (tasks, interfaces)) in services.iter().zip(&tasks) {
        replicas.extend(list(service, tasks, &addresses, interfaces, options.all, now));
        let own: Vec<Task> = one_offs
            .extract_if(.., |(key, _)| *key == service.key)
            .map(|(_, task)| task)
            .collect();
        // No load balancer leads to them.
        replicas.extend(list(
            service,
            &own,
            &Addresses::new(),
            &Interfaces::new(),
            options.all,
            now,
        ));
    }
    for replica in &mut replicas {
        project.clone_into(&mut replica.fittings.project);
    }
    Ok(replicas)
}

/// The tasks that run one command, which are shown with those that have stopped.
async fn one_offs(account: &Account, project: &str, services: &[Service], all: bool) -> Result<Vec<(String, Task)>> {
    let clusters: BTreeSet<&str> = services.iter().map(|service| service.name.cluster.as_str()).collect();
    let mut found = Vec::new();
    for cluster in clusters.into_iter().filter(|_| all) {
        for desired in [DesiredStatus::Running, DesiredStatus::Stopped] {
            found.extend(run::of_project(account, project, cluster, desired).await?);
        }
    }
    Ok(found)
}

/// Where a port of a service's nth task can be reached.
pub async fn port(
    account: &Account,
    project: &str,
    service: &str,
    number: u32,
    target: u16,
    protocol: &str,
) -> Result<String> {
    let options = PsOptions {
        services: vec![service.to_owned()],
        all: false,
    };
    let replicas = Box::pin(of_project(account, project, &options, Timestamp::now())).await?;
    let place = usize::try_from(number).unwrap_or_default().wrapping_sub(1);
    let Some(replica) = replicas.get(place) else {
        if stack::find(account, project).await?.is_none() {
            return Err(stack::missing(project));
        }
        let error = Error::new(format!(
            "service `{service}` of project `{project}` has no task {number}"
        ));
        return Err(error.hint("`ctx ps` lists those that it has"));
    };
    let mut ports = replica.ports.iter();
    let found = ports.find(|port| port.target == target && port.protocol == protocol && port.published.is_some());
    let address = found.and_then(|port| Some(format!("{}:{}", port.host, port.published?)));
    address.ok_or_else(|| {
        Error::new(format!(
            "port {target}/{protocol} of service `{service}` is not published"
        ))
        .hint("list it under `ports` of the service")
    })
}

/// A service's tasks, and the interfaces of those that are reached without a load balancer.
async fn tasks(account: &Account, service: &Service, all: bool) -> Result<(Vec<Task>, Interfaces)> {
    let mut found = service.tasks(account, DesiredStatus::Running).await?;
    if all {
        found.extend(service.tasks(account, DesiredStatus::Stopped).await?);
    }
    // The tasks of a job are found by the name of their definition, which those have too.
    found.retain(|task| !run::is_one_off(task));
    let interfaces = if has_ports_of_its_own(service) {
        interfaces::of_tasks(account, &found).await?
    } else {
        Interfaces::new()
    };
    Ok((found, interfaces))
}

fn list(
    service: &Service,
    tasks: &[Task],
    addresses: &Addresses,
    interfaces: &Interfaces,
    all: bool,
    now: Timestamp,
) -> Vec<Replica> {
    let mut listed: Vec<Replica> = tasks
        .iter()
        .map(|task| replica(task, service, addresses, interfaces, now))
        .collect();
    // Of a task that runs, one container may have ended.
    listed.retain(|replica| all || replica.state != "stopped");
    listed.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
    listed
}

fn replica(task: &Task, service: &Service, addresses: &Addresses, interfaces: &Interfaces, now: Timestamp) -> Replica {
    let definition = service.main_container();
    let name = definition.and_then(|container| container.name());
    let container = task.containers().iter().find(|container| container.name() == name);
    // What `ctx run` has a task do stands in the task.
    let own = task.overrides().map_or(&[][..], TaskOverride::container_overrides);
    let own = own.iter().find(|container| container.name() == name);
    let own = own.map(ContainerOverride::command).filter(|words| !words.is_empty());
    // What one of another definition was told to do, nobody has looked up.
    let told = definition.filter(|_| task.task_definition_arn() == service.definition.task_definition_arn());
    let (program, command) = told.map_or((&[][..], &[][..]), |told| (told.entry_point(), told.command()));
    let words = [program, own.unwrap_or(command)].concat();
    // A task has the state of the container that it is for; those beside it have their own.
    let beside = container.filter(|_| service.sidecar.is_some());
    let health = match beside.map_or(task.health_status(), |container| container.health_status()) {
        None | Some(HealthStatus::UnknownValue) => None,
        Some(health) => Some(health.as_str().to_lowercase()),
    };
    let state = beside.and_then(Container::last_status).or(task.last_status());
    let arn = task.task_arn().unwrap_or_default();
    let exit_code = container.and_then(Container::exit_code).map(i64::from);
    Replica {
        name: id(arn).to_owned(),
        id: arn.to_owned(),
        service: service.key.clone(),
        image: container
            .and_then(|container| container.image())
            .or_else(|| definition.and_then(|container| container.image()))
            .unwrap_or_default()
            .to_owned(),
        command: words.join(" "),
        state: state.unwrap_or("unknown").to_lowercase(),
        status: status(task, state.unwrap_or_default(), exit_code, health.as_deref(), now),
        health,
        exit_code,
        created: time(task.created_at()),
        ports: if state == Some("STOPPED") {
            Vec::new()
        } else {
            let interface = interfaces::id(task).and_then(|id| interfaces.get(id));
            publications(service, addresses, interface)
        },
        fittings: Fittings::default(),
    }
}

/// What a person wants to know: since when, how it ended, why.
fn status(task: &Task, state: &str, exit_code: Option<i64>, health: Option<&str>, now: Timestamp) -> String {
    let since =
        |begin: Option<&aws_sdk_ecs::primitives::DateTime>| time(begin).map(|begin| span(now.duration_since(begin)));
    match state {
        "RUNNING" => {
            let up = since(task.started_at()).map_or("Up".to_owned(), |time| format!("Up {time}"));
            health.map_or(up.clone(), |health| format!("{up} ({health})"))
        }
        "STOPPED" => {
            let code = exit_code.map_or("Stopped".to_owned(), |code| format!("Exited ({code})"));
            let ago = since(task.stopped_at())
                .map(|time| format!(" {time} ago"))
                .unwrap_or_default();
            // That its container has ended, the code says.
            let ended = exit_code.is_some() && task.stop_code() == Some(&TaskStopCode::EssentialContainerExited);
            let reason = task
                .stopped_reason()
                .filter(|_| !ended)
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default();
            format!("{code}{ago}{reason}")
        }
        other => {
            let mut letters = other.chars();
            let first = letters.next().map(String::from).unwrap_or_default();
            first + &letters.as_str().to_lowercase()
        }
    }
}

/// Whether a service has ports that no load balancer publishes, at which the tasks may be reached themselves.
fn has_ports_of_its_own(service: &Service) -> bool {
    let balanced = |port: Option<i32>| {
        let mut balancers = service.load_balancers.iter();
        balancers.any(|balancer| balancer.container_port() == port)
    };
    let mappings = service
        .main_container()
        .map_or(&[][..], |container| container.port_mappings());
    mappings.iter().any(|mapping| !balanced(mapping.container_port()))
}

/// The ports of a service: where the load balancer publishes them, where the task itself does, and those that only the
/// project reaches.
fn publications(service: &Service, addresses: &Addresses, interface: Option<&Interface>) -> Vec<Publication> {
    let mut ports = BTreeSet::new();
    for balanced in &service.load_balancers {
        let target = balanced
            .container_port()
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or_default();
        let group = balanced.target_group_arn().unwrap_or_default();
        for address in addresses.get(group).into_iter().flatten() {
            ports.insert(Publication {
                host: address.host.clone(),
                published: Some(address.port),
                target,
                protocol: address.protocol.clone(),
            });
        }
    }
    for mapping in service
        .main_container()
        .map_or(&[][..], |container| container.port_mappings())
    {
        let target = mapping
            .container_port()
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or_default();
        let protocol = mapping.protocol().map_or("tcp", |protocol| protocol.as_str());
        if !ports
            .iter()
            .any(|port| port.target == target && port.protocol == protocol)
        {
            let open = interface.filter(|interface| interface.is_open(protocol, target));
            ports.insert(Publication {
                host: open.map_or(String::new(), |interface| interface.address.clone()),
                published: open.map(|_| target),
                target,
                protocol: protocol.to_owned(),
            });
        }
    }
    ports.into_iter().collect()
}

/// A span of time in its largest unit.
fn span(duration: jiff::SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::primitives::DateTime;
    use aws_sdk_ecs::types::{ContainerDefinition, LoadBalancer, PortMapping, TaskDefinition};

    use super::super::addresses::Address;
    use super::super::services::ServiceName;
    use super::*;

    fn service() -> Service {
        let port = |port| PortMapping::builder().container_port(port).build();
        let web = ContainerDefinition::builder()
            .name("web")
            .image("nginx:1")
            .command("nginx")
            .command("-g")
            .port_mappings(port(80))
            .port_mappings(port(9000))
            .build();
        Service {
            key: "web".into(),
            logical_id: "WebService".into(),
            name: ServiceName {
                cluster: "shop".into(),
                service: "s".into(),
            },
            load_balancers: vec![
                LoadBalancer::builder()
                    .target_group_arn("tg")
                    .container_port(80)
                    .build(),
            ],
            definition: TaskDefinition::builder().container_definitions(web).build(),
            sidecar: None,
            family: None,
        }
    }

    fn listed(task: &Task) -> Replica {
        let address = Address {
            host: "lb.example".into(),
            port: 8080,
            protocol: "tcp".into(),
        };
        let addresses = Addresses::from([("tg".to_owned(), vec![address])]);
        replica(
            task,
            &service(),
            &addresses,
            &Interfaces::new(),
            Timestamp::from_second(1_000).unwrap(),
        )
    }

    #[test]
    fn a_running_task_is_up_and_reached_through_the_load_balancer() {
        let task = Task::builder()
            .task_arn("arn:aws:ecs:eu-west-1:1:task/shop/4711")
            .last_status("RUNNING")
            .health_status(HealthStatus::Healthy)
            .started_at(DateTime::from_secs(700))
            .containers(Container::builder().name("init").image("busybox").exit_code(0).build())
            .containers(Container::builder().name("web").image("nginx:2").build())
            .build();
        let replica = listed(&task);
        assert_eq!((replica.name.as_str(), replica.image.as_str()), ("4711", "nginx:2"));
        assert_eq!(
            (replica.state.as_str(), replica.status.as_str()),
            ("running", "Up 5 minutes (healthy)")
        );
        assert_eq!(replica.command, "nginx -g");
        let ports: Vec<_> = replica
            .ports
            .iter()
            .map(|port| (port.host.as_str(), port.published, port.target))
            .collect();
        assert_eq!(ports, [("", None, 9000), ("lb.example", Some(8080), 80)]);
    }

    #[test]
    fn a_stopped_task_tells_how_it_ended() {
        let task = Task::builder()
            .last_status("STOPPED")
            .stopped_at(DateTime::from_secs(999))
            .stopped_reason("Essential container in task exited")
            .stop_code(TaskStopCode::EssentialContainerExited)
            .containers(Container::builder().name("web").exit_code(3).build());
        let replica = listed(&task.clone().build());
        assert_eq!(replica.status, "Exited (3) 1 second ago");
        assert_eq!((replica.exit_code, replica.ports), (Some(3), Vec::new()));
        let deployed = task
            .task_definition_arn("that:1")
            .stopped_reason("Scaling activity initiated by (deployment ecs-svc/1)")
            .stop_code(TaskStopCode::ServiceSchedulerInitiated);
        let replica = listed(&deployed.build());
        assert_eq!(
            replica.status,
            "Exited (3) 1 second ago: Scaling activity initiated by (deployment ecs-svc/1)"
        );
        assert_eq!(replica.command, "");
    }

    #[test]
    fn a_task_of_its_own_shows_its_own_command() {
        let own = ContainerOverride::builder().name("web").command("migrate").build();
        let overrides = TaskOverride::builder().container_overrides(own).build();
        let task = Task::builder().last_status("RUNNING").overrides(overrides).build();
        assert_eq!(listed(&task).command, "migrate");
    }

    #[test]
    fn a_sidecar_has_a_state_of_its_own() {
        let container = |name: &str, state: &str| Container::builder().name(name).last_status(state);
        let task = Task::builder()
            .last_status("RUNNING")
            .health_status(HealthStatus::Healthy)
            .containers(container("web", "RUNNING").build())
            .containers(container("once", "STOPPED").exit_code(0).build())
            .build();
        let once = ContainerDefinition::builder().name("once").build();
        let mut service = service();
        service.sidecar = Some("once".into());
        service.definition = TaskDefinition::builder().container_definitions(once).build();
        let replica = replica(
            &task,
            &service,
            &Addresses::new(),
            &Interfaces::new(),
            Timestamp::from_second(1_000).unwrap(),
        );
        assert_eq!(
            (replica.status.as_str(), replica.state.as_str(), replica.health),
            ("Exited (0)", "stopped", None)
        );
    }

    #[test]
    fn a_task_on_its_way_is_in_ecs_own_state() {
        let task = Task::builder()
            .last_status("PROVISIONING")
            .health_status(HealthStatus::UnknownValue)
            .build();
        let replica = listed(&task);
        assert_eq!((replica.status.as_str(), replica.health), ("Provisioning", None));
    }
}
