//! A terminal for tests: `script` of util-linux makes one. Where there is none the tests are skipped.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::sandbox::Sandbox;
use super::skip;

const LIMIT: Duration = Duration::from_secs(20);

/// `ctx` on a terminal of its own.
pub struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    pub fn start(sandbox: &Sandbox, arguments: &[&str]) -> Option<Self> {
        Self::run(&sandbox.command(arguments))
    }

    pub fn run(program: &Command) -> Option<Self> {
        let words = std::iter::once(program.get_program()).chain(program.get_args());
        let line = shell_words::join(words.map(|word| word.to_str().unwrap()));
        let mut script = Command::new("script");
        script
            .args(["-qefc", &line, "/dev/null"])
            .env_clear()
            .env("TERM", "xterm");
        script.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = program.get_current_dir() {
            script.current_dir(folder);
        }
        let child = script
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = child else {
            skip::or_fail("there is no `script` to make a terminal with");
            return None;
        };
        let mut output = child.stdout.take().unwrap();
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                let _ = sender.send(buffer[..length].to_vec());
            }
        });
        Some(Self {
            keyboard: child.stdin.take().unwrap(),
            child,
            screen,
            seen: String::new(),
        })
    }

    /// Waits until a text is on the screen, and presses keys then.
    #[track_caller]
    pub fn at(&mut self, text: &str, keys: &str) {
        let before = self.seen.len();
        while !self.seen[before..].contains(text) {
            match self.screen.recv_timeout(LIMIT) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => panic!("`{text}` does not appear ({error}):\n{}", self.seen),
            }
        }
        self.press(keys);
    }

    #[track_caller]
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// The exit status, and all that was on the screen.
    pub fn end(mut self) -> (i32, String) {
        while let Ok(bytes) = self.screen.recv_timeout(LIMIT) {
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or(-1), self.seen)
    }
}
