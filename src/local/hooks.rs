//! Commands around a container's life: `pre_start` in a container of its own, `post_start` and `pre_stop` in it.
//!
//! A container carries those that run in it in a label, so that `stop`, `restart` and `down` run them without the
//! files, and as they were when the container was made. Those that Docker Compose made have no such label; for them
//! the files count, where there are files.

use serde::{Deserialize, Serialize};

use super::observed::Container;
use crate::compose::{Hook, Project, Service, Text};
use crate::diagnostic::Span;

/// What runs in a container after it has started and before it is stopped.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Hooks {
    pub post_start: Vec<Command>,
    pub pre_stop: Vec<Command>,
}

/// One command.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Command {
    /// Where it was written; nowhere if it was read from a label.
    #[serde(skip, default = "nowhere")]
    pub(super) span: Span,
    pub command: Vec<String>,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub privileged: bool,
    #[serde(default)]
    pub working_dir: Option<String>,
    #[serde(default)]
    pub environment: Vec<String>,
}

impl Hooks {
    #[must_use]
    pub fn of(service: &Service) -> Self {
        let commands = |hooks: &[Hook]| hooks.iter().map(command).collect();
        Self {
            post_start: commands(&service.post_start),
            pre_stop: commands(&service.pre_stop),
        }
    }

    /// What stands in a container's label.
    pub(super) fn read(label: &str) -> Option<Self> {
        serde_json::from_str(label).ok()
    }

    /// What to write to a container's label, if anything.
    pub(super) fn label(&self) -> Option<String> {
        (*self != Self::default())
            .then(|| serde_json::to_string(self).ok())
            .flatten()
    }
}

/// Gives containers that say nothing about hooks those of the files.
pub(super) fn adopt(containers: &mut [Container], project: &Project) {
    for container in containers {
        if container.hooks == Hooks::default()
            && !container.one_off
            && let Some(service) = project.services.get(&container.service)
        {
            container.hooks = Hooks::of(service);
        }
    }
}

/// Which of a service's `pre_start` hooks run before one of its containers starts: all before the first one, and
/// before the others those that are meant for each.
pub(super) fn before(service: &Service, first: bool) -> Vec<&Hook> {
    let each = |hook: &&Hook| first || hook.per_replica.is_some_and(|each| each.value);
    service.pre_start.iter().filter(each).collect()
}

/// The service as its `pre_start` hook runs it: everything is the service's own that the hook does not say.
pub(super) fn runner(service: &Service, hook: &Hook) -> Service {
    let mut runner = service.clone();
    runner.command = Some(hook.command.clone());
    if let Some(image) = &hook.image {
        runner.image = Some(image.clone());
    }
    runner.user = hook.user.clone().or(runner.user);
    runner.working_dir = hook.working_dir.clone().or(runner.working_dir);
    runner.privileged = hook.privileged.or(runner.privileged);
    let own = hook
        .environment
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    runner.environment.extend(own);
    runner.healthcheck = None;
    runner.restart = None;
    if let Some(deploy) = &mut runner.deploy {
        deploy.restart_policy = None;
    }
    runner.container_name = None;
    runner.ports.clear();
    runner.depends_on.clear();
    runner.post_start.clear();
    runner.pre_stop.clear();
    for network in runner.networks.values_mut() {
        // Nobody looks for it, and the service's own addresses are the service's.
        network.aliases.clear();
        network.ipv4_address = None;
        network.ipv6_address = None;
        network.mac_address = None;
    }
    runner.mac_address = None;
    runner
}

pub(super) fn command(hook: &Hook) -> Command {
    let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
    let variable = |(name, value): (&String, &crate::compose::Spanned<Option<String>>)| match &value.value {
        Some(value) => format!("{name}={value}"),
        None => name.clone(),
    };
    Command {
        span: hook.span,
        command: hook.command.value.clone(),
        user: text(&hook.user),
        privileged: hook.privileged.is_some_and(|privileged| privileged.value),
        working_dir: text(&hook.working_dir),
        environment: hook.environment.iter().map(variable).collect(),
    }
}

fn nowhere() -> Span {
    Span::NOWHERE
}

#[cfg(test)]
mod tests {
    use super::{Command, Hooks, nowhere};

    #[test]
    fn labels_bring_hooks_back() {
        let command = Command {
            span: nowhere(),
            command: vec!["sh".to_owned(), "-c".to_owned(), "a \"b\"".to_owned()],
            user: Some("root".to_owned()),
            privileged: true,
            working_dir: None,
            environment: vec!["A=b".to_owned()],
        };
        let hooks = Hooks {
            post_start: vec![],
            pre_stop: vec![command],
        };
        let label = hooks.label().expect("something to write");
        assert_eq!(Hooks::read(&label), Some(hooks));
        assert_eq!(Hooks::default().label(), None);
    }
}
