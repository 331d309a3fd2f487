//! This program with all that it needs to run where there is nothing else: as a root file system.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The running executable, whatever has become of its name since.
const EXECUTABLE: &str = "/proc/self/exe";
/// What the process has loaded.
const MAPS: &str = "/proc/self/maps";
/// Where the program stands in the root file system, and its libraries.
pub(super) const PROGRAM: &str = "/ctx";
pub(super) const LIBRARIES: &str = "/lib";
/// Where certificates of authorities are looked for there.
pub(super) const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where systems keep them.
const AUTHORITIES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Libraries that older C libraries load when a name is looked up.
const RESOLVERS: &[&str] = &["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"];

#[derive(Debug)]
pub(super) struct Program {
    executable: PathBuf,
    /// By their path in the root file system.
    files: BTreeMap<String, PathBuf>,
}

impl Program {
    /// The running one.
    pub(super) fn own() -> Result<Self> {
        let Ok(maps) = fs::read_to_string(MAPS) else {
            return Err(Error::new(
                "only a `ctx` for Linux can be the endpoint of tasks, which runs in a Linux container",
            )
            .hint("use a `ctx` for Linux, in a virtual machine for example"));
        };
        let executable = PathBuf::from(EXECUTABLE);
        let mut files = BTreeMap::new();
        for library in libraries(&maps) {
            for name in names(&library) {
                files.insert(format!("{LIBRARIES}/{name}"), library.clone());
            }
            let own = library.file_name().map(|name| name.to_string_lossy().into_owned());
            if own.is_some_and(|own| own.starts_with("libc.") || own.starts_with("libc-")) {
                let beside = RESOLVERS.iter().map(|name| (name, library.with_file_name(name)));
                let there = beside.filter(|(_, path)| path.exists());
                files.extend(there.map(|(name, path)| (format!("{LIBRARIES}/{name}"), path)));
            }
        }
        let cannot = |error: std::io::Error| Error::new("cannot read the running program").because(&error);
        if let Some(loader) = loader(&head(&executable).map_err(cannot)?) {
            files.insert(loader.clone(), PathBuf::from(loader));
        }
        if let Some(authorities) = AUTHORITIES.iter().map(Path::new).find(|path| path.exists()) {
            files.insert(CERTIFICATES.to_owned(), authorities.to_owned());
        }
        Ok(Self { executable, files })
    }

    /// Tells it from other programs, without reading it all.
    pub(super) fn key(&self) -> Result<String> {
        let mut digest = Sha256::new();
        let executable = (PROGRAM.to_owned(), self.executable.clone());
        for (target, path) in self.files.clone().into_iter().chain([executable]) {
            let about = fs::metadata(&path);
            let about = about.map_err(|error| Error::new(format!("cannot read {}", path.display())).because(&error))?;
            let changed = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            digest.update(format!("{target} {} {changed:?}\n", about.len()));
        }
        let digest = digest.finalize();
        Ok(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    /// The root file system as a tar archive.
    pub(super) fn archive(&self) -> std::io::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        let executable = (PROGRAM.to_owned(), self.executable.clone());
        for (target, path) in self.files.clone().into_iter().chain([executable]) {
            let content = fs::read(&path)?;
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o755);
            archive.append_data(&mut header, target.trim_start_matches('/'), content.as_slice())?;
        }
        archive.into_inner()
    }
}

/// The libraries among what a process has loaded.
fn libraries(maps: &str) -> Vec<PathBuf> {
    let paths = maps.lines().filter_map(|line| line.find('/').map(|at| &line[at..]));
    let is_library = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        Path::new(name).extension().is_some_and(|end| end == "so") || name.contains(".so.")
    };
    let mut found: Vec<_> = paths.filter(is_library).map(PathBuf::from).collect();
    found.sort();
    found.dedup();
    found
}

/// The names under which a library is there: its own, and those of the links to it, one of which a program asks for.
fn names(library: &Path) -> Vec<String> {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut names: Vec<_> = name(library).into_iter().collect();
    let entries = library.parent().and_then(|folder| folder.read_dir().ok());
    for entry in entries.into_iter().flatten().flatten() {
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if is_link && fs::canonicalize(entry.path()).is_ok_and(|path| path == library) {
            names.extend(name(&entry.path()));
        }
    }
    names
}

/// As much of an executable as says how it is loaded.
fn head(executable: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut head = Vec::new();
    fs::File::open(executable)?.take(64 * 1024).read_to_end(&mut head)?;
    Ok(head)
}

/// The program that loads an ELF executable and its libraries; none loads one that needs no libraries.
fn loader(head: &[u8]) -> Option<String> {
    const INTERPRETER: u64 = 3;
    // 64 bits, the lower byte first: all that Rust's targets with Linux containers have.
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let number = |at: usize, bytes: usize| {
        let bytes = head.get(at..at + bytes)?;
        Some(bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let place = |at: usize, bytes: usize| usize::try_from(number(at, bytes)?).ok();
    let (table, size, count) = (place(0x20, 8)?, place(0x36, 2)?, place(0x38, 2)?);
    let header = (0..count)
        .map(|index| table + index * size)
        .find(|at| number(*at, 4) == Some(INTERPRETER))?;
    let (start, length) = (place(header + 8, 8)?, place(header + 0x20, 8)?);
    let text = head.get(start..start.checked_add(length)?)?;
    let text = std::str::from_utf8(text).ok()?.trim_end_matches('\0');
    text.starts_with('/').then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_told_from_the_rest() {
        let maps = "\
55d0c0-55d0c1 r-xp 00000000 fe:01 12 /usr/bin/ctx
7f10-7f11 r-xp 00000000 fe:01 13 /usr/lib/x86_64-linux-gnu/libc.so.6
7f11-7f12 r--p 00000000 fe:01 13 /usr/lib/x86_64-linux-gnu/libc.so.6
7f13-7f14 r-xp 00000000 fe:01 14 /lib/libm-2.31.so
7f15-7f16 rw-p 00000000 00:00 0
7f17-7f18 r-xp 00000000 00:00 0 [vdso]
7f19-7f20 r--p 00000000 fe:01 15 /usr/lib/locale/C.utf8/LC_CTYPE
";
        let expected = ["/lib/libm-2.31.so", "/usr/lib/x86_64-linux-gnu/libc.so.6"].map(PathBuf::from);
        assert_eq!(libraries(maps), expected);
    }

    #[test]
    fn a_library_goes_by_the_names_of_its_links_too() {
        let folder = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(folder.path()).unwrap();
        fs::write(folder.join("libm-2.31.so"), "").unwrap();
        std::os::unix::fs::symlink("libm-2.31.so", folder.join("libm.so.6")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.join("libx.so.6")).unwrap();
        let mut names = names(&folder.join("libm-2.31.so"));
        names.sort();
        assert_eq!(names, ["libm-2.31.so", "libm.so.6"]);
    }

    #[test]
    fn no_loader_where_there_is_none() {
        assert_eq!(loader(b""), None);
        assert_eq!(loader(b"\x7fELF\x02\x01"), None);
        let mut head = vec![0; 256];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (head[0x20], head[0x36], head[0x38]) = (64, 56, 1);
        (head[64], head[64 + 8], head[64 + 0x20]) = (3, 200, 12);
        head[200..212].copy_from_slice(b"/lib/ld.so.1");
        assert_eq!(loader(&head).as_deref(), Some("/lib/ld.so.1"));
        head[64] = 1;
        assert_eq!(loader(&head), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_running_program_is_packed() {
        let program = Program::own().unwrap();
        assert_eq!(program.key().unwrap(), program.key().unwrap());
        assert_eq!(program.key().unwrap().len(), 16);
        for (target, path) in &program.files {
            assert!(target.starts_with('/') && path.exists(), "{target}: {}", path.display());
        }
    }
}
