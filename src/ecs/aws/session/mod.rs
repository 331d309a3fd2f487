//! A session of Systems Manager: a process in a task, joined with the user's console over a WebSocket.

mod channel;
mod command;
mod frame;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::backend::{Console, Exec, Io};
use crate::error::{Error, Result};
use channel::{Channel, Event};
use command::{Note, Notes, Piped};

/// The exit status of a program whose reader has gone, as shells tell it.
const CLOSED: Error = Error::Exit(141);
/// The key for an interrupt.
const INTERRUPT: u8 = 0x03;

/// Where a session waits for us, and with which token.
pub(super) struct Invitation {
    pub(super) url: String,
    pub(super) token: String,
}

/// A word that no output has by chance.
pub(super) fn nonce(whose: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(format!("{whose} {}", Timestamp::now().as_nanosecond()));
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The command line for ECS.
pub(super) fn line(exec: &Exec, nonce: &str) -> String {
    command::line(exec, nonce)
}

/// Joins the console with the session until that ends; the exit status of the process.
pub(super) async fn join(
    invitation: &Invitation,
    exec: &Exec,
    nonce: &str,
    mut console: Console,
    io: &Io,
) -> Result<u8> {
    let lost = |error: &dyn std::error::Error| {
        Error::new("the connection to the container is lost")
            .because(error)
            .hint("the command may go on in the container; `ctx exec` opens a new session")
    };
    let (mut socket, _) = connect_async(&invitation.url).await.map_err(|error| {
        Error::new("cannot connect to the session's address")
            .because(&error)
            .hint("check that this network lets WebSocket connections to `ssmmessages` through")
    })?;
    let mut channel = Channel::new(&invitation.token);
    let opening = channel.opening(&invitation.token);
    let sent = socket.send(Message::text(opening)).await;
    sent.map_err(|error| lost(&error))?;
    let mut notes = Notes::new(nonce, exec.tty);
    let mut piped = Piped::default();
    // Without a terminal here, input waits until the one in the container is quiet.
    let (mut reads, mut begun) = (true, exec.tty);
    let mut interrupted = 0;
    let mut status = None;
    if exec.tty {
        channel.resize(*console.size.borrow_and_update(), now());
    }
    loop {
        for bytes in std::mem::take(&mut channel.outgoing) {
            let sent = socket.send(Message::binary(bytes)).await;
            sent.map_err(|error| lost(&error))?;
        }
        for event in std::mem::take(&mut channel.events) {
            match event {
                Event::Output(stream, bytes) => {
                    let (passed, found) = notes.pass(&bytes);
                    (console.write)(stream, &passed).map_err(|_| CLOSED)?;
                    for note in found {
                        match note {
                            Note::Begins(_) => begun = true,
                            Note::Ended(code) => status = Some(code),
                        }
                    }
                }
                Event::Exit(code) => status = Some(u8::try_from(code & 0xff).unwrap_or(u8::MAX)),
                Event::Closed(why) if status.is_none() => {
                    (console.write)(crate::backend::Stream::Out, &notes.rest()).map_err(|_| CLOSED)?;
                    return Err(closed(&why));
                }
                Event::Closed(_) => {}
                Event::Refused(what) => {
                    return Err(Error::new(format!("the cluster {what}"))
                        .hint("take `kmsKeyId` out of the cluster's ExecuteCommandConfiguration, or use the AWS command line for this cluster"));
                }
                Event::Lost => return Err(lost(&std::io::Error::from(std::io::ErrorKind::TimedOut))),
            }
        }
        if let Some(status) = status {
            // The process has ended; whether the agent hears the farewell does not matter.
            let _ = socket.close(None).await;
            return Ok(status);
        }
        if !channel.outgoing.is_empty() {
            continue;
        }
        let due = channel
            .due()
            .map(|due| Duration::from_millis(due.saturating_sub(now())));
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => channel.receive(&bytes, now()).map_err(|_| {
                    Error::new("the session sends what is no message of a session")
                })?,
                Some(Ok(Message::Close(_))) | None => return Err(closed("")),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(lost(&error)),
            },
            typed = console.input.recv(), if reads && begun && channel.has_room() => match typed {
                Some(typed) if exec.tty => channel.input(&typed, now()),
                Some(typed) => channel.input(&piped.pass(&typed), now()),
                None => {
                    reads = false;
                    if !exec.tty {
                        channel.input(&piped.end(), now());
                    }
                }
            },
            Ok(()) = console.size.changed(), if exec.tty => {
                let size = *console.size.borrow_and_update();
                channel.resize(size, now());
            }
            () = io.interrupts.reached(interrupted + 1) => {
                if interrupted > 0 {
                    return Err(Error::INTERRUPTED);
                }
                interrupted += 1;
                channel.input(&[INTERRUPT], now());
            }
            () = tokio::time::sleep(due.unwrap_or_default()), if due.is_some() => channel.repeat(now()),
        }
    }
}

fn closed(why: &str) -> Error {
    let message = match why {
        "" => "the session has ended without the command's exit status".to_owned(),
        why => format!("the session has ended: {}", why.trim_end_matches('.')),
    };
    Error::new(message).hint("the container needs a shell, `sh`; `ctx ps` tells whether it still runs")
}

fn now() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}
