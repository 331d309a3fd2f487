//! Loads whatever libFuzzer thinks of.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "project.rs"]
mod project;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = std::path::Path::new("/dev/shm");
    let parent = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    tempfile::tempdir_in(parent).expect("a folder").keep()
});

fuzz_target!(|input: &[u8]| project::check(input, &FOLDER));
