//! What a command of its own makes of the task definition of a deployed service: overrides where ECS has them, and a
//! definition of its own where it has not. Decides only; [`super::run`] asks.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{
    ContainerDefinition, ContainerOverride, ContainerRestartPolicy, KernelCapabilities, KeyValuePair, LinuxParameters,
    MountPoint, TaskDefinition, TaskOverride, Volume,
};

use crate::backend::{BuildPolicy, Run};
use crate::error::{Error, Result};

/// What is handed to ECS.
#[derive(Clone, PartialEq, Debug)]
pub struct OneOff {
    /// None: the deployed one does.
    pub definition: Option<TaskDefinition>,
    pub overrides: TaskOverride,
}

/// Refuses what no task can be asked for, so that nobody believes in its effect.
pub fn check(run: &Run) -> Result<()> {
    const DEPLOYED: &str = "it runs what is deployed: `ctx up` deploys what the files say, and builds it";
    const REACHED: &str = "the project's services reach its task under its own address, in the service's networks";
    let refused = [
        (run.build == BuildPolicy::Always, "--build", DEPLOYED),
        (run.pull, "--pull", "ECS pulls images itself"),
        (run.quiet_pull, "--quiet-pull", "ECS pulls images itself"),
        (!run.ports.is_empty(), "--publish", REACHED),
        (run.service_ports, "--service-ports", REACHED),
        (run.aliases, "--use-aliases", REACHED),
        (
            run.remove_orphans,
            "--remove-orphans",
            "`ctx up` removes what the files no longer have",
        ),
    ];
    match refused.iter().find(|(given, ..)| *given) {
        Some((_, option, hint)) => Err(Error::new(format!("`{option}` means nothing to `ctx run` on ECS")).hint(*hint)),
        None => Ok(()),
    }
}

/// What runs the command in the place of the container `main`.
pub fn one_off(deployed: &TaskDefinition, main: &str, run: &Run) -> Result<OneOff> {
    let needed = needed(deployed.container_definitions(), main);
    let variables = pairs(&run.environment);
    let of_secrets = |container: &ContainerDefinition| {
        let mut secrets = container.secrets().iter();
        secrets.any(|secret| variables.iter().any(|(name, _)| *name == secret.name()))
    };
    let mine = |container: &&ContainerDefinition| container.name() == Some(main);
    let Some(own) = deployed.container_definitions().iter().find(mine) else {
        return Err(Error::new(format!("the deployed task has no container `{main}`")));
    };
    let restarts = own.restart_policy().is_some_and(ContainerRestartPolicy::enabled);
    let overridable = run.entrypoint.is_none()
        && run.user.is_none()
        && run.workdir.is_none()
        && run.cap_add.is_empty()
        && run.cap_drop.is_empty()
        && run.volumes.is_empty()
        && !of_secrets(own)
        && !restarts
        && own.essential().unwrap_or(true)
        && needed.len() == deployed.container_definitions().len();
    let definition = if overridable {
        None
    } else {
        Some(derived(deployed, main, &needed, run)?)
    };
    let environment = variables
        .iter()
        .map(|(name, value)| KeyValuePair::builder().name(*name).value(*value).build());
    let container = ContainerOverride::builder()
        .name(main)
        .set_command((!run.command.is_empty()).then(|| run.command.clone()))
        .set_environment(Some(environment.collect::<Vec<_>>()).filter(|all| !all.is_empty()))
        .build();
    let overrides = TaskOverride::builder().container_overrides(container).build();
    Ok(OneOff { definition, overrides })
}

/// The deployed definition with what an override cannot say, and without the containers that are not needed.
fn derived(deployed: &TaskDefinition, main: &str, needed: &BTreeSet<String>, run: &Run) -> Result<TaskDefinition> {
    let mut definition = deployed.clone();
    let is_needed = |container: &ContainerDefinition| container.name().is_some_and(|name| needed.contains(name));
    let mut containers = definition.container_definitions.take().unwrap_or_default();
    containers.retain(is_needed);
    let mut volumes = definition.volumes.take().unwrap_or_default();
    let init = format!("{main}-init");
    for (number, mount) in run.volumes.iter().enumerate() {
        let target = mount
            .target
            .as_ref()
            .map(|target| target.value.clone())
            .unwrap_or_default();
        let source = mount.source.as_ref().map(|source| source.value.as_str());
        if mount.mount_type.value != "volume" {
            let what = format!(
                "cannot mount `{}` on ECS: it is on this machine",
                source.unwrap_or_default()
            );
            return Err(Error::new(what).hint("name a volume of the service, or copy the files into the image"));
        }
        let name = match source {
            Some(name) if volumes.iter().any(|volume| volume.name() == Some(name)) => name.to_owned(),
            Some(name) => {
                let what = format!("the deployed task has no volume `{name}` that could be mounted");
                return Err(Error::new(what).hint("list it under `volumes` of the service, and `ctx up`"));
            }
            None => {
                let name = format!("run-{number}");
                volumes.push(Volume::builder().name(&name).build());
                // What prepares the task lets every user write there.
                mount_at(&mut containers, &init, &name, &format!("/volumes/{name}"), false);
                name
            }
        };
        let read_only = mount.read_only.as_ref().is_some_and(|read_only| read_only.value);
        mount_at(&mut containers, main, &name, &target, read_only);
    }
    let names: Vec<_> = pairs(&run.environment).into_iter().map(|(name, _)| name).collect();
    for container in containers.iter_mut().filter(|container| container.name() == Some(main)) {
        container.essential = Some(true);
        // A command that has ended has ended.
        container.restart_policy = None;
        if let Some(entrypoint) = &run.entrypoint {
            container.entry_point = Some(entrypoint.clone());
            // As with an image: another entry point does not take the old one's arguments.
            container.command = Some(Vec::new());
        }
        container.user = run.user.clone().or(container.user.take());
        container.working_directory = run.workdir.clone().or(container.working_directory.take());
        if let Some(secrets) = &mut container.secrets {
            secrets.retain(|secret| !names.contains(&secret.name()));
        }
        if !run.cap_add.is_empty() || !run.cap_drop.is_empty() {
            let parameters = container.linux_parameters.take();
            container.linux_parameters = Some(with_capabilities(parameters, run));
        }
    }
    definition.family = Some(format!("{}-run", deployed.family().unwrap_or(main)));
    definition.container_definitions = Some(containers);
    definition.volumes = Some(volumes);
    Ok(definition)
}

/// Mounts a volume; what was mounted there before is not.
fn mount_at(containers: &mut [ContainerDefinition], name: &str, volume: &str, path: &str, read_only: bool) {
    for container in containers.iter_mut().filter(|container| container.name() == Some(name)) {
        let mounts = container.mount_points.get_or_insert_default();
        mounts.retain(|mount| mount.container_path() != Some(path));
        let mount = MountPoint::builder().source_volume(volume).container_path(path);
        mounts.push(mount.read_only(read_only).build());
    }
}

fn with_capabilities(parameters: Option<LinuxParameters>, run: &Run) -> LinuxParameters {
    let mut parameters = parameters.unwrap_or_else(|| LinuxParameters::builder().build());
    let mut capabilities = parameters
        .capabilities
        .take()
        .unwrap_or_else(|| KernelCapabilities::builder().build());
    capabilities.add.get_or_insert_default().extend(run.cap_add.clone());
    capabilities.drop.get_or_insert_default().extend(run.cap_drop.clone());
    parameters.capabilities = Some(capabilities);
    parameters
}

/// The names of a container and of those without which it does not start or has no log.
fn needed(containers: &[ContainerDefinition], main: &str) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    let mut open = vec![main.to_owned()];
    while let Some(name) = open.pop() {
        let found = containers.iter().find(|container| container.name() == Some(&name));
        let Some(container) = found.filter(|_| needed.insert(name)) else {
            continue;
        };
        let waited_for = container.depends_on().iter().map(|other| other.container_name.as_str());
        let mounted = container
            .volumes_from()
            .iter()
            .filter_map(|other| other.source_container());
        open.extend(waited_for.chain(mounted).map(str::to_owned));
        let driver = container
            .log_configuration()
            .map(|logging| logging.log_driver().as_str());
        if driver == Some("awsfirelens") {
            let routers = containers
                .iter()
                .filter(|other| other.firelens_configuration().is_some());
            open.extend(routers.filter_map(|router| router.name().map(str::to_owned)));
        }
    }
    needed
}

fn pairs(assignments: &[String]) -> Vec<(&str, &str)> {
    let pair = |text| str::split_once(text, '=').unwrap_or((text, ""));
    assignments.iter().map(|text| pair(text.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::builders::ContainerDefinitionBuilder;
    use aws_sdk_ecs::types::{ContainerCondition, ContainerDependency, Secret};

    use super::*;

    fn container(name: &str) -> ContainerDefinitionBuilder {
        ContainerDefinition::builder().name(name).essential(true)
    }

    fn web() -> ContainerDefinitionBuilder {
        let waits = ContainerDependency::builder()
            .container_name("web-init")
            .condition(ContainerCondition::Success);
        container("web").depends_on(waits.build().unwrap()).command("serve")
    }

    fn definition(containers: impl IntoIterator<Item = ContainerDefinitionBuilder>) -> TaskDefinition {
        let containers = containers.into_iter().map(ContainerDefinitionBuilder::build);
        TaskDefinition::builder()
            .family("shop-web")
            .volumes(Volume::builder().name("data").build())
            .set_container_definitions(Some(containers.collect()))
            .build()
    }

    fn asked(command: &[&str]) -> Run {
        Run {
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            ..Run::default()
        }
    }

    #[test]
    fn a_command_and_variables_are_overrides() {
        let deployed = definition([container("web-init"), web()]);
        let run = Run {
            environment: vec!["A=1=2".into(), "EMPTY=".into()],
            ..asked(&["migrate", "--all"])
        };
        let one_off = one_off(&deployed, "web", &run).unwrap();
        assert_eq!(one_off.definition, None);
        let [container] = one_off.overrides.container_overrides() else {
            panic!("one container is overridden: {one_off:?}");
        };
        assert_eq!(container.name(), Some("web"));
        assert_eq!(container.command(), ["migrate", "--all"]);
        let variables: Vec<_> = container
            .environment()
            .iter()
            .map(|pair| (pair.name(), pair.value()))
            .collect();
        assert_eq!(variables, [(Some("A"), Some("1=2")), (Some("EMPTY"), Some(""))]);
    }

    #[test]
    fn without_a_command_the_service_runs_its_own() {
        let one_off = one_off(&definition([web()]), "web", &asked(&[])).unwrap();
        assert!(one_off.overrides.container_overrides()[0].command.is_none());
    }

    #[test]
    fn what_no_override_can_say_is_a_definition_of_its_own() {
        let run = Run {
            entrypoint: Some(vec!["sh".into(), "-c".into()]),
            user: Some("nobody".into()),
            workdir: Some("/srv".into()),
            cap_drop: vec!["NET_RAW".into()],
            ..asked(&[])
        };
        let derived = one_off(&definition([container("web-init"), web()]), "web", &run).unwrap();
        let derived = derived.definition.unwrap();
        assert_eq!(derived.family(), Some("shop-web-run"));
        let web = &derived.container_definitions()[1];
        assert_eq!(
            (web.entry_point(), web.command()),
            (&["sh".to_owned(), "-c".to_owned()][..], &[][..])
        );
        assert_eq!((web.user(), web.working_directory()), (Some("nobody"), Some("/srv")));
        let capabilities = web.linux_parameters().unwrap().capabilities().unwrap();
        assert_eq!(capabilities.drop(), ["NET_RAW"]);
    }

    #[test]
    fn a_variable_takes_the_place_of_a_secret_of_the_same_name() {
        let secret = |name: &str| Secret::builder().name(name).value_from("arn").build().unwrap();
        let deployed = definition([web().secrets(secret("PASSWORD")).secrets(secret("OTHER"))]);
        let run = Run {
            environment: vec!["PASSWORD=x".into()],
            ..asked(&[])
        };
        let one_off = one_off(&deployed, "web", &run).unwrap();
        let derived = one_off.definition.unwrap();
        let left: Vec<_> = derived.container_definitions()[0]
            .secrets()
            .iter()
            .map(Secret::name)
            .collect();
        assert_eq!(left, ["OTHER"]);
        // Definitions can be read for ever; what is given to one task is not in them.
        assert!(derived.container_definitions()[0].environment().is_empty());
    }

    #[test]
    fn a_command_that_has_ended_is_not_started_again() {
        let policy = ContainerRestartPolicy::builder().enabled(true).build().unwrap();
        let one_off = one_off(&definition([web().restart_policy(policy)]), "web", &asked(&["x"])).unwrap();
        assert_eq!(
            one_off.definition.unwrap().container_definitions()[0].restart_policy,
            None
        );
    }

    #[test]
    fn containers_that_the_command_does_not_need_stay_away() {
        let deployed = definition([container("web-init"), web(), container("proxy").essential(false)]);
        let run = |main| one_off(&deployed, main, &asked(&["x"])).unwrap().definition.unwrap();
        let names = |definition: &TaskDefinition| -> Vec<String> {
            let containers = definition.container_definitions().iter();
            containers.filter_map(|container| container.name.clone()).collect()
        };
        assert_eq!(names(&run("web")), ["web-init", "web"]);
        let proxy = run("proxy");
        assert_eq!(names(&proxy), ["proxy"]);
        assert_eq!(proxy.container_definitions()[0].essential(), Some(true));
    }

    #[test]
    fn what_means_nothing_to_a_task_is_refused() {
        let refused = |run: Run| check(&run).unwrap_err().to_string();
        let run = Run {
            service_ports: true,
            ..Run::default()
        };
        assert_eq!(refused(run), "`--service-ports` means nothing to `ctx run` on ECS");
        let run = Run {
            build: BuildPolicy::Always,
            ..Run::default()
        };
        assert_eq!(refused(run), "`--build` means nothing to `ctx run` on ECS");
        assert!(check(&asked(&["x"])).is_ok());
    }
}
