//! Engines on other machines, reached as `ssh://[USER@]HOST[:PORT][/SOCKET]`.
//!
//! One run of the program `ssh` forwards a socket of this machine to the engine's, for all requests: what its user has
//! configured for the host (keys, jump hosts, an agent) holds. It reads from `ctx`, so that it ends with `ctx` however
//! that ends.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;
use url::Url;

use crate::error::{Error, Result};

/// Where an engine listens on its machine unless the address says otherwise.
const SOCKET: &str = "/var/run/docker.sock";

/// The other machine writes this when the way is open, and then waits for the end of its input.
const READY: &str = "ctx-is-there";

/// A socket here that leads to an engine there.
#[derive(Debug)]
pub(super) struct Tunnel {
    ssh: Child,
    folder: TempDir,
}

impl Tunnel {
    /// The way to an engine, which all of this process's connections to it share.
    pub(super) fn to(host: &str) -> Result<Arc<Self>> {
        static OPEN: Mutex<Option<HashMap<String, Weak<Tunnel>>>> = Mutex::new(None);
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.get_or_insert_default();
        if let Some(tunnel) = open.get(host).and_then(Weak::upgrade) {
            return Ok(tunnel);
        }
        let tunnel = Arc::new(Self::open(host)?);
        open.insert(host.to_owned(), Arc::downgrade(&tunnel));
        Ok(tunnel)
    }

    /// Where the engine can be reached on this machine.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    /// What `ssh` had to say last.
    pub(super) fn said(&self) -> Option<String> {
        let said = std::fs::read_to_string(self.folder.path().join("said")).ok()?;
        said.lines()
            .map(str::trim)
            .rfind(|line| !line.is_empty())
            .map(str::to_owned)
    }

    fn open(host: &str) -> Result<Self> {
        let address = Address::read(host)?;
        let failed = |error: std::io::Error| Error::new(format!("cannot reach {host}")).because(&error);
        let folder = tempfile::Builder::new().prefix("ctx-ssh-").tempdir().map_err(failed)?;
        let said = std::fs::File::create(folder.path().join("said")).map_err(failed)?;
        let mut command = Command::new("ssh");
        command
            .args(address.arguments(&folder.path().join("docker.sock").display().to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said)
            // A Ctrl-C is for `ctx`, which has requests to make after it.
            .process_group(0);
        let ssh = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::new(format!("cannot reach {host}: there is no program `ssh`"))
                .hint("install OpenSSH's client (Debian: apt-get install openssh-client)"),
            _ => failed(error),
        })?;
        let mut tunnel = Self { ssh, folder };
        let output = tunnel.ssh.stdout.take();
        // Whatever a login shell there says first is no answer.
        let ready = output.is_some_and(|output| {
            let mut lines = BufReader::new(output).lines().map_while(std::io::Result::ok);
            lines.any(|line| line == READY)
        });
        if ready {
            return Ok(tunnel);
        }
        // It has ended, or is about to: then all is said.
        let _ = tunnel.ssh.wait();
        let reason = tunnel
            .said()
            .unwrap_or_else(|| "ssh has ended without a word".to_owned());
        Err(Error::new(format!("cannot reach {host}: {reason}")).hint(format!(
            "`{}` has to work without questions: with a key in the agent, and the host among the known ones",
            address.by_hand()
        )))
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = self.ssh.kill();
        let _ = self.ssh.wait();
    }
}

/// What `ssh://…` says.
#[derive(PartialEq, Eq, Debug)]
struct Address {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    socket: String,
}

impl Address {
    fn read(text: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Error::new(format!("`{text}` is no address of an engine: {what}"))
                .hint("write `ssh://[USER@]HOST[:PORT]`, with `/SOCKET` behind it where it is not /var/run/docker.sock")
        };
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if url.password().is_some() {
            return Err(wrong("it has a password, which `ssh` does not take"));
        }
        let host = url.host_str().filter(|host| !host.starts_with('-'));
        let host = host.ok_or_else(|| wrong("it names no host"))?;
        let decode = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8_lossy()
                .into_owned()
        };
        Ok(Self {
            user: Some(decode(url.username())).filter(|user| !user.is_empty()),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port(),
            socket: match url.path() {
                "" | "/" => SOCKET.to_owned(),
                path => decode(path),
            },
        })
    }

    /// How one tries it.
    fn by_hand(&self) -> String {
        let port = self.port.map_or(String::new(), |port| format!("-p {port} "));
        let user = self.user.as_ref().map_or(String::new(), |user| format!("{user}@"));
        format!("ssh {port}{user}{}", self.host)
    }

    fn arguments(&self, local: &str) -> Vec<String> {
        let mut arguments = vec!["-T".to_owned(), "-L".to_owned(), format!("{local}:{}", self.socket)];
        for option in [
            // Nobody is asked anything: the questions would stand in the middle of the display.
            "BatchMode=yes",
            "ExitOnForwardFailure=yes",
            // A connection that others share outlives this one, and does not tell when it cannot forward.
            "ControlPath=none",
            "ConnectTimeout=30",
            "ServerAliveInterval=15",
        ] {
            arguments.extend(["-o".to_owned(), option.to_owned()]);
        }
        if let Some(user) = &self.user {
            arguments.extend(["-l".to_owned(), user.clone()]);
        }
        if let Some(port) = self.port {
            arguments.extend(["-p".to_owned(), port.to_string()]);
        }
        arguments.extend(["--".to_owned(), self.host.clone(), format!("echo {READY} && exec cat")]);
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_to_try_it_by_hand_is_told_how() {
        let by_hand = |text: &str| Address::read(text).unwrap().by_hand();
        assert_eq!(by_hand("ssh://build.example"), "ssh build.example");
        assert_eq!(by_hand("ssh://me@build.example:2222"), "ssh -p 2222 me@build.example");
    }

    #[test]
    fn an_address_has_a_host_and_defaults() {
        let plain = Address::read("ssh://build.example").unwrap();
        assert_eq!(
            plain,
            Address {
                user: None,
                host: "build.example".into(),
                port: None,
                socket: SOCKET.into(),
            }
        );
        let full = Address::read("ssh://ann@[fd00::1]:2222/run/user/1000/docker.sock").unwrap();
        assert_eq!(full.user.as_deref(), Some("ann"));
        assert_eq!((full.host.as_str(), full.port), ("fd00::1", Some(2222)));
        assert_eq!(full.socket, "/run/user/1000/docker.sock");
    }

    #[test]
    fn what_would_be_an_option_or_a_password_is_refused() {
        for (address, why) in [
            ("ssh://", "names no host"),
            ("ssh://-oProxyCommand=x", "names no host"),
            ("ssh://ann:secret@host", "has a password"),
        ] {
            let error = Address::read(address).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_user_cannot_become_an_option() {
        let address = Address::read("ssh://-x@host:22").unwrap();
        let arguments = address.arguments("/tmp/s");
        let at = arguments.iter().position(|argument| argument == "-l").unwrap();
        assert_eq!(arguments[at + 1], "-x");
        assert_eq!(arguments[arguments.len() - 3..][..2], ["--", "host"]);
    }
}
