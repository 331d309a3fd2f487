//! Ports here that lead into a task, through sessions of Systems Manager.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::net::TcpStream;

use super::exec::NOT_CONNECTED;
use super::running::{Running, Shut};
use super::session::Invitation;
use super::session::tunnel::Tunnel;
use super::{Account, failure};
use crate::backend::{Destination, Io, Ready, Way};
use crate::error::{Error, Result};

/// What AWS calls the two kinds of forwarding.
const TO_CONTAINER: &str = "AWS-StartPortForwardingSession";
const TO_HOST: &str = "AWS-StartPortForwardingSessionToRemoteHost";
/// How often, and after which pause, a new task is looked for that takes the place of one that is gone.
const ATTEMPTS: u32 = 60;
const PAUSE: Duration = Duration::from_secs(2);

/// Forwards until it is interrupted.
pub async fn run(
    account: &Account,
    destination: Destination<'_>,
    ways: &[Way],
    shut: Shut<'_>,
    ready: Ready<'_>,
    io: &Io,
) -> Result<()> {
    let lead = |way| {
        Box::pin(async move {
            let forwarding = Forwarding {
                account,
                destination,
                way,
                shut,
                io,
            };
            forwarding.run(ready).await
        })
    };
    try_join_all(ways.iter().map(lead)).await.map(|_| ())
}

struct Forwarding<'a> {
    account: &'a Account,
    destination: Destination<'a>,
    way: &'a Way,
    shut: Shut<'a>,
    io: &'a Io,
}

/// A session, and its name in Systems Manager.
struct Session {
    id: String,
    tunnel: Tunnel,
}

impl Forwarding<'_> {
    async fn run(&self, ready: Ready<'_>) -> Result<()> {
        // What is wrong from the beginning ends the command.
        let mut session = tokio::select! {
            session = self.open() => session?,
            () = self.io.interrupts.reached(1) => return Err(Error::INTERRUPTED),
        };
        ready(self.way)?;
        let mut first = None;
        loop {
            let name = self.way.target(self.destination.service);
            let nobody_answers = || {
                let why = format!("nothing listens on port {}", self.way.forward.port);
                self.io.progress.warning(&name, why);
            };
            let ended = tokio::select! {
                ended = session.tunnel.carry(&self.way.listener, first.take(), &nobody_answers) => ended,
                () = self.io.interrupts.reached(1) => {
                    self.end(session).await;
                    return Err(Error::INTERRUPTED);
                }
            };
            // A session that nobody uses ends by itself, and so does that of a task which is gone.
            let broken = session.tunnel.is_used();
            drop(session);
            match ended {
                Ok(why) if !why.is_empty() => self.io.progress.warning(&name, format!("the session has ended: {why}")),
                Ok(_) if broken => self
                    .io
                    .progress
                    .warning(&name, "connections are broken: the session has ended"),
                Ok(_) => {}
                Err(error) => self.io.progress.warning(&name, error.to_string()),
            }
            (session, first) = tokio::select! {
                next = self.next(&name) => next?,
                () = self.io.interrupts.reached(1) => return Err(Error::INTERRUPTED),
            };
        }
    }

    /// Waits for a connection, and opens a new session for it, to whichever task runs then.
    async fn next(&self, name: &str) -> Result<(Session, Option<TcpStream>)> {
        loop {
            let accepted = self.way.listener.accept().await;
            let (stream, _) = accepted.map_err(|error| Error::new("cannot take connections").because(&error))?;
            let mut attempt = 1;
            loop {
                match self.open().await {
                    Ok(session) => return Ok((session, Some(stream))),
                    Err(error @ Error::Report(_)) => return Err(error),
                    Err(error) if attempt == ATTEMPTS => {
                        self.io.progress.warning(name, error.to_string());
                        break;
                    }
                    Err(error) if attempt == 1 => self.io.progress.working(name, format!("waiting: {error}")),
                    Err(_) => {}
                }
                attempt += 1;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn open(&self) -> Result<Session> {
        let Destination {
            project,
            service,
            index,
        } = self.destination;
        let running = Running::find(self.account, project, service, index).await?;
        if !running.open {
            return Err((self.shut)());
        }
        let forward = &self.way.forward;
        let target = format!("ecs:{}_{}_{}", running.cluster, running.id(), running.runtime);
        let request = self.account.ssm.start_session().target(target);
        let request = request.parameters("portNumber", vec![forward.port.to_string()]);
        let request = request.parameters("localPortNumber", vec![self.way.local.to_string()]);
        let request = match &forward.host {
            Some(host) => request.document_name(TO_HOST).parameters("host", vec![host.clone()]),
            None => request.document_name(TO_CONTAINER),
        };
        let answer = request.send().await.map_err(|error| {
            let what = format!("cannot forward to service `{service}`");
            let failed = self.account.access.failed(what, &error);
            if failure::is(&error, "TargetNotConnected") {
                failed.hint(NOT_CONNECTED)
            } else {
                failed
            }
        })?;
        let invitation = Invitation {
            url: answer.stream_url.unwrap_or_default(),
            token: answer.token_value.unwrap_or_default(),
        };
        Ok(Session {
            id: answer.session_id.unwrap_or_default(),
            tunnel: Tunnel::open(&invitation).await?,
        })
    }

    /// The agent is told, and Systems Manager too, which ends the session also where the agent does not hear.
    async fn end(&self, mut session: Session) {
        session.tunnel.close().await;
        let request = self.account.ssm.terminate_session().session_id(&session.id);
        let again = self.io.interrupts.reached(2);
        tokio::select! {
            _ = request.send() => {}
            () = again => {}
        }
    }
}
