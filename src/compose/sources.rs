//! Reading the project's files, each within bounds.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, FileId, Report, Span};

/// No Compose or env file that anybody wrote comes near; one that does is a mistake or an attack.
const LARGEST: u64 = 8 << 20;

/// `ELOOP`, which the standard library has no stable name for.
const LINKS_IN_A_CIRCLE: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };

/// Why a file could not be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    Missing,
    Other(String),
}

/// Reads a file into the report's sources, under the name by which the user would call it.
pub(super) fn read(path: &Path, current_dir: &Path, report: &mut Report) -> Result<FileId, Unreadable> {
    let bytes = bytes(path)?;
    let text = text(bytes).map_err(|message| Unreadable::Other(message.to_owned()))?;
    Ok(report.sources.add(display_name(path, current_dir), text))
}

/// Reads an env file, whose remarks and values may be in whatever encoding their author had: what is no UTF-8 is
/// replaced, with a warning. What diagnostics show of it is masked.
pub(super) fn read_variables(
    path: &Path,
    current_dir: &Path,
    report: &mut Report,
) -> Result<(FileId, String), Unreadable> {
    let bytes = bytes(path)?;
    let name = display_name(path, current_dir);
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("`{name}` is no UTF-8: what cannot be read is replaced");
            report.push(Diagnostic::warning(Span::NOWHERE, message));
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }
    };
    // Services share such files, and what is wrong in one is said once.
    let masked = super::dotenv::masked(&text);
    let file = report.sources.find(&name, &masked);
    let file = file.unwrap_or_else(|| report.sources.add(name, masked));
    Ok((file, text))
}

/// Reads standard input.
pub(super) fn read_stdin(report: &mut Report) -> Result<FileId, Unreadable> {
    let mut bytes = Vec::new();
    let stdin = std::io::stdin().lock();
    stdin
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Unreadable::Other(error.to_string()))?;
    let text = bounded(bytes).and_then(|bytes| text(bytes).map_err(|message| Unreadable::Other(message.to_owned())))?;
    Ok(report.sources.add("standard input", text))
}

fn bytes(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Unreadable::Missing,
        _ if error.raw_os_error() == Some(LINKS_IN_A_CIRCLE) => {
            Unreadable::Other("it is a link that leads to itself".to_owned())
        }
        _ => Unreadable::Other(error.to_string()),
    };
    // A pipe that nobody writes to would be waited for without end.
    let kind = std::fs::metadata(path).map_err(failed)?;
    if kind.is_dir() {
        return Err(Unreadable::Other("it is a folder".to_owned()));
    }
    if !kind.is_file() && path != Path::new("/dev/null") {
        return Err(Unreadable::Other("it is no regular file".to_owned()));
    }
    if kind.len() > LARGEST {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    bounded(bytes)
}

fn bounded(bytes: Vec<u8>) -> Result<Vec<u8>, Unreadable> {
    if bytes.len() as u64 > LARGEST {
        Err(too_large())
    } else {
        Ok(bytes)
    }
}

fn too_large() -> Unreadable {
    Unreadable::Other(format!("it is larger than {} MiB", LARGEST >> 20))
}

/// UTF-8, or UTF-16 with a byte order mark.
fn text(bytes: Vec<u8>) -> Result<String, &'static str> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        if bytes.len() % 2 == 1 {
            return Err("it is no UTF-16");
        }
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| "it is no UTF-16")
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).map_err(|_| "it is no UTF-8"),
        _ => String::from_utf8(bytes).map_err(|_| "it is no UTF-8"),
    }
}

/// Relative to the current folder when below it.
pub(super) fn display_name(path: &Path, current_dir: &Path) -> String {
    match path.strip_prefix(current_dir) {
        Ok(here) if here.as_os_str().is_empty() => ".".to_owned(),
        inside => inside.unwrap_or(path).display().to_string(),
    }
}

/// A path as an absolute one, without `.` and `..`.
pub(super) fn absolute(path: &Path, base: &Path) -> PathBuf {
    PathBuf::from(super::paths::clean(&base.join(path).to_string_lossy()))
}

/// The report of a file that could not be read.
pub(super) fn unreadable(span: Span, what: &str, name: &str, why: &Unreadable) -> Diagnostic {
    match why {
        Unreadable::Missing => Diagnostic::error(span, format!("{what} `{name}` not found")),
        Unreadable::Other(why) => Diagnostic::error(span, format!("cannot read {what} `{name}`: {why}")),
    }
}
