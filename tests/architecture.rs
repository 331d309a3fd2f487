//! House rules that no lint knows, read off the source text. `docs/architecture.md` says what they are for.

use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;

/// What every module above the ground floor may import.
const GROUND: &[&str] = &["blocking", "diagnostic", "error", "progress", "registry"];

/// Each module of the crate and the modules that it may import besides; its own are not listed. A module imports from
/// the floors below its own, and never from a sibling.
const FLOORS: &[(&str, &[&str])] = &[
    ("blocking", &[]),
    ("diagnostic", &[]),
    ("progress", &[]),
    ("registry", &[]),
    ("error", &["diagnostic"]),
    ("compose", &[]),
    ("context", &[]),
    ("backend", &["compose", "context"]),
    ("engine", &["context"]),
    ("image", &["engine", "backend", "compose", "context"]),
    ("endpoint", &["engine", "backend", "compose", "context"]),
    ("ui", &["backend", "compose", "context"]),
    ("ecs", &["image", "backend", "compose", "context"]),
    (
        "local",
        &["endpoint", "image", "engine", "backend", "compose", "context"],
    ),
    (
        "cli",
        &[
            "ui", "ecs", "local", "endpoint", "image", "backend", "compose", "context",
        ],
    ),
];

/// Edges that the floors allow and that must not be all the same.
const FORBIDDEN: &[(&str, &str)] = &[
    ("ecs/rules", "ecs/aws"),
    ("ecs/cloudformation", "ecs/aws"),
    ("ecs/cloudformation", "ecs/rules"),
    ("ecs/cloudformation", "compose"),
    ("ecs/aws", "ecs/rules"),
    ("ecs/aws", "compose"),
    ("ecs/rules", "image"),
    ("ecs/cloudformation", "image"),
    ("ecs/convert", "image"),
    ("ecs/aws", "image"),
    ("ecs/rules", "registry"),
    ("ecs/cloudformation", "registry"),
    ("ecs/convert", "registry"),
];

/// What a process takes from its surroundings, and the only places that may.
const SURROUNDINGS: &[(&str, &[&str])] = &[
    (
        r"\benv::(var|vars|set_var|current_dir|home_dir|args|temp_dir)",
        &["cli/environment.rs"],
    ),
    (
        r"\bfs::(read|write|File|open|create|remove|rename|copy|metadata|canonicalize|OpenOptions)",
        &[
            "compose/",
            "context/",
            "endpoint/",
            "engine/ssh.rs",
            "image/",
            "registry/credentials.rs",
            "local/execute/complete.rs",
            "ecs/files.rs",
            "ecs/aws/session/peer.rs",
            "local/watch/",
            "ui/output.rs",
        ],
    ),
    (
        r"\b(Instant|SystemTime|Timestamp|Zoned)::now",
        &[
            "ui/",
            "local/",
            "cli/moment.rs",
            "ecs/aws/",
            "ecs/follow.rs",
            "ecs/mod.rs",
            "endpoint/",
        ],
    ),
];

/// Begins the line of a file's head that says why the file is longer than others.
const LONG: &str = "//! Long because";

#[test]
fn modules_import_downward_only() {
    let (mut wrong, mut edges) = (Vec::new(), 0);
    for source in sources() {
        let own = source.module();
        for import in source.imports() {
            edges += 1;
            let (from, to) = (first(&own), first(&import));
            let floor = FLOORS.iter().find(|(module, _)| *module == from);
            let on_ground = !GROUND.contains(&from) && GROUND.contains(&to);
            let allowed = floor.is_none_or(|(_, below)| from == to || on_ground || below.contains(&to));
            let forbidden = FORBIDDEN
                .iter()
                .any(|(above, below)| within(&own, above) && within(&import, below));
            if !allowed || forbidden {
                wrong.push(format!("{} imports {import}", source.path));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(edges > 50, "imports are written in another way");
}

#[test]
fn every_module_has_a_floor() {
    let listed = |module: &str| FLOORS.iter().any(|(name, _)| *name == module);
    let missing: Vec<_> = sources()
        .into_iter()
        .filter(|source| !["main.rs", "lib.rs"].contains(&source.path.as_str()) && !listed(first(&source.module())))
        .map(|source| source.path)
        .collect();
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "say in tests/architecture.rs what they may import"
    );
}

#[test]
fn surroundings_are_read_in_few_places() {
    let mut wrong = Vec::new();
    for (pattern, places) in SURROUNDINGS {
        let pattern = Regex::new(pattern).unwrap();
        for source in sources() {
            if places.iter().any(|place| source.path.starts_with(place)) {
                continue;
            }
            wrong.extend(
                pattern
                    .find_iter(&source.code())
                    .map(|found| format!("{}: {}", source.path, found.as_str())),
            );
        }
    }
    assert_eq!(
        wrong,
        Vec::<String>::new(),
        "the list of places stands in tests/architecture.rs"
    );
}

#[test]
fn resource_types_stand_in_templates_only() {
    let resource_type = Regex::new(r"\bAWS::\w+::\w+").unwrap();
    let mut wrong = Vec::new();
    for source in sources() {
        wrong.extend(
            resource_type
                .find_iter(&source.code())
                .map(|found| format!("{}: {}", source.path, found.as_str())),
        );
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn no_partition_is_written_down() {
    let partition = Regex::new(r"arn:aws[\w-]*:|\.amazonaws\.com\.cn").unwrap();
    let templates = names(&root().join("templates")).into_iter().map(|name| {
        let text = fs::read_to_string(root().join("templates").join(&name)).unwrap();
        (name, text)
    });
    let code = sources().into_iter().map(|source| (source.path.clone(), source.code()));
    let wrong: Vec<_> = code
        .chain(templates)
        .filter(|(_, text)| partition.is_match(text))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        wrong,
        Vec::<String>::new(),
        "`${{AWS::Partition}}` and `${{AWS::URLSuffix}}` stand for it"
    );
}

#[test]
fn every_template_is_used() {
    let code: String = sources().iter().map(Source::code).collect();
    let unused: Vec<_> = names(&root().join("templates"))
        .into_iter()
        .filter(|name| !code.contains(name))
        .collect();
    assert_eq!(unused, Vec::<String>::new());
}

#[test]
fn long_files_say_why() {
    let limit = |path: &str| match path {
        "main.rs" => 40,
        _ if path.starts_with("cli/") => 100,
        _ => 400,
    };
    let mut wrong = Vec::new();
    for source in sources() {
        // Unit tests stand behind the code that they test, and do not make it harder to find.
        let length = source
            .text
            .split("#[cfg(test)]")
            .next()
            .unwrap_or_default()
            .lines()
            .count();
        let head = source.text.lines().take_while(|line| line.starts_with("//!"));
        let reason = head.clone().any(|line| line.starts_with(LONG));
        if length > limit(&source.path) && !reason {
            wrong.push(format!(
                "{}: {length} lines; split it, or add `{LONG} …` to its head",
                source.path
            ));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn files_are_named_after_what_is_in_them() {
    let nameless = Regex::new(r"(^|/)(util|helper|common|misc)s?(\.rs|/)").unwrap();
    let wrong: Vec<_> = sources()
        .into_iter()
        .map(|source| source.path)
        .filter(|path| nameless.is_match(path))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_top_level_holds_what_a_visitor_expects() {
    let mut found = names(&root());
    // Cargo's own folder, for those who build without `tests/run`.
    found.retain(|name| !name.starts_with('.') && name != "target");
    let expected = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "docs",
        "examples",
        "src",
        "templates",
        "tests",
    ];
    assert_eq!(found, expected);
}

/// A source file of the crate.
struct Source {
    /// Below `src`.
    path: String,
    text: String,
}

impl Source {
    /// `ecs/aws` for `ecs/aws/mod.rs`, `ecs/convert` for `ecs/convert.rs`.
    fn module(&self) -> String {
        self.path.trim_end_matches(".rs").trim_end_matches("/mod").to_owned()
    }

    /// The text without comments and unit tests.
    fn code(&self) -> String {
        let code = self.text.split("#[cfg(test)]").next().unwrap_or_default();
        code.lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .fold(String::new(), |text, line| text + line + "\n")
    }

    /// The modules that it names by `crate::…` or `super::…`, as `ecs/aws`.
    fn imports(&self) -> Vec<String> {
        let path = Regex::new(r"\b(crate|super(?:::super)*)::(?:\{([^;]*)\}|(\w+(?:::\w+)*))").unwrap();
        let mut imports = Vec::new();
        let code = self.code();
        for found in path.captures_iter(&code) {
            let mut base: Vec<String> = Vec::new();
            if &found[1] != "crate" {
                base = self.module().split('/').map(str::to_owned).collect();
                // A folder's mod.rs is the module itself; `super` of any file is one up.
                base.truncate(base.len().saturating_sub(found[1].split("::").count()));
            }
            let named = found.get(2).or(found.get(3)).map_or("", |named| named.as_str());
            for name in top_level(named) {
                let modules = name
                    .split("::")
                    .take_while(|part| part.starts_with(|first: char| first.is_lowercase()));
                let full: Vec<String> = base.iter().cloned().chain(modules.map(str::to_owned)).collect();
                imports.push(full.join("/"));
            }
        }
        // What is not a module is an item of the crate's root or a function's name; both are no edges.
        imports.retain(|import| FLOORS.iter().any(|(module, _)| *module == first(import)));
        imports
    }
}

/// The members of a list in braces, without what stands in braces inside it.
fn top_level(list: &str) -> Vec<String> {
    let (mut depth, mut members) = (0, vec![String::new()]);
    for letter in list.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => members.push(String::new()),
            _ if depth == 0 => members.last_mut().expect("there is always a last").push(letter),
            _ => {}
        }
    }
    members
        .into_iter()
        .map(|member| member.trim().to_owned())
        .filter(|member| !member.is_empty())
        .collect()
}

fn first(module: &str) -> &str {
    module.split('/').next().unwrap_or(module)
}

fn within(module: &str, folder: &str) -> bool {
    module == folder || module.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = folder
        .read_dir()
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn sources() -> Vec<Source> {
    let (src, mut found) = (root().join("src"), Vec::new());
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for name in names(&folder) {
            let path = folder.join(name);
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(found.len() > 20, "the sources are elsewhere");
    found
}
