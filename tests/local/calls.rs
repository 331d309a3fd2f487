//! How many requests the engine gets.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::scene::Scene;
use crate::support::skip;

/// Stands between `ctx` and the engine and counts: each request comes on a connection of its own.
struct Counter {
    requests: Arc<AtomicUsize>,
    socket: PathBuf,
}

impl Counter {
    fn before(engine: &str, socket: PathBuf) -> Self {
        let listener = UnixListener::bind(&socket).expect("a socket");
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, engine) = (Arc::clone(&requests), engine.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::SeqCst);
                let engine = UnixStream::connect(&engine).expect("the engine");
                let (from, to) = (
                    client.try_clone().expect("a handle"),
                    engine.try_clone().expect("a handle"),
                );
                std::thread::spawn(move || pass(from, to));
                std::thread::spawn(move || pass(engine, client));
            }
        });
        Self { requests, socket }
    }

    fn take(&self) -> usize {
        self.requests.swap(0, Ordering::SeqCst)
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream) {
    let mut buffer = [0; 8192];
    loop {
        match from.read(&mut buffer) {
            Ok(length) if length > 0 && to.write_all(&buffer[..length]).is_ok() => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[test]
fn few_requests_are_enough() {
    let file = "
services:
  a: &a {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, volumes: ['data:/data']}
  b: {<<: *a, depends_on: [a]}
  c: *a
volumes: {data: {}}
";
    let Some(mut scene) = Scene::new(file) else { return };
    let host = scene.engine.host().to_owned();
    let Some(socket) = host.strip_prefix("unix://") else {
        skip::or_fail("the engine has no socket");
        return;
    };
    let counter = Counter::before(socket, scene.sandbox.home().join("engine.sock"));
    scene
        .sandbox
        .set("DOCKER_HOST", format!("unix://{}", counter.socket.display()));

    scene.ok(&["up", "-d"]);
    let (services, networks, volumes) = (3, 1, 1);
    let cold = counter.take();
    assert!(cold <= 4 + 2 * services + networks + volumes, "{cold} to bring it up");
    assert!(cold >= 2 * services, "{cold}: not all were counted");
    scene.ok(&["up", "-d"]);
    let again = counter.take();
    assert!(again <= 4, "{again} to find that there is nothing to do");
    scene.ok(&["ps"]);
    let list = counter.take();
    assert!(list <= 2, "{list} to list");
    scene.ok(&["down", "-v"]);
    let down = counter.take();
    assert!(down <= 3 + 2 * services + networks + volumes, "{down} to take it down");
}
