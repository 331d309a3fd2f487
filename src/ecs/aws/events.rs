//! What CloudFormation tells about a stack while it works on it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use aws_sdk_cloudformation::config::Builder;
use aws_sdk_cloudformation::config::retry::RetryConfig;
use aws_sdk_cloudformation::operation::describe_stack_events::builders::DescribeStackEventsFluentBuilder;
use aws_sdk_cloudformation::primitives::DateTime;
use aws_sdk_cloudformation::types::{ResourceStatus, StackEvent};
use jiff::Timestamp;
use tokio::time::Instant;

use super::pace::Pace;
use super::{Account, failure, stack, tasks};
use crate::error::{Error, Result};

/// The newest word about one resource, or about the stack itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    pub time: Option<Timestamp>,
    pub logical_id: String,
    /// Empty until the resource exists.
    pub physical_id: String,
    /// The resource type without `AWS::`.
    pub kind: String,
    /// CloudFormation's own word, as in `CREATE_COMPLETE`.
    pub status: String,
    pub reason: Option<String>,
    /// Whether this is about the stack itself.
    pub of_stack: bool,
}

/// How CloudFormation's work on a stack ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Success,
    Failure,
}

impl Event {
    #[must_use]
    pub fn failed(&self) -> bool {
        self.status.ends_with("_FAILED")
    }

    /// Whether somebody has asked for the work that this event begins.
    fn begins(&self) -> bool {
        let asked = [
            "CREATE_IN_PROGRESS",
            "UPDATE_IN_PROGRESS",
            "DELETE_IN_PROGRESS",
            "IMPORT_IN_PROGRESS",
        ];
        self.of_stack && asked.contains(&self.status.as_str())
    }

    /// Whether this is about a nested stack that exists.
    fn is_of_nested(&self) -> bool {
        !self.of_stack && self.kind == stack::NESTED && !self.physical_id.is_empty()
    }

    /// How the work ended, if this is the event that ends it.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        if !self.of_stack {
            return None;
        }
        match self.status.as_str() {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "DELETE_COMPLETE" | "IMPORT_COMPLETE" => Some(End::Success),
            // A failed creation or update goes on to roll back, unless somebody has turned that off.
            status if status.ends_with("_FAILED") || status.ends_with("ROLLBACK_COMPLETE") => Some(End::Failure),
            _ => None,
        }
    }
}

/// What CloudFormation told since a moment, or, without one, since it began its last work on the stack; of nested stacks
/// as well, oldest first.
pub async fn history(account: &Account, stack_id: &str, since: Option<Timestamp>) -> Result<Vec<Event>> {
    let mut told = read_back(account, stack_id, since).await?;
    let begun = since.or_else(|| told.first().and_then(|event| event.time));
    let nested: BTreeSet<String> = told
        .iter()
        .filter(|event| event.is_of_nested())
        .map(|event| event.physical_id.clone())
        .collect();
    for id in nested {
        let own = read_back(account, &id, begun).await?;
        // What a nested stack says of itself, the stack says as well.
        told.extend(own.into_iter().filter(|event| !event.of_stack));
    }
    told.sort_by_key(|event| event.time);
    Ok(told)
}

/// Page by page, from the newest event to the first that is too old.
async fn read_back(account: &Account, stack_id: &str, since: Option<Timestamp>) -> Result<Vec<Event>> {
    let reader = Reader::of(stack_id, None);
    let mut told = Vec::new();
    let mut token = None;
    'pages: loop {
        let answer = reader.request(account, token).send().await;
        let answer = answer.map_err(|error| account.access.failed(UNREADABLE, &error))?;
        let next = answer.next_token;
        for event in answer.stack_events.unwrap_or_default().into_iter().map(read) {
            if since.is_some_and(|since| event.time.is_some_and(|time| time < since)) {
                break 'pages;
            }
            let begins = since.is_none() && event.begins();
            told.push(event);
            if begins {
                break 'pages;
            }
        }
        token = match next {
            Some(next) => Some(next),
            None => break,
        };
    }
    told.reverse();
    Ok(told)
}

/// Reads the events of a stack and of its nested stacks as they come, each once.
///
/// A read that fails loses nothing: what had been read before it is told with the next.
#[derive(Debug)]
pub struct Follower {
    stack: Reader,
    /// Nested stacks that are being worked on, the one that was looked at least recently first.
    nested: VecDeque<Reader>,
    /// The others, by their ids.
    ended: HashMap<String, Reader>,
    /// Which of those have said something since they were looked at.
    unread: Vec<String>,
    /// What was read and not yet told: of nested stacks, and of the stack.
    told_by_nested: Vec<Event>,
    told_by_stack: Vec<Event>,
    pace: Pace,
    /// Looks at nested stacks have a pace of their own, so that their number does not count.
    nested_pace: Pace,
    next_nested: Instant,
    /// How many of them are looked at at once.
    at_once: usize,
}

/// How many nested stacks are looked at together while they have something to tell. While they have not, one is.
const NESTED_AT_ONCE: usize = 4;
const NESTED_LONGEST: Duration = Duration::from_secs(10);

/// Why events could not be read.
enum Unread {
    /// It may be better the next time.
    Passing(Error),
    Lasting(Error),
}

impl Follower {
    /// From now on: what has happened so far is over.
    pub async fn start(account: &Account, stack_id: &str) -> Result<Self> {
        Ok(Self {
            stack: Reader::start(account, stack_id).await?,
            nested: VecDeque::new(),
            ended: HashMap::new(),
            unread: Vec::new(),
            told_by_nested: Vec::new(),
            told_by_stack: Vec::new(),
            pace: Pace::new(),
            nested_pace: Pace::up_to(NESTED_LONGEST),
            next_nested: Instant::now(),
            at_once: 1,
        })
    }

    /// Waits for the next events, oldest first. Throttling, lost connections and the like are waited out.
    pub async fn next(&mut self, account: &Account) -> Result<Vec<Event>> {
        loop {
            self.pace.wait().await;
            match self.read(account).await {
                Ok(()) => {
                    self.pace.answered();
                    let mut events = std::mem::take(&mut self.told_by_nested);
                    events.append(&mut self.told_by_stack);
                    if !events.is_empty() {
                        self.pace.hurry();
                        return Ok(events);
                    }
                }
                Err(Unread::Passing(error)) => {
                    if !self.pace.back_off() {
                        return Err(error);
                    }
                }
                Err(Unread::Lasting(error)) => return Err(error),
            }
        }
    }

    /// What a nested stack told comes before what the stack says of it.
    async fn read(&mut self, account: &Account) -> Result<(), Unread> {
        let own = self.stack.news(account).await?;
        for event in own.iter().filter(|event| event.is_of_nested()) {
            let id = &event.physical_id;
            let at = self.nested.iter().position(|nested| nested.stack_id == *id);
            let known = at
                .and_then(|at| self.nested.remove(at))
                .or_else(|| self.ended.remove(id));
            let nested = known.unwrap_or_else(|| Reader::of(id, self.stack.after));
            if event.status.ends_with("_IN_PROGRESS") {
                self.nested.push_front(nested);
                self.next_nested = Instant::now();
            } else {
                self.unread.push(id.clone());
                self.ended.insert(id.clone(), nested);
            }
        }
        self.told_by_stack.extend(own);
        while let Some(id) = self.unread.last() {
            if let Some(nested) = self.ended.get_mut(id) {
                let news = nested.news(account).await?;
                self.told_by_nested.extend(of_resources(news));
            }
            self.unread.pop();
        }
        if Instant::now() < self.next_nested {
            return Ok(());
        }
        let mut news = Vec::new();
        for _ in 0..self.at_once.min(self.nested.len()) {
            let Some(nested) = self.nested.front_mut() else { break };
            news.extend(of_resources(nested.news(account).await?));
            self.nested.rotate_left(1);
        }
        self.at_once = if news.is_empty() { 1 } else { NESTED_AT_ONCE };
        if !news.is_empty() {
            self.nested_pace.hurry();
        }
        self.next_nested = Instant::now() + self.nested_pace.step();
        self.told_by_nested.extend(news);
        Ok(())
    }
}

/// What a nested stack says of itself, the stack says as well.
fn of_resources(events: Vec<Event>) -> impl Iterator<Item = Event> {
    events.into_iter().filter(|event| !event.of_stack)
}

/// Reads the events of one stack.
#[derive(Debug)]
struct Reader {
    stack_id: String,
    seen: HashSet<String>,
    /// The time of the newest event that was there before.
    after: Option<DateTime>,
}

impl Reader {
    /// Everything that is not older than `after`.
    fn of(stack_id: &str, after: Option<DateTime>) -> Self {
        Self {
            stack_id: stack_id.to_owned(),
            seen: HashSet::new(),
            after,
        }
    }

    async fn start(account: &Account, stack_id: &str) -> Result<Self> {
        let mut reader = Self::of(stack_id, None);
        let page = reader
            .request(account, None)
            .send()
            .await
            .map_err(|error| account.access.failed(UNREADABLE, &error))?
            .stack_events
            .unwrap_or_default();
        reader.after = page.first().and_then(|newest| newest.timestamp);
        // A stack that is gone already tells nothing any more: its last word is news.
        let gone = page
            .iter()
            .find(|event| is_last_word(event))
            .and_then(|event| event.event_id.clone());
        let seen = page.into_iter().filter_map(|event| event.event_id);
        reader.seen.extend(seen.filter(|id| Some(id) != gone.as_ref()));
        Ok(reader)
    }

    /// Reads back from the newest event to the first page that has nothing but news no more.
    async fn news(&mut self, account: &Account) -> Result<Vec<Event>, Unread> {
        let mut news: Vec<StackEvent> = Vec::new();
        let mut token = None;
        loop {
            let (page, next) = self.page(account, token).await?;
            let length = page.len();
            let before = news.len();
            news.extend(page.into_iter().filter(|event| self.is_news(event)));
            let only_news = news.len() - before == length;
            match next {
                Some(next) if only_news => token = Some(next),
                _ => break,
            }
        }
        // Between two pages the events may have moved.
        news.retain(|event| self.seen.insert(event.event_id.clone().unwrap_or_default()));
        news.reverse();
        Ok(news.into_iter().map(read).collect())
    }

    fn is_news(&self, event: &StackEvent) -> bool {
        let old = self
            .after
            .is_some_and(|after| event.timestamp.is_some_and(|time| time < after));
        !old && !self.seen.contains(event.event_id.as_deref().unwrap_or_default())
    }

    fn request(&self, account: &Account, token: Option<String>) -> DescribeStackEventsFluentBuilder {
        let request = account.cloudformation.describe_stack_events();
        request.stack_name(&self.stack_id).set_next_token(token)
    }

    /// The next look is the next attempt: the SDK shall not hurry where AWS asks for patience.
    async fn page(
        &self,
        account: &Account,
        token: Option<String>,
    ) -> Result<(Vec<StackEvent>, Option<String>), Unread> {
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let request = self.request(account, token).customize().config_override(once);
        match request.send().await {
            Ok(answer) => Ok((answer.stack_events.unwrap_or_default(), answer.next_token)),
            Err(error) => {
                let failed = account.access.failed(UNREADABLE, &error);
                Err(if failure::passes(&error) {
                    Unread::Passing(failed)
                } else {
                    Unread::Lasting(failed)
                })
            }
        }
    }
}

const UNREADABLE: &str = "cannot read the stack's events";

fn is_of_stack(event: &StackEvent) -> bool {
    event.physical_resource_id.is_some() && event.physical_resource_id == event.stack_id
}

fn is_last_word(event: &StackEvent) -> bool {
    is_of_stack(event) && event.resource_status == Some(ResourceStatus::DeleteComplete)
}

fn read(event: StackEvent) -> Event {
    Event {
        time: tasks::time(event.timestamp.as_ref()),
        of_stack: is_of_stack(&event),
        logical_id: event.logical_resource_id.unwrap_or_default(),
        physical_id: event.physical_resource_id.unwrap_or_default(),
        kind: stack::kind(event.resource_type.as_deref().unwrap_or_default()),
        status: event
            .resource_status
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        reason: event.resource_status_reason.filter(|reason| !reason.is_empty()),
    }
}

#[cfg(test)]
pub(in crate::ecs) mod tests {
    use super::*;

    /// An event of a service, or, by its name, of the stack `shop`.
    pub(in crate::ecs) fn event(logical_id: &str, status: &str, reason: Option<&str>) -> Event {
        Event {
            time: None,
            logical_id: logical_id.into(),
            physical_id: String::new(),
            kind: "ECS::Service".into(),
            status: status.into(),
            reason: reason.map(str::to_owned),
            of_stack: logical_id == "shop",
        }
    }

    /// While thirty services start: the stack, its nested stacks, and three requests for each look at the services.
    #[test]
    fn a_minute_in_which_nothing_happens_costs_less_than_ninety_requests() {
        let minute = |pace: &mut Pace| {
            let mut left = Duration::from_mins(1);
            let mut looks = 0;
            while let Some(rest) = left.checked_sub(pace.step()) {
                (left, looks) = (rest, looks + 1);
            }
            looks
        };
        let looks = minute(&mut Pace::new()) + minute(&mut Pace::up_to(NESTED_LONGEST));
        assert!(
            looks + 3 * super::super::stabilising::looks_in_a_minute(30) <= 90,
            "{looks}"
        );
    }

    fn ends(status: &str, of_stack: bool) -> Option<End> {
        event(if of_stack { "shop" } else { "Web" }, status, None).end()
    }

    #[test]
    fn only_a_final_word_about_the_stack_ends_the_work() {
        assert_eq!(ends("CREATE_COMPLETE", true), Some(End::Success));
        assert_eq!(ends("CREATE_COMPLETE", false), None);
        assert_eq!(ends("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", true), None);
        assert_eq!(ends("ROLLBACK_IN_PROGRESS", true), None);
        assert_eq!(ends("ROLLBACK_COMPLETE", true), Some(End::Failure));
        assert_eq!(ends("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", true), None);
        assert_eq!(ends("UPDATE_ROLLBACK_COMPLETE", true), Some(End::Failure));
        assert_eq!(ends("UPDATE_ROLLBACK_FAILED", true), Some(End::Failure));
        assert_eq!(ends("DELETE_FAILED", true), Some(End::Failure));
        assert_eq!(ends("CREATE_FAILED", false), None);
    }
}
