//! The output of a project's containers, out of CloudWatch Logs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_cloudwatchlogs::error::SdkError;
use aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsError;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use aws_sdk_ecs::types::DesiredStatus;
use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::failure::{self, is};
use super::pace::Pace;
use super::services::{self, Service};
use super::{Account, log_groups, stack, tasks};
use crate::backend::{LogLine, LogSink, LogsOptions};
use crate::error::{Error, Result};

/// How far back a follower looks for lines that arrived late, in milliseconds: a task sends them to CloudWatch every
/// five seconds, and the tasks' clocks and ways there differ.
const LATE: i64 = 10_000;

/// The same for each so manieth look: what is sent again, or found late by CloudWatch's own search.
const VERY_LATE: i64 = 60_000;
const LOOKS: u32 = 10;

/// Between two looks, for each group. CloudWatch answers five such requests a second, for all of the account in the
/// region.
const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(1);

const UNREADABLE: &str = "cannot read the log";

/// How many streams are read at a time.
const READ_AT_ONCE: usize = 10;

/// A log group, and whose output its streams hold.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Group {
    name: String,
    /// The beginning of a stream's name, up to the task's id → the service.
    prefixes: BTreeMap<String, String>,
    /// The ids of the tasks that are wanted; all without.
    tasks: Option<BTreeSet<String>>,
}

/// A line, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Entry {
    stream: String,
    /// CloudWatch's own; empty where it gives none.
    id: String,
    /// Milliseconds.
    time: i64,
    /// That, or when CloudWatch had it if that was earlier: a clock that is ahead hides nothing.
    known: i64,
    text: String,
}

/// Sends the output of a project's services to `sink`, oldest first; with `follow` it never ends by itself.
pub async fn show(account: &Account, project: &str, options: &LogsOptions, sink: &LogSink) -> Result<()> {
    let services = services::of_project(account, project, &[]).await?;
    let groups = if services.is_empty() {
        let Some((name, prefixes)) = log_groups::left_behind(account, project, &options.services).await? else {
            return Err(stack::missing(project));
        };
        vec![Group {
            name,
            prefixes,
            tasks: None,
        }]
    } else {
        let services = services::choose(services, project, &options.services)?;
        let tasks = match options.index {
            Some(index) => Some(with_number(account, &services, index).await?),
            None => None,
        };
        groups(&services, tasks.as_ref())
    };
    if groups.is_empty() {
        return Err(Error::new("no service of the project writes to CloudWatch Logs"));
    }
    let mut followers = Vec::new();
    for group in groups {
        let mut reader = Reader::new(group, options);
        match options.tail {
            Some(count) => reader.tail(account, count, sink).await?,
            None => reader.read(account, sink).await?,
        }
        followers.push(reader);
    }
    if !options.follow {
        return Ok(());
    }
    let groups = u32::try_from(followers.len()).unwrap_or(u32::MAX);
    let mut pace = Pace::between(SHORTEST * groups, LONGEST * groups);
    loop {
        pace.wait().await;
        for reader in &mut followers {
            match reader.news(account, sink).await {
                Ok(lines) => {
                    pace.answered();
                    if lines > 0 {
                        pace.hurry();
                    }
                }
                Err(error) if failure::passes(&error) && pace.back_off() => {}
                Err(error) => return Err(account.access.failed(UNREADABLE, &error)),
            }
        }
    }
}

/// The groups and streams that services write to. What only prepares a task is left out.
fn groups(services: &[Service], tasks: Option<&BTreeSet<String>>) -> Vec<Group> {
    let mut groups: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for service in services {
        for container in service.lasting_containers() {
            let options = container.log_configuration().and_then(|logging| logging.options());
            let option = |name: &str| options.and_then(|options| options.get(name));
            if let (Some(group), Some(prefix), Some(name)) = (
                option("awslogs-group"),
                option("awslogs-stream-prefix"),
                container.name(),
            ) {
                let streams = groups.entry(group.clone()).or_default();
                streams.insert(format!("{prefix}/{name}/"), service.key.clone());
            }
        }
    }
    let group = |(name, prefixes)| Group {
        name,
        prefixes,
        tasks: tasks.cloned(),
    };
    groups.into_iter().map(group).collect()
}

/// The ids of each service's nth task, counted as `ctx ps` lists them.
async fn with_number(account: &Account, services: &[Service], number: u32) -> Result<BTreeSet<String>> {
    let place = usize::try_from(number).unwrap_or_default().wrapping_sub(1);
    let mut ids = BTreeSet::new();
    for service in services {
        let mut running = service.tasks(account, DesiredStatus::Running).await?;
        running.sort_by_key(|task| (tasks::time(task.created_at()), task.task_arn.clone()));
        let Some(task) = running.get(place) else {
            let error = Error::new(format!("service `{}` has no task {number}", service.key));
            return Err(error.hint("`ctx ps` lists those that it has"));
        };
        ids.insert(tasks::id(task.task_arn().unwrap_or_default()).to_owned());
    }
    Ok(ids)
}

type Unread = SdkError<FilterLogEventsError>;

/// Reads one group, each line once.
struct Reader {
    group: Group,
    since: Option<i64>,
    until: Option<i64>,
    /// The newest time that was seen.
    newest: Option<i64>,
    /// The ids of what was seen within [`VERY_LATE`] of it.
    seen: HashMap<String, i64>,
    looks: u32,
    /// The newest time of each stream whose end was read without ids.
    tails: HashMap<String, i64>,
}

impl Reader {
    fn new(group: Group, options: &LogsOptions) -> Self {
        Self {
            group,
            since: options.since.map(Timestamp::as_millisecond),
            until: options.until.map(Timestamp::as_millisecond),
            newest: None,
            seen: HashMap::new(),
            looks: 0,
            tails: HashMap::new(),
        }
    }

    /// Everything there is, page by page as CloudWatch orders it.
    async fn read(&mut self, account: &Account, sink: &LogSink) -> Result<()> {
        let read = self.filter(account, self.since, sink).await;
        read.map_err(|error| account.access.failed(UNREADABLE, &error))?;
        Ok(())
    }

    /// What came since the last look; the result is how many lines that were.
    async fn news(&mut self, account: &Account, sink: &LogSink) -> Result<usize, Unread> {
        let start = self.start();
        self.filter(account, start, sink).await
    }

    /// From when on the next look reads.
    fn start(&mut self) -> Option<i64> {
        self.looks += 1;
        let back = if self.looks.is_multiple_of(LOOKS) {
            VERY_LATE
        } else {
            LATE
        };
        self.newest.map(|newest| newest - back).max(self.since)
    }

    async fn filter(&mut self, account: &Account, start: Option<i64>, sink: &LogSink) -> Result<usize, Unread> {
        let mut count = 0;
        let request = account
            .logs
            .filter_log_events()
            .log_group_name(&self.group.name)
            .set_start_time(start)
            // The one request means before, the other until.
            .set_end_time(self.until.map(|until| until - 1));
        let request = match self.group.prefixes.keys().next() {
            // With one service CloudWatch can choose the streams; it knows only one prefix at a time.
            Some(prefix) if self.group.prefixes.len() == 1 => request.log_stream_name_prefix(prefix),
            _ => request,
        };
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                // Nothing has been written yet, or the stack is gone.
                Err(error) if is(&error, "ResourceNotFoundException") => return Ok(count),
                Err(error) => return Err(error),
            };
            let entries = page.events.unwrap_or_default().into_iter().map(read).collect();
            for line in self.take(entries) {
                count += 1;
                sink.line(line);
            }
        }
        self.forget();
        Ok(count)
    }

    /// The last lines of each stream, all in the order of their times.
    async fn tail(&mut self, account: &Account, count: u64, sink: &LogSink) -> Result<()> {
        let streams = self.streams(account).await?;
        let mut ends = Vec::new();
        for some in streams.chunks(READ_AT_ONCE) {
            let reading = some.iter().map(|stream| self.end_of(account, stream, count));
            ends.extend(try_join_all(reading).await?);
        }
        let mut tails = HashMap::new();
        for last in ends.iter().filter_map(|end| end.last()) {
            tails.insert(last.stream.clone(), last.time);
            self.newest = self.newest.max(Some(last.known));
        }
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        let wanted = |end: Vec<Entry>| end[end.len().saturating_sub(wanted)..].to_vec();
        let mut entries: Vec<Entry> = ends.into_iter().flat_map(wanted).collect();
        entries.sort_by_key(|entry| entry.time);
        let lines = entries.iter().filter_map(|entry| line(&self.group, entry));
        let names: BTreeSet<String> = lines.map(|line| line.replica).collect();
        sink.expect(&Vec::from_iter(names));
        for line in self.take(entries) {
            sink.line(line);
        }
        self.tails = tails;
        Ok(())
    }

    async fn streams(&self, account: &Account) -> Result<Vec<String>> {
        let prefixes: Vec<&String> = self.group.prefixes.keys().collect();
        let mut streams = Vec::new();
        for some in prefixes.chunks(READ_AT_ONCE) {
            let listing = some
                .iter()
                .map(|prefix| log_groups::streams(account, &self.group.name, prefix));
            streams.extend(try_join_all(listing).await?.concat());
        }
        streams.retain(|stream| self.group.wants(stream));
        Ok(streams)
    }

    async fn end_of(&self, account: &Account, stream: &str, count: u64) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        // Where the end is, a follower of nothing that is there wants to know too.
        let wanted = usize::try_from(count.max(1)).unwrap_or(usize::MAX);
        let mut token: Option<String> = None;
        while entries.len() < wanted {
            let missing = wanted - entries.len();
            let page = account
                .logs
                .get_log_events()
                .log_group_name(&self.group.name)
                .log_stream_name(stream)
                .set_start_time(self.since)
                .set_end_time(self.until)
                .limit(i32::try_from(missing.min(10_000)).unwrap_or(10_000))
                .set_next_token(token.clone())
                .send()
                .await
                .map_err(|error| account.access.failed(UNREADABLE, &error))?;
            let read = page.events.unwrap_or_default().into_iter().map(|event| Entry {
                stream: stream.to_owned(),
                id: String::new(),
                time: event.timestamp.unwrap_or_default(),
                known: known(event.timestamp, event.ingestion_time),
                text: event.message.unwrap_or_default(),
            });
            entries.splice(0..0, read);
            // The beginning is reached when the way back leads nowhere new.
            if page.next_backward_token.is_none() || page.next_backward_token == token {
                break;
            }
            token = page.next_backward_token;
        }
        Ok(entries.split_off(entries.len().saturating_sub(wanted)))
    }

    /// The lines among these that were not seen before and that belong to the services.
    fn take(&mut self, entries: Vec<Entry>) -> Vec<LogLine> {
        let mut lines = Vec::new();
        for entry in entries {
            let shown = self.tails.get(&entry.stream).is_some_and(|tail| entry.time <= *tail);
            let repeated = !entry.id.is_empty() && self.seen.insert(entry.id.clone(), entry.time).is_some();
            self.newest = self.newest.max(Some(entry.known));
            if !shown && !repeated {
                lines.extend(line(&self.group, &entry));
            }
        }
        lines
    }

    /// What is older than any later look need not be remembered.
    fn forget(&mut self) {
        let oldest = self.newest.unwrap_or_default() - VERY_LATE;
        self.seen.retain(|_, time| *time >= oldest);
    }
}

fn read(event: FilteredLogEvent) -> Entry {
    Entry {
        stream: event.log_stream_name.unwrap_or_default(),
        id: event.event_id.unwrap_or_default(),
        time: event.timestamp.unwrap_or_default(),
        known: known(event.timestamp, event.ingestion_time),
        text: event.message.unwrap_or_default(),
    }
}

fn known(written: Option<i64>, ingested: Option<i64>) -> i64 {
    let written = written.unwrap_or_default();
    ingested.map_or(written, |ingested| ingested.min(written))
}

impl Group {
    /// Whether a stream is that of a task that is wanted.
    fn wants(&self, stream: &str) -> bool {
        let wanted = |wanted: &BTreeSet<String>| wanted.contains(tasks::id(stream));
        self.tasks.as_ref().is_none_or(wanted)
    }
}

fn line(group: &Group, entry: &Entry) -> Option<LogLine> {
    if !group.wants(&entry.stream) {
        return None;
    }
    let (prefix, service) = group
        .prefixes
        .iter()
        .find(|(prefix, _)| entry.stream.starts_with(*prefix))?;
    let task = tasks::id(&entry.stream[prefix.len()..]);
    Some(LogLine {
        service: service.clone(),
        replica: format!("{service}/{}", tasks::short(task)),
        time: Timestamp::from_millisecond(entry.time).ok(),
        stderr: false,
        text: entry.text.trim_end_matches(['\n', '\r']).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(stream: &str, id: &str, time: i64) -> Entry {
        Entry {
            stream: stream.into(),
            id: id.into(),
            time,
            known: time,
            text: format!("{id}\n"),
        }
    }

    fn reader() -> Reader {
        let group = Group {
            name: "/docker-compose/shop".into(),
            prefixes: BTreeMap::from([
                ("shop/db/".to_owned(), "db".to_owned()),
                ("shop/web/".to_owned(), "web".to_owned()),
            ]),
            tasks: None,
        };
        Reader::new(group, &LogsOptions::default())
    }

    fn shown(lines: &[LogLine]) -> Vec<String> {
        lines
            .iter()
            .map(|line| format!("{}: {}", line.replica, line.text))
            .collect()
    }

    #[test]
    fn lines_belong_to_services_and_those_of_others_are_left_out() {
        let lines = reader().take(vec![
            entry("shop/web/0123456789ab", "a", 1),
            entry("shop/web-init/0123456789ab", "b", 2),
            entry("shop/db/4711", "c", 3),
        ]);
        assert_eq!(shown(&lines), ["web/01234567: a", "db/4711: c"]);
    }

    #[test]
    fn no_line_is_shown_twice_and_a_late_one_is_not_lost() {
        let mut reader = reader();
        let first = reader.take(vec![entry("shop/web/1", "a", 10), entry("shop/web/1", "b", 20)]);
        reader.forget();
        let late = entry("shop/db/2", "late", 15);
        let second = reader.take(vec![entry("shop/web/1", "a", 10), late, entry("shop/web/1", "b", 20)]);
        assert_eq!((first.len(), shown(&second)), (2, vec!["db/2: late".to_owned()]));
    }

    #[test]
    fn what_a_tail_has_shown_is_not_shown_again() {
        let mut reader = reader();
        reader.tails.insert("shop/web/1".into(), 20);
        let lines = reader.take(vec![entry("shop/web/1", "old", 20), entry("shop/web/1", "new", 21)]);
        assert_eq!(shown(&lines), ["web/1: new"]);
    }

    #[test]
    fn every_so_often_a_look_goes_further_back() {
        let mut reader = reader();
        reader.take(vec![entry("shop/web/1", "a", 100_000)]);
        let starts: Vec<_> = (0..2 * LOOKS).filter_map(|_| reader.start()).collect();
        let far = starts.iter().filter(|start| **start == 100_000 - VERY_LATE).count();
        let near = starts.iter().filter(|start| **start == 100_000 - LATE).count();
        assert_eq!((far, near + far), (2, starts.len()));
    }

    #[test]
    fn old_ids_are_forgotten() {
        let mut reader = reader();
        reader.take(vec![
            entry("shop/web/1", "old", 0),
            entry("shop/web/1", "new", VERY_LATE + 1),
        ]);
        reader.forget();
        assert_eq!(reader.seen.len(), 1);
    }
}
