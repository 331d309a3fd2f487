//! The terminal of the person who joins a container, or the pipes that stand in its place.

use std::any::Any;
use std::io;

use tokio::sync::{mpsc, watch};

/// Writes to one of the two outputs.
pub(crate) type Write = Box<dyn Fn(Stream, &[u8]) -> io::Result<()> + Send + Sync>;

/// What a command that joins a process in a container reads, writes and listens to.
pub struct Console {
    /// What is typed or piped in, until it ends.
    pub input: mpsc::Receiver<Vec<u8>>,
    /// Writes to standard output, or to standard error.
    pub write: Write,
    /// Columns and rows, as the user changes them.
    pub size: watch::Receiver<(u16, u16)>,
    /// Names of the signals that the user sends.
    pub signals: mpsc::UnboundedReceiver<&'static str>,
    /// What must live as long: while it does, a terminal passes on each key.
    pub mode: Option<Box<dyn Any>>,
}

/// One of a process's two outputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    Out,
    Error,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console")
    }
}

/// The keys that leave a container alone with what it does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DetachKeys {
    text: String,
    keys: Vec<u8>,
    /// How many of them were pressed, one after the other.
    pressed: usize,
}

impl Default for DetachKeys {
    fn default() -> Self {
        Self {
            text: "ctrl-p,ctrl-q".to_owned(),
            keys: vec![0x10, 0x11],
            pressed: 0,
        }
    }
}

impl std::str::FromStr for DetachKeys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let keys = text.split(',').map(key).collect::<Option<_>>();
        let keys = keys.ok_or("it is letters and `ctrl-LETTER`, with commas between them, as in `ctrl-p,ctrl-q`")?;
        Ok(Self {
            text: text.to_owned(),
            keys,
            pressed: 0,
        })
    }
}

fn key(name: &str) -> Option<u8> {
    match (name.strip_prefix("ctrl-").map(str::as_bytes), name.as_bytes()) {
        (Some(&[letter @ (b'a'..=b'z' | b'@' | b'['..=b'_')]), _) => Some(letter.to_ascii_uppercase() - b'@'),
        (None, &[letter]) if letter.is_ascii() => Some(letter),
        (None, b"DEL") => Some(0x7f),
        _ => None,
    }
}

impl DetachKeys {
    /// As the user wrote them.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What of the typed bytes goes on, and whether the keys were among them. Keys that may turn out to be the first
    /// of the sequence are held back until the next one.
    pub fn pass(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut passed = Vec::with_capacity(typed.len());
        for byte in typed {
            if self.keys[self.pressed] != *byte && self.pressed > 0 {
                passed.extend_from_slice(&self.keys[..self.pressed]);
                self.pressed = 0;
            }
            if self.keys[self.pressed] != *byte {
                passed.push(*byte);
                continue;
            }
            self.pressed += 1;
            if self.pressed == self.keys.len() {
                self.pressed = 0;
                return (passed, true);
            }
        }
        (passed, false)
    }
}

#[cfg(test)]
mod tests {
    use super::DetachKeys;

    #[test]
    fn keys_are_held_back_until_they_mean_something_else() {
        let mut keys = DetachKeys::default();
        assert_eq!(keys.pass(b"ls\x10"), (b"ls".to_vec(), false));
        assert_eq!(keys.pass(b"x"), (b"\x10x".to_vec(), false));
        assert_eq!(keys.pass(b"\x10\x10"), (b"\x10".to_vec(), false));
        assert_eq!(keys.pass(b"\x11rest"), (vec![], true));
    }

    #[test]
    fn keys_have_names() {
        let mut keys: DetachKeys = "ctrl-],d".parse().unwrap();
        assert_eq!(keys.pass(b"a\x1dd"), (b"a".to_vec(), true));
        for wrong in ["", "ctrl-", "ctrl-1", "ab"] {
            assert!(wrong.parse::<DetachKeys>().is_err(), "{wrong}");
        }
    }
}
