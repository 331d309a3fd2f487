//! The Compose files beside this one, and what `ctx convert` makes of them.

use std::path::{Path, PathBuf};

use crate::support::sandbox::{Run, Sandbox};

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/convert")
}

/// The names of the fixtures.
pub(crate) fn names() -> Vec<String> {
    let files = folder()
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = files
        .filter_map(|file| file.strip_suffix(".yaml").map(str::to_owned))
        .filter(|name| !name.contains('.'))
        .collect();
    names.sort();
    names
}

pub(crate) fn file(name: &str, extension: &str) -> PathBuf {
    folder().join(format!("{name}.{extension}"))
}

/// The templates of the fixtures that become one.
pub(crate) fn templates() -> Vec<PathBuf> {
    names()
        .iter()
        .map(|name| file(name, "template.yaml"))
        .filter(|file| file.exists())
        .collect()
}

/// Converts a fixture, in a folder of its own.
pub(crate) fn convert(name: &str, arguments: &[&str]) -> Run {
    let mut sandbox = Sandbox::new();
    sandbox.set("SITE_KEY", "the value of a variable");
    sandbox.write("token.txt", "the content of a file");
    sandbox.write("db.json", r#"{"user": "the content of a file"}"#);
    sandbox.write("nginx.conf", "# the content of a file");
    sandbox.write("site/index.html", "the content of a file");
    sandbox.write("site/css/site.css", "the content of a file");
    sandbox.write("site/.git/config", "what is not sent");
    sandbox.write("empty/.gitkeep", "");
    sandbox.write("noise", noise());
    sandbox.write("large/file", vec![b' '; 5 << 20]);
    sandbox.write("compose.yaml", std::fs::read(file(name, "yaml")).unwrap());
    sandbox.run(&[&["--project-name", "shop", "convert"], arguments].concat())
}

/// Bytes that cannot be packed smaller.
fn noise() -> Vec<u8> {
    let mut state: u32 = 1;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..60_000).map(next).collect()
}
