//! Why a service does not become stable: what ECS, the load balancer and the containers say, in a person's words, with
//! what to do about it and which attribute of the Compose file it is about.
//!
//! Decides only; [`super::trouble`] asks.

mod crash;
mod start;
mod target;

pub use crash::{enough, loops};
pub use target::{SickTarget, of_target};

use super::explain;
use super::failure::sentence;
use super::tasks::{StoppedContainer, StoppedTask};
use start::{is_helper, of_capacity, of_permission, of_quota, of_role, of_start};

/// A reason for which a service does not become stable.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Cause {
    /// In one sentence.
    pub what: String,
    /// AWS's own words, and what the container wrote last.
    pub notes: Vec<String>,
    pub hint: Option<String>,
    /// The attributes that say otherwise, in dots; the first that the service has is where the mistake probably stands.
    pub attributes: &'static [&'static str],
    /// The container that it is about.
    pub container: Option<String>,
}

impl Cause {
    fn new(what: impl Into<String>, attributes: &'static [&'static str]) -> Self {
        let what = what.into();
        Self {
            what,
            attributes,
            ..Self::default()
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// AWS's words, unless they are the sentence already.
    fn said(mut self, said: &str) -> Self {
        let said = sentence(said);
        if !said.is_empty() && !self.what.contains(said) {
            self.notes.push(format!("AWS says: {said}"));
        }
        self
    }

    /// Adds that it happened again and again.
    #[must_use]
    pub fn often(mut self, times: usize) -> Self {
        let note = format!("{times} tasks have ended like this since the deployment began");
        self.notes.insert(0, note);
        self
    }

    fn of(mut self, container: &str) -> Self {
        self.container = Some(container.to_owned());
        self
    }

    /// Adds what the container wrote last, which may say more than AWS.
    #[must_use]
    pub fn with_lines(mut self, lines: &[String]) -> Self {
        let (Some(container), false) = (&self.container, lines.is_empty()) else {
            return self;
        };
        let wrote = format!("container `{container}` wrote last:\n{}", lines.join("\n"));
        if lines.iter().any(|line| line.contains("exec format error")) {
            self.what = format!("the image of container `{container}` is built for another processor");
            self.attributes = &["platform", "image", "build"];
            self.hint = Some("build it for `linux/amd64`, or say `platform: linux/arm64`".to_owned());
        }
        self.notes.push(wrote);
        self
    }
}

/// All that ECS says when a load balancer calls a target unhealthy.
pub(super) const BALANCED: &str = "the load balancer's health check fails";

/// Why a task ended, if it did not end because somebody wanted it to.
#[must_use]
pub fn of_task(stopped: &StoppedTask) -> Option<Cause> {
    let said = stopped.reason.as_deref().unwrap_or_default();
    let own = stopped.containers.iter().filter_map(|container| {
        let reason = container.reason.as_deref()?;
        Some((container, reason))
    });
    for (container, reason) in own {
        if let Some(cause) = of_container(container, reason, &stopped.containers) {
            return Some(cause.of(&container.name).said(reason));
        }
    }
    if let Some(cause) = of_start(said, &stopped.containers, &stopped.containers) {
        return Some(cause.said(said));
    }
    if said.contains("container health checks") {
        let sick = stopped.containers.iter().find(|container| container.unhealthy);
        let name = sick.or(stopped.containers.first())?.name.clone();
        let cause = Cause::new(
            format!("the health check of container `{name}` fails"),
            &["healthcheck"],
        );
        let hint = "run its `test` in the image; a longer `healthcheck.start_period` gives it more time";
        return Some(cause.of(&name).hint(hint));
    }
    if said.contains("ELB health checks") {
        let hint =
            "check that the container listens on the published port on all addresses (0.0.0.0), and answers with 200";
        let cause = Cause::new(BALANCED, &["ports"]).hint(hint);
        let main = stopped
            .containers
            .iter()
            .find(|container| container.exit_code != Some(0));
        let cause = main.map_or(cause.clone(), |main| cause.of(&main.name));
        return Some(cause.said(said));
    }
    // Whatever its containers made of the signal.
    if stopped.is_wanted() {
        return None;
    }
    if let Some(container) = ended_badly(&stopped.containers).first() {
        return Some(of_exit(container));
    }
    if said.contains("Essential container") {
        // What only prepares a task has ended before.
        let mut ended = stopped
            .containers
            .iter()
            .filter(|container| container.exit_code == Some(0) && !is_helper(&container.name, &stopped.containers));
        let ended = ended.next()?;
        let cause = Cause::new(
            format!("container `{}` ended with 0, and a service has to go on", ended.name),
            &["restart", "command", "image"],
        );
        let hint = "give it a `command` that stays in the foreground; `restart: \"no\"` makes a job of it";
        return Some(cause.of(&ended.name).hint(hint));
    }
    let hint = explain::hint(said);
    let cause = Cause::new(explain::task(stopped), &[]);
    Some(hint.map_or(cause.clone(), |hint| cause.hint(hint)))
}

/// What is in the way, out of an event of an ECS service; most events are no trouble, or follow from one.
#[must_use]
pub fn of_event(message: &str) -> Option<Cause> {
    // It begins with the name of the service, which is long and known.
    let said = sentence(message.split_once(") ").map_or(message, |(_, rest)| rest));
    let has = |words: &str| said.contains(words);
    if let Some(quota) = of_quota(said) {
        return Some(quota);
    }
    if has("assume the role") || has("assume role") {
        return Some(of_role(said));
    }
    if has("unable to place a task") || has("Capacity is unavailable") || has("capacity is unavailable") {
        return Some(of_capacity(said));
    }
    if has("not authorized to perform") {
        return Some(of_permission(said, &[]).said(said));
    }
    let failed = said
        .split_once("with (error ")
        .filter(|_| has("failed to launch a task") || has("unable to"));
    if let Some((_, error)) = failed {
        return Some(Cause::new(
            format!("no task can be started: {}", error.trim_end_matches(')')),
            &[],
        ));
    }
    if let (true, Some((_, reason))) = (has("is unhealthy in"), said.split_once("due to (reason ")) {
        let port = said.split_once("(port ").and_then(|(_, rest)| rest.split_once(')'));
        let target = SickTarget {
            port: port.and_then(|(port, _)| port.parse().ok()).unwrap_or_default(),
            reason: String::new(),
            description: reason.trim_end_matches(')').to_owned(),
        };
        return Some(of_target(&target, &[]));
    }
    None
}

/// The containers that ended by themselves with an error; when there is none, those that were killed.
#[must_use]
pub fn ended_badly(containers: &[StoppedContainer]) -> Vec<&StoppedContainer> {
    const KILLED: [i32; 2] = [128 + 9, 128 + 15];
    let failed = |container: &&StoppedContainer| container.exit_code.is_some_and(|code| code != 0);
    let (killed, own): (Vec<_>, Vec<_>) = containers
        .iter()
        .filter(failed)
        .partition(|container| container.exit_code.is_some_and(|code| KILLED.contains(&code)));
    if own.is_empty() { killed } else { own }
}

/// What the reason of a container means, where it means more than that it ended.
fn of_container(container: &StoppedContainer, reason: &str, task: &[StoppedContainer]) -> Option<Cause> {
    let name = &container.name;
    let has = |words: &str| reason.contains(words);
    if has("OutOfMemory") {
        let limit = match container.memory {
            Some(limit) => format!("its {limit} MiB"),
            None => "it may have".to_owned(),
        };
        let what = format!("container `{name}` was killed: it needs more memory than {limit}");
        let attributes = &["deploy.resources.limits.memory", "mem_limit", "deploy.resources"];
        return Some(Cause::new(what, attributes).hint("raise `deploy.resources.limits.memory`"));
    }
    if has("executable file not found") || (has("CannotStart") && has("no such file or directory")) {
        let what = format!("the image of container `{name}` has no such program as it is to start");
        return Some(Cause::new(what, &["entrypoint", "command", "image"]).hint("check `command` and `entrypoint`"));
    }
    if has("CannotStart") && has("permission denied") {
        let what = format!("the program of container `{name}` may not be executed");
        let hint = "make the file executable in the image (`chmod +x`)";
        return Some(Cause::new(what, &["entrypoint", "command", "image"]).hint(hint));
    }
    of_start(reason, std::slice::from_ref(container), task)
}

fn of_exit(container: &StoppedContainer) -> Cause {
    const MISSING: i32 = 127;
    let code = container.exit_code.unwrap_or_default();
    let cause = Cause::new(format!("container `{}` exited with {code}", container.name), &[]).of(&container.name);
    if code == MISSING {
        let attributes = &["command", "entrypoint", "image"];
        return Cause { attributes, ..cause }
            .hint("127 says that a program was not found: check `command` and `entrypoint`");
    }
    cause.hint("`ctx logs` shows more of what the container wrote")
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::TaskStopCode;

    use super::*;

    fn container(name: &str, exit_code: Option<i32>) -> StoppedContainer {
        StoppedContainer {
            name: name.into(),
            image: format!("docker.io/library/{name}:1"),
            exit_code,
            ..StoppedContainer::default()
        }
    }

    fn stopped(reason: &str, code: TaskStopCode, containers: Vec<StoppedContainer>) -> StoppedTask {
        StoppedTask {
            id: "4711".into(),
            reason: Some(reason.into()),
            containers,
            definition: String::new(),
            code: Some(code),
            at: None,
        }
    }

    #[test]
    fn what_somebody_wanted_is_no_failure() {
        let scaled = "Scaling activity initiated by (deployment ecs-svc/1)";
        let killed = vec![container("web", Some(143))];
        let by_service = stopped(scaled, TaskStopCode::ServiceSchedulerInitiated, killed.clone());
        assert_eq!(of_task(&by_service), None);
        let by_user = stopped("Task stopped by user", TaskStopCode::UserInitiated, killed);
        assert_eq!(of_task(&by_user), None);
        let started = "(service web) has started 1 tasks: (task 4711).";
        assert_eq!(of_event(started), None);
        assert_eq!(
            of_event("(service web) (deployment ecs-svc/1) deployment failed: tasks failed to start."),
            None
        );
    }

    #[test]
    fn the_container_that_ended_by_itself_is_the_cause() {
        let containers = vec![
            container("init", Some(0)),
            container("side", Some(137)),
            container("web", Some(2)),
        ];
        let task = stopped(
            "Essential container in task exited",
            TaskStopCode::EssentialContainerExited,
            containers,
        );
        let cause = of_task(&task).unwrap();
        assert_eq!(cause.what, "container `web` exited with 2");
        assert_eq!(cause.container.as_deref(), Some("web"));
    }

    #[test]
    fn the_image_that_cannot_be_pulled_is_the_one_that_the_message_names() {
        let said = "CannotPullContainerError: ref pull has been retried: docker.io/library/side:1: not found";
        let containers = vec![container("web", None), container("side", None)];
        let cause = of_task(&stopped(said, TaskStopCode::TaskFailedToStart, containers)).unwrap();
        assert_eq!(cause.container.as_deref(), Some("side"));
        assert!(
            cause.what.starts_with("cannot pull image `docker.io/library/side:1`"),
            "{}",
            cause.what
        );
    }

    #[test]
    fn the_image_that_prepares_tasks_is_no_mistake_of_the_file() {
        let said = "CannotPullContainerError: dial tcp: i/o timeout: docker.io/library/web-init:1";
        let of = |containers: Vec<StoppedContainer>| {
            of_task(&stopped(said, TaskStopCode::TaskFailedToStart, containers)).unwrap()
        };
        let cause = of(vec![container("web", None), container("web-init", None)]);
        assert!(
            cause.what.contains("with which `ctx` prepares each task"),
            "{}",
            cause.what
        );
        assert!(cause.attributes.is_empty());
        assert!(cause.hint.unwrap().contains("InitImage"));
        let cause = of(vec![container("web-init", None), container("web-init-init", None)]);
        assert_eq!(cause.attributes[0], "image", "a service may be called so");

        let mut task = stopped("", TaskStopCode::TaskFailedToStart, vec![container("web", None)]);
        let reason = Some(said.to_owned());
        task.containers.push(StoppedContainer {
            reason,
            ..container("web-init", None)
        });
        assert!(of_task(&task).unwrap().hint.unwrap().contains("InitImage"));
    }

    #[test]
    fn another_processor_shows_in_what_the_container_wrote() {
        let task = stopped(
            "Essential container in task exited",
            TaskStopCode::EssentialContainerExited,
            vec![container("web", Some(255))],
        );
        let lines = ["exec /usr/bin/web: exec format error".to_owned()];
        let cause = of_task(&task).unwrap().with_lines(&lines);
        assert_eq!(
            cause.what,
            "the image of container `web` is built for another processor"
        );
        assert_eq!(cause.attributes[0], "platform");
    }

    #[test]
    fn what_ecs_says_of_a_target_is_understood() {
        let event = "(service web) (port 80) is unhealthy in (target-group arn:aws:1) due to (reason Health checks \
                     failed with these codes: [502]).";
        let cause = of_event(event).unwrap();
        assert_eq!(
            cause.what,
            "the load balancer's health check of port 80 fails: Health checks failed with these codes: [502]"
        );
    }
}
