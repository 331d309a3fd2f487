//! The output of a project's containers, merged by time.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions as Query;
use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt};
use jiff::Timestamp;

use super::attach::{Followed, follow};
use super::events::Events;
use super::lifecycle::none_of;
use super::lines::{Line, Lines};
use super::{names, observed};
use crate::backend::{Io, LogLine, LogsOptions};
use crate::engine::{Connection, message};
use crate::error::{Error, Result};

/// A query for both streams with times.
pub(super) fn stamped() -> Query {
    Query {
        stdout: true,
        stderr: true,
        timestamps: true,
        tail: "all".to_owned(),
        ..Query::default()
    }
}

impl Connection {
    pub(super) async fn show_logs(&self, project: &str, options: &LogsOptions, io: &Io) -> Result<()> {
        let all = self.project_containers(project).await?;
        let all: Vec<_> = all.iter().map(observed::Container::read).collect();
        for service in &options.services {
            if !all.iter().any(|container| container.service == *service) {
                return Err(none_of(project, service, None, &all));
            }
        }
        if all.is_empty() && !options.follow {
            let about = "Has no containers; `ctx projects --all` lists those that have";
            io.progress.warning(format!("Project {project}"), about);
        }
        let wanted = |container: &observed::Container| {
            let named = options.services.is_empty() || options.services.contains(&container.service);
            named
                && options
                    .index
                    .is_none_or(|index| container.number == index && !container.one_off)
        };
        let containers: Vec<_> = all.into_iter().filter(wanted).collect();
        if let (Some(index), true) = (options.index, containers.is_empty()) {
            return Err(Error::new(format!(
                "project {project} has no container {index} of service `{}`",
                options.services.join("`, `")
            ))
            .hint("`ctx ps --all` lists those that it has"));
        }
        let events = Events::new();
        let show = async {
            let shown = self.history(project, &containers, options, io).await;
            if !options.follow {
                return Ok(());
            }
            let mut happenings = events.any();
            let events = &events;
            let followed = |mut followed: Followed| async move {
                follow(self, events, project, io, &mut followed).await?;
                Ok::<_, Error>(followed)
            };
            let mut followers: FuturesUnordered<_> = containers
                .iter()
                .zip(shown)
                .filter(|(container, _)| container.is_running())
                .map(|(container, last)| Followed {
                    service: container.service.clone(),
                    name: container.name.clone(),
                    finished: None,
                    last,
                    // Nothing was shown: with `--tail 0`, or since there was nothing.
                    skip: last.is_none() && options.tail == Some(0),
                    shown: true,
                })
                .map(&followed)
                .collect();
            let running = containers.iter().filter(|container| container.is_running());
            let mut names: BTreeSet<_> = running.map(|container| container.name.clone()).collect();
            let mut newest = HashMap::new();
            while !followers.is_empty() {
                tokio::select! {
                    Some(ended) = followers.next() => {
                        let ended = ended?;
                        names.remove(&ended.name);
                        newest.insert(ended.name, ended.last);
                    }
                    _ = happenings.changed() => {}
                }
                // Those that have been made or started again since.
                for container in self
                    .project_containers(project)
                    .await?
                    .iter()
                    .map(observed::Container::read)
                {
                    let new = wanted(&container) && !container.one_off && container.is_running();
                    if !new || names.contains(&container.name) {
                        continue;
                    }
                    // One that is gone by now has nothing to show.
                    let Ok(before) = self.before(&container.name).await else {
                        continue;
                    };
                    names.insert(container.name.clone());
                    let mut again = before.follow(container);
                    again.last = again.last.max(newest.remove(&again.name).flatten());
                    followers.push(followed(again));
                }
            }
            Ok(())
        };
        tokio::select! {
            result = show => result,
            error = events.listen(self, project), if options.follow => Err(error),
            () = io.interrupts.reached(1) => Err(Error::INTERRUPTED),
        }
    }

    /// Shows what containers have written so far, oldest first; the result is the newest time shown of each.
    ///
    /// One piece of each container's output is held at a time, however much they wrote.
    async fn history(
        &self,
        project: &str,
        containers: &[observed::Container],
        options: &LogsOptions,
        io: &Io,
    ) -> Vec<Option<Timestamp>> {
        let seconds = |time: Option<Timestamp>, round: i64| {
            time.map_or(0, |time| i32::try_from(time.as_second() + round).unwrap_or(i32::MAX))
        };
        let query = Query {
            tail: options.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()),
            since: seconds(options.since, 0),
            until: seconds(options.until, 1),
            ..stamped()
        };
        let replicas: Vec<_> = containers
            .iter()
            .map(|container| names::replica(project, &container.name))
            .collect();
        io.log.expect(&replicas);
        let mut shown = vec![None; containers.len()];
        let mut histories: Vec<_> = containers
            .iter()
            .map(|container| History::new(self.docker.logs(&container.name, Some(query.clone()))))
            .collect();
        // The next line of each container, by time; those of one time in the order of the containers.
        let mut heads = BTreeMap::new();
        let mut empty: Vec<_> = (0..containers.len()).collect();
        loop {
            for place in empty.drain(..) {
                match histories[place].next().await {
                    Ok(Some(line)) => drop(heads.insert((line.time, place), line)),
                    Ok(None) => {}
                    Err(about) => {
                        let object = format!("Container {}", containers[place].name);
                        io.progress
                            .warning(object, format!("its output cannot be read: {about}"));
                    }
                }
            }
            let Some(((_, place), line)) = heads.pop_first() else {
                return shown;
            };
            empty.push(place);
            shown[place] = line.time.max(shown[place]);
            // The engine's own filter knows whole seconds only.
            let early = options.since.is_some_and(|since| line.time < Some(since));
            let late = options.until.is_some_and(|until| line.time > Some(until));
            if !early && !late {
                io.log.line(LogLine {
                    service: containers[place].service.clone(),
                    replica: replicas[place].clone(),
                    time: line.time,
                    stderr: line.stderr,
                    text: line.text,
                });
            }
        }
    }
}

/// What one container has written, line by line.
struct History<S> {
    pieces: S,
    lines: Lines,
    complete: VecDeque<Line>,
}

impl<S: Stream<Item = Result<LogOutput, bollard::errors::Error>> + Unpin> History<S> {
    fn new(pieces: S) -> Self {
        Self {
            pieces,
            lines: Lines::stamped(),
            complete: VecDeque::new(),
        }
    }

    async fn next(&mut self) -> Result<Option<Line>, String> {
        while self.complete.is_empty() {
            match self.pieces.next().await {
                Some(Ok(piece)) => self.complete.extend(self.lines.push(&piece)),
                Some(Err(error)) => return Err(message(&error)),
                None => {
                    self.complete.extend(self.lines.rest());
                    return Ok(self.complete.pop_front());
                }
            }
        }
        Ok(self.complete.pop_front())
    }
}
