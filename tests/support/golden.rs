//! Goldens: what a test expects, in a file beside its input. `UPDATE_GOLDENS=1` writes what came instead; read the
//! difference before you commit it.

use std::path::Path;

#[track_caller]
pub fn assert_golden(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(path, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error}\nUPDATE_GOLDENS=1 writes it:\n{actual}", path.display()));
    if expected != actual {
        let differs = expected.lines().zip(actual.lines()).position(|(a, b)| a != b);
        let line = differs.unwrap_or_else(|| expected.lines().count().min(actual.lines().count()));
        let around = |text: &str| {
            text.lines()
                .skip(line.saturating_sub(3))
                .take(8)
                .collect::<Vec<_>>()
                .join("\n")
        };
        panic!(
            "{} differs from line {}:\n--- expected\n{}\n--- actual\n{}\nUPDATE_GOLDENS=1 writes it",
            path.display(),
            line + 1,
            around(&expected),
            around(actual)
        );
    }
}
