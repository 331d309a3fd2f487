//! Waiting: until something is there, and never for longer than a deadline.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long a single call to an engine or to the laboratory may take before the test fails.
const CALL: Duration = Duration::from_mins(1);

/// Asks again and again until there is an answer, for as long as `limit`.
pub fn within<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs a future to its end.
#[track_caller]
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime
        .block_on(async { tokio::time::timeout(CALL, future).await })
        .expect("an answer within the deadline")
}

/// Runs a command to its end.
pub fn output(command: &mut Command) -> std::io::Result<Output> {
    output_within(CALL, command)
}

pub fn output_within(limit: Duration, command: &mut Command) -> std::io::Result<Output> {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let id = child.id();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    receiver.recv_timeout(limit).unwrap_or_else(|_| {
        let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
        Err(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("{command:?} took longer than {limit:?}"),
        ))
    })
}
