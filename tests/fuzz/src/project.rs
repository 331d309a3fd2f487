//! What must hold of every project, whoever wrote its files: the fuzzer and the tests check it on theirs.

use std::path::Path;

use ctx::compose::{LoadOptions, Loaded, Node, Skip, Value, canonical, load};
use ctx::diagnostic::Report;

/// The files of a project, in the order in which an input has them.
const FILES: [&str; 6] = [
    "compose.yaml",
    "compose.override.yaml",
    ".env",
    "included.yaml",
    "extended.yaml",
    "variables.env",
];
/// A line that stands between two files of an input.
const BETWEEN: &[u8] = b"\n%%\n";

/// Loads a project that an input describes, in a folder that is the input's alone.
pub fn check(input: &[u8], folder: &Path) {
    // What lies on other machines is not asked for.
    if ["git", "oci:", "//", "ssh", "file:"]
        .iter()
        .any(|name| contains(input, name.as_bytes()))
    {
        return;
    }
    let mut rest = input;
    for name in FILES {
        let end = (0..rest.len())
            .find(|at| rest[*at..].starts_with(BETWEEN))
            .unwrap_or(rest.len());
        let path = folder.join(name);
        if end == 0 {
            let _ = std::fs::remove_file(path);
        } else {
            std::fs::write(path, &rest[..end]).expect("a file can be written");
        }
        rest = rest.get(end + BETWEEN.len()..).unwrap_or_default();
    }
    // What is left says which stages to skip.
    let bits = rest.first().copied().unwrap_or_default();
    let skip = Skip {
        interpolation: bits & 1 != 0,
        normalization: bits & 2 != 0,
        path_resolution: bits & 4 != 0,
        consistency: bits & 8 != 0,
        environment: bits & 16 != 0,
    };
    match load(&options(folder, skip)) {
        Ok(loaded) => {
            places(&loaded.report);
            let text = canonical::project_yaml(&loaded.project);
            for other in [
                canonical::project_json(&loaded.project),
                canonical::tree_yaml(&loaded.project.tree),
                canonical::tree_json(&loaded.project.tree),
            ] {
                assert!(other.ends_with('\n'));
            }
            // Docker Compose doubles the dollar signs of keys, too, although it fills in no variables there.
            if bits == 0 && !has_dollar(&loaded.project.tree) {
                loads_to_itself(&text, folder);
            }
        }
        Err(report) => {
            assert!(report.has_errors(), "nothing was loaded, and nobody says why");
            places(&report);
        }
    }
}

fn has_dollar(node: &Node) -> bool {
    match &node.value {
        Value::Map(map) => map
            .iter()
            .any(|(key, entry)| key.contains('$') || has_dollar(&entry.node)),
        Value::List(list) => list.iter().any(has_dollar),
        _ => false,
    }
}

fn contains(input: &[u8], word: &[u8]) -> bool {
    input
        .windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}

fn options(folder: &Path, skip: Skip) -> LoadOptions {
    LoadOptions {
        current_dir: folder.to_owned(),
        project_name: Some("fuzz".to_owned()),
        profiles: vec!["*".to_owned()],
        skip,
        ..LoadOptions::default()
    }
}

/// Every diagnostic stands somewhere in the files, or nowhere.
fn places(report: &Report) {
    for diagnostic in &report.diagnostics {
        let notes = diagnostic.notes.iter().map(|note| note.span);
        for span in notes.chain([diagnostic.span]) {
            if let Some(source) = report.sources.get(span.file()) {
                assert!(
                    source.text.get(span.range()).is_some(),
                    "{diagnostic:?} stands outside of its file"
                );
                assert!(report.sources.place(span).is_some());
            }
        }
    }
}

/// What `config` prints is a Compose file, of which `config` prints the same.
fn loads_to_itself(text: &str, folder: &Path) {
    let printed = folder.join("printed");
    std::fs::create_dir_all(&printed).expect("a folder can be made");
    std::fs::write(printed.join("compose.yaml"), text).expect("a file can be written");
    match load(&options(&printed, Skip::default())) {
        Ok(Loaded { project, .. }) => assert_eq!(canonical::project_yaml(&project), text),
        Err(report) => panic!("{:?}\n{text}", report.diagnostics),
    }
}
