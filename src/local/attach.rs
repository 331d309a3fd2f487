//! Following the output of containers from their start to their end, through restarts.

use bollard::models::ContainerStateStatusEnum;
use bollard::query_parameters::{InspectContainerOptions, LogsOptions};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::events::Events;
use super::lines::{Line, Lines};
use super::observed::Container;
use super::{lines, logs, names};
use crate::backend::{Io, LogLine, Shown, UpOptions};
use crate::compose::{Project, Service};
use crate::endpoint;
use crate::engine::{Connection, is_conflict, is_missing, message};
use crate::error::Result;

/// Where containers are announced that are to be followed, each with whether its end is waited for and may end all.
#[derive(Debug)]
pub(super) struct Attachments<'a> {
    sender: mpsc::UnboundedSender<(Followed, bool)>,
    options: &'a UpOptions,
    /// Whether the output of no service is shown.
    mute: bool,
}

/// What a container's runs before have left; nothing if there were none.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Before {
    /// When the last one ended.
    finished: Option<Timestamp>,
    /// When the newest line was written.
    written: Option<Timestamp>,
}

impl Before {
    /// Follows the run after.
    pub(super) fn follow(self, container: Container) -> Followed {
        Followed {
            service: container.service,
            name: container.name,
            finished: self.finished,
            last: self.finished,
            skip: false,
            shown: true,
        }
    }
}

/// A container whose output is to be followed.
#[derive(Clone, Debug)]
pub(super) struct Followed {
    pub(super) service: String,
    pub(super) name: String,
    /// When its last run before ended.
    pub(super) finished: Option<Timestamp>,
    /// The newest line that has been shown, or is old.
    pub(super) last: Option<Timestamp>,
    /// Whether what it has written so far is skipped.
    pub(super) skip: bool,
    /// Whether its output is shown.
    pub(super) shown: bool,
}

impl<'a> Attachments<'a> {
    pub(super) fn new(options: &'a UpOptions, project: &Project) -> (Self, mpsc::UnboundedReceiver<(Followed, bool)>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut attachments = Self {
            sender,
            options,
            mute: false,
        };
        attachments.mute = !project.services.values().any(|service| attachments.show(service));
        (attachments, receiver)
    }

    /// Whether a service's output is shown.
    pub(super) fn show(&self, service: &Service) -> bool {
        let Shown {
            only,
            except,
            dependencies,
        } = &self.options.shown;
        if except.contains(&service.name) {
            return false;
        }
        if !only.is_empty() {
            return only.contains(&service.name);
        }
        let wanted = *dependencies || self.options.services.is_empty();
        self.options.services.contains(&service.name) || wanted && service.attach.is_none_or(|attach| attach.value)
    }

    /// Whether the end of a service's container counts: of those that were named, else of those that are shown.
    fn counts(&self, service: &Service) -> bool {
        let UpOptions {
            services,
            exit_code_from,
            ..
        } = self.options;
        if exit_code_from.as_ref() == Some(&service.name) {
            return true;
        }
        if services.is_empty() {
            self.mute || self.show(service)
        } else {
            services.contains(&service.name)
        }
    }

    /// Follows a container that was made or started a moment ago, or runs for long.
    pub(super) fn add(&self, service: &Service, name: &str, before: Before, skip: bool) {
        // Nobody waits for the end of what simulates ECS.
        if service.name == endpoint::SERVICE {
            return;
        }
        let (shown, counts) = (self.show(service), self.counts(service));
        if !shown && !counts {
            return;
        }
        // Nobody listens any more when the command is about to end.
        let followed = Followed {
            service: service.name.clone(),
            name: name.to_owned(),
            finished: before.finished,
            last: before.written,
            skip,
            shown,
        };
        drop(self.sender.send((followed, counts)));
    }
}

/// Shows the output of all that are announced; ends when no more can be and all that count have ended, or, once it is
/// `halted`, all. `exits` gets each that does and counts: its service and its exit status.
pub(super) async fn follow_all(
    connection: &Connection,
    events: &Events,
    project: &str,
    io: &Io,
    mut announced: mpsc::UnboundedReceiver<(Followed, bool)>,
    exits: &watch::Sender<Vec<(String, i64)>>,
    halted: &watch::Receiver<bool>,
) -> Result<()> {
    let mut followed = FuturesUnordered::new();
    let (mut more, mut awaited) = (true, 0);
    while more || awaited > 0 || *halted.borrow() && !followed.is_empty() {
        tokio::select! {
            next = announced.recv(), if more => match next {
                None => more = false,
                Some((next, counts)) => {
                    awaited += usize::from(counts);
                    followed.push(async move {
                        let mut next = next;
                        let result = follow(connection, events, project, io, &mut next).await;
                        (next.service, counts, result)
                    });
                }
            },
            Some((service, counts, result)) = followed.next() => {
                let code = result?;
                awaited -= usize::from(counts);
                if let Some(code) = code.filter(|_| counts) {
                    exits.send_modify(|exits| exits.push((service, code)));
                }
            }
        }
    }
    Ok(())
}

/// Shows a container's output until it has ended and does not start again by itself; its exit status, unless it is
/// gone. What has been shown is known afterwards: whoever starts it again may be quicker than the look at its end.
pub(super) async fn follow(
    connection: &Connection,
    events: &Events,
    project: &str,
    io: &Io,
    followed: &mut Followed,
) -> Result<Option<i64>> {
    let replica = names::replica(project, &followed.name);
    let skipped = followed.skip;
    loop {
        if followed.shown && !connection.show(&replica, io, followed, true).await {
            return Ok(None);
        }
        match end(connection, events, followed).await? {
            End::Restarted(finished) => followed.finished = finished,
            End::Exited(code) => {
                // An engine ends the output with the container, also for those who have not read all of it yet; and
                // whole runs may have come and gone since.
                if followed.shown && (followed.last.is_some() || !skipped) {
                    connection.show(&replica, io, followed, false).await;
                }
                let object = format!("Container {}", followed.name);
                let text = format!("Exited ({code})");
                match code {
                    0 => io.progress.done(object, text),
                    _ => io.progress.warning(object, text),
                }
                return Ok(Some(code));
            }
            End::Gone => return Ok(None),
        }
    }
}

enum End {
    /// It runs again since its last run's end.
    Restarted(Option<Timestamp>),
    Exited(i64),
    Gone,
}

/// What became of a container whose output has ended: the engine may take a moment to say so.
async fn end(connection: &Connection, events: &Events, followed: &Followed) -> Result<End> {
    let mut woken = events.of(&followed.name);
    loop {
        let container = connection
            .docker
            .inspect_container(&followed.name, None::<InspectContainerOptions>)
            .await;
        let container = match container {
            Ok(container) => container,
            Err(error) if is_missing(&error) => return Ok(End::Gone),
            Err(error) => return Err(connection.failed(format!("cannot look at container {}", followed.name), &error)),
        };
        let state = container.state.unwrap_or_default();
        let finished = state.finished_at.as_deref().and_then(moment);
        let running = state.running.unwrap_or_default();
        let restarting = state.status == Some(ContainerStateStatusEnum::RESTARTING);
        if !running && !restarting {
            return Ok(End::Exited(state.exit_code.unwrap_or_default()));
        }
        if running && !restarting && finished != followed.finished {
            return Ok(End::Restarted(finished));
        }
        woken.next().await?;
    }
}

impl Connection {
    /// Shows what a container has written since the newest line shown, and, with `wait`, what it writes until it ends.
    /// The result is whether there is such a container.
    async fn show(&self, replica: &str, io: &Io, followed: &mut Followed, wait: bool) -> bool {
        let shown = followed.last;
        let Followed {
            service, name, last, ..
        } = followed;
        let mut before = None;
        let mut show = |line: Line| {
            // An engine that reads its file while the container ends may give the last line twice.
            let again = line.time.is_some() && before == Some((line.time, line.text.clone()));
            if !again && (line.time.is_none() || line.time > shown) {
                before = Some((line.time, line.text.clone()));
                *last = line.time;
                io.log.line(LogLine {
                    service: service.clone(),
                    replica: replica.to_owned(),
                    time: line.time,
                    stderr: line.stderr,
                    text: line.text,
                });
            }
        };
        let options = LogsOptions {
            tail: if followed.skip { "0" } else { "all" }.to_owned(),
            follow: wait,
            since: shown.map_or(0, |shown| i32::try_from(shown.as_second()).unwrap_or(i32::MAX)),
            ..logs::stamped()
        };
        let mut pieces = self.docker.logs(name, Some(options));
        let mut lines = Lines::stamped();
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => lines.push(&piece).into_iter().for_each(&mut show),
                // Gone, or about to be.
                Err(error) if is_missing(&error) || is_conflict(&error) => return false,
                Err(error) => {
                    let about = format!("its output cannot be read: {}", message(&error));
                    io.progress.warning(format!("Container {name}"), about);
                    break;
                }
            }
        }
        lines.rest().into_iter().for_each(show);
        followed.skip = false;
        true
    }

    /// What is there of a container before it is started again.
    pub(super) async fn before(&self, name: &str) -> Result<Before> {
        let container = self
            .docker
            .inspect_container(name, None::<InspectContainerOptions>)
            .await;
        let container = container.map_err(|error| self.failed(format!("cannot look at container {name}"), &error))?;
        let finished = container.state.and_then(|state| moment(&state.finished_at?));
        let newest = LogsOptions {
            tail: "1".to_owned(),
            ..logs::stamped()
        };
        let mut pieces = self.docker.logs(name, Some(newest));
        // The engine may note a line a moment after the end of the process that wrote it.
        let mut written = finished;
        while let Some(Ok(piece)) = pieces.next().await {
            written = written.max(lines::split_time(piece.as_ref()).map(|(time, _)| time));
        }
        Ok(Before { finished, written })
    }
}

/// A time that the engine gives; the year 1 means never.
fn moment(text: &str) -> Option<Timestamp> {
    text.parse()
        .ok()
        .filter(|time: &Timestamp| *time > Timestamp::UNIX_EPOCH)
}
