//! The WebSocket under a channel, and the clock.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Invitation;
use super::channel::{Channel, Event};
use crate::error::{Error, Result};

/// After how many milliseconds of silence the other side is asked whether it is still there, and after how many more
/// it counts as gone.
const SILENCE: u64 = 30_000;
const DEATH: u64 = 90_000;

pub(super) struct Link {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(super) channel: Channel,
    /// When something came last, and since when questions were not answered.
    heard: u64,
    unanswered: Option<u64>,
    ask: bool,
}

impl Link {
    pub(super) async fn open(invitation: &Invitation) -> Result<Self> {
        let (socket, _) = connect_async(&invitation.url).await.map_err(|error| {
            Error::new("cannot connect to the session's address")
                .because(&error)
                .hint("check that this network lets WebSocket connections to `ssmmessages` through")
        })?;
        let mut link = Self {
            socket,
            channel: Channel::new(&invitation.token),
            heard: now(),
            unanswered: None,
            ask: false,
        };
        let opening = link.channel.opening(&invitation.token);
        link.send(Message::text(opening)).await?;
        Ok(link)
    }

    /// What has come since the last time.
    pub(super) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.channel.events)
    }

    /// Sends what waits to be sent.
    pub(super) async fn flush(&mut self) -> Result<()> {
        if std::mem::take(&mut self.ask) {
            self.send(Message::Ping(Vec::new().into())).await?;
        }
        for bytes in std::mem::take(&mut self.channel.outgoing) {
            self.send(Message::binary(bytes)).await?;
        }
        Ok(())
    }

    /// Waits until something comes, or something has to be sent again. May be called off, and loses nothing then.
    pub(super) async fn turn(&mut self) -> Result<()> {
        let asks = match self.unanswered {
            Some(since) => since + DEATH,
            None => self.heard + SILENCE,
        };
        let due = self.channel.due().map_or(asks, |due| due.min(asks));
        let wait = Duration::from_millis(due.saturating_sub(now()));
        tokio::select! {
            // What came while nobody had time for it is no silence.
            biased;
            message = self.socket.next() => {
                (self.heard, self.unanswered) = (now(), None);
                match message {
                    Some(Ok(Message::Binary(bytes))) => self.channel.receive(&bytes, now()).map_err(|_| {
                        Error::new("the session sends what is no message of a session")
                    }),
                    Some(Ok(Message::Close(_))) | None => {
                        self.channel.events.push(Event::Closed(String::new()));
                        Ok(())
                    }
                    Some(Ok(_)) => Ok(()),
                    Some(Err(error)) => Err(lost(&error)),
                }
            }
            () = tokio::time::sleep(wait) => {
                let now = now();
                if now >= asks && self.unanswered.is_some() {
                    return Err(timed_out());
                }
                if now >= asks {
                    (self.ask, self.unanswered) = (true, Some(now));
                }
                self.channel.repeat(now);
                Ok(())
            }
        }
    }

    /// Says farewell; whether the other side hears it does not matter.
    pub(super) async fn close(&mut self) {
        let _ = self.flush().await;
        let _ = self.socket.close(None).await;
    }

    async fn send(&mut self, message: Message) -> Result<()> {
        self.socket.send(message).await.map_err(|error| lost(&error))
    }
}

fn lost(error: &dyn std::error::Error) -> Error {
    Error::new("the connection to the container is lost").because(error)
}

pub(super) fn timed_out() -> Error {
    lost(&std::io::Error::from(std::io::ErrorKind::TimedOut))
}

pub(super) fn now() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}
