//! Lines out of what containers write, which comes in pieces.

use bollard::container::LogOutput;
use jiff::Timestamp;

/// A line longer than this is cut, so that a container that never ends one does not fill the memory.
const LONGEST: usize = 1 << 20;

/// Puts one container's lines together.
#[derive(Default, Debug)]
pub(super) struct Lines {
    stdout: Unfinished,
    stderr: Unfinished,
    /// Whether the engine writes the time before each piece.
    stamped: bool,
}

#[derive(Default, Debug)]
struct Unfinished {
    time: Option<Timestamp>,
    bytes: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    pub(super) time: Option<Timestamp>,
    pub(super) stderr: bool,
    pub(super) text: String,
}

impl Lines {
    /// Lines that begin with the time at which they were written.
    pub(super) fn stamped() -> Self {
        Self {
            stamped: true,
            ..Self::default()
        }
    }

    /// The lines that a piece completes.
    pub(super) fn push(&mut self, piece: &LogOutput) -> Vec<Line> {
        let stderr = matches!(piece, LogOutput::StdErr { .. });
        let unfinished = if stderr { &mut self.stderr } else { &mut self.stdout };
        let mut bytes = piece.as_ref();
        if self.stamped
            && let Some((time, rest)) = split_time(bytes)
        {
            bytes = rest;
            // Pieces of one line carry a time each; the first counts.
            if unfinished.bytes.is_empty() {
                unfinished.time = Some(time);
            }
        }
        let mut lines = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            unfinished.bytes.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            lines.push(unfinished.finish(stderr));
        }
        unfinished.bytes.extend_from_slice(bytes);
        if unfinished.bytes.len() > LONGEST {
            lines.push(unfinished.finish(stderr));
        }
        lines
    }

    /// What was written last, without a line end.
    pub(super) fn rest(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (unfinished, stderr) in [(&mut self.stdout, false), (&mut self.stderr, true)] {
            if !unfinished.bytes.is_empty() {
                lines.push(unfinished.finish(stderr));
            }
        }
        lines
    }
}

impl Unfinished {
    fn finish(&mut self, stderr: bool) -> Line {
        let bytes = self.bytes.strip_suffix(b"\r").unwrap_or(&self.bytes);
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.bytes.clear();
        Line {
            time: self.time,
            stderr,
            text,
        }
    }
}

/// Splits `2026-01-02T03:04:05.6Z text`.
pub(super) fn split_time(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    let end = bytes.iter().take(40).position(|byte| *byte == b' ')?;
    let time = std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()?;
    Some((time, &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[Line]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    fn stdout(text: &'static str) -> LogOutput {
        LogOutput::StdOut { message: text.into() }
    }

    #[test]
    fn pieces_become_lines() {
        let mut lines = Lines::default();
        assert_eq!(texts(&lines.push(&stdout("one\r\ntw"))), ["one"]);
        assert_eq!(
            texts(&lines.push(&LogOutput::StdErr {
                message: "oops\n".into()
            })),
            ["oops"]
        );
        assert_eq!(texts(&lines.push(&stdout("o\nthree"))), ["two"]);
        assert_eq!(texts(&lines.rest()), ["three"]);
    }

    #[test]
    fn a_long_line_has_the_time_of_its_first_piece() {
        let mut lines = Lines::stamped();
        assert!(lines.push(&stdout("2026-01-02T03:04:05.6Z be")).is_empty());
        let whole = lines.push(&stdout("2026-01-02T03:04:06Z gin\n"));
        assert_eq!(texts(&whole), ["begin"]);
        assert_eq!(whole[0].time, "2026-01-02T03:04:05.6Z".parse().ok());
    }

    #[test]
    fn a_line_that_never_ends_is_cut_and_not_kept() {
        let mut lines = Lines::default();
        let piece = LogOutput::StdOut {
            message: vec![b'x'; 1 << 16].into(),
        };
        let mut cut = 0;
        for _ in 0..100 {
            let complete = lines.push(&piece);
            cut += complete.iter().map(|line| line.text.len()).sum::<usize>();
            assert!(lines.stdout.bytes.len() <= LONGEST);
        }
        let rest = lines.rest();
        assert_eq!(cut + rest[0].text.len(), 100 << 16, "nothing is lost");
    }
}
