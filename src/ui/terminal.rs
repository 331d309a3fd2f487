//! The process's own terminal or pipes, for commands that join them with a container's.

use std::any::Any;
use std::io::{IsTerminal, Read, Write, stderr, stdin, stdout};

use rustix::io::ioctl_fionread;
use rustix::process::getpgrp;
use rustix::termios::{QueueSelector, tcflush, tcgetpgrp};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::backend::{Console, Stream, Unheard};
use crate::error::{Error, Result};

/// Whether somebody types and sees what comes back.
#[must_use]
pub fn is_interactive() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

/// For a command that hears nothing of it.
#[must_use]
pub fn unheard() -> Unheard {
    Unheard {
        typed: stdin().is_terminal(),
        waits,
    }
}

/// Takes away what was typed to a command that does not hear it, before it becomes one of the shell's.
pub fn forget() {
    if stdin().is_terminal() && waits() {
        let _ = tcflush(stdin(), QueueSelector::IFlush);
    }
}

/// Whether something can be read. What is typed while another program has the terminal is that one's.
fn waits() -> bool {
    let is_ours = !stdin().is_terminal() || tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp());
    is_ours && ioctl_fionread(stdin()).is_ok_and(|count| count > 0)
}

/// Opens the console; within a runtime. With `raw` each key goes on as it is pressed, Ctrl-C too, until the console
/// is dropped. Without `read` there is no input.
pub fn open(raw: bool, read: bool) -> Result<Console> {
    let mode = if raw && stdin().is_terminal() {
        crossterm::terminal::enable_raw_mode()
            .map_err(|error| Error::new("cannot change the terminal's mode").because(&error))?;
        Some(Box::new(RawMode) as Box<dyn Any>)
    } else {
        None
    };
    Ok(Console {
        input: input(read),
        write: Box::new(|stream, bytes| match stream {
            Stream::Out => {
                let mut stdout = stdout().lock();
                stdout.write_all(bytes).and_then(|()| stdout.flush())
            }
            Stream::Error => stderr().lock().write_all(bytes),
        }),
        size: size(),
        signals: signals(),
        mode,
    })
}

struct RawMode;

impl Drop for RawMode {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// Read on a thread of its own, which ends with the process: a read that has begun cannot be called off.
fn input(read: bool) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(4);
    if read {
        std::thread::spawn(move || {
            let mut buffer = vec![0; 32 * 1024];
            let mut stdin = stdin().lock();
            while let Ok(length @ 1..) = stdin.read(&mut buffer) {
                if sender.blocking_send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

fn size() -> watch::Receiver<(u16, u16)> {
    let now = || terminal_size::terminal_size().map_or((0, 0), |(width, height)| (width.0, height.0));
    let (sender, receiver) = watch::channel(now());
    if let Ok(mut changes) = signal(SignalKind::window_change()) {
        tokio::spawn(async move { while changes.recv().await.is_some() && sender.send(now()).is_ok() {} });
    }
    receiver
}

fn signals() -> mpsc::UnboundedReceiver<&'static str> {
    let (sender, receiver) = mpsc::unbounded_channel();
    for (kind, name) in [
        (SignalKind::interrupt(), "SIGINT"),
        (SignalKind::terminate(), "SIGTERM"),
        (SignalKind::hangup(), "SIGHUP"),
        (SignalKind::quit(), "SIGQUIT"),
        (SignalKind::user_defined1(), "SIGUSR1"),
        (SignalKind::user_defined2(), "SIGUSR2"),
    ] {
        let Ok(mut signals) = signal(kind) else { continue };
        let sender = sender.clone();
        tokio::spawn(async move { while signals.recv().await.is_some() && sender.send(name).is_ok() {} });
    }
    receiver
}
