//! Joining the user's console with a process in a container.

use std::pin::{Pin, pin};
use std::time::Duration;

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::exec::{CreateExecOptions, ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::{
    AttachContainerOptions, InspectContainerOptions, KillContainerOptions, ResizeContainerTTYOptions,
};
use futures_util::{Stream as Pieces, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

use super::Engine;
use super::observed::Container;
use crate::backend::{Console, Deed, DetachKeys, Exec, Io, Open, Stream};
use crate::engine::is_missing;
use crate::error::{Error, Result};

/// The exit status of a program whose reader has gone, as shells tell it.
const CLOSED: Error = Error::Exit(141);

/// How to join what a container runs.
#[derive(Clone, Debug)]
pub struct Attach {
    pub detach_keys: DetachKeys,
    pub stdin: bool,
    /// Pass the user's signals on.
    pub signals: bool,
}

/// How the stream between a console and a process came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Closed,
    Detached,
}

impl Engine {
    /// Runs a process in a container of a service; its exit status.
    pub(super) async fn run_process(
        &self,
        project: &str,
        service: &str,
        index: Option<u32>,
        exec: &Exec,
        open: Open<'_>,
        io: &Io,
    ) -> Result<u8> {
        let container = self.running(project, service, index).await?;
        let deed = Deed::Execute {
            container: container.name.clone(),
            command: exec.command.clone(),
        };
        if io.only_tells(deed)? {
            return Ok(0);
        }
        let docker = &self.connection.docker;
        let failed = |error| {
            let what = format!("cannot run a process in container {}", container.name);
            self.connection.failed(what, &error)
        };
        let keys = DetachKeys::default();
        let options = CreateExecOptions {
            attach_stdin: Some(!exec.detach),
            attach_stdout: Some(!exec.detach),
            attach_stderr: Some(!exec.detach),
            tty: Some(exec.tty),
            detach_keys: Some(keys.text().to_owned()),
            env: Some(exec.environment.clone()),
            cmd: Some(exec.command.clone()),
            privileged: Some(exec.privileged),
            user: exec.user.clone(),
            working_dir: exec.workdir.clone(),
        };
        let id = docker.create_exec(&container.id, options).await.map_err(failed)?.id;
        let options = StartExecOptions {
            detach: exec.detach,
            tty: exec.tty,
            output_capacity: None,
        };
        let StartExecResults::Attached { output, input } =
            docker.start_exec(&id, Some(options)).await.map_err(failed)?
        else {
            return Ok(0);
        };
        let console = open()?;
        let resize = async |(width, height)| docker.resize_exec(&id, ResizeExecOptions { height, width }).await;
        let joined = Joined {
            ends: true,
            keys: exec.tty.then_some(keys),
            resize: exec.tty.then_some(resize),
            signal: None::<fn(&'static str) -> std::future::Ready<()>>,
        };
        let end = tokio::select! {
            end = joined.run(console, output, input) => end?,
            // On a terminal the keys go to the process, which decides what they mean.
            () = io.interrupts.reached(1) => return Err(Error::INTERRUPTED),
        };
        if end == End::Detached {
            return Ok(0);
        }
        match self.connection.exec_status(&id).await.map_err(failed)? {
            Some(code) => Ok(status(code)),
            None => Err(Error::new("the engine does not tell the process's exit status")),
        }
    }

    /// Joins what a container of a service runs, as it runs; its exit status when it ends.
    pub async fn attach(
        &self,
        project: &str,
        service: &str,
        index: Option<u32>,
        attach: &Attach,
        open: impl FnOnce(bool, bool) -> Result<Console>,
        io: &Io,
    ) -> Result<u8> {
        let container = self.running(project, service, index).await?;
        if io.only_tells(Deed::Attach(container.name.clone()))? {
            return Ok(0);
        }
        let attached = self.hold(&container.id, attach).await?;
        let console = open(attached.tty, attached.stdin)?;
        let join = self.join(&container.id, attach, attached, console);
        let wait = self.connection.exit_status(&container.id);
        tokio::select! {
            status = ended(join, wait) => status.map(Option::unwrap_or_default),
            () = io.interrupts.reached(1), if !attach.signals => Err(Error::INTERRUPTED),
        }
    }

    /// The container of a service that a process can run in.
    async fn running(&self, project: &str, service: &str, index: Option<u32>) -> Result<Container> {
        let mut containers = self.containers_of(project, &[service.to_owned()]).await?;
        containers.retain(|container| {
            container.service == service && index.is_none_or(|index| container.number == index && !container.one_off)
        });
        containers.sort_by_key(|container| container.one_off);
        if let Some(running) = containers.iter().find(|container| container.is_running()) {
            return Ok(running.clone());
        }
        Err(match (containers.first(), index) {
            (Some(container), _) => not_running(service, container),
            (None, index) => Error::new(format!(
                "project {project} has no container {} of service `{service}`",
                index.unwrap_or(1)
            ))
            .hint("`ctx ps --all` lists those that it has"),
        })
    }

    pub(super) async fn hold(&self, id: &str, attach: &Attach) -> Result<Attached> {
        let docker = &self.connection.docker;
        let failed = |error| self.connection.failed("cannot attach to the container", &error);
        let container = docker.inspect_container(id, None::<InspectContainerOptions>).await;
        let config = container.map_err(failed)?.config.unwrap_or_default();
        let stdin = attach.stdin && config.open_stdin.unwrap_or_default();
        let options = AttachContainerOptions {
            detach_keys: Some(attach.detach_keys.text().to_owned()),
            stdin,
            stdout: true,
            stderr: true,
            stream: true,
            logs: false,
        };
        Ok(Attached {
            streams: docker.attach_container(id, Some(options)).await.map_err(failed)?,
            tty: config.tty.unwrap_or_default(),
            stdin,
            ends: config.stdin_once.unwrap_or_default(),
        })
    }

    pub(super) async fn join(&self, id: &str, attach: &Attach, attached: Attached, console: Console) -> Result<End> {
        let docker = &self.connection.docker;
        let resize = async |(width, height): (u16, u16)| {
            let (w, h) = (width.into(), height.into());
            docker
                .resize_container_tty(id, ResizeContainerTTYOptions { h, w })
                .await
        };
        let signal = async |signal: &'static str| {
            let options = KillContainerOptions {
                signal: signal.to_owned(),
            };
            // It may have ended a moment ago.
            let _ = docker.kill_container(id, Some(options)).await;
        };
        let joined = Joined {
            ends: attached.ends,
            keys: attached.tty.then(|| attach.detach_keys.clone()),
            resize: attached.tty.then_some(resize),
            signal: attach.signals.then_some(signal),
        };
        joined
            .run(console, attached.streams.output, attached.streams.input)
            .await
    }
}

/// A connection to a container's first process.
pub(super) struct Attached {
    streams: AttachContainerResults,
    pub(super) tty: bool,
    pub(super) stdin: bool,
    /// Whether the end of the input is the container's to see. Where it is not, it would only end the output.
    ends: bool,
}

/// The exit status of what was joined, or none when the user has left it.
pub(super) async fn ended(
    join: impl Future<Output = Result<End>>,
    wait: impl Future<Output = Result<i64>>,
) -> Result<Option<u8>> {
    let (mut join, mut wait) = (pin!(join), pin!(wait));
    let mut code = None;
    let end = loop {
        tokio::select! {
            end = &mut join => break end?,
            ended = &mut wait, if code.is_none() => code = Some(ended?),
        }
    };
    match (end, code) {
        (End::Detached, _) => Ok(None),
        (End::Closed, Some(code)) => Ok(Some(status(code))),
        (End::Closed, None) => wait.await.map(|code| Some(status(code))),
    }
}

/// What passes between a console and a process besides bytes.
struct Joined<R, S> {
    ends: bool,
    keys: Option<DetachKeys>,
    resize: Option<R>,
    signal: Option<S>,
}

type Output = Pin<Box<dyn Pieces<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;
type Input = Pin<Box<dyn AsyncWrite + Send>>;

impl<R, S> Joined<R, S>
where
    R: AsyncFn((u16, u16)) -> Result<(), bollard::errors::Error>,
    S: AsyncFn(&'static str),
{
    /// Ends when the process's output does, or when the user leaves it.
    async fn run(self, console: Console, output: Output, input: Input) -> Result<End> {
        let Console {
            input: typed,
            write,
            size,
            signals,
            mode: _mode,
        } = console;
        tokio::select! {
            end = show(output, &*write) => end.map(|()| End::Closed),
            () = feed(typed, input, self.keys, self.ends) => Ok(End::Detached),
            () = follow_size(size, self.resize) => unreachable!("sizes change as long as the console is there"),
            () = pass_on(signals, self.signal) => unreachable!("signals come as long as the console is there"),
        }
    }
}

async fn show(mut output: Output, write: &(dyn Fn(Stream, &[u8]) -> std::io::Result<()> + Send + Sync)) -> Result<()> {
    while let Some(piece) = output.next().await {
        let piece = piece.map_err(|error| Error::new("lost the connection to the process").because(&error))?;
        let stream = match piece {
            LogOutput::StdErr { .. } => Stream::Error,
            _ => Stream::Out,
        };
        write(stream, piece.as_ref()).map_err(|_| CLOSED)?;
    }
    Ok(())
}

/// Sends what is typed until the detach keys are: only they end this.
async fn feed(mut typed: mpsc::Receiver<Vec<u8>>, mut input: Input, mut keys: Option<DetachKeys>, ends: bool) {
    while let Some(bytes) = typed.recv().await {
        let (bytes, detached) = match &mut keys {
            Some(keys) => keys.pass(&bytes),
            None => (bytes, false),
        };
        if detached {
            return;
        }
        // A process that reads no more may still write; its end is what counts.
        if input.write_all(&bytes).await.is_err() || input.flush().await.is_err() {
            break;
        }
    }
    if ends {
        let _ = input.shutdown().await;
    }
    std::future::pending::<()>().await;
}

async fn follow_size<R>(mut size: watch::Receiver<(u16, u16)>, resize: Option<R>)
where
    R: AsyncFn((u16, u16)) -> Result<(), bollard::errors::Error>,
{
    let Some(resize) = resize else {
        return std::future::pending().await;
    };
    loop {
        let now = *size.borrow_and_update();
        if now != (0, 0) {
            let mut patience = Duration::from_millis(5);
            // The process may not have its terminal yet.
            while resize(now).await.is_err_and(|error| !is_missing(&error)) && patience < Duration::from_secs(1) {
                tokio::time::sleep(patience).await;
                patience *= 2;
            }
        }
        if size.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

async fn pass_on<S: AsyncFn(&'static str)>(mut signals: mpsc::UnboundedReceiver<&'static str>, signal: Option<S>) {
    if let Some(signal) = signal {
        while let Some(name) = signals.recv().await {
            signal(name).await;
        }
    }
    std::future::pending::<()>().await;
}

fn not_running(service: &str, container: &Container) -> Error {
    let error = Error::new(format!("service `{service}` is not running"));
    let name = &container.name;
    error.hint(match (container.state.as_str(), container.status.exit_code) {
        ("paused", _) => format!("container {name} is paused; `ctx unpause {service}` lets it go on"),
        ("restarting", _) => format!("container {name} is restarting; `ctx logs {service}` may tell why"),
        ("exited", Some(code)) => {
            format!("container {name} has exited with status {code}; `ctx start {service}` starts it again")
        }
        (state, _) => format!("container {name} is {state}; `ctx start {service}` starts it"),
    })
}

/// What a process can leave behind is a byte.
fn status(code: i64) -> u8 {
    u8::try_from(code & 0xff).unwrap_or(u8::MAX)
}
