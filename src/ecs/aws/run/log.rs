//! What the container of one task writes, in order.

use aws_sdk_cloudwatchlogs::types::OutputLogEvent;
use jiff::Timestamp;

use crate::backend::{Io, LogLine};
use crate::ecs::aws::services::Service;
use crate::ecs::aws::{Account, failure};
use crate::error::{Error, Result};

/// Why there was no answer.
pub(super) enum Unanswered {
    /// It may be better the next time.
    Passing(Error),
    Lasting(Error),
}

impl Unanswered {
    pub(super) fn of(passes: bool, error: Error) -> Self {
        if passes {
            Self::Passing(error)
        } else {
            Self::Lasting(error)
        }
    }
}

/// The log of one container of one task.
#[derive(Debug)]
pub(super) struct Log {
    group: String,
    stream: String,
    token: Option<String>,
}

impl Log {
    /// None where it does not go to CloudWatch.
    pub(super) fn of(service: &Service, container: &str, task: &str) -> Option<Self> {
        let mut containers = service.definition.container_definitions().iter();
        let own = containers.find(|defined| defined.name() == Some(container))?;
        let options = own.log_configuration()?.options()?;
        Some(Self {
            group: options.get("awslogs-group")?.clone(),
            stream: format!("{}/{container}/{task}", options.get("awslogs-stream-prefix")?),
            token: None,
        })
    }

    /// Shows what has come since the last look; how many lines that were.
    pub(super) async fn news(&mut self, account: &Account, service: &str, io: &Io) -> Result<usize, Unanswered> {
        let mut count = 0;
        loop {
            let request = account.logs.get_log_events().log_group_name(&self.group);
            let request = request.log_stream_name(&self.stream).start_from_head(true);
            let page = match request.set_next_token(self.token.clone()).send().await {
                Ok(page) => page,
                // Nothing has been written yet.
                Err(error) if failure::is(&error, "ResourceNotFoundException") => return Ok(count),
                Err(error) => {
                    let passes = failure::passes(&error);
                    return Err(Unanswered::of(
                        passes,
                        account.access.failed("cannot read the log", &error),
                    ));
                }
            };
            for event in page.events.unwrap_or_default() {
                count += 1;
                io.log.line(line(event, service));
            }
            // At the end the way on leads where one is.
            let end = page.next_forward_token.is_none() || page.next_forward_token == self.token;
            self.token = page.next_forward_token.or(self.token.take());
            if end {
                return Ok(count);
            }
        }
    }
}

fn line(event: OutputLogEvent, service: &str) -> LogLine {
    LogLine {
        service: service.to_owned(),
        replica: service.to_owned(),
        time: event.timestamp.and_then(|time| Timestamp::from_millisecond(time).ok()),
        stderr: false,
        text: event
            .message
            .unwrap_or_default()
            .trim_end_matches(['\n', '\r'])
            .to_owned(),
    }
}
