//! `ctx forward`: sessions with the laboratory's agent, whose container is this machine.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use crate::support::deadline::within;
use crate::world::World;

/// Answers each connection on a thread of its own; the port at which it does.
fn server(answer: fn(TcpStream)) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(stream.unwrap()));
        }
    });
    port
}

/// Says what it hears.
fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// Two ports at which nobody listens.
fn unused() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A `ctx forward` that runs.
struct Forwarding {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Forwarding {
    fn begin(world: &World, arguments: &[&str]) -> Self {
        let mut command = world
            .sandbox
            .command(&[&["--progress", "plain", "forward"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// Its next line, and the port of this machine in it.
    fn port(&mut self) -> (String, u16) {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let address = line.split(' ').nth(1).unwrap_or_else(|| panic!("{line:?}"));
        let port = address.rsplit(':').next().unwrap().parse().unwrap();
        (line, port)
    }

    fn connect(port: u16) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream
    }

    /// Interrupts it; its exit status, and what it wrote to standard error.
    fn end(mut self) -> (Option<i32>, String) {
        let kill = std::process::Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        let status = within(Duration::from_secs(30), || self.child.try_wait().unwrap()).unwrap();
        let mut written = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut written).unwrap();
        (status.code(), written)
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn ask(stream: &mut TcpStream, text: &str) {
    ask_for(stream, text, text);
}

#[track_caller]
fn ask_for(stream: &mut TcpStream, text: &str, expected: &str) {
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), expected);
}

#[test]
fn a_megabyte_goes_there_and_back() {
    let Some(world) = World::open_and_shut() else { return };
    let port = server(echo);
    let mut forwarding = Forwarding::begin(&world, &["web", &format!("0:{port}")]);
    let (line, local) = forwarding.port();
    // The port is the server's own here, where containers are no machines of their own.
    assert_ne!(local, port);
    assert_eq!(line, format!("Forwarding 127.0.0.1:{local} -> web:{port}\n"));
    let sent: Vec<u8> = (0..1_000_000_u32).map(|at| (at * 7 % 251).to_le_bytes()[0]).collect();
    let mut stream = Forwarding::connect(local);
    let (mut writer, bytes) = (stream.try_clone().unwrap(), sent.clone());
    let writing = std::thread::spawn(move || writer.write_all(&bytes).unwrap());
    let mut received = vec![0; sent.len()];
    if let Err(error) = stream.read_exact(&mut received) {
        panic!("{error}\n{}", forwarding.end().1);
    }
    writing.join().unwrap();
    assert!(received == sent);
    let (code, written) = forwarding.end();
    assert_eq!(code, Some(130), "{written}");
    assert!(
        written.contains(&format!("Port {port} cannot be taken here; {local} is free")),
        "{written}"
    );
}

#[test]
fn several_connections_and_ports_go_at_once() {
    let Some(world) = World::open_and_shut() else { return };
    let (first, second) = (server(echo), server(echo));
    let ([wanted, _], host) = (unused(), format!("0:localhost:{second}"));
    let mut forwarding = Forwarding::begin(&world, &["web", &format!("{wanted}:{first}"), &host]);
    let mut lines = [forwarding.port(), forwarding.port()];
    lines.sort_by_key(|(line, _)| line.contains("localhost"));
    let [(line, one), (other_line, other)] = lines;
    assert_eq!(line, format!("Forwarding 127.0.0.1:{wanted} -> web:{first}\n"));
    assert!(
        other_line.ends_with(&format!(" -> localhost:{second} from web\n")),
        "{other_line}"
    );
    let mut streams = [one, one, other].map(Forwarding::connect);
    for text in ["one", "two"] {
        for stream in &mut streams {
            ask(stream, text);
        }
    }
    // What ends alone leaves the others as they are.
    let [gone, mut stays, _] = streams;
    drop(gone);
    ask(&mut stays, "three");
}

#[test]
fn an_answer_comes_whole_to_who_has_said_all() {
    fn answer(stream: TcpStream) {
        let (mut line, mut reader) = (String::new(), BufReader::new(stream));
        reader.read_line(&mut line).unwrap();
        reader.into_inner().write_all(line.repeat(50_000).as_bytes()).unwrap();
    }
    let Some(world) = World::open_and_shut() else { return };
    let port = server(answer);
    let mut forwarding = Forwarding::begin(&world, &["web", &format!("0:{port}")]);
    let mut stream = Forwarding::connect(forwarding.port().1);
    stream.write_all(b"hello\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(said == "hello\n".repeat(50_000), "{} bytes", said.len());
}

/// Silence would not tell it: the server talks until it learns that nobody listens.
#[cfg(target_os = "linux")]
#[test]
fn a_server_learns_at_once_that_a_client_has_gone() {
    fn talk(mut stream: TcpStream) {
        let mut address = [0; 64];
        let length = stream.read(&mut address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        loop {
            match stream.read(&mut [0]) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                _ => break,
            }
            if stream.write_all(b"still there\n").is_err() {
                break;
            }
        }
        let address = std::str::from_utf8(&address[..length]).unwrap();
        TcpStream::connect(address).unwrap();
    }
    let Some(world) = World::open_and_shut() else { return };
    let port = server(talk);
    let mut forwarding = Forwarding::begin(&world, &["web", &format!("0:{port}")]);
    let mut stream = Forwarding::connect(forwarding.port().1);
    let reports = TcpListener::bind("127.0.0.1:0").unwrap();
    ask_for(&mut stream, &reports.local_addr().unwrap().to_string(), "still there\n");
    // Who only has no more to say is talked to.
    stream.shutdown(Shutdown::Write).unwrap();
    for _ in 0..20 {
        ask_for(&mut stream, "", "still there\n");
    }
    drop(stream);
    reports.set_nonblocking(true).unwrap();
    let report = within(Duration::from_mins(1), || reports.accept().ok());
    assert!(report.is_some());
}

#[test]
fn a_server_learns_in_the_end_that_a_client_has_gone() {
    let Some(world) = World::open_and_shut() else { return };
    let port = server(|mut stream| {
        let mut all = Vec::new();
        let ended = stream.read_to_end(&mut all);
        let mut report = TcpStream::connect(String::from_utf8(all).unwrap()).unwrap();
        report
            .write_all(if ended.is_ok() { b"whole" } else { b"broken" })
            .unwrap();
    });
    let mut forwarding = Forwarding::begin(&world, &["web", &format!("0:{port}")]);
    let mut stream = Forwarding::connect(forwarding.port().1);
    let reports = TcpListener::bind("127.0.0.1:0").unwrap();
    stream
        .write_all(reports.local_addr().unwrap().to_string().as_bytes())
        .unwrap();
    drop(stream);
    let mut report = String::new();
    reports.accept().unwrap().0.read_to_string(&mut report).unwrap();
    assert_eq!(report, "whole");
}

#[test]
fn a_port_at_which_nobody_listens_is_told() {
    let Some(world) = World::open_and_shut() else { return };
    let [local, port] = unused();
    let mut forwarding = Forwarding::begin(&world, &["web", &format!("{local}:{port}")]);
    let mut stream = Forwarding::connect(forwarding.port().1);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    let (_, written) = forwarding.end();
    assert!(
        written.contains(&format!("nothing listens on port {port}")),
        "{written}"
    );
}

#[test]
fn a_new_task_takes_over_where_one_is_gone() {
    let Some(world) = World::open_and_shut() else { return };
    let port = server(echo);
    let mut forwarding = Forwarding::begin(&world, &["web", &format!("0:{port}")]);
    let (_, local) = forwarding.port();
    let mut stream = Forwarding::connect(local);
    ask(&mut stream, "one");
    world.ok(&["restart", "web"]);
    // Nobody shall take it for a whole answer.
    assert!(stream.read(&mut [0]).is_err());
    ask(&mut Forwarding::connect(local), "two");
    let (_, written) = forwarding.end();
    assert!(
        written.contains("connections are broken: the session has ended"),
        "{written}"
    );
}

#[test]
fn the_policy_of_the_project_is_enough() {
    let Some(mut world) = World::enforcing() else { return };
    world.sandbox.write("compose.yaml", World::OPEN_AND_SHUT);
    let policy = world.sandbox.ok(&["permissions"]).stdout;
    world.act_under("deployer", &policy);
    world.ok(&["up"]);
    let port = server(echo);
    let mut forwarding = Forwarding::begin(&world, &["web", &format!("0:{port}")]);
    ask(&mut Forwarding::connect(forwarding.port().1), "one");
    let (code, written) = forwarding.end();
    assert_eq!(code, Some(130), "{written}");
}

#[test]
fn tasks_that_let_nobody_in_are_told_at_the_services_line() {
    let Some(world) = World::open_and_shut() else { return };
    let run = world.fails(&["forward", "shut", "0:80"]);
    assert!(
        run.stderr.contains("the tasks of service `shut` let nobody in"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("compose.yaml:6:3"), "{}", run.stderr);
    assert!(run.stderr.contains("`x-aws-exec: true`"), "{}", run.stderr);
    for (arguments, said) in [
        (
            &["forward", "--index", "9", "web", "0:80"][..],
            "has no task 9 that runs: there is 1",
        ),
        (&["forward", "wep", "0:80"], "has no service `wep`"),
        (&["forward", "web", "http"], "`LOCAL:HOST:PORT`"),
    ] {
        let run = world.fails(arguments);
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
}
