//! Somebody who stands between `ctx` and the engine, counts requests, and does something bad at one of them.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Each request comes on a connection of its own.
pub(crate) struct Between {
    requests: Arc<AtomicUsize>,
    pub(crate) socket: PathBuf,
}

/// What is done with a piece of a request before it is passed on.
pub(crate) type Look = Box<dyn FnMut(&[u8]) + Send>;

/// What is done with a request.
pub(crate) enum Deed {
    Pass,
    /// As if the engine had gone.
    Cut,
    /// Pass it on and cut the answer off.
    CutAnswer,
    /// Pass it on and change the answer, piece by piece, to one of the same length.
    Alter(fn(&mut [u8])),
    /// Show it to somebody who lets it pass when the time has come.
    Hold(Look),
}

impl Between {
    /// Asks `deed` about each request, by its number from 1 on.
    pub(crate) fn new(engine: &str, socket: PathBuf, deed: impl Fn(usize) -> Deed + Send + 'static) -> Self {
        let listener = UnixListener::bind(&socket).expect("a socket");
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, engine) = (Arc::clone(&requests), engine.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut look: Look = Box::new(|_| ());
                let mut alter: Option<fn(&mut [u8])> = Some(|_| ());
                match deed(counted.fetch_add(1, Ordering::SeqCst) + 1) {
                    Deed::Pass => {}
                    Deed::Alter(altered) => alter = Some(altered),
                    Deed::Hold(holding) => look = holding,
                    Deed::CutAnswer => alter = None,
                    Deed::Cut => continue,
                }
                let Ok(engine) = UnixStream::connect(&engine) else {
                    continue;
                };
                let (from, to) = (
                    client.try_clone().expect("a handle"),
                    engine.try_clone().expect("a handle"),
                );
                std::thread::spawn(move || pass(from, to, |piece| look(piece)));
                std::thread::spawn(move || {
                    if let Some(alter) = alter {
                        pass(engine, client, alter);
                    } else {
                        // Until the engine has done it.
                        let _ = (&engine).read(&mut [0]);
                        let _ = client.shutdown(Shutdown::Both);
                    }
                });
            }
        });
        Self { requests, socket }
    }

    /// How many requests came since this was last asked.
    pub(crate) fn take(&self) -> usize {
        self.requests.swap(0, Ordering::SeqCst)
    }
}

/// The engine's socket, as a path.
pub(crate) fn path(host: &str) -> Option<&Path> {
    host.strip_prefix("unix://").map(Path::new)
}

fn pass(mut from: UnixStream, mut to: UnixStream, mut alter: impl FnMut(&mut [u8])) {
    let mut buffer = [0; 8192];
    loop {
        match from.read(&mut buffer) {
            Ok(length @ 1..) => {
                alter(&mut buffer[..length]);
                if to.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
