//! Following the output of containers from their start to their end, through restarts.

use bollard::models::ContainerStateStatusEnum;
use bollard::query_parameters::{InspectContainerOptions, LogsOptions};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::events::Events;
use super::lines::{Line, Lines};
use super::{logs, names};
use crate::backend::{Io, LogLine, Shown, UpOptions};
use crate::compose::Service;
use crate::engine::{Connection, is_missing, message};
use crate::error::Result;

/// Where containers whose output or end is to be followed are announced.
#[derive(Debug)]
pub(super) struct Attachments<'a> {
    sender: mpsc::UnboundedSender<Followed>,
    options: &'a UpOptions,
}

/// A container whose output is to be followed.
#[derive(Clone, Debug)]
pub(super) struct Followed {
    pub(super) service: String,
    pub(super) name: String,
    /// When its last run before ended; what it wrote until then is old.
    pub(super) finished: Option<Timestamp>,
    /// The newest line that has been shown.
    pub(super) last: Option<Timestamp>,
    /// Whether what it has written so far is skipped.
    pub(super) skip: bool,
    /// Whether its output is shown; otherwise only its end counts.
    pub(super) shown: bool,
}

impl<'a> Attachments<'a> {
    pub(super) fn new(options: &'a UpOptions) -> (Self, mpsc::UnboundedReceiver<Followed>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender, options }, receiver)
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
        (*dependencies || self.is_asked_for(service)) && service.attach.is_none_or(|attach| attach.value)
    }

    fn is_asked_for(&self, service: &Service) -> bool {
        self.options.services.is_empty() || self.options.services.contains(&service.name)
    }

    /// Follows a container that was made or started a moment ago, or runs for long. `finished` tells its last run's
    /// end if it was started before.
    pub(super) fn add(&self, service: &Service, name: &str, finished: Option<Timestamp>, skip: bool) {
        let shown = self.show(service);
        if !shown && !self.is_asked_for(service) {
            return;
        }
        // Nobody listens any more when the command is about to end.
        drop(self.sender.send(Followed {
            service: service.name.clone(),
            name: name.to_owned(),
            finished,
            last: finished,
            skip,
            shown,
        }));
    }
}

/// Shows the output of all that are announced; ends when no more can be and all have ended. `exits` gets each
/// that does: its service and its exit status.
pub(super) async fn follow_all(
    connection: &Connection,
    events: &Events,
    project: &str,
    io: &Io,
    mut announced: mpsc::UnboundedReceiver<Followed>,
    exits: &watch::Sender<Vec<(String, i64)>>,
) -> Result<()> {
    let mut followed = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(next) = announced.recv() => followed.push(async {
                let service = next.service.clone();
                (service, follow(connection, events, project, io, next).await)
            }),
            Some((service, result)) = followed.next() => if let Some(code) = result? {
                exits.send_modify(|exits| exits.push((service, code)));
            },
            else => return Ok(()),
        }
    }
}

/// Shows a container's output until it has ended and does not start again by itself; its exit status, unless it is
/// gone.
pub(super) async fn follow(
    connection: &Connection,
    events: &Events,
    project: &str,
    io: &Io,
    mut followed: Followed,
) -> Result<Option<i64>> {
    let replica = names::replica(project, &followed.name);
    loop {
        if followed.shown && !connection.show(&replica, io, &mut followed, true).await {
            return Ok(None);
        }
        match end(connection, events, &followed).await? {
            End::Restarted(finished) => followed.finished = finished,
            End::Exited { code, restarts } => {
                // Whole runs may have come and gone since its output ended.
                if restarts && followed.shown {
                    connection.show(&replica, io, &mut followed, false).await;
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
    Exited {
        code: i64,
        /// Whether it has been started again by the engine before.
        restarts: bool,
    },
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
            return Ok(End::Exited {
                code: state.exit_code.unwrap_or_default(),
                restarts: container.restart_count.is_some_and(|count| count > 0),
            });
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
                Err(error) if is_missing(&error) => return false,
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

    /// When a container's last run ended, if it ever ran.
    pub(super) async fn finished(&self, name: &str) -> Result<Option<Timestamp>> {
        let container = self
            .docker
            .inspect_container(name, None::<InspectContainerOptions>)
            .await;
        let container = container.map_err(|error| self.failed(format!("cannot look at container {name}"), &error))?;
        Ok(container.state.and_then(|state| moment(&state.finished_at?)))
    }
}

/// A time that the engine gives; the year 1 means never.
fn moment(text: &str) -> Option<Timestamp> {
    text.parse()
        .ok()
        .filter(|time: &Timestamp| *time > Timestamp::UNIX_EPOCH)
}
