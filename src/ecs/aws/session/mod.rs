//! A session of Systems Manager: a process in a task, joined with the user's console over a WebSocket.

mod channel;
mod coding;
mod command;
mod frame;
mod link;
mod mux;
mod peer;
pub(super) mod tunnel;

use jiff::Timestamp;

use crate::backend::{Console, Exec, Io, Stream};
use crate::error::{Error, Result};
use channel::Event;
use command::{Note, Notes, Piped};
use link::{Link, now, timed_out};

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
    let go_on = |error: Error| error.hint("the command may go on in the container; `ctx exec` opens a new session");
    let mut link = Link::open(invitation).await?;
    let mut notes = Notes::new(nonce, exec.tty);
    let mut piped = Piped::default();
    // Without a terminal here, input waits until the one in the container is quiet.
    let (mut reads, mut begun, mut plain) = (true, exec.tty, exec.tty);
    let mut interrupted = 0;
    let mut status = None;
    if exec.tty {
        link.channel.resize(*console.size.borrow_and_update(), now());
    }
    loop {
        link.flush().await.map_err(go_on)?;
        for event in link.events() {
            match event {
                Event::Output(stream, bytes) => {
                    let (passed, found) = notes.pass(&bytes);
                    (console.write)(stream, &passed).map_err(|_| CLOSED)?;
                    for note in found {
                        match note {
                            Note::Begins(unchanged) => (begun, plain) = (true, unchanged),
                            Note::Ended(code) => status = Some(code),
                        }
                    }
                }
                Event::Exit(code) => status = Some(u8::try_from(code & 0xff).unwrap_or(u8::MAX)),
                Event::Closed(why) if status.is_none() => {
                    (console.write)(Stream::Out, &notes.rest()).map_err(|_| CLOSED)?;
                    return Err(closed(&why));
                }
                Event::Closed(_) | Event::Flag(_) => {}
                Event::Refused(what) => return Err(refused(what)),
                Event::Lost => return Err(go_on(timed_out())),
            }
        }
        if let Some(status) = status {
            // The process has ended; what reads for it shall too.
            if reads && !exec.tty {
                link.channel.input(&piped.end(), now());
            }
            link.close().await;
            return Ok(status);
        }
        if !link.channel.outgoing.is_empty() {
            continue;
        }
        let has_room = link.channel.has_room();
        tokio::select! {
            turned = link.turn() => turned.map_err(go_on)?,
            typed = console.input.recv(), if reads && begun && has_room => match typed {
                Some(typed) if exec.tty => link.channel.input(&typed, now()),
                Some(_) if !plain => {
                    return Err(Error::new("cannot pipe anything into a container that has no `stty`")
                        .hint("`ctx exec -T SERVICE COMMAND </dev/null` runs a command that reads nothing"));
                }
                Some(typed) => link.channel.input(&piped.pass(&typed), now()),
                None => {
                    reads = false;
                    if !exec.tty {
                        link.channel.input(&piped.end(), now());
                    }
                }
            },
            Ok(()) = console.size.changed(), if exec.tty => {
                let size = *console.size.borrow_and_update();
                link.channel.resize(size, now());
            }
            () = io.interrupts.reached(interrupted + 1) => {
                if interrupted > 0 {
                    return Err(Error::INTERRUPTED);
                }
                interrupted += 1;
                link.channel.input(&[INTERRUPT], now());
            }
        }
    }
}

fn refused(what: &str) -> Error {
    Error::new(format!("the cluster {what}")).hint(
        "take `kmsKeyId` out of the cluster's ExecuteCommandConfiguration, or use the AWS command line for this cluster",
    )
}

fn closed(why: &str) -> Error {
    let message = match why {
        "" => "the session has ended without the command's exit status".to_owned(),
        why => format!("the session has ended: {}", why.trim_end_matches('.')),
    };
    Error::new(message).hint("the container needs a shell, `sh`; `ctx ps` tells whether it still runs")
}
