//! `forward` to containers of an engine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use crate::scene::Scene;
use crate::support::deadline::within;

const WEB: &str = "
services:
  web:
    image: IMAGE
    command: [web]
    stop_signal: SIGKILL
  inside: {image: IMAGE, command: [sleep, '1000'], network_mode: 'service:web', stop_signal: SIGKILL}
";

/// Asks for a page.
fn ask(port: u16) -> bool {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let asked = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
    let mut answer = String::new();
    // The server may not listen yet.
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.")
}

#[test]
fn connections_go_to_the_container_that_runs() {
    let Some(scene) = Scene::new(WEB) else { return };
    scene.ok(&["up", "-d"]);
    for service in ["web", "inside"] {
        let mut command =
            scene
                .sandbox
                .command(&["--progress", "plain", "forward", service, "0:80", "0:web:80", "0:81"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().take(3);
        let ports: Vec<u16> = lines
            .map(|line| {
                let line = line.unwrap();
                let address = line.split(' ').nth(1).unwrap();
                address.rsplit(':').next().unwrap().parse().unwrap()
            })
            .collect();
        for port in &ports[..2] {
            assert!(within(Duration::from_mins(1), || ask(*port).then_some(())).is_some());
        }
        assert!(!ask(ports[2]));
        let kill = std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        let status = within(Duration::from_secs(30), || child.try_wait().unwrap()).unwrap();
        let mut written = String::new();
        child.stderr.take().unwrap().read_to_string(&mut written).unwrap();
        assert_eq!(status.code(), Some(130), "{written}");
        assert!(written.contains("nothing listens on port 81"), "{written}");
    }
}

#[test]
fn what_cannot_be_forwarded_to_is_told() {
    let Some(scene) = Scene::new(WEB) else { return };
    for (arguments, said) in [
        (
            &["forward", "web", "0:80"][..],
            "has no container of service `web` that runs",
        ),
        (
            &["-H", "tcp://203.0.113.1:2375", "forward", "web", "0:80"],
            "cannot be reached from here",
        ),
    ] {
        let run = scene.sandbox.fails(arguments);
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
}
