//! What services do while CloudFormation waits for them: it says nothing until all of their tasks run.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service};
use indexmap::IndexMap;
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::causes::{self, Cause};
use super::services::{self, DESCRIBED_AT_ONCE, ServiceName};
use super::tasks::StoppedTask;
use super::{Account, tasks, trouble};
use crate::progress::{Event, Progress, State};

/// How often causes are looked for in one service: what fails again and again fails for the same reason.
const ASKED_AT_MOST: usize = 3;

/// A service that starts at once has nothing to tell. For each request that a look takes.
const SHORTEST: Duration = Duration::from_secs(2);
/// Between two looks while nothing changes.
const LONGEST: Duration = Duration::from_secs(15);

/// The services that CloudFormation waits for.
#[derive(Debug)]
pub struct Stabilising {
    /// By ARN.
    waiting: IndexMap<String, Waiting>,
    next: Instant,
    pause: Duration,
}

#[derive(Debug)]
struct Waiting {
    name: ServiceName,
    /// Under which it is shown.
    id: String,
    since: Option<Timestamp>,
    told: Option<(String, Option<String>)>,
    /// What was in the way when its causes were looked for.
    asked_of: Vec<String>,
    /// Why it does not become stable, as far as that was seen.
    causes: Vec<Cause>,
    /// How many tasks had been started for it when those that ended were counted.
    counted_at: usize,
    /// Whether its tasks end again and again, which is told once.
    loops: bool,
}

/// A service whose tasks end with an error again and again.
#[derive(Debug)]
pub struct Looping {
    pub arn: String,
    /// The most probable first.
    pub causes: Vec<Cause>,
}

impl Stabilising {
    #[must_use]
    pub fn new() -> Self {
        Self {
            waiting: IndexMap::new(),
            next: Instant::now() + SHORTEST,
            pause: SHORTEST,
        }
    }

    /// CloudFormation begins to wait for a service, which is shown under this id.
    pub fn begin(&mut self, arn: &str, id: &str, since: Option<Timestamp>) {
        if let (false, Some(name)) = (self.waiting.contains_key(arn), ServiceName::from_arn(arn)) {
            let waiting = Waiting {
                name,
                id: id.to_owned(),
                since,
                told: None,
                asked_of: Vec::new(),
                causes: Vec::new(),
                counted_at: 0,
                loops: false,
            };
            self.waiting.insert(arn.to_owned(), waiting);
            self.soon();
        }
    }

    /// The result is what was in the way of the service until now.
    pub fn end(&mut self, arn: &str) -> Vec<Cause> {
        let waiting = self.waiting.shift_remove(arn);
        waiting.map(|waiting| waiting.causes).unwrap_or_default()
    }

    /// Tells what the services do until the caller has something better to do, or until there is no use in waiting.
    /// Nothing is lost then.
    pub async fn tell(&mut self, account: &Account, progress: &Progress) -> Looping {
        loop {
            if self.waiting.is_empty() {
                std::future::pending::<()>().await;
            }
            sleep_until(self.next).await;
            self.next = Instant::now() + self.pause;
            let names = self.waiting.values().map(|waiting| &waiting.name);
            // The deployment goes on whether ECS answers or not.
            let services = Box::pin(services::look(account, names)).await.unwrap_or_default();
            let (news, looping) = self.see(account, &services, progress).await;
            if news {
                self.soon();
            } else {
                self.pause = longer(self.pause, self.shortest());
                self.next = Instant::now() + self.pause;
            }
            if let Some(looping) = looping {
                return looping;
            }
        }
    }

    /// Tells what is new in services as they are now; whether anything is, and which of them loops.
    pub(super) async fn see(
        &mut self,
        account: &Account,
        services: &[Service],
        progress: &Progress,
    ) -> (bool, Option<Looping>) {
        let asked: Vec<_> = services
            .iter()
            .filter_map(|service| {
                self.waiting
                    .get(service.service_arn()?)
                    .map(|waiting| (service, waiting))
            })
            .filter(|(service, waiting)| waiting.trouble(service).is_some() || waiting.ends(service).is_some())
            .map(|(_, waiting)| (&waiting.name, waiting.since))
            .collect();
        let mut looping = None;
        if !asked.is_empty() {
            let stopped = trouble::stopped_of(account, &asked).await;
            self.ask_why(account, services, &stopped).await;
            looping = self.count_ends(account, services, &stopped).await;
        }
        (self.take(services, progress), looping)
    }

    /// Looks for a service whose tasks end again and again.
    async fn count_ends(&mut self, account: &Account, services: &[Service], stopped: &Stopped) -> Option<Looping> {
        for service in services {
            let arn = service.service_arn().unwrap_or_default();
            let Some(waiting) = self.waiting.get_mut(arn) else {
                continue;
            };
            let Some(started) = waiting.ends(service) else {
                continue;
            };
            waiting.counted_at = started;
            let stopped = stopped.get(&waiting.name).map_or(&[][..], Vec::as_slice);
            let Some((container, times)) = causes::loops(stopped, desired(service)) else {
                continue;
            };
            waiting.loops = true;
            let found = Box::pin(trouble::of_stopped(account, stopped)).await;
            let mut all = trouble::merged(std::mem::take(&mut waiting.causes), found);
            all.sort_by_key(|cause| cause.container.as_deref() != Some(&container));
            waiting.causes.clone_from(&all);
            if let Some(first) = all.first_mut() {
                *first = std::mem::take(first).often(times);
            }
            let arn = arn.to_owned();
            return Some(Looping { arn, causes: all });
        }
        None
    }

    /// Looks for the causes of trouble that is new. The tasks that tell them are soon forgotten, and with them what a
    /// load balancer says of them.
    async fn ask_why(&mut self, account: &Account, services: &[Service], stopped: &Stopped) {
        for service in services {
            let waiting = service.service_arn().and_then(|arn| self.waiting.get_mut(arn));
            let Some(waiting) = waiting else { continue };
            let Some(trouble) = waiting.trouble(service) else {
                continue;
            };
            let stopped = stopped.get(&waiting.name).map_or(&[][..], Vec::as_slice);
            let found = Box::pin(trouble::of_described(account, service, stopped, waiting.since)).await;
            waiting.asked_of.push(trouble);
            waiting.causes = trouble::merged(std::mem::take(&mut waiting.causes), found);
        }
    }

    fn soon(&mut self) {
        self.pause = self.shortest();
        self.next = Instant::now() + self.pause;
    }

    fn shortest(&self) -> Duration {
        shortest(self.waiting.len())
    }

    /// Whether there was news.
    fn take(&mut self, services: &[Service], progress: &Progress) -> bool {
        let mut news = false;
        for service in services {
            let waiting = service.service_arn().and_then(|arn| self.waiting.get_mut(arn));
            let Some(waiting) = waiting else { continue };
            let Some(said) = said(service, waiting.causes.first()) else {
                continue;
            };
            if waiting.told.as_ref() == Some(&said) {
                continue;
            }
            news = true;
            waiting.told = Some(said.clone());
            let (text, detail) = said;
            progress.event(Event {
                id: waiting.id.clone(),
                state: State::Working,
                text,
                detail,
            });
        }
        news
    }
}

/// Tasks that ended.
type Stopped = BTreeMap<ServiceName, Vec<StoppedTask>>;

impl Waiting {
    /// What is in the way, if it is new.
    fn trouble(&self, service: &Service) -> Option<String> {
        let trouble = signs(service)?;
        let is_new = !self.asked_of.contains(&trouble) && self.asked_of.len() < ASKED_AT_MOST;
        is_new.then_some(trouble)
    }

    /// How many tasks have been started, if so many that it may loop, and more than when they were counted.
    fn ends(&self, service: &Service) -> Option<usize> {
        let started = starts(service, self.since);
        let enough = !self.loops && started >= causes::enough(desired(service)) && started != self.counted_at;
        enough.then_some(started)
    }
}

fn desired(service: &Service) -> i32 {
    primary(service).map_or(1, Deployment::desired_count)
}

impl Default for Stabilising {
    fn default() -> Self {
        Self::new()
    }
}

/// The more services there are, the more requests each look takes, and the fewer looks there are.
fn shortest(services: usize) -> Duration {
    let requests = services.div_ceil(DESCRIBED_AT_ONCE).max(1);
    SHORTEST * u32::try_from(requests).unwrap_or(u32::MAX)
}

fn longer(pause: Duration, shortest: Duration) -> Duration {
    (pause * 3 / 2).min(LONGEST.max(shortest))
}

#[cfg(test)]
pub(super) fn looks_in_a_minute(services: usize) -> usize {
    let (mut pause, mut looks) = (shortest(services), 0);
    let mut left = Duration::from_mins(1);
    while let Some(rest) = left.checked_sub(pause) {
        (left, looks, pause) = (rest, looks + 1, longer(pause, shortest(services)));
    }
    looks
}

/// What a service waits for, if it is not as it should be.
#[must_use]
pub fn unsettled(service: &Service) -> Option<String> {
    let newest = primary(service)?;
    let others = service
        .deployments()
        .iter()
        .any(|other| other.id() != newest.id() && other.running_count() > 0);
    let settled = !others && service.running_count() >= service.desired_count() && signs(service).is_none();
    if settled && newest.rollout_state() != Some(&DeploymentRolloutState::Failed) {
        return None;
    }
    let (text, detail) = said(service, None)?;
    Some(detail.map_or(text.clone(), |detail| format!("{text}: {detail}")))
}

/// What shows that something is in the way, in words that differ when it is something new.
fn signs(service: &Service) -> Option<String> {
    let newest = primary(service)?;
    let failed = newest.failed_tasks() > 0;
    let trouble = trouble(service, newest);
    (failed || trouble.is_some()).then(|| format!("{} {}", newest.failed_tasks(), trouble.unwrap_or_default()))
}

/// The deployment that brings a service to what it shall be.
#[must_use]
pub fn primary(service: &Service) -> Option<&Deployment> {
    let mut deployments = service.deployments().iter();
    deployments.find(|deployment| deployment.status() == Some("PRIMARY"))
}

/// How many of its tasks run, and what it waits for.
fn said(service: &Service, cause: Option<&Cause>) -> Option<(String, Option<String>)> {
    let deployments = service.deployments();
    let newest = primary(service)?;
    let (running, desired) = (newest.running_count(), newest.desired_count());
    let old: i32 = deployments
        .iter()
        .filter(|deployment| deployment.id() != newest.id())
        .map(Deployment::running_count)
        .sum();
    let text = format!("{running} of {desired} tasks run");
    let mut details = Vec::new();
    if newest.failed_tasks() > 0 {
        details.push(format!("{} failed", newest.failed_tasks()));
    }
    if newest.pending_count() > 0 {
        details.push(format!("{} starting", newest.pending_count()));
    }
    if old > 0 {
        details.push(format!("{old} of the old ones run still"));
    }
    if running >= desired && old == 0 && newest.failed_tasks() == 0 {
        let balanced = !service.load_balancers().is_empty();
        details.push(
            if balanced {
                "waits for health checks"
            } else {
                "waits until they are stable"
            }
            .to_owned(),
        );
    }
    details.extend(match cause {
        Some(cause) => Some(cause.what.clone()),
        None => trouble(service, newest),
    });
    let detail = details.join(", ");
    Some((text, Some(detail).filter(|detail| !detail.is_empty())))
}

/// How many tasks ECS says to have started for a service since then.
fn starts(service: &Service, since: Option<Timestamp>) -> usize {
    let recent = service
        .events()
        .iter()
        .filter(|event| since.is_none_or(|since| tasks::time(event.created_at()) >= Some(since)));
    let counts = recent.filter_map(|event| {
        let (_, rest) = event.message()?.split_once(" has started ")?;
        rest.split_once(" tasks")?.0.parse::<usize>().ok()
    });
    counts.sum()
}

/// What ECS says is in the way, if that is the newest it says of this deployment.
fn trouble(service: &Service, deployment: &Deployment) -> Option<String> {
    let event = service.events().first()?;
    let is_new = event.created_at() >= deployment.created_at();
    let message = event.message()?;
    let bad = ["unable", "unhealthy", "failed", "error", "deregistered"];
    let is_trouble = bad.iter().any(|word| message.contains(word));
    // It begins with the name of the service, which is long and known.
    let short = message.split_once(") ").map_or(message, |(_, rest)| rest);
    (is_new && is_trouble).then(|| short.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_ecs::primitives::DateTime;
    use aws_sdk_ecs::types::{LoadBalancer, ServiceEvent};

    use super::*;

    const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:service/shop/web";

    fn deployment(status: &str, [running, pending, failed]: [i32; 3]) -> Deployment {
        Deployment::builder()
            .id(status)
            .status(status)
            .desired_count(2)
            .running_count(running)
            .pending_count(pending)
            .failed_tasks(failed)
            .created_at(DateTime::from_secs(100))
            .build()
    }

    fn service(deployments: Vec<Deployment>, event: Option<(i64, &str)>) -> Service {
        let event = event.map(|(at, message)| {
            let at = DateTime::from_secs(at);
            vec![ServiceEvent::builder().created_at(at).message(message).build()]
        });
        Service::builder()
            .service_arn(ARN)
            .set_deployments(Some(deployments))
            .set_events(event)
            .build()
    }

    fn words(service: &Service) -> String {
        let (text, detail) = said(service, None).unwrap();
        format!("{text}: {}", detail.unwrap_or_default())
    }

    #[test]
    fn counts_and_what_is_waited_for() {
        let starting = service(vec![deployment("PRIMARY", [0, 2, 0])], None);
        assert_eq!(words(&starting), "0 of 2 tasks run: 2 starting");
        let rolling = vec![deployment("PRIMARY", [1, 1, 0]), deployment("ACTIVE", [2, 0, 0])];
        assert_eq!(
            words(&service(rolling, None)),
            "1 of 2 tasks run: 1 starting, 2 of the old ones run still"
        );
        let mut settling = service(vec![deployment("PRIMARY", [2, 0, 0])], None);
        assert_eq!(words(&settling), "2 of 2 tasks run: waits until they are stable");
        settling.load_balancers = Some(vec![LoadBalancer::builder().build()]);
        assert_eq!(words(&settling), "2 of 2 tasks run: waits for health checks");
    }

    #[test]
    fn the_newest_trouble_of_this_deployment_is_told() {
        let message = "(service web) was unable to place a task because no container instance met its requirements.";
        let stuck = |at| words(&service(vec![deployment("PRIMARY", [0, 0, 1])], Some((at, message))));
        assert_eq!(
            stuck(200),
            "0 of 2 tasks run: 1 failed, was unable to place a task because no container instance met its requirements"
        );
        assert_eq!(stuck(50), "0 of 2 tasks run: 1 failed");
        let cause = Cause {
            what: "there is no instance for the task".to_owned(),
            ..Cause::default()
        };
        let known = service(vec![deployment("PRIMARY", [0, 0, 1])], Some((200, message)));
        let (_, detail) = said(&known, Some(&cause)).unwrap();
        assert_eq!(detail.as_deref(), Some("1 failed, there is no instance for the task"));
        let fine = service(
            vec![deployment("PRIMARY", [0, 1, 0])],
            Some((200, "(service web) has started 1 tasks.")),
        );
        assert_eq!(words(&fine), "0 of 2 tasks run: 1 starting");
    }

    #[test]
    fn tasks_that_were_started_are_counted_from_the_beginning_of_the_wait() {
        let at = |second: i64, message: &str| {
            let at = DateTime::from_secs(second);
            ServiceEvent::builder().created_at(at).message(message).build()
        };
        let mut service = service(vec![deployment("PRIMARY", [0, 1, 0])], None);
        service.events = Some(vec![
            at(30, "(service web) has started 1 tasks: (task 3)."),
            at(20, "(service web) has started 2 tasks: (task 1) (task 2)."),
            at(15, "(service web) was unable to place a task."),
            at(5, "(service web) has started 9 tasks."),
        ]);
        assert_eq!(starts(&service, Timestamp::from_second(10).ok()), 3);
        assert_eq!(starts(&service, None), 12);
    }

    #[tokio::test]
    async fn only_what_changes_is_told_and_only_while_it_is_waited_for() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        let progress = Progress::new(move |event: Event| sink.lock().unwrap().push(event.id + ": " + &event.text));
        let mut stabilising = Stabilising::new();
        stabilising.begin(ARN, "web: WebService", None);
        let one = service(vec![deployment("PRIMARY", [1, 1, 0])], None);
        assert!(stabilising.take(std::slice::from_ref(&one), &progress));
        assert!(!stabilising.take(std::slice::from_ref(&one), &progress));
        let two = service(vec![deployment("PRIMARY", [2, 0, 0])], None);
        assert!(stabilising.take(std::slice::from_ref(&two), &progress));
        stabilising.end(ARN);
        assert!(!stabilising.take(&[one], &progress));
        let told = told.lock().unwrap().clone();
        assert_eq!(
            told,
            ["web: WebService: 1 of 2 tasks run", "web: WebService: 2 of 2 tasks run"]
        );
    }
}
