//! The command that a session runs. ECS gives each a terminal and tells no exit status, so a shell in the container
//! does what else an engine would do, and writes the status as a terminal's escape sequence that nobody sees.
//!
//! The agent takes output for text: of U+FFFD it passes on the first byte alone. So, without a terminal here, output
//! comes in base64 where the container has that.

use super::coding::Decoder;
use crate::backend::Exec;

/// What the shell in the container had to say, and nobody else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Note {
    /// The command is about to begin, on a terminal that leaves input and output as they are, or that (`false`) shows
    /// what is typed and writes CR LF for LF.
    Begins(bool),
    Ended(u8),
}

/// Without these a terminal changes what is written and repeats what is typed. `ixon` would be no harm to quoted keys,
/// but Linux 6.0 and later looks ahead for Ctrl-S in what a slow reader has not got yet, quoted or not.
const PLAIN: &str = "stty -opost -echo -ixon 2>/dev/null";
/// Some programs refuse to read data from a terminal, or prompt where they find one. Interrupts are the command's.
const FEED: &str = "feed() { if command -v cat >/dev/null 2>&1; \
    then { trap '' INT QUIT; cat; } | run \"$@\"; else run \"$@\"; fi; }";
/// Passes on what there is, as soon as it is there: `base64` alone would wait for more.
const ENCODE: &str = "{ trap '' INT QUIT; \
    while piece=$(dd bs=24000 count=1 2>/dev/null | base64) && [ -n \"$piece\" ]; \
    do printf '%s\\n' \"$piece\"; done; }";

/// The command line to give to ECS, which splits it into words as a shell does.
#[must_use]
pub(super) fn line(exec: &Exec, nonce: &str) -> String {
    let mut run = String::from("trap : INT QUIT; ");
    if let Some(folder) = &exec.workdir {
        run += &format!("cd {} && ", shell_words::quote(folder));
    }
    for assignment in &exec.environment {
        run += &format!("export {} && ", shell_words::quote(assignment));
    }
    run += &format!("\"$@\"; printf '\\033]ctx;{nonce};%s\\a' \"$?\"");
    let script = if exec.tty {
        run
    } else {
        let note = |word: &str| format!("printf '\\033]ctx;{nonce};{word}\\a'");
        format!(
            "trap : INT QUIT; run() {{ {run}; }}; {FEED}; \
             if ! {PLAIN}; then {}; run \"$@\"; \
             elif [ \"$(printf ctx | dd bs=9 count=1 2>/dev/null | base64 2>/dev/null)\" = Y3R4 ]; \
             then {}; feed \"$@\" 2>&1 | {ENCODE}; \
             else {}; feed \"$@\"; fi",
            note("begin"),
            note("coded"),
            note("raw"),
        )
    };
    let words = ["sh", "-c", &script, "sh"].into_iter();
    shell_words::join(words.chain(exec.command.iter().map(String::as_str)))
}

/// Takes notes out of a session's output.
#[derive(Debug)]
pub(super) struct Notes {
    begin: Vec<u8>,
    /// What may be the beginning of a note.
    held: Vec<u8>,
    /// Whether CR LF stands for LF.
    translate: bool,
    /// Undoes what [`ENCODE`] does, from where that begins.
    decoder: Option<Decoder>,
}

impl Notes {
    pub(super) fn new(nonce: &str, tty: bool) -> Self {
        Self {
            begin: format!("\x1b]ctx;{nonce};").into_bytes(),
            held: Vec::new(),
            translate: !tty,
            decoder: None,
        }
    }

    /// What of the output is for the person, and the notes in it.
    pub(super) fn pass(&mut self, output: &[u8]) -> (Vec<u8>, Vec<Note>) {
        match &mut self.decoder {
            Some(decoder) => self.held.extend(decoder.pass(output)),
            None => self.held.extend_from_slice(output),
        }
        let (mut passed, mut notes) = (Vec::new(), Vec::new());
        let mut rest = std::mem::take(&mut self.held);
        while let Some(at) = find(&rest, &self.begin) {
            let text = &rest[at + self.begin.len()..];
            let Some(end) = text.iter().position(|byte| *byte == 7) else {
                self.emit(&rest[..at], &mut passed);
                self.held = rest.split_off(at);
                return (passed, notes);
            };
            self.emit(&rest[..at], &mut passed);
            match &text[..end] {
                b"coded" => {
                    self.translate = false;
                    notes.push(Note::Begins(true));
                    self.decoder = Some(Decoder::default());
                    let coded = rest.split_off(at + self.begin.len() + end + 1);
                    let (bytes, more) = self.pass(&coded);
                    passed.extend(bytes);
                    notes.extend(more);
                    return (passed, notes);
                }
                b"raw" => {
                    self.translate = false;
                    notes.push(Note::Begins(true));
                }
                b"begin" => notes.push(Note::Begins(false)),
                code => {
                    let code = std::str::from_utf8(code).ok().and_then(|code| code.parse().ok());
                    notes.push(Note::Ended(code.unwrap_or(1)));
                }
            }
            rest.drain(..=at + self.begin.len() + end);
        }
        let mut keep = (1..self.begin.len().min(rest.len() + 1))
            .rev()
            .find(|length| rest.ends_with(&self.begin[..*length]))
            .unwrap_or(0);
        if self.translate && keep == 0 && rest.ends_with(b"\r") {
            keep = 1;
        }
        let held = rest.split_off(rest.len() - keep);
        self.emit(&rest, &mut passed);
        self.held = held;
        (passed, notes)
    }

    /// What was held back, when nothing follows any more.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn emit(&self, bytes: &[u8], passed: &mut Vec<u8>) {
        for (at, byte) in bytes.iter().enumerate() {
            if !(self.translate && *byte == b'\r' && bytes.get(at + 1) == Some(&b'\n')) {
                passed.push(*byte);
            }
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Piped input on its way through a terminal that reads lines: what would be a key is quoted, and long lines are
/// handed over in pieces.
#[derive(Default, Debug)]
pub(super) struct Piped {
    /// How much was written since the program last got something.
    line: usize,
}

impl Piped {
    /// As much as a terminal's line may have, with room for quotes.
    const LINE: usize = 1000;
    const END: u8 = 0x04;
    const QUOTE: u8 = 0x16;

    pub(super) fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut passed = Vec::with_capacity(bytes.len() + bytes.len() / 8);
        for byte in bytes {
            if *byte != b'\n' && *byte != b'\t' && (*byte < b' ' || *byte == 0x7f) {
                passed.push(Self::QUOTE);
            }
            passed.push(*byte);
            self.line = if *byte == b'\n' { 0 } else { self.line + 1 };
            if self.line >= Self::LINE {
                // Within a line the key for the end hands over what there is.
                passed.push(Self::END);
                self.line = 0;
            }
        }
        passed
    }

    /// The key for the end, which within a line has to be pressed twice.
    pub(super) fn end(&self) -> Vec<u8> {
        vec![Self::END; if self.line == 0 { 1 } else { 2 }]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exec(tty: bool, command: &[&str]) -> Exec {
        Exec {
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            tty,
            ..Exec::default()
        }
    }

    /// What a shell makes of the line, as in a container.
    fn run(exec: &Exec) -> (String, Vec<Note>) {
        let words = shell_words::split(&line(exec, "n1")).unwrap();
        let run = std::process::Command::new(&words[0])
            .args(&words[1..])
            .output()
            .unwrap();
        let mut notes = Notes::new("n1", exec.tty);
        let (output, found) = notes.pass(&run.stdout);
        (String::from_utf8(output).unwrap(), found)
    }

    #[test]
    fn a_shell_tells_the_status_and_hides_it() {
        let (output, notes) = run(&exec(true, &["sh", "-c", "echo \"it's $0\"; exit 42", "a b"]));
        assert_eq!((output.as_str(), notes), ("it's a b\n", vec![Note::Ended(42)]));
        let (_, notes) = run(&exec(true, &["/nowhere"]));
        assert_eq!(notes, [Note::Ended(127)]);
    }

    /// What the shell writes where `stty` works and the container has these tools too.
    fn run_with(tools: &[&str]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/bin/true", folder.path().join("stty")).unwrap();
        for tool in tools {
            std::os::unix::fs::symlink(format!("/usr/bin/{tool}"), folder.path().join(tool)).unwrap();
        }
        let words = shell_words::split(&line(&exec(false, &["/bin/echo", "\u{fffd}"]), "n1")).unwrap();
        let mut shell = std::process::Command::new("/bin/sh");
        let run = shell.args(&words[1..]).env("PATH", folder.path()).output().unwrap();
        let mut notes = Notes::new("n1", false);
        let (output, found) = notes.pass(&run.stdout);
        assert_eq!(output, "\u{fffd}\n".as_bytes());
        assert_eq!(found, [Note::Begins(true), Note::Ended(0)]);
        run.stdout
    }

    #[test]
    fn output_is_coded_where_the_container_can() {
        assert!(run_with(&["dd", "base64"]).is_ascii());
        for tools in [&["dd"][..], &["base64"], &[]] {
            assert!(!run_with(tools).is_ascii());
        }
    }

    #[test]
    fn folder_and_variables_are_the_shells() {
        let mut exec = exec(false, &["sh", "-c", "echo $PWD $A"]);
        exec.workdir = Some("/usr".into());
        exec.environment = vec!["A=it's $HOME".into()];
        let (output, notes) = run(&exec);
        assert_eq!(output, "/usr it's $HOME\n");
        // There is no terminal here, so `stty` cannot work.
        assert_eq!(notes, [Note::Begins(false), Note::Ended(0)]);
    }

    #[test]
    fn line_ends_of_a_terminal_become_those_of_a_pipe() {
        let mut notes = Notes::new("n", false);
        assert_eq!(notes.pass(b"a\r").0, b"a");
        assert_eq!(notes.pass(b"\nb\rc").0, b"\nb\rc");
        assert_eq!(notes.pass(b"\x1b]ctx;n;raw\x07\r\n").0, b"\r\n");
    }

    #[test]
    fn coded_output_is_what_was_written() {
        let mut notes = Notes::new("n", false);
        let written = b"\x1b]ctx;n;coded\x07Y3R\n4YQ==\r\n77+9G11jdHg7bjs3Bw==\n";
        let (mut passed, mut found) = notes.pass(&written[..20]);
        let (bytes, more) = notes.pass(&written[20..]);
        passed.extend(bytes);
        found.extend(more);
        assert_eq!(passed, b"ctxa\xef\xbf\xbd");
        assert_eq!(found, [Note::Begins(true), Note::Ended(7)]);
    }

    #[test]
    fn keys_among_piped_input_are_quoted() {
        let mut piped = Piped::default();
        assert_eq!(piped.pass(b"a\x03\n"), b"a\x16\x03\n");
        assert_eq!(piped.end(), [4]);
        assert_eq!(piped.pass(&[b'x'; 1500]).len(), 1501);
        assert_eq!(piped.end(), [4, 4]);
    }

    proptest! {
        #[test]
        fn notes_are_found_however_output_is_cut(before in "[a-z\x1b\\]]{0,9}", after in "[a-z\x1b\\]]{0,9}", cuts in proptest::collection::vec(1_usize..9, 1..30)) {
            let output = format!("{before}\x1b]ctx;n;7\x07{after}");
            let (mut notes, mut passed, mut found) = (Notes::new("n", true), Vec::new(), Vec::new());
            let mut rest = output.as_bytes();
            for cut in cuts.into_iter().cycle() {
                let (piece, remaining) = rest.split_at(cut.min(rest.len()));
                let (bytes, note) = notes.pass(piece);
                passed.extend(bytes);
                found.extend(note);
                rest = remaining;
                if rest.is_empty() { break; }
            }
            passed.extend(notes.rest());
            prop_assert_eq!(String::from_utf8(passed).unwrap(), before + &after);
            prop_assert_eq!(found, vec![Note::Ended(7)]);
        }
    }
}
