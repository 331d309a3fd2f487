//! What the fuzzer checks, for the inputs that it begins with and for changed ones: the same ones in every run.

use std::path::Path;

#[path = "../fuzz/src/project.rs"]
#[allow(unreachable_pub, reason = "the fuzzer's own package has it, too")]
mod project;

/// How many changed inputs are made of each.
const CHANGED: u64 = 1000;

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/load");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// A row of numbers that look like chance (xorshift), and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    /// An input with a few pieces dropped, doubled, replaced, or taken from another one.
    fn changed(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        const PIECES: [&str; 24] = [
            "null",
            "[]",
            "{}",
            "!reset ",
            "!override ",
            "${A:-",
            "}",
            "$",
            "*a",
            "&a ",
            "<<: *a",
            "\n",
            "\n%%\n",
            "---\n",
            ":",
            "- ",
            "'",
            "\"",
            "\u{0}",
            "\u{feff}",
            "\u{e9}",
            "999999999999999999999",
            "-1",
            "  ",
        ];
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(4) {
            let from = self.below(bytes.len());
            let length = self.below(12).min(bytes.len() - from);
            let piece = match self.below(4) {
                0 => Vec::new(),
                1 => bytes[from..from + length].repeat(2),
                2 => PIECES[self.below(PIECES.len())].as_bytes().to_vec(),
                _ => {
                    let start = self.below(other.len());
                    other[start..(start + length).min(other.len())].to_vec()
                }
            };
            bytes.splice(from..from + length, piece);
        }
        bytes
    }
}

#[test]
fn what_the_fuzzer_begins_with() {
    let folder = tempfile::tempdir().unwrap();
    for input in corpus() {
        project::check(&input, folder.path());
    }
}

#[test]
fn what_is_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus();
    let mut numbers = Numbers(0x0070_726f_6a65_6374);
    for input in &corpus {
        for _ in 0..CHANGED {
            let other = &corpus[numbers.below(corpus.len())];
            project::check(&numbers.changed(input, other), folder.path());
        }
    }
}
