//! Connections here, carried through one session to a port there.
//!
//! The agent ends a connection as a whole. So, when somebody here has said all and still listens (`nc -N`), the other
//! side is not told before it has been silent for a while: its answer would be lost. Who does not listen any more is
//! told of at once, where the system says so.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::channel::{Event, flag};
use super::link::{Link, now, timed_out};
use super::mux::{Mux, Said};
use super::peer::Connections;
use super::{Invitation, refused};
use crate::error::{Error, Result};

/// For how many milliseconds both sides have to be silent before half a connection is ended as a whole.
const LINGER: u64 = 10_000;
/// How often is looked whether who has said all still listens.
const LOOK: u64 = 200;
/// How often the other side hears that we are there, while there are connections.
const ALIVE: u64 = 10_000;
/// How much may wait for readers here before nothing more is taken from the session.
const BACKLOG: usize = 4 * 1024 * 1024;
const BUFFER: usize = 16 * 1024;

/// A session of forwarding that has begun.
pub(in crate::ecs::aws) struct Tunnel {
    link: Link,
    mux: Mux,
    connections: HashMap<u32, Connection>,
    /// What the connections have to say: bytes, or that they have ended, or broken.
    said: mpsc::Receiver<(u32, Local)>,
    saying: mpsc::Sender<(u32, Local)>,
    backlog: Arc<Backlog>,
    alive_at: u64,
    look_at: u64,
}

/// How much waits for readers here.
#[derive(Default)]
struct Backlog {
    bytes: AtomicUsize,
    shrunk: Notify,
}

enum Local {
    Data(Vec<u8>),
    End,
    Broken,
}

struct Connection {
    /// To whom here the other side's bytes go; dropped when there are no more. `None` breaks the connection.
    writer: mpsc::UnboundedSender<Option<Vec<u8>>>,
    reader: JoinHandle<()>,
    /// The end of the program here, and ours.
    ends: Option<(SocketAddr, SocketAddr)>,
    /// Since when nobody here has more to say, and both sides were silent.
    silent_since: Option<u64>,
}

/// Nobody shall take what is cut off for whole.
impl Drop for Tunnel {
    fn drop(&mut self) {
        for connection in self.connections.values() {
            let _ = connection.writer.send(None);
            connection.reader.abort();
        }
    }
}

impl Tunnel {
    pub(in crate::ecs::aws) async fn open(invitation: &Invitation) -> Result<Self> {
        let (saying, said) = mpsc::channel(4);
        Ok(Self {
            link: Link::open(invitation).await?,
            mux: Mux::new(),
            connections: HashMap::new(),
            said,
            saying,
            backlog: Arc::default(),
            alive_at: 0,
            look_at: 0,
        })
    }

    /// Carries connections until the session ends; why it did. `refused` is told when nobody answers over there.
    pub(in crate::ecs::aws) async fn carry(
        &mut self,
        listener: &TcpListener,
        first: Option<TcpStream>,
        nobody_answers: &dyn Fn(),
    ) -> Result<String> {
        if let Some(stream) = first {
            self.begin(stream);
        }
        loop {
            self.link.flush().await?;
            for event in self.link.events() {
                match event {
                    Event::Output(_, bytes) => self.deliver(&bytes)?,
                    Event::Flag(flag::NO_CONNECTION) => nobody_answers(),
                    Event::Flag(_) | Event::Exit(_) => {}
                    Event::Closed(why) => return Ok(why),
                    Event::Refused(what) => return Err(refused(what)),
                    Event::Lost => return Err(timed_out()),
                }
            }
            if !self.link.channel.outgoing.is_empty() {
                continue;
            }
            let (has_room, full) = (self.link.channel.has_room(), self.backlog.is_full());
            let wait = self.due().map(|due| Duration::from_millis(due.saturating_sub(now())));
            tokio::select! {
                turned = self.link.turn(), if !full => turned?,
                () = self.backlog.shrunk.notified(), if full => {}
                Some((stream, local)) = self.said.recv(), if has_room => self.hear(stream, local),
                Ok((stream, _)) = listener.accept() => self.begin(stream),
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => self.tick(),
            }
        }
    }

    /// Whether there are connections.
    pub(in crate::ecs::aws) fn is_used(&self) -> bool {
        !self.connections.is_empty()
    }

    /// Ends the session on the other side too.
    pub(in crate::ecs::aws) async fn close(&mut self) {
        self.link.channel.flag(flag::TERMINATE, now());
        self.link.close().await;
    }

    fn begin(&mut self, stream: TcpStream) {
        // Small messages, as of databases, shall not wait for each other.
        let _ = stream.set_nodelay(true);
        if self.connections.is_empty() {
            self.alive_at = now() + ALIVE;
        }
        let (number, opening) = self.mux.open();
        self.link.channel.input(&opening, now());
        let ends = stream.peer_addr().ok().zip(stream.local_addr().ok());
        let (reader, writer) = stream.into_split();
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(write(writer, receiver, Arc::clone(&self.backlog)));
        let connection = Connection {
            writer: sender,
            reader: tokio::spawn(read(number, reader, self.saying.clone())),
            ends,
            silent_since: None,
        };
        self.connections.insert(number, connection);
    }

    fn deliver(&mut self, bytes: &[u8]) -> Result<()> {
        let said = self.mux.receive(bytes);
        for said in said.map_err(|_| Error::new("the session sends what is no part of a connection"))? {
            match said {
                Said::Data(stream, bytes) => {
                    let Some(connection) = self.connections.get_mut(&stream) else {
                        continue;
                    };
                    connection.silent_since = connection.silent_since.map(|_| now());
                    let length = bytes.len();
                    if connection.writer.send(Some(bytes)).is_ok() {
                        self.backlog.bytes.fetch_add(length, Ordering::Relaxed);
                    }
                }
                Said::End(stream) => {
                    // What is still said here is read, and goes nowhere: unread, it would break the connection.
                    self.connections.remove(&stream);
                }
            }
        }
        Ok(())
    }

    fn hear(&mut self, stream: u32, local: Local) {
        let Some(connection) = self.connections.get_mut(&stream) else {
            return;
        };
        let now = now();
        match local {
            Local::Data(bytes) => self.link.channel.input(&self.mux.data(stream, &bytes), now),
            Local::End => {
                connection.silent_since = Some(now);
                self.look_at = now;
            }
            Local::Broken => {
                self.connections.remove(&stream);
                self.link.channel.input(&self.mux.end(stream), now);
            }
        }
    }

    /// When [`Self::tick`] has something to do.
    fn due(&self) -> Option<u64> {
        let silent = self
            .connections
            .values()
            .filter_map(|connection| connection.silent_since);
        let lingered = silent.min().map(|since| self.look_at.min(since + LINGER));
        let alive = (!self.connections.is_empty()).then_some(self.alive_at);
        lingered.into_iter().chain(alive).min()
    }

    fn tick(&mut self) {
        let now = now();
        let mut listed = None;
        if now >= self.look_at && self.connections.values().any(|one| one.silent_since.is_some()) {
            self.look_at = now + LOOK;
            listed = Connections::now();
        }
        let has_gone = |connection: &Connection| {
            let ends = listed.as_ref().zip(connection.ends);
            ends.is_some_and(|(listed, (far, near))| !listed.have_owner(far, near))
        };
        let ended = |connection: &Connection| {
            connection
                .silent_since
                .is_some_and(|since| since + LINGER <= now || has_gone(connection))
        };
        let over: Vec<u32> = self
            .connections
            .iter()
            .filter_map(|(stream, connection)| ended(connection).then_some(*stream))
            .collect();
        for stream in over {
            // Its writer goes on until the last byte that came is written.
            self.connections.remove(&stream);
            self.link.channel.input(&self.mux.end(stream), now);
        }
        if now >= self.alive_at {
            self.alive_at = now + ALIVE;
            self.link.channel.input(&Mux::alive(), now);
        }
    }
}

impl Backlog {
    fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > BACKLOG
    }

    fn shrink(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.shrunk.notify_one();
    }
}

async fn read(number: u32, mut from: OwnedReadHalf, said: mpsc::Sender<(u32, Local)>) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let local = match from.read(&mut buffer).await {
            Ok(0) => Local::End,
            Ok(length) => Local::Data(buffer[..length].to_vec()),
            Err(_) => Local::Broken,
        };
        let last = !matches!(local, Local::Data(_));
        if said.send((number, local)).await.is_err() || last {
            return;
        }
    }
}

/// Writes what comes, and ends that half when nothing comes any more. Who does not read any more is found out by the
/// one that reads from it.
async fn write(mut to: OwnedWriteHalf, mut pieces: mpsc::UnboundedReceiver<Option<Vec<u8>>>, backlog: Arc<Backlog>) {
    let mut broken = false;
    while let Some(piece) = pieces.recv().await {
        let Some(piece) = piece else {
            let _ = to.as_ref().set_zero_linger();
            return to.forget();
        };
        broken = broken || to.write_all(&piece).await.is_err();
        backlog.shrink(piece.len());
    }
    let _ = to.shutdown().await;
}
