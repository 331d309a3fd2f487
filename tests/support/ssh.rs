//! An OpenSSH server on a port of this machine, and a client that knows it and nobody else.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::skip;

pub struct SshServer {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl SshServer {
    /// `None` where none is installed; the test was reported as skipped then.
    pub fn start() -> Option<Self> {
        let program = ["/usr/sbin/sshd", "/usr/bin/sshd"]
            .into_iter()
            .find(|path| Path::new(path).exists());
        let Some(program) = program else {
            skip::or_fail("there is no sshd (Debian: apt-get install openssh-server)");
            return None;
        };
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(path(key))
                .status();
            assert!(made.unwrap().success());
        }
        // Where a machine has never started its own server, this is missing; only root's servers want it.
        let _ = fs::create_dir_all("/run/sshd");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n",
            path("host").display(),
            path("user.pub").display()
        );
        fs::write(path("sshd_config"), settings).unwrap();
        let mut child = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(path("sshd_config"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let listens = lines.any(|line| line.starts_with("Server listening"));
        assert!(listens, "sshd did not start");
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, port, folder })
    }

    /// Its address as an engine's, with the engine's socket behind it.
    pub fn engine(&self, socket: &str) -> String {
        format!("ssh://127.0.0.1:{}{socket}", self.port)
    }

    /// A folder with a program `ssh` that has the key and knows the host, and reads nobody's own settings.
    pub fn client(&self) -> PathBuf {
        let path = |name: &str| self.folder.path().join(name);
        let host = fs::read_to_string(path("host.pub")).unwrap();
        fs::write(path("known"), format!("[127.0.0.1]:{} {host}", self.port)).unwrap();
        let settings = format!(
            "IdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nStrictHostKeyChecking yes\n",
            path("user").display(),
            path("known").display()
        );
        fs::write(path("ssh_config"), settings).unwrap();
        let programs = path("bin");
        fs::create_dir_all(&programs).unwrap();
        let script = format!(
            "#!/bin/sh\necho \"$$\" >>{}\nexec /usr/bin/ssh -F {} \"$@\"\n",
            path("connections").display(),
            path("ssh_config").display()
        );
        fs::write(programs.join("ssh"), script).unwrap();
        fs::set_permissions(programs.join("ssh"), fs::Permissions::from_mode(0o755)).unwrap();
        programs
    }

    /// The processes of the client, those that have ended too.
    pub fn connections(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("connections")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
