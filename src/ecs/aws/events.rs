//! What CloudFormation tells about a stack while it works on it.

use std::collections::HashSet;

use aws_sdk_cloudformation::primitives::DateTime;
use aws_sdk_cloudformation::types::{ResourceStatus, StackEvent};

use super::pace::Pace;
use super::{Account, stack};
use crate::error::Result;

/// The newest word about one resource, or about the stack itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
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

/// Reads the events of a stack as they come, each once.
#[derive(Debug)]
pub struct Follower {
    stack_id: String,
    seen: HashSet<String>,
    /// The time of the newest event that was there before.
    after: Option<DateTime>,
    pace: Pace,
}

impl Follower {
    /// From now on: what has happened so far is over.
    pub async fn start(account: &Account, stack_id: &str) -> Result<Self> {
        let mut follower = Self {
            stack_id: stack_id.to_owned(),
            seen: HashSet::new(),
            after: None,
            pace: Pace::new(),
        };
        let page = follower.page(account, None).await?.0;
        follower.after = page.first().and_then(|newest| newest.timestamp);
        // A stack that is gone already tells nothing any more: its last word is news.
        let gone = page
            .iter()
            .find(|event| is_last_word(event))
            .and_then(|event| event.event_id.clone());
        let seen = page.into_iter().filter_map(|event| event.event_id);
        follower.seen.extend(seen.filter(|id| Some(id) != gone.as_ref()));
        Ok(follower)
    }

    /// Waits for the next events, oldest first.
    pub async fn next(&mut self, account: &Account) -> Result<Vec<Event>> {
        loop {
            self.pace.wait().await;
            let events = self.news(account).await?;
            if !events.is_empty() {
                self.pace.hurry();
                return Ok(events);
            }
        }
    }

    /// Reads back from the newest event to the first page that has nothing but news no more.
    async fn news(&mut self, account: &Account) -> Result<Vec<Event>> {
        let mut news = Vec::new();
        let mut token = None;
        loop {
            let (page, next) = self.page(account, token).await?;
            let length = page.len();
            let before = news.len();
            for event in page {
                let old = self
                    .after
                    .is_some_and(|after| event.timestamp.is_some_and(|time| time < after));
                let id = event.event_id.clone().unwrap_or_default();
                if !old && self.seen.insert(id) {
                    news.push(read(event));
                }
            }
            let only_news = news.len() - before == length;
            match next {
                Some(next) if only_news => token = Some(next),
                _ => break,
            }
        }
        news.reverse();
        Ok(news)
    }

    async fn page(&self, account: &Account, token: Option<String>) -> Result<(Vec<StackEvent>, Option<String>)> {
        let answer = account
            .cloudformation
            .describe_stack_events()
            .stack_name(&self.stack_id)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| account.access.failed("cannot read the stack's events", &error))?;
        Ok((answer.stack_events.unwrap_or_default(), answer.next_token))
    }
}

fn is_of_stack(event: &StackEvent) -> bool {
    event.physical_resource_id.is_some() && event.physical_resource_id == event.stack_id
}

fn is_last_word(event: &StackEvent) -> bool {
    is_of_stack(event) && event.resource_status == Some(ResourceStatus::DeleteComplete)
}

fn read(event: StackEvent) -> Event {
    Event {
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
mod tests {
    use super::*;

    fn ends(status: &str, of_stack: bool) -> Option<End> {
        let event = Event {
            logical_id: "Web".into(),
            physical_id: String::new(),
            kind: String::new(),
            status: status.into(),
            reason: None,
            of_stack,
        };
        event.end()
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
