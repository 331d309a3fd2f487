//! What a `.dockerignore` leaves out: the same as for `docker buildx build`, on generated files and patterns.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ctx::image::Ignore;
use serde_json::json;

use crate::support::deadline;
use crate::support::engine::Engine;
use crate::support::skip;

const CASES: usize = 200;
/// So many are built at once.
const BATCH: usize = 50;
const NAMES: &[&str] = &["a", "b", "ab", "ba", "a.txt", "b.md", ".x", "c d", "a-b"];
const PARTS: &[&str] = &[
    "a", "b", "ab", ".x", "c d", "*", "**", "?", "??", "a*", "*b", "*.txt", "*.*", "[ab]", "[a-b]*", "[^a]", "**b",
    "a**", "**.md", "\\a", "a\\.txt", "..", ".", "a?b", "*/*",
];

#[test]
fn ignored_is_what_buildx_ignores() {
    let Some(engine) = Engine::reach() else { return };
    let works =
        |mut command: Command| deadline::output(command.stdin(Stdio::null())).is_ok_and(|run| run.status.success());
    let buildx = |arguments: &[&str]| {
        let mut command = Command::new("docker");
        command.arg("buildx").args(arguments).env("DOCKER_HOST", engine.host());
        command
            .env("BUILDX_BAKE_ENTITLEMENTS_FS", "0")
            .env_remove("DOCKER_CONTEXT");
        command
    };
    if !works(buildx(&["version"])) {
        return skip::always("there is no plugin `buildx`");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(20_130_320);
    let cases: Vec<String> = (0..CASES)
        .map(|nth| {
            let context = folder.path().join(nth.to_string());
            plant(&context, &mut random);
            let mut patterns = patterns(&mut random);
            // What neither takes has its own test.
            while Ignore::parse(&patterns).is_err() {
                patterns = self::patterns(&mut random);
            }
            fs::write(context.join(".dockerignore"), &patterns).unwrap();
            patterns
        })
        .collect();
    let out = |nth: usize| folder.path().join(format!("{nth}.out"));
    let numbers: Vec<usize> = (0..CASES).collect();
    for batch in numbers.chunks(BATCH) {
        let targets: serde_json::Map<_, _> = batch
            .iter()
            .map(|nth| {
                let target = json!({
                    "context": folder.path().join(nth.to_string()),
                    "dockerfile-inline": "FROM scratch\nCOPY . /\n",
                    "output": [format!("type=local,dest={}", out(*nth).display())],
                });
                (format!("t{nth}"), target)
            })
            .collect();
        let names: Vec<_> = targets.keys().cloned().collect();
        let file = folder.path().join("bake.json");
        fs::write(
            &file,
            json!({"group": {"default": {"targets": names}}, "target": targets}).to_string(),
        )
        .unwrap();
        let mut command = buildx(&["bake", "-f", file.to_str().unwrap()]);
        let run = deadline::output_within(Duration::from_mins(5), command.stdin(Stdio::null())).unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }
    let (mut left_out, mut wrong) = (0, Vec::new());
    for (nth, patterns) in cases.iter().enumerate() {
        let ignore = Ignore::parse(patterns).unwrap();
        let mut ours = files(&folder.path().join(nth.to_string()));
        let all = ours.len();
        ours.retain(|path| !ignore.excludes(path));
        left_out += all - ours.len();
        let theirs = files(&out(nth));
        if ours != theirs {
            let differ: Vec<_> = ours.symmetric_difference(&theirs).collect();
            wrong.push(format!("case {nth}: {patterns:?}: {differ:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(left_out > CASES, "{left_out}");
}

/// Some files at random places.
fn plant(root: &Path, random: &mut Random) {
    fs::create_dir_all(root).unwrap();
    for _ in 0..25 {
        let depth = 1 + random.below(4);
        let path: Vec<&str> = (0..depth).map(|_| random.of(NAMES)).collect();
        let path = root.join(path.join("/"));
        // Where a file stands in the way, or a folder is already, nothing more is planted.
        if fs::create_dir_all(path.parent().unwrap()).is_ok() && !path.exists() {
            fs::write(path, "x").unwrap();
        }
    }
}

fn patterns(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..=random.below(5) {
        text += random.of(&["", "", "", "", "# a\n", "\n", "  \n", " "]);
        text += random.of(&["", "", "", "!", "!", "! "]);
        text += random.of(&["", "", "", "", "/", "./"]);
        for nth in 0..=random.below(3) {
            text += if nth == 0 {
                ""
            } else {
                random.of(&["/", "/", "/", "//"])
            };
            text += random.of(PARTS);
        }
        text += random.of(&["\n", "\n", "\n", "/\n", " \n", "\r\n"]);
    }
    text
}

fn files(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// The same numbers each time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // SplitMix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}
